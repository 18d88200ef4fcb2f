"""What others made is shipped as its record says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import quizserver

VENDOR = Path(quizserver.__file__).parent / "static" / "vendor"


def test_every_vendored_font_is_recorded_with_its_hash() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.M
    )
    fonts = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*.woff2")
    }
    assert dict(rows) == fonts


def test_every_family_has_its_licence() -> None:
    for family in {path.parent for path in VENDOR.rglob("*.woff2")}:
        assert "SIL Open Font License" in (family / "LICENSE").read_text()


def test_style_sheets_name_fonts_that_are_there() -> None:
    css = VENDOR.parent / "css"
    named = re.findall(r'url\("([^"]+\.woff2)"\)', (css / "tokens.css").read_text())
    assert {(css / name).resolve() for name in named} == set(VENDOR.resolve().rglob("*.woff2"))
