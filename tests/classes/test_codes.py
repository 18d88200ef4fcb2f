"""Join codes: hard to guess, easy to read aloud."""

from __future__ import annotations

import math

import pytest

from quizserver.classes import codes


def test_a_code_holds_forty_random_bits_and_fits_its_column():
    assert codes.LENGTH * math.log2(len(codes.ALPHABET)) > 40
    assert codes.LENGTH <= 16


def test_no_sign_is_taken_for_another():
    assert len(set(codes.ALPHABET)) == len(codes.ALPHABET)
    for pair in ("0O", "1I", "1L", "IL", "2Z", "5S", "8B", "UV"):
        assert not set(pair) <= set(codes.ALPHABET), pair
    assert not set("AEIOU") & set(codes.ALPHABET), "no code spells a word"


def test_codes_differ_and_are_found_again_as_they_are_spelled():
    made = {codes.new_code() for _ in range(500)}
    assert len(made) == 500
    for code in made:
        assert codes.normal(codes.spelled(code).lower()) == code


@pytest.mark.parametrize("text", ["", "CDF", "CDF-GHJ-KM0", "CDFGHJKMNC", "ＣＤＦＧＨＪＫＭＮ"])
def test_what_can_be_no_code_is_none(text: str):
    assert codes.normal(text) is None


def test_codes_are_compared_whole():
    assert codes.same("CDFGHJKMN", "CDFGHJKMN")
    assert not codes.same("CDFGHJKMN", "CDFGHJKMP")
