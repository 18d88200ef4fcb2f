"""Join codes: hard to guess, easy to read aloud."""

from __future__ import annotations

import math

import pytest

from quizserver.classes import join_codes


def test_a_code_holds_forty_random_bits_and_fits_its_column():
    assert join_codes.LENGTH * math.log2(len(join_codes.ALPHABET)) > 40
    assert join_codes.LENGTH <= 16


def test_no_character_is_taken_for_another():
    assert len(set(join_codes.ALPHABET)) == len(join_codes.ALPHABET)
    for pair in ("0O", "1I", "1L", "IL", "2Z", "5S", "8B", "UV"):
        assert not set(pair) <= set(join_codes.ALPHABET), pair
    assert not set("AEIOU") & set(join_codes.ALPHABET), "no code spells a word"


def test_codes_differ_and_are_found_again_as_they_are_spelled():
    codes = {join_codes.generate_code() for _ in range(500)}
    assert len(codes) == 500
    for code in codes:
        assert join_codes.normalise_code(join_codes.format_code(code).lower()) == code


@pytest.mark.parametrize("text", ["", "CDF", "CDF-GHJ-KM0", "CDFGHJKMNC", "ＣＤＦＧＨＪＫＭＮ"])
def test_a_text_that_can_be_no_code_is_none(text: str):
    assert join_codes.normalise_code(text) is None


def test_codes_are_compared_whole():
    assert join_codes.codes_match("CDFGHJKMN", "CDFGHJKMN")
    assert not join_codes.codes_match("CDFGHJKMN", "CDFGHJKMP")
