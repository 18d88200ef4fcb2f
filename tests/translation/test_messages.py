"""What translators get, and what is made of what they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from quizserver.translation import ngettext, speaking
from quizserver.web.languages import CATALOG, SCRIPT_TEXTS, read_languages
from scripts.messages import CatalogError, compile_catalog

IN_SCRIPT = [("quizserver/static/js/some.js", 1)]


def test_modules_templates_and_scripts_are_all_searched(template: Path):
    with template.open("rb") as file:
        places = {place for message in read_po(file) for place, _line in message.locations}
    for folder in ("quizserver/templates/progress/", "quizserver/attempts/"):
        assert any(place.startswith(folder) for place in places), folder


def compiled(catalog: Catalog, folder: Path) -> Path:
    po_path = (folder / str(catalog.locale) / CATALOG).with_suffix(".po")
    po_path.parent.mkdir(parents=True)
    with po_path.open("wb") as file:
        write_po(file, catalog)
    compile_catalog(po_path)
    return po_path.parent


def test_scripts_get_the_texts_that_they_use_by_plural_category(tmp_path: Path):
    catalog = Catalog(locale="pl")
    catalog.add(
        ("%(num)s run", "%(num)s runs"), ("1 bieg", "%(num)s biegi", "%(num)s biegów"), IN_SCRIPT
    )
    catalog.add("Done.", "Gotowe.", IN_SCRIPT)
    catalog.add("Not yet", "", IN_SCRIPT)
    catalog.add("Perhaps", "Może", IN_SCRIPT, flags=["fuzzy"])
    catalog.add("Of a page", "Strony", [("quizserver/templates/some.html", 1)])
    folder = compiled(catalog, tmp_path)
    texts = json.loads((folder / SCRIPT_TEXTS.name).read_text("utf-8"))
    forms = {"one": "1 bieg", "few": "%(num)s biegi", "many": "%(num)s biegów"}
    assert texts == {"%(num)s run": forms, "Done.": "Gotowe."}
    language = read_languages(tmp_path)["pl"]
    with speaking(language):
        runs = [ngettext("%(num)s run", "%(num)s runs", number) for number in (1, 2, 5, 22)]
    assert runs == ["1 bieg", "2 biegi", "5 biegów", "22 biegi"]


def test_a_translation_that_lost_a_placeholder_is_refused_with_its_place(tmp_path: Path):
    catalog = Catalog(locale="pt_BR")
    catalog.add("%(done)s of %(total)s answered", "%(done)s de %(tota)s respondidas")
    with pytest.raises(CatalogError, match=r"messages\.po:\d+: .*tota"):
        compiled(catalog, tmp_path)
    assert read_languages(tmp_path) == {}, "it is not served"
