"""What the page of a question may show, built so that the key is absent until an answer is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from markupsafe import Markup

from quizserver.attempts.grading import OptionStatus, option_status, shuffle_options
from quizserver.attempts.model import Attempt
from quizserver.lab_views.bench import BenchView, OptionEvidence
from quizserver.topics.model import AnswerOption, Question
from quizserver.web.charts import draw_described_chart


@dataclass(frozen=True, slots=True)
class LinkView:
    """A way to somewhere; ``figure_svg`` is what awaits the reader there, if it has a picture."""

    title: str
    url: str
    figure_svg: Markup | None = None


@dataclass(frozen=True, slots=True)
class OptionView:
    """One option. ``mark``, ``feedback_html`` and ``evidence`` stay None until an answer is in."""

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
    number: int
    answered_at: datetime
    explanation_html: str | None
    references_html: str | None


@dataclass(frozen=True, slots=True)
class AttemptLine:
    number: int
    right: bool
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionState:
    """What is known about the learner and the question when the page is built."""

    visitor: str
    attempts: Sequence[Attempt] = ()
    again: bool = False
    hints_requested: int = 0
    chosen: Sequence[str] = ()
    error: str | None = None
    # The sealed moment that the form came with, "" when it had none; None shows the form anew.
    opened_token: str | None = None

    @property
    def is_answering(self) -> bool:
        return self.again or not self.attempts


@dataclass(frozen=True, slots=True)
class QuestionView:
    """Everything the template of a question reads. While ``answering``, nothing here is the key."""

    id: str
    topic: str
    topic_title: str
    title: str
    stem_html: str
    multiple: bool
    tags: Sequence[str]
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
    history: Sequence[AttemptLine] = ()
    previous: LinkView | None = None
    next: LinkView | None = None
    bench: BenchView | None = None
    evidence_note: str | None = None
    extra_evidence: Sequence[OptionEvidence] = ()

    def with_fields(self, **fields: Any) -> QuestionView:
        """This view with more of it filled in."""
        return replace(self, **fields)


def described_figure(question: Question) -> Markup | None:
    """The described curve, or None when the question describes none."""
    if not question.described_curve:
        return None
    return draw_described_chart(
        ident=f"described-{question.id}",
        title="The loss that the question describes",
        description="A sketch of the described loss over the training, as shares of its start: "
        + ", ".join(f"{100 * y:.0f} % at {100 * x:.0f} %" for x, y in question.described_curve)
        + " of the training.",
        points=question.described_curve,
    )


def ordered_options(question: Question, visitor: str) -> list[AnswerOption]:
    """The options in the order in which this visitor sees them."""
    if not question.shuffle:
        return list(question.options)
    by_id = {option.id: option for option in question.options}
    return [by_id[name] for name in shuffle_options(list(by_id), question.id, visitor)]


def open_options(question: Question, state: QuestionState) -> list[OptionView]:
    """The options as a form shows them: no mark, no feedback, no evidence."""
    return [
        OptionView(option.id, option.html, option.id in state.chosen)
        for option in ordered_options(question, state.visitor)
    ]


def answered_options(
    question: Question,
    state: QuestionState,
    evidence: Mapping[str | None, Sequence[OptionEvidence]],
) -> list[OptionView]:
    """The options with what there is to say about each, for the latest attempt."""
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
    """What came of the latest attempt; ``edited`` when the question reads otherwise by now."""
    attempt = state.attempts[-1]
    edit_note = " The question has been edited since; this is the text that you answered."
    return ResultView(
        right=attempt.right,
        sentence=_result_sentence(question, attempt) + (edit_note if edited else ""),
        number=attempt.number,
        answered_at=attempt.answered_at,
        explanation_html=question.explanation_html,
        references_html=question.references_html,
    )


def _result_sentence(question: Question, attempt: Attempt) -> str:
    if attempt.right:
        return "Right at the first try." if attempt.number == 1 else "That is it."
    missed = len(question.right_ids - set(attempt.chosen))
    wrong = len(set(attempt.chosen) - question.right_ids)
    parts = []
    if missed and question.multiple:
        parts.append(f"left out {_count_phrase(missed, 'right option')}")
    if wrong:
        parts.append(f"chose {_count_phrase(wrong, 'wrong option')}")
    summary = f"You {' and '.join(parts)}. " if parts else ""
    advice = "Look at what the experiments show" if question.claims else "Read why"
    return f"{summary}{advice}, then try again."


def _count_phrase(number: int, noun: str) -> str:
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    return f"{words.get(number, number)} {noun}{'' if number == 1 else 's'}"
