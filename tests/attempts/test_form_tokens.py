"""The codes in a form: only the server can have written them, and only for this form."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from quizserver.attempts.form_tokens import ELAPSED_SECONDS_MAX, FormTokens, elapsed_seconds

TOKENS = FormTokens("tests only")
OPENED_AT = 1_772_000_000.25


def test_a_signed_moment_is_read_back_to_a_tenth_of_a_second():
    token = TOKENS.sign_opened_at("ann", "q", 1, OPENED_AT)
    assert TOKENS.read_opened_at("ann", "q", 1, token) == pytest.approx(OPENED_AT, abs=0.051)


@pytest.mark.parametrize(
    ("tokens", "visitor", "question", "number"),
    [
        (FormTokens("another secret"), "ann", "q", 1),
        (TOKENS, "bob", "q", 1),
        (TOKENS, "ann", "other", 1),
        (TOKENS, "ann", "q", 2),
    ],
)
def test_it_holds_for_one_visitor_question_and_attempt(
    tokens: FormTokens, visitor: str, question: str, number: int
):
    token = TOKENS.sign_opened_at("ann", "q", 1, OPENED_AT)
    assert tokens.read_opened_at(visitor, question, number, token) is None


def test_an_earlier_moment_under_the_same_signature_is_refused():
    tenths, _, signature = TOKENS.sign_opened_at("ann", "q", 1, OPENED_AT).partition(".")
    earlier_token = f"{int(tenths) - 100}.{signature}"
    assert TOKENS.read_opened_at("ann", "q", 1, earlier_token) is None


def test_a_token_shows_the_moment_alone_and_not_the_visitor():
    tenths, _, signature = TOKENS.sign_opened_at("ann", "q", 1, OPENED_AT).partition(".")
    assert tenths == "17720000002"
    assert len(base64.urlsafe_b64decode(signature + "=")) == hashlib.sha256().digest_size


@pytest.mark.parametrize(
    "token", ["", ".", "1", "1.", "x.y", "-5.abc", "٣.abc", "1.ü", "9" * 400 + ".a", "1e5.a"]
)
def test_nonsense_is_no_moment(token: str):
    assert TOKENS.read_opened_at("ann", "q", 1, token) is None


def test_a_token_that_an_earlier_release_signed_is_no_moment():
    message = b"shown\0ann\0q\x001\x0017720000002"
    signature = hmac.new(b"tests only", message, "sha256").hexdigest()[:32]
    assert TOKENS.read_opened_at("ann", "q", 1, f"17720000002.{signature}") is None


@pytest.mark.parametrize(
    ("opened_at", "now", "seconds"),
    [
        (100.0, 142.26, 42.3),
        (100.0, 100.0, 0.0),
        (100.0, 99.5, 0.0),
        (100.0, 90.0, None),
        (0.0, float(ELAPSED_SECONDS_MAX), float(ELAPSED_SECONDS_MAX)),
        (0.0, ELAPSED_SECONDS_MAX + 1.0, None),
        (None, 100.0, None),
    ],
    ids=["usual", "at once", "clocks apart", "the future", "a day", "longer", "unknown"],
)
def test_seconds_are_capped_and_never_negative(
    opened_at: float | None, now: float, seconds: float | None
):
    assert elapsed_seconds(opened_at, now) == seconds
