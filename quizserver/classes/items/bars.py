"""How often an option was chosen, drawn: by all, and by the strongest and weakest third. Pure."""

from __future__ import annotations

from markupsafe import Markup, escape

from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.options import OptionCount

WIDTH, ROW, LABELS, TRACK, GAP = 400, 24, 84, 190, 10
UNKNOWN = "not known yet"


def option_bars(option: OptionCount, name: str) -> Markup:
    """Three bars with their numbers as text; ``name`` is what the option says, for its label.

    The whole length is 100 %.
    """
    share = 100 * option.count / option.n if option.n else 0.0
    rows = [
        ("All", share, f"{option.count} of {option.n}" + (f" · {share:.0f} %" if option.n else "")),
        ("Strongest", option.strongest.value, _percent(option.strongest)),
        ("Weakest", option.weakest.value, _percent(option.weakest)),
    ]
    said = "; ".join(f"{label}: {words}" for label, _, words in rows)
    kind = "right" if option.right else "wrong"
    drawn = Markup().join(_row(place, *row) for place, row in enumerate(rows))
    return Markup(
        '<svg class="option-bars option-bars-{}" viewBox="0 0 {} {}" role="img" aria-label="{}" '
        'focusable="false">{}</svg>'
    ).format(kind, WIDTH, len(rows) * ROW, f"{name} – {said}", drawn)


def _row(place: int, label: str, share: float | None, words: str) -> Markup:
    top, middle = place * ROW, place * ROW + 17
    length = TRACK * (share or 0.0) / 100
    return Markup(
        '<text x="0" y="{y}">{label}</text>'
        '<rect class="track" x="{x}" y="{top}" width="{track}" height="14" rx="2"/>'
        '<rect class="bar bar-{place}" x="{x}" y="{top}" width="{length:.1f}" height="14" rx="2"/>'
        '<text class="bar-words" x="{end}" y="{y}">{words}</text>'
    ).format(
        y=middle,
        label=escape(label),
        x=LABELS,
        top=top + 5,
        track=TRACK,
        place=place,
        length=length,
        end=LABELS + TRACK + GAP,
        words=words,
    )


def _percent(figure: Figure) -> str:
    return f"{figure.value:.0f} %" if figure.value is not None else UNKNOWN
