"""The view of a question: the values that its template reads. No key before an answer is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.attempts.grading import (
    OptionStatus,
    compare_choice,
    option_status,
    shuffle_options,
)
from quizserver.attempts.model import Attempt
from quizserver.lab_views.bench import BenchView
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.topics.model import AnswerOption, Question


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link; ``figure_svg`` is the picture of the page that it leads to, if that has one."""

    title: str
    url: str
    figure_svg: Markup | None = None


@dataclass(frozen=True, slots=True)
class OptionView:
    """One option; ``status``, feedback and evidence stay empty until an answer is in."""

    id: str
    html: str
    checked: bool
    status: OptionStatus | None = None
    feedback_html: str | None = None
    evidence: Sequence[OptionEvidence] = ()


@dataclass(frozen=True, slots=True)
class ResultView:
    right: bool
    sentence: str
    explanation_html: str | None
    references_html: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionState:
    """The learner's side of a question's page: their attempts, and what they chose or asked for.

    ``opened_token`` is the signed moment that the form came with, "" when it had none that is
    valid; None starts a new form.
    """

    visitor: str
    attempts: Sequence[Attempt] = ()
    again: bool = False
    hints_requested: int = 0
    chosen: Sequence[str] = ()
    error: str | None = None
    opened_token: str | None = None

    @property
    def is_answering(self) -> bool:
        return self.again or not self.attempts


@dataclass(frozen=True, slots=True)
class QuestionView:
    """Everything that the template of a question reads.

    While ``answering``, no field depends on the key.
    """

    id: str
    topic: str
    topic_title: str
    title: str
    stem_html: str
    multiple: bool
    figure_svg: Markup | None
    version_code: str
    number: int
    answering: bool = True
    opened_token: str = ""
    options: Sequence[OptionView] = ()
    hints: Sequence[str] = ()
    hints_left: int = 0
    more_hints_url: str = ""
    again_url: str = ""
    error: str | None = None
    result: ResultView | None = None
    history: Sequence[Attempt] = ()
    previous: LinkView | None = None
    next: LinkView | None = None
    bench: BenchView | None = None
    evidence_note: str | None = None
    extra_evidence: Sequence[OptionEvidence] = ()


def ordered_options(question: Question, visitor: str) -> list[AnswerOption]:
    """The options in the order in which this visitor sees them."""
    by_id = {option.id: option for option in question.options}
    return [by_id[name] for name in ordered_option_ids(question, visitor)]


def ordered_option_ids(question: Question, visitor: str) -> list[str]:
    if not question.shuffle:
        return list(question.option_ids)
    return shuffle_options(question.option_ids, question.id, visitor)


def open_options(question: Question, state: QuestionState) -> list[OptionView]:
    """The options as a form shows them: no status, no feedback, no evidence."""
    return [
        OptionView(option.id, option.html, option.id in state.chosen)
        for option in ordered_options(question, state.visitor)
    ]


def answered_options(
    question: Question,
    state: QuestionState,
    evidence: Mapping[str | None, Sequence[OptionEvidence]],
) -> list[OptionView]:
    """The options with their status in the latest attempt, their feedback and their evidence."""
    chosen = state.attempts[-1].chosen
    return [
        OptionView(
            option.id,
            option.html,
            option.id in chosen,
            option_status(option.id, question.right_ids, chosen),
            option.feedback_html,
            evidence.get(option.id, ()),
        )
        for option in ordered_options(question, state.visitor)
    ]


def result_view(question: Question, state: QuestionState, *, edited: bool) -> ResultView:
    """The result of the latest attempt; ``edited`` when the question has another text by now."""
    attempt = state.attempts[-1]
    edit_note = " The question has been edited since; this is the text that you answered."
    return ResultView(
        right=attempt.right,
        sentence=_result_sentence(question, attempt) + (edit_note if edited else ""),
        explanation_html=question.explanation_html,
        references_html=question.references_html,
    )


def _result_sentence(question: Question, attempt: Attempt) -> str:
    if attempt.right:
        return "Right at the first try." if attempt.number == 1 else "That is it."
    grade = compare_choice(question.right_ids, attempt.chosen)
    parts = []
    if grade.missed and question.multiple:
        parts.append(f"left out {_count_phrase(len(grade.missed), 'right option')}")
    if grade.wrong:
        parts.append(f"chose {_count_phrase(len(grade.wrong), 'wrong option')}")
    summary = f"You {' and '.join(parts)}. " if parts else ""
    advice = "Look at what the experiments show" if question.claims else "Read why"
    return f"{summary}{advice}, then try again."


def _count_phrase(number: int, noun: str) -> str:
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    return f"{words.get(number, number)} {noun}{'' if number == 1 else 's'}"
