"""A language for tests: every text in brackets, with the plural forms of Polish."""

from __future__ import annotations

from pathlib import Path

from babel.messages.pofile import read_po, write_po

from quizserver.web.languages import CATALOG
from scripts.messages import compile_catalog

TAG = "pl"
OPEN, CLOSE = "⟦", "⟧"
FORMS = ("one", "few", "many")


def pseudo(text: str, form: str = "") -> str:
    """The text in brackets, which say which plural form it is."""
    return f"{OPEN}{form}{':' if form else ''}{text}{CLOSE}"


def write_pseudo_language(template: Path, folder: Path) -> None:
    """Translates every message of ``template`` into a catalog of ``folder``."""
    with template.open("rb") as file:
        catalog = read_po(file)
    catalog.locale = TAG
    for message in catalog:
        if isinstance(message.id, tuple):
            message.string = tuple(pseudo(message.id[1], form) for form in FORMS)
        elif message.id:
            message.string = pseudo(message.id)
    po_path = (folder / TAG / CATALOG).with_suffix(".po")
    po_path.parent.mkdir(parents=True)
    with po_path.open("wb") as file:
        write_po(file, catalog)
    compile_catalog(po_path)
