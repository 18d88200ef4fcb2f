"""Texts in the language of whoever reads them: the English sentence is the key of its translation.

Web requests choose a language (``web/languages.py``); commands, workers and tests have none and get
English. A text with a count in it comes from ``ngettext``, as languages differ in what they count:
Polish has three forms. Texts that a module keeps as constants are marked by ``N_`` and translated
where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from gettext import NullTranslations


@dataclass(frozen=True, slots=True)
class Language:
    """``tag`` is its BCP 47 name, such as ``pt-BR``; ``script_texts`` is the JSON that
    ``static/js/translation.js`` reads."""

    tag: str
    texts: NullTranslations
    script_texts: str = ""


ENGLISH = Language("en", NullTranslations())
_language: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def current_language() -> Language:
    """The language of this request. Whatever keeps a text for others must keep it by its tag."""
    return _language.get()


def choose_language(language: Language) -> None:
    """Texts that this thread makes from now on are in this language."""
    _language.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Texts that are made inside are in this language."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str, /, **variables: object) -> str:
    """The text, with ``variables`` in the place of its ``%(name)s``; where there are none, ``%`` is
    an ordinary character."""
    text = _language.get().texts.gettext(message)
    return text % variables if variables else text


def ngettext(singular: str, plural: str, number: int, /, **variables: object) -> str:
    """The text for this number of things, which ``%(num)s`` stands for."""
    text = _language.get().texts.ngettext(singular, plural, number)
    return text % {"num": number, **variables}


def pgettext(context: str, message: str, /, **variables: object) -> str:
    """``gettext`` of a message that other languages may say differently in different places."""
    text = _language.get().texts.pgettext(context, message)
    return text % variables if variables else text


def npgettext(context: str, singular: str, plural: str, number: int, /, **variables: object) -> str:
    """``ngettext`` of a message that other languages may say differently in different places."""
    text = _language.get().texts.npgettext(context, singular, plural, number)
    return text % {"num": number, **variables}


def N_(message: str) -> str:  # noqa: N802 - the name that extractors of messages know
    """The message itself, noted for translators: whoever shows it calls ``gettext``."""
    return message
