"""Definitions of the statistics, as the page shows them: formula, meaning, how to read them.

Sources: "Quiz statistics calculations" for the definitions and "Quiz statistics report" for the
bands, both in the Moodle documentation, from the Open University.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from quizserver.translation import N_


@dataclass(frozen=True, slots=True)
class StatisticDefinition:
    """``formula`` is LaTeX; ``name`` is the field of ``ItemStatistics`` or ``SetStatistics``."""

    name: str
    title: str
    formula: str
    meaning: str
    reading: str


_ALL = (
    StatisticDefinition(
        "facility",
        N_("Facility index"),
        r"F = 100\,\bar{x}",
        N_(
            "The mean mark x of the learners who answered the question, in percent. "
            "A high one means an easy question."
        ),
        N_(
            "35 to 64 is about right. 5 or less: broken, or extremely hard. 95 or more: extremely "
            "easy."
        ),
    ),
    StatisticDefinition(
        "standard_deviation",
        N_("Standard deviation"),
        r"SD = 100\sqrt{\frac{\sum (x - \bar{x})^2}{n - 1}}",
        N_(
            "How far the marks x of the n learners spread. "
            "Where marks are all or nothing it is largest, about 50, at a facility of 50."
        ),
        N_("Below 33 the question sets learners weakly apart: nearly all have the same mark."),
    ),
    StatisticDefinition(
        "guess",
        N_("Random guess score"),
        r"\frac{100}{k} \text{ for one right option, } \frac{100}{2^k - 1} \text{ for several}",
        N_(
            "What somebody who chooses blindly among the k options gets on average. "
            "With several right options only the one right set of all non-empty sets counts."
        ),
        N_("Above 40 is unsatisfactory. A facility near it may mean that the class guessed."),
    ),
    StatisticDefinition(
        "discrimination",
        N_("Discrimination index"),
        r"100\,\frac{\mathrm{cov}(x, y)}{\sqrt{\mathrm{var}\,x \cdot \mathrm{var}\,y}}",
        N_(
            "The correlation of the mark x with how well the same learner did on the rest, y. The"
            " rest leaves the question itself out, and counts only what the learner answered: the"
            " mean of their marks, each less the class's mean mark on that question."
        ),
        N_(
            "50 or more is very good, 30 to 49 adequate, 20 to 29 weak, below that very weak. "
            "Negative: who does well elsewhere does badly here, so look at the key. Mind the "
            "interval."
        ),
    ),
    StatisticDefinition(
        "efficiency",
        N_("Discriminative efficiency"),
        r"100\,\frac{\mathrm{cov}(x, y)}{\mathrm{cov}_{\max}}",
        N_(
            "The covariance of the mark x with the rest y, as a share of the largest it could be:"
            " that of x and y each sorted in ascending order. A very easy or hard question can't "
            "correlate much; this one asks whether it does what it can."
        ),
        N_("50 or more is good: right answers come from those who do well elsewhere."),
    ),
    StatisticDefinition(
        "weight",
        N_("Effective weight"),
        r"100\,\frac{\sqrt{\mathrm{cov}(x_i, T)}}{\sum_j \sqrt{\mathrm{cov}(x_j, T)}}",
        N_(
            "How much of the spread of the totals T comes from question i. For a learner who has "
            "not answered everything T stands for the whole set: the mark, and the mean of their "
            "rest for each other question."
        ),
        N_(
            "All questions count alike here, so compare it with 100 divided by how many there are. "
            "There is none where the covariance is negative."
        ),
    ),
    StatisticDefinition(
        "options",
        N_("Choices"),
        r"100\,\frac{k}{n}",
        N_(
            "How many of the n learners chose each option. The strongest and the weakest third "
            "are by how well they did on the rest; learners tied at a border count in part."
        ),
        N_(
            "A wrong option that the strongest choose as often as the weakest deserves a look: at"
            " its words, and at the key."
        ),
    ),
    StatisticDefinition(
        "time",
        N_("Time to answer"),
        r"Q_{25},\; Q_{50},\; Q_{75}",
        N_(
            "The median seconds from when the page with the question was opened to the answer, "
            "and the quartiles. Reading the lesson around it is included, and opening the page "
            "again counts again. A page left open overnight moves the mean but hardly the median."
        ),
        N_("A median of a few seconds on a question that takes thinking means guessing."),
    ),
    StatisticDefinition(
        "ran",
        N_("Ran the experiment"),
        r"\frac{k}{n}",
        N_(
            "Of the n learners who answered a second time, the k who ran the question's experiment "
            "between their first and their second answer. Others may have run it before or after."
        ),
        N_("Few: the class corrects its answer from the explanation, without trying it."),
    ),
    StatisticDefinition(
        "mean",
        N_("Mean total"),
        r"100\,\frac{\bar{T}}{p}",
        N_(
            "The mean of the totals T, as a percentage of the p marks that can be had. "
            "It counts the learners who answered every question."
        ),
        N_("50 to 75 suits a set that is to tell learners apart."),
    ),
    StatisticDefinition(
        "median",
        N_("Median total"),
        r"100\,\frac{\mathrm{median}\,T}{p}",
        N_(
            "Half of the learners who answered every question have at least this share of the "
            "marks. Single very low or high totals do not move it."
        ),
        N_("Far above the mean: a few learners fell behind. Far below: a few ran ahead."),
    ),
    StatisticDefinition(
        "totals_deviation",
        N_("Standard deviation of the totals"),
        r"\frac{100}{p}\sqrt{\frac{\sum (T - \bar{T})^2}{n - 1}}",
        N_(
            "How far the totals T of the n learners who answered every question spread, as a "
            "percentage of the p marks that can be had. It says how much the set tells learners "
            "apart."
        ),
        N_(
            "12 to 18 is usual in a set that is to tell learners apart. Less: the totals are "
            "bunched."
        ),
    ),
    StatisticDefinition(
        "consistency",
        N_("Coefficient of internal consistency (Cronbach's α)"),
        r"100\,\frac{p}{p - 1}\left(1 - \frac{\sum_i \mathrm{var}\,x_i}{\mathrm{var}\,T}\right)",
        N_(
            "How far the p questions measure the same thing: the share of the spread of the "
            "totals T that the questions have in common. More questions of the same kind raise "
            "it."
        ),
        N_(
            "Above 75 is satisfactory. Below 64 the set as a whole is not: grade nobody by it "
            "alone. A short set is rarely above: four questions that correlate by 0.2 make 50, "
            "twelve make 75. Questions that are meant to differ need not agree."
        ),
    ),
    StatisticDefinition(
        "error_ratio",
        N_("Error ratio"),
        r"100\sqrt{1 - \frac{CIC}{100}}",
        N_(
            "How much of the standard deviation of the totals is chance, by the coefficient of "
            "internal consistency CIC. At 100 the totals tell nothing."
        ),
        N_("Below 50 goes with a consistency above 75."),
    ),
    StatisticDefinition(
        "standard_error",
        N_("Standard error"),
        r"\frac{\text{error ratio} \cdot SD(T)}{100}",
        N_(
            "How far a learner's total, in percent of the highest, would vary by chance if they "
            "took such a set again. Two in three totals lie within one of it from the true one."
        ),
        N_("Do not tell learners apart whose totals differ by less than twice this."),
    ),
    StatisticDefinition(
        "skewness",
        N_("Skewness"),
        r"\frac{k_3}{k_2^{3/2}}",
        N_(
            "Whether the totals have a longer tail to the left (negative) or to the right "
            "(positive), from Fisher's k-statistics. Zero is symmetric."
        ),
        N_(
            "About −1 suits a set where most do well. Above 1 it hardly tells apart those who do "
            "badly; well below −1, those who do well."
        ),
    ),
    StatisticDefinition(
        "kurtosis",
        N_("Kurtosis"),
        r"\frac{k_4}{k_2^2}",
        N_(
            "How peaked the totals are, with how heavy tails, from Fisher's k-statistics. "
            "A normal distribution has 0."
        ),
        N_("0 to 1 is fine. Above 1 the set may tell the middle apart badly from both ends."),
    ),
)

DEFINITIONS: Mapping[str, StatisticDefinition] = MappingProxyType(
    {definition.name: definition for definition in _ALL}
)
"""The definitions of all statistics, of a question and of a set, by name."""
