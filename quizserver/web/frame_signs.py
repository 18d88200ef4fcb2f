"""The signs and the paragraph by which a chart tells what its frame doesn't show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.web.frame_exits import LineEnd, LineExit, find_end, find_exit
from quizserver.web.frame_words import line_signs, line_words, runs_words
from quizserver.web.line_geometry import Numbers
from quizserver.web.scales import Scale, format_percent

# What moves a sign at an edge into the frame.
_SHIFTS = {"▲": "0.85em", "▼": "-0.15em"}


@dataclass(frozen=True, slots=True)
class CurveExits:
    """How the median of a curve leaves the frame and ends, and how its replicas do.

    ``words`` say it of the median; they are empty when the frame shows all of it.
    """

    gone: LineExit | None
    end: LineEnd | None
    replicas: Sequence[tuple[LineExit | None, LineEnd | None]]
    words: str

    @property
    def places(self) -> list[tuple[float, float]]:
        """Where the median's signs stand, as shares of the plot (y downwards)."""
        return [place for _, place in line_signs(self.gone, self.end)]


def find_curve_exits(
    x_scale: Scale,
    y_scale: Scale,
    name: str,
    x_label: str,
    x: Numbers,
    median: Numbers,
    replicas: Sequence[Numbers] = (),
) -> CurveExits:
    """What the frame doesn't show of a curve. ``name`` may be empty; ``x_label`` names x."""
    (gone, end), *others = (
        (find_exit(x_scale, y_scale, x, line), find_end(x_scale, y_scale, x, line))
        for line in (median, *replicas)
    )
    return CurveExits(gone, end, others, line_words(name, x_label, x, median, gone, end))


def signs_svg(exits: CurveExits, arm_class: str) -> str:
    """The signs of a curve's lines, those of its replicas in a group that is shown with them."""
    signs = _line_signs(exits.gone, exits.end, arm_class)
    # Many replicas leave at the same place.
    of_replicas = "".join(
        dict.fromkeys(_line_signs(gone, end, arm_class) for gone, end in exits.replicas)
    )
    return (f'<g class="replicas">{of_replicas}</g>' if of_replicas else "") + signs


def _line_signs(gone: LineExit | None, end: LineEnd | None, arm_class: str) -> str:
    return "".join(
        f'<text class="beyond {arm_class}" x="{format_percent(x)}" y="{format_percent(y)}"'
        f' dy="{_SHIFTS.get(sign, "0.32em")}">{sign}</text>'
        for sign, (x, y) in line_signs(gone, end)
    )


def words_html(curves: Sequence[CurveExits]) -> Markup:
    """A paragraph on what the frame doesn't show; what it says of replicas is seen with them."""
    words = " ".join(curve.words for curve in curves if curve.words)
    replicas = [found for curve in curves for found in curve.replicas]
    gone, ended = (sum(found[i] is not None for found in replicas) for i in (0, 1))
    of_runs = runs_words(len(replicas), gone, ended)
    if not words and not of_runs:
        return Markup()
    if not words:
        return Markup('<p class="beyond-words replicas">{}</p>').format(of_runs)
    hidden = Markup('<span class="replicas"> {}</span>').format(of_runs) if of_runs else ""
    return Markup('<p class="beyond-words">{}{}</p>').format(words, hidden)
