"""Checks the texts of a description, which come from an author's Python and go into pages. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from quizserver.lab.model import Description, SimulationError

LABEL_MAX = 200
"""Characters of a title, a label, a name or a unit."""
TEXT_MAX = 2_000
"""Characters of a summary or a help text."""
PARTS_MAX = {"knobs": 50, "arms": 100, "series": 50, "maps": 50}


def check_description_texts(description: Description) -> None:
    """Raises ``SimulationError``, which names the text or the part, for one that no page can show:
    it is no text or too long, cannot be encoded, or there are too many of its kind."""
    for kind, most in PARTS_MAX.items():
        count = len(getattr(description, kind))
        if count > most:
            raise SimulationError(f"there are {count:,} {kind}: at most {most} can be shown")
    for what, text, most in _texts(description):
        if not isinstance(text, str):
            raise SimulationError(f"{what} is no text")
        if len(text) > most:
            raise SimulationError(f"{what} has {len(text):,} characters: at most {most:,}")
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise SimulationError(f"{what} holds a character that no page can show: {text[:50]!a}")


def _texts(description: Description) -> Iterator[tuple[str, object, int]]:
    yield "the title", description.title, LABEL_MAX
    yield "the summary", description.summary, TEXT_MAX
    for knob in description.knobs:
        yield "the name of a knob", knob.name, LABEL_MAX
        for name in ("label", "unit"):
            yield f"the {name} of knob {knob.name[:50]}", getattr(knob, name), LABEL_MAX
        yield f"the help of knob {knob.name[:50]}", knob.help, TEXT_MAX
        for choice in knob.choices:
            yield f"a choice of knob {knob.name[:50]}", choice, LABEL_MAX
    for arm in description.arms:
        yield "the name of an arm", arm.name, LABEL_MAX
        yield f"the label of arm {arm.name[:50]}", arm.label, LABEL_MAX
        yield f"the help of arm {arm.name[:50]}", arm.help, TEXT_MAX
    for series, axis in {"x": description.x, **description.series}.items():
        yield "the name of a series", series, LABEL_MAX
        for name in ("label", "unit"):
            yield f"the {name} of {series[:50]!a}", getattr(axis, name), LABEL_MAX
