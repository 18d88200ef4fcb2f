"""The recorded evidence of a topic, arranged by the options of a question."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from markupsafe import Markup

from quizserver.evidence.record import Evidence, EvidenceError, Finding, read_evidence
from quizserver.lab_views.evidence import OptionEvidence, option_evidence
from quizserver.topics.model import Question, Topic
from quizserver.translation import gettext
from quizserver.web.charts import draw_described_chart

log = logging.getLogger(__name__)


def read_topic_evidence(topic: Topic) -> Evidence | None:
    """The topic's evidence; None when there is none or it can't be read (which is logged)."""
    try:
        return read_evidence(topic.folder)
    except EvidenceError as error:
        log.warning("%s", error)
        return None


def evidence_by_option(
    evidence: Evidence | None,
    question: Question,
    *,
    options: Collection[str] | None = None,
    may_draw: Callable[[Finding], bool] = lambda _finding: True,
    tells_key: bool = False,
) -> dict[str | None, list[OptionEvidence]]:
    """The evidence of a question by option id: one view for each setting.

    Under None is what was claimed of no option, such as the healthy run and the remedies. With
    ``options`` it is of these alone; what may not be drawn has words alone. ``tells_key`` is for
    those to whom the answer was shown: verdicts say how they bear on an option.
    """
    if evidence is None:
        return {}
    by_setting: dict[tuple[str | None, str], list[Finding]] = {}
    for finding in evidence.findings:
        if finding.question == question.id:
            by_setting.setdefault((finding.option, finding.ensemble), []).append(finding)
    option_views: dict[str | None, list[OptionEvidence]] = {}
    for number, ((option, _), findings) in enumerate(by_setting.items()):
        if options is not None and option not in options:
            continue
        view = option_evidence(
            evidence,
            findings,
            question.described_curve,
            number,
            is_drawn=all(may_draw(finding) for finding in findings),
            is_right=option in question.right_ids if tells_key and option is not None else None,
        )
        option_views.setdefault(option, []).append(view)
    return option_views


def described_figure(question: Question) -> Markup | None:
    """The chart of the curve that the question describes, or None when it describes none."""
    if not question.described_curve:
        return None
    return draw_described_chart(
        ident=f"described-{question.id}",
        title=gettext("The loss that the question describes"),
        description=gettext(
            "A sketch of the described loss over the training, as shares of its start: %(points)s"
            " of the training.",
            points=", ".join(
                gettext("%(y)s %% at %(x)s %%", y=f"{100 * y:.0f}", x=f"{100 * x:.0f}")
                for x, y in question.described_curve
            ),
        ),
        points=question.described_curve,
    )
