"""``python -m benchmarks.backend_verdicts``: every claim by the kernel and in torch.

Prints each claim that is counted differently, and ends with 1 where a verdict is another one. Where
a training is chaotic, curves of one seed differ between the two, and counts may by a few.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from quizserver.evidence.record import Evidence, Finding
from quizserver.evidence.verify import verify_topic
from quizserver.lab.model import Backend
from quizserver.topics.library import Library
from quizserver.topics.model import Topic

CONTENT = Path(__file__).parent.parent / "content"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*")
    parser.add_argument("--first", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--seeds", type=int, default=64)
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    topics = Library(CONTENT).snapshot().topics
    same = [
        compare_topic(topics[name], seeds)
        for name in arguments.topics or topics
        if any(question.claims for question in topics[name].questions)
    ]
    sys.exit(0 if all(same) else 1)


def compare_topic(topic: Topic, seeds: range) -> bool:
    """Whether all verdicts agree; prints what differs."""
    backends: tuple[Backend, ...] = ("auto", "torch")
    by_kernel, by_torch = (
        verify_topic(topic, seeds, backend=backend, maps=False) for backend in backends
    )
    pairs = list(zip(by_kernel.findings, by_torch.findings, strict=True))
    for one, other in pairs:
        if (one.k, one.verdict) != (other.k, other.verdict):
            sys.stdout.write(f"  {claim_text(one)}: {outcome(one)} and {outcome(other)}\n")
    other_verdicts = sum(one.verdict != other.verdict for one, other in pairs)
    sys.stdout.write(
        f"{topic.id}: {len(pairs)} claims by {trained_by(by_kernel)}, seeds {seeds.start} to "
        f"{seeds.stop - 1}: {other_verdicts} other verdicts in torch; "
        f"{sum(not finding.agrees for finding in by_kernel.findings)} against the key\n"
    )
    sys.stdout.flush()
    return other_verdicts == 0


def trained_by(evidence: Evidence) -> str:
    backends = {name for each in evidence.experiments.values() for name in each.backends}
    return " and ".join(sorted(backends))


def claim_text(finding: Finding) -> str:
    of = "" if finding.option is None else f"/{finding.option}"
    against = "" if finding.against is None else f" beside {finding.against}"
    return f"{finding.question}{of}, {finding.ensemble}{against}, {finding.shape}"


def outcome(finding: Finding) -> str:
    agrees = "" if finding.agrees else ", against the key"
    return f"{finding.k} of {finding.n} ({finding.verdict}{agrees})"


if __name__ == "__main__":
    main()
