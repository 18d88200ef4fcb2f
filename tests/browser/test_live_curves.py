"""Medians and bands of what a browser trained are those of the lab, to the bit."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Browser

from quizserver.lab.curves import replica_quantile
from tests.browser.script_pages import ADDRESS, open_script_page

LANES = 4
# Two workers' shares of the blocks; numbers that JSON doesn't know come as words.
PROGRAM = """async ({ script, values, x, lanes }) => {
  const { LiveCurves } = await import(script);
  const [points, replicas] = [values.length, values[0].length];
  const cut = Math.floor(replicas / lanes / 2) * lanes;
  const share = (from, to) => ({
    first: from / lanes,
    lanes: Math.ceil((to - from) / lanes) * lanes,
    outputs: Float64Array.from(values.flatMap((row) => {
      const own = row.slice(from, to).map(Number);
      return [...own, ...Array(-own.length & (lanes - 1)).fill(NaN)];
    })),
  });
  const series = { loss: values.map((_, point) => point) };
  const seeds = Array.from({ length: replicas }, (_, seed) => seed);
  const head = { x, lanes, replicas, seeds, series, constants: 0 };
  const plan = { head, image: new ArrayBuffer(0), bodyStart: 0 };
  const curves = new LiveCurves(plan, points, [share(0, cut), share(cut, replicas)]);
  return [curves.bandOf("loss"), curves.replicasOf("loss").map((one) => [...one].map(String))];
}"""


def test_bands_are_those_of_the_lab(chromium: Browser) -> None:
    """Of curves that cross each other, end as no number, and come back; the last block not full."""
    draw = np.random.default_rng(3)
    values = np.cumsum(draw.normal(size=(22, 60)), axis=1)
    values[:, 20:24] = draw.integers(0, 3, size=(22, 4))  # equal numbers
    values[:5, 30:40] = np.nan
    values[5:9, 35:] = np.inf
    values[9:21, 45:50] = -np.inf
    page = open_script_page(chromium)
    given = {
        "script": f"{ADDRESS}js/live-curves.js",
        "values": [[str(v).replace("inf", "Infinity") for v in row] for row in values.T],
        "x": list(range(60)),
        "lanes": LANES,
    }
    band, replicas = page.evaluate(PROGRAM, given)
    page.close()
    for line, share in (("median", 0.5), ("low", 0.1), ("high", 0.9)):
        expected = [v if np.isfinite(v) else None for v in replica_quantile(values, share)]
        assert band[line] == expected, line
    np.testing.assert_array_equal(
        [[float(text.replace("Infinity", "inf")) for text in one] for one in replicas], values
    )
