"""What axe finds on a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE_SCRIPT = Axe().axe_script
AXE_MS = 60_000
# Kept on the window and asked for again and again: an evaluation that waits for axe's promise never
# returns when the page reloads itself meanwhile, and a wait for a value has an end.
RUN_AXE = """options => {
  window.axeViolations = null;
  axe.run(document, { resultTypes: ["violations"], ...options }).then(
    results => { window.axeViolations = results.violations; },
    error => { window.axeViolations = [{ id: String(error), nodes: [{ target: "axe" }] }]; },
  );
}"""


def find_violations(page: Page, *, ignored_rules: tuple[str, ...] = ()) -> list[str]:
    """Every violation of a rule of axe's on the page, as "rule: element".

    Raises playwright's TimeoutError when axe has no result after a minute.
    """
    rules = {rule: {"enabled": False} for rule in ignored_rules}
    page.evaluate(AXE_SCRIPT)
    page.evaluate(RUN_AXE, {"rules": rules})
    page.wait_for_function("() => window.axeViolations", timeout=AXE_MS)
    return [
        f"{violation['id']}: {node['target']}"
        for violation in page.evaluate("window.axeViolations")
        for node in violation["nodes"]
    ]
