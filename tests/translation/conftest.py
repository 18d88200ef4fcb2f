from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from quizserver.app import create_app
from quizserver.settings import Settings
from quizserver.translation import Language
from quizserver.web import languages
from scripts.messages import extract_messages
from tests.translation.pseudo import TAG, write_pseudo_language

QUESTION = """\
# Ποιοι είναι άρτιοι;

Διάλεξε.

- [x] Δύο {#two}
  > Ναι.
- [ ] Τρία {#three}
  > Όχι.
- [x] Τέσσερα {#four}

## Hint

Μισό.

## Answer

Επειδή.
"""
SINGLE = """\
# Πόσες πλευρές;

- [ ] Δύο {#two}
- [x] Τρεις {#three}
"""
LESSON = """\
# Αριθμοί

Μάθημα.

```question
even
```
"""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every message of the package, as translators get them."""
    path = tmp_path_factory.mktemp("messages") / "messages.pot"
    extract_messages(path)
    return path


@pytest.fixture(scope="session")
def translations(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of catalogs with the pseudo-language."""
    folder = tmp_path_factory.mktemp("translations")
    write_pseudo_language(template, folder)
    return folder


@pytest.fixture(scope="session")
def language(translations: Path) -> Language:
    """The pseudo-language."""
    return languages.read_languages(translations)[TAG]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """Content without a Latin letter where people read it: what has some is the program's."""
    folder = tmp_path / "content" / "numbers"
    folder.mkdir(parents=True)
    (folder / "even.md").write_text(QUESTION)
    (folder / "sides.md").write_text(SINGLE)
    (folder / "lesson.md").write_text(LESSON)
    return folder.parent


@pytest.fixture
def english_app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application without a catalog."""
    monkeypatch.setattr(languages, "read_languages", lambda _folder: {})
    application = create_app(settings)
    yield application
    application.extensions["quizserver-close"]()


@pytest.fixture
def app(
    settings: Settings,
    quick_passwords: None,
    language: Language,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Flask]:
    """The application that offers the pseudo-language too."""
    monkeypatch.setattr(languages, "read_languages", lambda _folder: {TAG: language})
    application = create_app(settings)
    application.config["TESTING"] = True
    yield application
    application.extensions["quizserver-close"]()
