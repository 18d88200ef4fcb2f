"""Names of lines: near their own line, off every line, apart from each other, inside the plot."""

from __future__ import annotations

from quizserver.web.label_placement import LabelBox, place_label

SIZE = (240.0, 150.0)
FALL = [(i / 60, min(1.0, max(0.1, (i - 20) / 30))) for i in range(61)]
FLAT = [(i / 60, 0.1) for i in range(61)]


def overlap(a: LabelBox, b: LabelBox) -> bool:
    return (
        abs(a.x - b.x) < a.half_width + b.half_width
        and abs(a.y - b.y) < a.half_height + b.half_height
    )


def covered(box: LabelBox, line: list[tuple[float, float]]) -> int:
    return sum(
        abs(x - box.x) < box.half_width and abs(y - box.y) < box.half_height for x, y in line
    )


def test_a_name_covers_no_line() -> None:
    box = place_label("as described", FALL, others=[FALL, FLAT], occupied=[], size=SIZE)
    assert covered(box, FALL) == covered(box, FLAT) == 0


def test_two_names_for_the_same_line_stand_apart() -> None:
    first = place_label("median", FLAT, others=[FLAT], occupied=[], size=SIZE)
    second = place_label("as described", FLAT, others=[FLAT], occupied=[first], size=SIZE)
    assert not overlap(first, second)


def test_a_name_stays_inside_the_plot() -> None:
    box = place_label("learning rate × 0.2", FALL, others=[FALL], occupied=[], size=SIZE)
    assert box.x - box.half_width >= 0
    assert box.x + box.half_width <= 1
    assert box.y - box.half_height >= 0
    assert box.y + box.half_height <= 1


def test_a_name_wider_than_the_plot_is_centred_rather_than_lost() -> None:
    box = place_label("a very long name " * 5, FLAT, others=[FLAT], occupied=[], size=SIZE)
    assert box.x == 0.5
