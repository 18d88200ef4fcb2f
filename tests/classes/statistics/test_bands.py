"""Every statistic has a definition and a reading, and an unknown figure its reason."""

from __future__ import annotations

from dataclasses import fields

import pytest

from quizserver.classes.statistics import bands
from quizserver.classes.statistics.definitions import DEFINITIONS
from quizserver.classes.statistics.figures import Figure, MinimumCounts, missing_figure
from quizserver.classes.statistics.item_statistics import ItemStatistics
from quizserver.classes.statistics.set_statistics import SetStatistics
from quizserver.topics.formulas import to_mathml

COUNTS = {"question", "questions", "n", "compared", "other_key", "started", "tried_again"}


def test_every_statistic_of_a_question_and_of_a_set_has_a_definition_and_nothing_else_has():
    field_names = {
        field.name for record in (ItemStatistics, SetStatistics) for field in fields(record)
    }
    assert DEFINITIONS.keys() == field_names - COUNTS


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda d: d.name)
def test_a_definition_can_be_shown(definition):
    assert to_mathml(definition.formula, display=True).startswith("<math")
    assert definition.title
    for text in (definition.meaning, definition.reading):
        assert text.endswith(".")
    assert definition.meaning.count(". ") >= 1, "one sentence what it is, one what it means"


@pytest.mark.parametrize(
    ("value", "level", "words"),
    [
        (0, "poor", "broken, or extremely hard"),
        (5, "poor", "broken, or extremely hard"),
        (5.1, "look", "very hard"),
        (35, "good", "about right"),
        (64, "good", "about right"),
        (65, "good", "fairly easy"),
        (94.9, "look", "very easy"),
        (95, "look", "extremely easy"),
        (100, "look", "extremely easy"),
    ],
)
def test_facility_is_read_in_the_published_bands(value, level, words):
    assert bands.read_facility(Figure(value)) == bands.BandReading(level, words)


@pytest.mark.parametrize(
    ("read_band", "value", "level"),
    [
        (bands.read_standard_deviation, 33, "good"),
        (bands.read_standard_deviation, 32.9, "look"),
        (bands.read_guess, 40, "good"),
        (bands.read_guess, 40.1, "poor"),
        (bands.read_consistency, 75, "good"),
        (bands.read_consistency, 64, "look"),
        (bands.read_consistency, 63.9, "poor"),
        (bands.read_consistency, -250, "poor"),
        (bands.read_efficiency, 50, "good"),
        (bands.read_efficiency, 49, "look"),
        (bands.read_efficiency, -300, "poor"),
        (bands.read_discrimination, 30, "good"),
        (bands.read_discrimination, 29, "look"),
        (bands.read_discrimination, -100, "poor"),
    ],
)
def test_each_band_begins_at_its_number(read_band, value, level):
    assert read_band(Figure(value)).level == level


def test_a_negative_index_that_may_be_chance_is_said_to_be():
    perhaps = bands.read_discrimination(Figure(-10.0, low=-45.0, high=28.0))
    surely = bands.read_discrimination(Figure(-60.0, low=-80.0, high=-30.0))
    assert "perhaps by chance" in perhaps.words
    assert (surely.level, perhaps.level) == ("poor", "look")


def test_a_missing_figure_reads_as_its_reason():
    assert bands.read_facility(missing_figure("Why not.")) == bands.BandReading(
        "unknown", "Why not."
    )


@pytest.mark.parametrize("counts", [(1, 30), (10, 3)])
def test_fewer_than_the_formulas_take_is_refused(counts):
    with pytest.raises(ValueError, match="at least 2 answers and 4 learners"):
        MinimumCounts(*counts)
