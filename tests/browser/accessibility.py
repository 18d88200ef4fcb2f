"""What axe finds on a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE_SCRIPT = Axe().axe_script
AXE_MS = 60_000
# The rules of axe's that look at colours: all that another colour scheme can change.
COLOUR_RULES = ("color-contrast", "link-in-text-block")
# Kept on the window and asked for again and again: an evaluation that waits for axe's promise never
# returns when the page reloads itself meanwhile, and a wait for a value has an end.
# Rows of a long table are alike; those behind the twelfth would take half of its time.
RUN_AXE = """options => {
  window.axeViolations = null;
  const context = { exclude: [["tbody tr:nth-child(n+13)"]] };
  axe.run(context, { resultTypes: ["violations"], ...options }).then(
    results => { window.axeViolations = results.violations; },
    error => { window.axeViolations = [{ id: String(error), nodes: [{ target: "axe" }] }]; },
  );
}"""


def find_violations(page: Page, *, ignored_rules: tuple[str, ...] = ()) -> list[str]:
    """Every violation of a rule of axe's on the page, as "rule: element".

    Raises playwright's TimeoutError when axe has no result after a minute.
    """
    return _run_axe(page, {"rules": {rule: {"enabled": False} for rule in ignored_rules}})


def find_colour_violations(page: Page) -> list[str]:
    """The same of the rules that look at colours, for a page whose other rules were looked at."""
    return _run_axe(page, {"runOnly": {"type": "rule", "values": list(COLOUR_RULES)}})


def _run_axe(page: Page, options: dict[str, object]) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    page.evaluate(RUN_AXE, options)
    page.wait_for_function("() => window.axeViolations", timeout=AXE_MS)
    return [
        f"{violation['id']}: {node['target']}"
        for violation in page.evaluate("window.axeViolations")
        for node in violation["nodes"]
    ]
