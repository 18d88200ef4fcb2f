"""The view of a tried question: what may be said of the options that were chosen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.attempts.grading import compare_choice
from quizserver.attempts.model import Attempt
from quizserver.attempts.reveals import AppliedRule
from quizserver.locale_formats import spell_number
from quizserver.topics.model import Question
from quizserver.translation import gettext, ngettext


@dataclass(frozen=True, slots=True)
class TriedView:
    """``sentence`` says how many are wrong or missing; ``hint`` is its number and its HTML.

    ``rule_note`` names the class whose rule keeps the answer back.
    """

    sentence: str
    reveal_url: str
    hint: tuple[int, str] | None = None
    rule_note: str | None = None


def tried_view(
    question: Question,
    attempts: Sequence[Attempt],
    *,
    reveal_url: str,
    rule: AppliedRule | None,
    edited: bool,
) -> TriedView:
    """The view after the latest of ``attempts``, in the text that it answered."""
    number = hints_after(question, attempts)
    return TriedView(
        sentence=_tried_sentence(question, attempts[-1]) + (f" {edited_note()}" if edited else ""),
        reveal_url=reveal_url,
        hint=(number, question.hints_html[number - 1]) if number else None,
        rule_note=_rule_note(rule),
    )


def hints_after(question: Question, attempts: Sequence[Attempt]) -> int:
    """How many hints a learner has seen after these attempts: every wrong one shows one more."""
    seen = max((attempt.hints_seen for attempt in attempts), default=0)
    return min(seen + 1, question.hint_count)


def count_faults(question: Question, attempt: Attempt) -> str:
    """How many options are wrong or missing, as a sentence that ends in a space; "" for none."""
    grade = compare_choice(question.right_ids, attempt.chosen)
    missed_count = len(grade.missed) if question.multiple else 0
    wrong_count = len(grade.wrong)
    missed, wrong = _right_options(missed_count), _wrong_options(wrong_count)
    if missed_count and wrong_count:
        text = gettext("You left out %(missed)s and chose %(wrong)s.", missed=missed, wrong=wrong)
    elif missed_count:
        text = gettext("You left out %(missed)s.", missed=missed)
    elif wrong_count:
        text = gettext("You chose %(wrong)s.", wrong=wrong)
    else:
        return ""
    return f"{text} "


def edited_note() -> str:
    return gettext("The question has been edited since; this is the text that you answered.")


def _tried_sentence(question: Question, attempt: Attempt) -> str:
    if not question.claims:
        advice = gettext("Think again, then try again.")
    elif len(attempt.chosen) == 1:
        advice = gettext("Look at what the experiments say of what you chose, then try again.")
    else:
        advice = gettext(
            "Look at what the experiments say of each option that you chose, then try again."
        )
    return count_faults(question, attempt) + advice


def _rule_note(rule: AppliedRule | None) -> str | None:
    if rule is None or rule.class_title is None or rule.reveals_wrong_answers:
        return None
    return gettext(
        "In the class %(title)s, the answer is shown to those who are right or ask for it.",
        title=rule.class_title,
    )


def _right_options(number: int) -> str:
    return ngettext(
        "%(number)s right option", "%(number)s right options", number, number=spell_number(number)
    )


def _wrong_options(number: int) -> str:
    return ngettext(
        "%(number)s wrong option", "%(number)s wrong options", number, number=spell_number(number)
    )
