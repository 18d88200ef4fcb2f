"""Gathers what translators translate, and compiles what they have written: ``make messages``.

``docs/translating.md`` says how a language begins.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from gettext import c2py
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from quizserver.web.languages import CATALOG, SCRIPT_TEXTS, TRANSLATIONS_FOLDER

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "build" / "messages.pot"
SCRIPTS = "static/js/"
COUNTED = range(1000)
"""Numbers among which every plural category of a language occurs that whole numbers have."""


class CatalogError(Exception):
    """A catalog that pages can't be rendered with; the text says where and why."""


def extract_messages(template: Path) -> None:
    """Writes every message of the package to ``template``, as ``pyproject.toml`` says."""
    template.parent.mkdir(parents=True, exist_ok=True)
    pybabel(
        "extract",
        "--mapping-file=pyproject.toml",
        "--add-comments=Translators:",
        "--sort-by-file",
        "--no-wrap",
        "--project=quizserver",
        f"--output-file={template}",
        "quizserver",
    )


def compile_catalog(po_path: Path) -> None:
    """Writes beside a translator's ``.po`` what the server reads.

    Raises CatalogError if a translation lacks a placeholder, or has one that its message lacks.
    """
    with po_path.open("rb") as file:
        catalog = read_po(file, locale=po_path.parent.parent.name)
    faults = [
        f"{po_path}:{message.lineno}: {error}"
        for message, errors in catalog.check()
        for error in errors
    ]
    if faults:
        raise CatalogError("\n".join(faults))
    with (po_path.parent / CATALOG.name).open("wb") as file:
        write_mo(file, catalog)
    texts = json.dumps(dict(script_texts(catalog)), ensure_ascii=False, sort_keys=True)
    (po_path.parent / SCRIPT_TEXTS.name).write_text(texts, "utf-8")


def script_texts(catalog: Catalog) -> Iterator[tuple[str, str | dict[str, str]]]:
    """The translations that scripts need, by their English; counted ones by plural category."""
    assert catalog.locale is not None
    forms = plural_forms(catalog, catalog.locale)
    for message in catalog:
        if not _is_of_a_script(message) or message.fuzzy or not all_strings(message):
            continue
        if isinstance(message.id, str):
            yield message.id, str(message.string)
        else:
            yield message.id[0], {name: message.string[index] for name, index in forms.items()}


def plural_forms(catalog: Catalog, locale: Locale) -> dict[str, int]:
    """Which of a message's strings stands for which plural category of Unicode's."""
    index_of = c2py(catalog.plural_expr)
    return {locale.plural_form(number): index_of(number) for number in COUNTED}


def all_strings(message: Message) -> bool:
    """Whether the message is translated, in each of its forms."""
    strings = [message.string] if isinstance(message.string, str) else message.string
    return bool(message.id) and all(strings)


def _is_of_a_script(message: Message) -> bool:
    return any(SCRIPTS in path for path, _line in message.locations)


def pybabel(*arguments: str) -> None:
    CommandLineInterface().run(["pybabel", "--quiet", *arguments])


def main() -> int:
    extract_messages(TEMPLATE)
    catalogs = sorted(TRANSLATIONS_FOLDER.glob("*/LC_MESSAGES/messages.po"))
    if catalogs:
        pybabel("update", "--no-wrap", f"--input-file={TEMPLATE}", f"-d{TRANSLATIONS_FOLDER}")
    try:
        for po_path in catalogs:
            compile_catalog(po_path)
    except CatalogError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
