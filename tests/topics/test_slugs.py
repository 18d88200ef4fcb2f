"""Ids last: they come from the text alone, and different texts give different ids."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quizserver.topics.slugs import did_you_mean, humanise_id, is_id, slugify


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The learning rate is too low.", "the-learning-rate-is-too-low"),
        ("  Jena's *rate* is\n too  low ", "jenas-rate-is-too-low"),
        ("Übung: naïve Bäume", "ubung-naive-baume"),
        ("`SGD(lr=0.1)`", "sgd-lr-0-1"),
    ],
)
def test_slugs_read_like_their_text(text: str, expected: str) -> None:
    assert slugify(text) == expected


def test_long_texts_that_begin_alike_get_different_slugs() -> None:
    long = "the network is getting stuck at a saddle point for a while and then "
    assert slugify(long + "leaves") != slugify(long + "stays")


def test_other_scripts_get_a_slug_of_their_own() -> None:
    assert slugify("学习率太低") != slugify("学习率太高")
    assert slugify("a 学") != slugify("a")


@given(st.text(max_size=300))
def test_every_slug_is_an_id(text: str) -> None:
    assert is_id(slugify(text))


@given(st.text(max_size=40))
def test_white_space_does_not_change_a_slug(text: str) -> None:
    assert slugify(text) == slugify("  " + "  ".join(text.split()) + "\n")


@given(st.text(alphabet="abc 学é", max_size=20), st.text(alphabet="abc 学é", max_size=20))
def test_texts_of_other_words_get_other_slugs(one: str, other: str) -> None:
    assume(one.split() != other.split())
    assume(one.replace("é", "e").split() != other.replace("é", "e").split())
    assert slugify(one) != slugify(other)


@pytest.mark.parametrize("text", ["a", "strange-loss", "q_1", "0"])
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize(
    "text", ["", "A", "a b", "-a", "a-", "a--b", "ä", "a/b", "..", "a" * 81, "a\n"]
)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


def test_the_nearest_word_is_offered_else_the_known_ones() -> None:
    assert did_you_mean("Anwser", ["Hint", "Answer"]) == 'Did you mean "Answer"?'
    assert did_you_mean("zzz", ["b", "a"]) == "Known: a, b."
    assert did_you_mean("zzz", []) == ""


def test_titles_are_made_of_names() -> None:
    assert humanise_id("strange-loss_again") == "Strange loss again"
