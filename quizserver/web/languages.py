"""The language of a request, and translated texts in templates.

A language is offered when its catalog lies in ``quizserver/translations``, as
``docs/translating.md`` says. Where there is none, every page is English, and no request takes time
for it.
"""

from __future__ import annotations

import re
from gettext import GNUTranslations
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from jinja2 import nodes
from jinja2.ext import InternationalizationExtension
from markupsafe import Markup

from quizserver.locale_formats import format_count, format_decimal
from quizserver.translation import (
    ENGLISH,
    Language,
    choose_language,
    current_language,
    gettext,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.parser import Parser

TRANSLATIONS_FOLDER = Path(__file__).parent.parent / "translations"
CATALOG = Path("LC_MESSAGES", "messages.mo")
SCRIPT_TEXTS = Path("LC_MESSAGES", "scripts.json")
_PERCENT = re.compile(r"%(?:%|\((\w+)\)s)")


def read_languages(folder: Path = TRANSLATIONS_FOLDER) -> dict[str, Language]:
    """The languages that have a catalog in ``folder``, by their tags."""
    languages = {}
    for catalog in sorted(folder.glob(f"*/{CATALOG.as_posix()}")):
        locale_folder = catalog.parent.parent
        tag = locale_folder.name.replace("_", "-")
        with catalog.open("rb") as file:
            texts = GNUTranslations(file)
        script_texts = (locale_folder / SCRIPT_TEXTS).read_text("utf-8")
        languages[tag] = Language(tag, texts, script_texts)
    return languages


def install_languages(app: Flask, folder: Path = TRANSLATIONS_FOLDER) -> None:
    """Gives templates ``{% trans %}``, ``_(…)`` and their kin, and each request its language."""
    environment = app.jinja_env
    environment.policies["ext.i18n.trimmed"] = True
    environment.add_extension(TextsInPlace)
    environment.globals.update(
        is_english=_IsEnglish(),
        current_language=current_language,
        format_count=format_count,
        format_decimal=format_decimal,
    )
    # Of what is only known when the page is made; it is escaped, as {{ _(…) }} is not.
    environment.filters["translated"] = gettext
    if languages := read_languages(folder):
        _choose_by_request(app, languages)


def _choose_by_request(app: Flask, languages: dict[str, Language]) -> None:
    tags = ["en", *languages]

    @app.before_request
    def choose_language_of_request() -> None:
        tag = request.accept_languages.best_match(tags, default="en")
        choose_language(languages.get(tag, ENGLISH))

    @app.after_request
    def state_language(response: Response) -> Response:
        if request.endpoint != "static_files":
            response.vary.add("Accept-Language")
            response.content_language.add(current_language().tag)
        return response

    @app.teardown_request
    def forget_language(_error: BaseException | None) -> None:
        choose_language(ENGLISH)  # the thread goes on to requests of others


class _IsEnglish:
    """In templates: true where texts stay as they are written."""

    def __bool__(self) -> bool:
        return current_language() is ENGLISH


class TextsInPlace(InternationalizationExtension):
    """``{% trans %}`` whose English is compiled as if it stood in the template by itself.

    Jinja's own calls a function for each text and puts its variables in there, which for a page
    with a hundred texts takes 0.4 ms.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._install_callables(
            lambda message: current_language().texts.gettext(message),
            lambda *messages: current_language().texts.ngettext(*messages),
            newstyle=True,
            pgettext=lambda *messages: current_language().texts.pgettext(*messages),
            npgettext=lambda *messages: current_language().texts.npgettext(*messages),
        )
        # Jinja's own calls three functions, one through the other, for each of them.
        environment.globals["_"] = environment.globals["gettext"] = _escaped_text

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        parsed = super().parse(parser)
        *before, output = parsed if isinstance(parsed, list) else [parsed]
        return [*before, _translated_unless_english(output)]


def _escaped_text(message: str, /, **variables: object) -> Markup:
    """The text as templates show it, with escaped ``variables`` in it; a lone ``%`` is ``%%``."""
    language = current_language()
    text = Markup(message if language is ENGLISH else language.texts.gettext(message))
    return text % variables if "%" in text else text


def _translated_unless_english(output: nodes.Node) -> nodes.Node:
    """The call of gettext or its kin in ``output``, or in English what it would give."""
    assert isinstance(output, nodes.Output)
    (call,) = output.nodes
    assert isinstance(call, nodes.Call)
    assert isinstance(call.node, nodes.Name)
    has_count, has_context = call.node.name.startswith("n"), "pgettext" in call.node.name
    messages = call.args[1:] if has_context else call.args
    variables = {keyword.key: keyword.value for keyword in call.kwargs}
    if has_count:
        singular, plural, number = messages
        variables.setdefault("num", number)
        is_one = nodes.Compare(number, [nodes.Operand("eq", nodes.Const(1))])
        one, many = _as_written(singular, variables), _as_written(plural, variables)
        english: nodes.Node = nodes.If(is_one, [one], [], [many])
    else:
        english = _as_written(messages[0], variables)
    choice = nodes.If(nodes.Name("is_english", "load"), [english], [], [output])
    return choice.set_lineno(output.lineno)


def _as_written(message: nodes.Expr, variables: dict[str, nodes.Expr]) -> nodes.Output:
    """The message as it stood in the template, with its variables where they are named."""
    assert isinstance(message, nodes.Const)
    pieces: list[nodes.Expr] = []
    texts = _PERCENT.split(message.value)
    for text, name in zip(texts[::2], [*texts[1::2], ""], strict=True):
        pieces.append(nodes.TemplateData(text if name is not None else f"{text}%"))
        if name:
            pieces.append(variables[name])
    return nodes.Output(pieces)
