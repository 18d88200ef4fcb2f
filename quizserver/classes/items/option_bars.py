"""Draws how often an option was chosen: by all, and by the strongest and weakest third. Pure."""

from __future__ import annotations

from markupsafe import Markup, escape

from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.option_counts import OptionCount
from quizserver.translation import gettext

WIDTH, ROW_HEIGHT, LABELS_WIDTH, TRACK_WIDTH, GAP = 400, 24, 84, 190, 10


def option_bars(option: OptionCount, name: str) -> Markup:
    """Three bars with their numbers as text, as SVG; ``name`` is the option's text, for the label.

    The full length of a bar is 100 %.
    """
    share = 100 * option.count / option.n if option.n else 0.0
    rows = [
        (gettext("All"), share, _count_text(option, share)),
        (gettext("Strongest"), option.strongest.value, _percent_text(option.strongest)),
        (gettext("Weakest"), option.weakest.value, _percent_text(option.weakest)),
    ]
    summary = "; ".join(f"{label}: {text}" for label, _, text in rows)
    state = "right" if option.right else "wrong"
    bars = Markup().join(_bar_row(index, *row) for index, row in enumerate(rows))
    return Markup(
        '<svg class="option-bars option-bars-{}" viewBox="0 0 {} {}" role="img" aria-label="{}" '
        'focusable="false">{}</svg>'
    ).format(state, WIDTH, len(rows) * ROW_HEIGHT, f"{name} – {summary}", bars)


def _bar_row(index: int, label: str, share: float | None, text: str) -> Markup:
    top, middle = index * ROW_HEIGHT, index * ROW_HEIGHT + 17
    length = TRACK_WIDTH * (share or 0.0) / 100
    return Markup(
        '<text x="0" y="{y}">{label}</text>'
        '<rect class="track" x="{x}" y="{top}" width="{track}" height="14" rx="2"/>'
        '<rect class="bar bar-{index}" x="{x}" y="{top}" width="{length:.1f}" height="14" rx="2"/>'
        '<text class="bar-words" x="{end}" y="{y}">{text}</text>'
    ).format(
        y=middle,
        label=escape(label),
        x=LABELS_WIDTH,
        top=top + 5,
        track=TRACK_WIDTH,
        index=index,
        length=length,
        end=LABELS_WIDTH + TRACK_WIDTH + GAP,
        text=text,
    )


def _percent_text(figure: Figure) -> str:
    return f"{figure.value:.0f} %" if figure.value is not None else gettext("not known yet")


def _count_text(option: OptionCount, share: float) -> str:
    text = gettext("%(count)s of %(n)s", count=option.count, n=option.n)
    return f"{text} · {share:.0f} %" if option.n else text
