"""What a learner may see of a question's evidence, and what its page notes of it as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from quizserver.evidence.record import Evidence, Finding
from quizserver.lab.model import Description
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.lab_views.topic_evidence import evidence_by_option, read_topic_evidence
from quizserver.topics.model import Question, Topic
from quizserver.translation import gettext
from quizserver.web.fragments import FragmentKey


@dataclass(frozen=True)
class ShownEvidence:
    """What a learner may see of a question's evidence.

    All of it, or with ``chosen`` what was found of these options alone; what ``may_draw`` denies
    has words alone. ``answered`` is the text that stands beside it. ``arms`` are those that the
    bench offers after a try. ``description`` is what hidden settings were computed from.
    """

    question: Question
    answered: Question
    evidence: Evidence | None
    chosen: frozenset[str] | None = None
    may_draw: Callable[[Finding], bool] = lambda _finding: True
    arms: frozenset[str] = frozenset()
    description: Description | None = None

    def by_option(self) -> Mapping[str | None, Sequence[OptionEvidence]]:
        return self._by_option

    @cached_property
    def _by_option(self) -> Mapping[str | None, Sequence[OptionEvidence]]:
        return evidence_by_option(
            self.evidence,
            self.question,
            options=self.chosen,
            may_draw=self.may_draw,
            tells_key=self.chosen is None,
        )

    def fragment(self, option: str | None) -> FragmentKey:
        """The key of what is shown of an option; under None what was claimed of no option."""
        return FragmentKey(
            ("evidence", self.question.id, self.answered.version, option, self.chosen),
            (self.question, self.answered, self.evidence, self.description),
        )


@dataclass(frozen=True, slots=True)
class NotedEvidence:
    """The evidence as one look found it, and what a question's page notes of it.

    A page is made of one look, as its fragments' keys are: the file may change meanwhile.
    """

    evidence: Evidence | None
    note: str | None

    @classmethod
    def read(cls, topic: Topic, question: Question) -> NotedEvidence:
        evidence = read_topic_evidence(topic)
        return cls(evidence, evidence_note(evidence, topic, question))


def evidence_note(evidence: Evidence | None, topic: Topic, question: Question) -> str | None:
    """What the question's page says of the evidence as a whole: that there is none, or why it is
    old; None where there is nothing to say."""
    if not question.claims:
        return None
    if evidence is None:
        return gettext("The experiments behind these options have not been recorded yet.")
    return evidence.stale_reason(topic, question.id)
