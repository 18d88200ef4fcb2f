"""Finds the columns of a table of questions by their heads, in the forms that people use.

Those are the forms of Kahoot, Quizizz and Google Forms' add-ons, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_LIMITS = re.compile(r"\s+-\s+(?:max\b|choose\b|in sec|\d).*|\([^)]*\)|[*:?#]")
_QUESTION = re.compile(
    r"(?:the )?(?:questions?|question (?:text|stem|title|prompt)|stem|prompt|frage|fragentext|"
    r"pregunta|pergunta|domanda|enunciado|vraag)"
)
_NUMBERED_OPTION = re.compile(
    r"(?:(?:answer )?options?|answers?|choices?|alternatives?|antwort|antwortmöglichkeit|réponse|"
    r"reponse|opción|opcion|opção|respuesta|risposta|resposta)\s*(?P<label>[a-z]|\d{1,2})"
    r"|(?P<letter>[a-j])|(?P<ordinal>(?:option|opt|ans|answer|choice)_?[a-j1-9])"
)
_WRONG_OPTION = re.compile(
    r"(?:wrong|incorrect|false)(?: (?:answer|option|choice))?s?\s*(?:[a-j]|\d{1,2})?"
    r"|distractors?\s*(?:[a-j]|\d{1,2})?"
)
_OPTION_LIST = re.compile(r"(?:answer )?options|choices|answers|alternatives|antworten|opciones")
_KEY = re.compile(
    r"(?:the )?(?:(?:correct|right)(?: (?:answers?|options?|choices?|key|index|letter))?|"
    r"(?:correct )?answers? ?(?:key|index|letter|text)?|key|solutions?|correct answers? index|"
    r"richtige antwort(?:en)?|lösung|antwort|respuesta(?: correcta)?|réponse(?: correcte)?|"
    r"resposta(?: correta)?|risposta(?: corretta)?)"
)
_EXPLANATION = re.compile(
    r"(?:answer )?explanations?|rationale|(?:general )?feedback|justification|erklärung|"
    r"explicación|explication"
)
_REFERENCES = re.compile(r"references?|sources?|quellen?|referencias?")
_TITLE = re.compile(r"title|name|titel|título")
_TAGS = re.compile(r"tags?|category|categories|topic|subject|chapter|kategorie|thema|categoría")
_HINT = re.compile(r"hints?|hinweis|pista")
_NO_CONTENT = re.compile(
    r"|no|nr|num|number|id|question (?:no|number|id|type)|type|s no|sr no|sl no|time(?: limit)?"
    r"(?: in seconds)?|time limit|points?|marks?|score|weight|difficulty|level"
)


@dataclass
class Columns:
    """The indices of a table's columns. ``other`` are those with content that is left behind."""

    question: int = -1
    key: int = -1
    key_head: str = ""
    options: list[int] = field(default_factory=list)
    wrong_options: list[int] = field(default_factory=list)
    option_list: int = -1
    explanation: int = -1
    references: int = -1
    title: int = -1
    hint: int = -1
    tags: list[int] = field(default_factory=list)
    other: dict[int, str] = field(default_factory=dict)

    @property
    def suffice(self) -> bool:
        has_options = bool(self.options or self.wrong_options) or self.option_list >= 0
        return self.question >= 0 and has_options and self.key >= 0


def find_columns(heads: Sequence[str]) -> Columns:
    """The columns that a row of heads names; ``suffice`` is False when it is no such row."""
    columns = Columns()
    names = [_normalise_head(head) for head in heads]
    has_numbered = sum(bool(_NUMBERED_OPTION.fullmatch(name)) for name in names) > 1
    for index, (name, head) in enumerate(zip(names, heads, strict=True)):
        if columns.question < 0 and _QUESTION.fullmatch(name):
            columns.question = index
        elif has_numbered and _NUMBERED_OPTION.fullmatch(name):
            columns.options.append(index)
        elif _WRONG_OPTION.fullmatch(name):
            columns.wrong_options.append(index)
        elif not has_numbered and columns.option_list < 0 and _OPTION_LIST.fullmatch(name):
            columns.option_list = index
        elif columns.key < 0 and _KEY.fullmatch(name):
            columns.key, columns.key_head = index, name
        elif not _add_text_column(columns, index, name) and not _NO_CONTENT.fullmatch(name):
            columns.other[index] = " ".join(head.split())[:60]
    return columns


def _add_text_column(columns: Columns, index: int, name: str) -> bool:
    if columns.explanation < 0 and _EXPLANATION.fullmatch(name):
        columns.explanation = index
    elif columns.references < 0 and _REFERENCES.fullmatch(name):
        columns.references = index
    elif columns.title < 0 and _TITLE.fullmatch(name):
        columns.title = index
    elif columns.hint < 0 and _HINT.fullmatch(name):
        columns.hint = index
    elif _TAGS.fullmatch(name):
        columns.tags.append(index)
    else:
        return False
    return True


def _normalise_head(head: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", head.strip())  # correctAnswer
    return " ".join(re.sub(r"[_\-./]", " ", _LIMITS.sub(" ", words)).lower().split())
