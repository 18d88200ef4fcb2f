"""The view of a question: the values that its template reads. No key before an answer is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.attempts.grading import OptionStatus, option_status, shuffle_options
from quizserver.attempts.model import Attempt
from quizserver.attempts.reveals import AppliedRule, Reveal, Stage, question_stage
from quizserver.attempts.tried_views import TriedView, count_faults, edited_note
from quizserver.lab_views.bench_builder import DeferredBench
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.topics.model import AnswerOption, Question
from quizserver.translation import gettext
from quizserver.web.fragments import FragmentKey

EvidenceByOption = Mapping[str | None, Sequence[OptionEvidence]]


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link; ``figure_svg`` is the picture of the page that it leads to, if that has one."""

    title: str
    url: str
    figure_svg: Markup | None = None


@dataclass(frozen=True, slots=True)
class OptionView:
    """One option; ``status`` and feedback stay empty until the answer is shown.

    ``fragment`` is what the experiments say of it; None where nothing of them is shown.
    """

    id: str
    html: str
    checked: bool
    status: OptionStatus | None = None
    feedback_html: str | None = None
    fragment: FragmentKey | None = None


@dataclass(frozen=True, slots=True)
class ResultView:
    """The result of an attempt with all there is; ``rule_note`` names the class that shows it."""

    right: bool
    sentence: str
    explanation_html: str | None
    references_html: str | None
    rule_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionState:
    """The learner's side of a question's page: their attempts, and what they chose or asked for.

    ``reveal`` says when the answer was shown to them, None before; ``has_reported`` whether they
    said that something is wrong with it; ``rule`` is the one that holds for them, None where
    nothing is said of it. ``opened_token`` is the signed moment that the form came with, "" when it
    had none that is valid; None starts a new form.
    """

    visitor: str
    attempts: Sequence[Attempt] = ()
    reveal: Reveal | None = None
    has_reported: bool = False
    rule: AppliedRule | None = None
    again: bool = False
    hints_requested: int = 0
    chosen: Sequence[str] = ()
    error: str | None = None
    opened_token: str | None = None

    @property
    def is_answering(self) -> bool:
        return self.again or not self.attempts

    @property
    def stage(self) -> Stage:
        return question_stage(self.reveal, len(self.attempts))


@dataclass(frozen=True, slots=True)
class QuestionView:
    """Everything that the template of a question reads.

    While ``answering``, no field depends on the key; in ``tried``, nothing but how many options are
    wrong or missing. ``counts`` says whether an answer sent now has a mark. ``evidence`` is called
    when a fragment has to be rendered: what each option's experiments say, under None those of no
    option. ``common_fragment`` is the key of all that everybody with the same answer sees.
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
    embedded: bool = False
    error: str | None = None
    counts: bool = True
    tried: TriedView | None = None
    result: ResultView | None = None
    history: Sequence[Attempt] = ()
    previous: LinkView | None = None
    next: LinkView | None = None
    bench: DeferredBench | None = None
    experiment_url: str | None = None
    evidence_note: str | None = None
    evidence: Callable[[], EvidenceByOption] = dict
    extra_fragment: FragmentKey | None = None
    common_fragment: FragmentKey | None = None


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
    fragment: Callable[[str], FragmentKey],
) -> list[OptionView]:
    """The options with their status in the latest attempt and their feedback.

    ``fragment(option_id)`` is the key of what the experiments say of an option.
    """
    chosen = state.attempts[-1].chosen
    return [
        OptionView(
            option.id,
            option.html,
            option.id in chosen,
            option_status(option.id, question.right_ids, chosen),
            option.feedback_html,
            fragment(option.id),
        )
        for option in ordered_options(question, state.visitor)
    ]


def chosen_options(
    question: Question,
    state: QuestionState,
    fragment: Callable[[str], FragmentKey],
) -> list[OptionView]:
    """The options of the latest attempt alone, with no status and no feedback."""
    chosen = state.attempts[-1].chosen
    return [
        OptionView(option.id, option.html, checked=True, fragment=fragment(option.id))
        for option in ordered_options(question, state.visitor)
        if option.id in chosen
    ]


def result_view(question: Question, state: QuestionState, *, edited: bool) -> ResultView:
    """The result of the latest attempt; ``edited`` when the question has another text by now."""
    attempt = state.attempts[-1]
    return ResultView(
        right=attempt.right,
        sentence=_result_sentence(question, state) + (f" {edited_note()}" if edited else ""),
        explanation_html=question.explanation_html,
        references_html=question.references_html,
        rule_note=rule_note(state),
    )


def _result_sentence(question: Question, state: QuestionState) -> str:
    attempt = state.attempts[-1]
    if attempt.right:
        is_first = attempt.number == 1
        return gettext("Right at the first try.") if is_first else gettext("That is it.")
    if question.claims:
        return count_faults(question, attempt) + gettext("Look at what the experiments show.")
    return count_faults(question, attempt) + gettext("Read why.")


def rule_note(state: QuestionState) -> str | None:
    """The sentence that names the class whose rule shows the answer; None where none does."""
    if state.reveal is None or state.reveal.why != "rule":
        return None
    if state.rule is None or state.rule.class_title is None:
        return None
    if not state.rule.reveals_wrong_answers:
        return None
    return gettext(
        "In the class %(title)s, every answer is followed by all there is.",
        title=state.rule.class_title,
    )
