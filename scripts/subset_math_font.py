"""Makes the math font in quizserver/static/vendor/stix-two-math, with only what formulas use.

The font is the npm package @fontsource/stix-two-math 5.3.0 (SIL Open Font License 1.1), whose
file ``files/stix-two-math-latin-400-normal.woff2`` is the first argument; the second is the file
to write. Needs fontTools and brotli. The MATH table stays, and with it the larger forms of
brackets, roots, sums and arrows that a browser draws tall formulas with."""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset

# Latin, Greek, general punctuation, and what quizserver writes for LaTeX's commands.
RANGES = [
    (0x20, 0x7E), (0xA0, 0xA0), (0xAC, 0xB7), (0xD7, 0xD7), (0xF7, 0xF7), (0x300, 0x30C),
    (0x338, 0x338), (0x391, 0x3C9), (0x3D1, 0x3D6), (0x3F0, 0x3F5), (0x2010, 0x2016),
    (0x2020, 0x2026), (0x2032, 0x2037), (0x2061, 0x2064), (0x2102, 0x213F), (0x2190, 0x21DD),
    (0x2200, 0x22F1), (0x2308, 0x230B), (0x23DC, 0x23E1), (0x25A0, 0x25A1), (0x25CA, 0x25CA),
    (0x27C2, 0x27C2), (0x27E6, 0x27EF), (0x27F5, 0x27FF), (0x2A00, 0x2A06), (0x2A7D, 0x2A7E),
    (0x2AAF, 0x2AB0), (0x1D400, 0x1D433), (0x1D434, 0x1D467), (0x1D468, 0x1D49B),
    (0x1D49C, 0x1D4CF), (0x1D504, 0x1D537), (0x1D538, 0x1D56B), (0x1D6A4, 0x1D755),
    (0x1D7CE, 0x1D7E1),
]  # fmt: skip


def main(source: Path, target: Path) -> None:
    """Writes the subset of ``source`` to ``target`` as WOFF2."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["ssty", "dtls"]
    options.hinting = False
    options.desubroutinize = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[c for first, last in RANGES for c in range(first, last + 1)])
    subsetter.subset(font)
    subset.save_font(font, str(target), options)
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
