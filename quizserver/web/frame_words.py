"""What a chart's frame doesn't show of its lines, in words and as signs.

``static/js/frame-exits.js`` says the same at the lab bench.
"""

from __future__ import annotations

from quizserver.translation import gettext, ngettext
from quizserver.web.frame_exits import LineEnd, LineExit
from quizserver.web.line_geometry import Numbers
from quizserver.web.scales import format_plain_number, is_number

_EXIT_SIGNS = {"top": "▲", "bottom": "▼"}
_END_SIGN = "■"


def line_signs(gone: LineExit | None, end: LineEnd | None) -> list[tuple[str, tuple[float, float]]]:
    """The signs of a line with their places, as shares of the plot (y downwards)."""
    signs = [(_EXIT_SIGNS[gone.edge], gone.place)] if gone is not None else []
    if end is not None and end.place is not None:
        signs.append((_END_SIGN, end.place))
    return signs


def line_words(
    name: str, x_label: str, x: Numbers, y: Numbers, gone: LineExit | None, end: LineEnd | None
) -> str:
    """Sentences on what the frame doesn't show of a line; empty when it shows all of it.

    They begin with the signs that stand in the chart. ``name`` may be empty, ``x_label`` names x.
    """
    signs = "".join(sign for sign, _ in line_signs(gone, end))
    name = name or gettext("The line")
    sentences = []
    if gone is not None:
        numbers = [value for value in y if is_number(value)]
        extreme = format_plain_number(max(numbers) if gone.edge == "top" else min(numbers))
        place = _place_text(x_label, x, gone.point)
        if gone.edge == "top":
            sentence = gettext(
                "%(name)s goes beyond the frame at %(place)s, up to %(value)s.",
                name=name, place=place, value=extreme,
            )  # fmt: skip
        else:
            sentence = gettext(
                "%(name)s goes below the frame at %(place)s, down to %(value)s.",
                name=name, place=place, value=extreme,
            )  # fmt: skip
        sentences.append(sentence)
    if end is not None:
        place = _place_text(x_label, x, end.point)
        if sentences:
            sentence = gettext("From %(place)s on it is no finite number.", place=place)
        else:
            sentence = gettext(
                "%(name)s is no finite number from %(place)s on.", name=name, place=place
            )
        sentences.append(sentence)
    return " ".join([signs, *sentences] if signs else sentences)


def _place_text(x_label: str, x: Numbers, point: int) -> str:
    value = x[point]
    return f"{x_label} {format_plain_number(value) if is_number(value) else '?'}"


def runs_words(n: int, gone: int, ended: int) -> str:
    """How many of ``n`` single runs leave the frame, and how many end; empty when none does."""
    sentences = []
    if gone:
        sentences.append(
            ngettext(
                "%(num)s of %(n)s single runs leaves the frame.",
                "%(num)s of %(n)s single runs leave the frame.",
                gone,
                n=n,
            )
        )
    if ended:
        sentences.append(
            ngettext(
                "%(num)s of %(n)s single runs ends at no finite number.",
                "%(num)s of %(n)s single runs end at no finite number.",
                ended,
                n=n,
            )
        )
    return " ".join(sentences)
