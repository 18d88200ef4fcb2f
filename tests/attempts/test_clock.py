"""The moment in a form: only the server can have written it, and only for this form."""

from __future__ import annotations

import pytest

from quizserver.attempts.timing import SECONDS_MAX, elapsed_seconds, read_opened_at, sign_opened_at

SECRET = b"tests only"
AT = 1_772_000_000.25


def test_a_sealed_moment_is_read_back_to_a_tenth_of_a_second():
    text = sign_opened_at(SECRET, "ann", "q", 1, AT)
    assert read_opened_at(SECRET, "ann", "q", 1, text) == pytest.approx(AT, abs=0.051)


@pytest.mark.parametrize(
    "whose",
    [
        (b"another secret", "ann", "q", 1),
        (SECRET, "bob", "q", 1),
        (SECRET, "ann", "other", 1),
        (SECRET, "ann", "q", 2),
    ],
)
def test_it_holds_for_one_visitor_question_and_attempt(whose: tuple[bytes, str, str, int]):
    assert read_opened_at(*whose, sign_opened_at(SECRET, "ann", "q", 1, AT)) is None


def test_an_earlier_moment_under_the_same_seal_is_refused():
    tenths, _, code = sign_opened_at(SECRET, "ann", "q", 1, AT).partition(".")
    assert read_opened_at(SECRET, "ann", "q", 1, f"{int(tenths) - 100}.{code}") is None


@pytest.mark.parametrize(
    "text", ["", ".", "1", "1.", "x.y", "-5.abc", "٣.abc", "1.ü", "9" * 400 + ".a", "1e5.a"]
)
def test_nonsense_is_no_moment(text: str):
    assert read_opened_at(SECRET, "ann", "q", 1, text) is None


@pytest.mark.parametrize(
    ("moment", "now", "seconds"),
    [
        (100.0, 142.26, 42.3),
        (100.0, 100.0, 0.0),
        (100.0, 99.5, 0.0),
        (100.0, 90.0, None),
        (0.0, float(SECONDS_MAX), float(SECONDS_MAX)),
        (0.0, SECONDS_MAX + 1.0, None),
        (None, 100.0, None),
    ],
    ids=["usual", "at once", "clocks apart", "the future", "a day", "longer", "unknown"],
)
def test_seconds_are_capped_and_never_negative(
    moment: float | None, now: float, seconds: float | None
):
    assert elapsed_seconds(moment, now) == seconds
