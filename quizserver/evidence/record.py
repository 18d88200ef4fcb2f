"""A topic's evidence: its values, when it is stale, and ``evidence.json`` in the topic's folder.

The file makes small diffs: keys in a fixed order, numbers rounded to four significant digits, one
line a curve. It is always replaced as a whole, so that a reader sees the old or the new one.
Imports no torch.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from quizserver.evidence.claims import NudgedCount, Verdict, agrees_with_key
from quizserver.evidence.coherence import find_incoherence
from quizserver.evidence.json_text import (
    bands_by_claim,
    compact_text,
    round_floats,
    without_empty,
)
from quizserver.file_signatures import FileSignature, file_signature
from quizserver.lab.description_json import description_from_json, description_to_json
from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint
from quizserver.lab.model import Description
from quizserver.lab.phase_maps import PhaseMap
from quizserver.topics.model import Claim, ExpectedVerdict, Quantifier, Question, Topic

T = TypeVar("T")
FILE_NAME = "evidence.json"
MAX_EVIDENCE_BYTES = 200_000
"""How large a topic's evidence may be, in git and in a page."""

CurveValues = tuple[float | None, ...]
"""Points of a curve; None where the value is no finite number."""

DescriptionField = Annotated[
    Description, PlainValidator(description_from_json), PlainSerializer(description_to_json)
]


class EvidenceError(Exception):
    """Evidence that cannot be read or written: which file, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class Band:
    """One series of an ensemble, point by point: median, 10 % and 90 % quantile, some replicas."""

    median: CurveValues
    low: CurveValues
    high: CurveValues
    replicas: tuple[CurveValues, ...]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The curves of ``n`` replicas of one setting; ``sentence`` describes them in words.

    ``arm`` is the arm that the setting belongs to; a setting from a claim's grid differs from it.
    """

    arm: str
    knobs: Mapping[str, float]
    n: int
    series: Mapping[str, Band]
    sentence: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """A simulation as it was when the evidence was made, and its ensembles by key.

    The key is the arm's name; for another setting of a grid, the name with the knobs that differ.
    ``maps`` are those that the description declares, in its order. ``backends`` are what trained
    it, "kernel" or "torch"; evidence from before there was a kernel has none.
    """

    description: DescriptionField
    x: tuple[float, ...]
    ensembles: Mapping[str, Ensemble]
    maps: tuple[PhaseMap, ...] = ()
    backends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GridCount:
    """One setting of a claim's grid: its swept knobs, and how many replicas show the shape."""

    knobs: Mapping[str, float]
    k: int


@dataclass(frozen=True, slots=True)
class EndInterval:
    """Where the runs of one setting end: their median, and its 95 % bootstrap interval.

    None is the end of a run that diverged.
    """

    median: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A claim and its verdict. ``ensemble`` is the key of the setting the verdict rests on.

    For a claim about pairs, ``versus`` is the other arm, ``against`` the key of its setting, and
    ``ends`` where the one and the other end. For one beside a number, ``value`` is that number and
    ``ends`` where the arm ends. ``series`` is the one that the claim is about, None for the first.
    ``sentence`` says what the ensemble's own sentence does not. ``nudged`` is the count with draws
    that are changed in their last place; evidence from before it was counted has none.
    """

    question: str
    option: str | None
    simulation: str
    arm: str
    shape: str
    quantifier: Quantifier
    at_least: float
    over: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    expected: ExpectedVerdict
    k: int
    n: int
    low: float
    high: float
    verdict: Verdict
    ensemble: str
    tried: tuple[GridCount, ...] = ()
    versus: str | None = None
    series: str | None = None
    against: str | None = None
    ends: tuple[EndInterval, ...] = ()
    sentence: str = ""
    value: float | None = None
    nudged: NudgedCount | None = None

    @property
    def agrees(self) -> bool:
        return agrees_with_key(self.expected, self.verdict)

    @property
    def on_edge(self) -> bool:
        """Whether rounding moves the count: see ``NudgedCount.is_edge_of``."""
        return self.nudged is not None and self.nudged.is_edge_of(self.k, self.n)

    @property
    def key_holds(self) -> bool:
        """Whether the key may rest on this claim: no mark of an option stands on a knife's edge."""
        return self.agrees and not (self.on_edge and self.option is not None)

    @property
    def claim_key(self) -> tuple[object, ...]:
        """The claim without its outcome, as ``claim_keys`` gives it: equal keys need no new run."""
        over = tuple((name, tuple(values)) for name, values in self.over.items())
        return _claim_key(self.question, self.simulation, self, over)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The outcome of all claims of a topic over the seeds ``first`` to ``last``, inclusive."""

    format: Literal[1]
    topic: str
    first: int
    last: int
    made_with: Mapping[str, str]
    experiments: Mapping[str, Experiment]
    findings: tuple[Finding, ...]

    @property
    def seeds(self) -> range:
        return range(self.first, self.last + 1)

    @property
    def agrees(self) -> bool:
        """Whether every finding is what the author's key says."""
        return all(finding.agrees for finding in self.findings)

    @property
    def key_holds(self) -> bool:
        """Whether the key may rest on every finding: all agree, none that it needs on an edge."""
        return all(finding.key_holds for finding in self.findings)

    @property
    def tells_edges(self) -> bool:
        """Whether each claim was counted with nudged draws too: older evidence was not."""
        return all(finding.nudged is not None for finding in self.findings)

    def ensemble_of(self, finding: Finding) -> Ensemble:
        """The ensemble that a finding rests on."""
        return self.experiments[finding.simulation].ensembles[finding.ensemble]

    def other_ensemble_of(self, finding: Finding) -> Ensemble | None:
        """The ensemble that a finding's is compared with; None for a claim about one arm."""
        if finding.against is None:
            return None
        return self.experiments[finding.simulation].ensembles[finding.against]

    def stale_reason(self, topic: Topic, question: str | None = None) -> str | None:
        """Why this evidence no longer matches the topic, or one question; None when it does."""
        changed = _changed_claims(_Same(self), _Same(topic))
        if changed if question is None else question in changed:
            return "The claims changed since this evidence was made."
        questions = [q for q in topic.questions if question is None or q.id == question]
        for name in {q.simulation for q in questions if q.simulation is not None and q.claims}:
            reason = self._stale_simulation_reason(topic, name)
            if reason is not None:
                return reason
        return None

    def _stale_simulation_reason(self, topic: Topic, name: str) -> str | None:
        experiment = self.experiments.get(name)
        path = topic.simulations.get(name)
        if experiment is None or path is None:
            return f"There is no simulation {name} in both the topic and this evidence."
        try:
            is_same = file_fingerprint(path) == experiment.description.fingerprint
        except (OSError, UnicodeDecodeError):
            return f"The simulation {path.name} cannot be read."
        if is_same:
            return None
        if self.made_with.get("engine") != ENGINE_VERSION:
            return "The engine changed since this evidence was made."
        return f"{path.name} changed since this evidence was made."


class _Same(Generic[T]):
    """An object as the key of a cache, equal to the very same object alone."""

    __slots__ = ("it",)

    def __init__(self, it: T) -> None:
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it


@functools.lru_cache(maxsize=32)
def _changed_claims(evidence: _Same[Evidence], topic: _Same[Topic]) -> frozenset[str | None]:
    """The questions whose claims are others than the evidence has, None among them where only
    their order is. Every page with evidence asks for it."""
    current = {question.id: claim_keys(question) for question in topic.it.questions}
    recorded: dict[str, list[tuple[object, ...]]] = {}
    for finding in evidence.it.findings:
        recorded.setdefault(finding.question, []).append(finding.claim_key)
    changed: set[str | None] = {
        question
        for question in current.keys() | recorded.keys()
        if current.get(question, []) != recorded.get(question, [])
    }
    all_current = [key for keys in current.values() for key in keys]
    if all_current != [finding.claim_key for finding in evidence.it.findings]:
        changed.add(None)
    return frozenset(changed)


def claim_keys(question: Question) -> list[tuple[object, ...]]:
    """The claims of a question in the form of ``Finding.claim_key``."""
    return [
        _claim_key(
            question.id,
            question.simulation,
            claim,
            tuple((sweep.knob, sweep.values) for sweep in claim.over),
        )
        for claim in question.claims
    ]


def _claim_key(
    question: str,
    simulation: str | None,
    claim: Claim | Finding,
    over: tuple[tuple[str, tuple[float, ...]], ...],
) -> tuple[object, ...]:
    return (
        question, claim.option, simulation, claim.arm, claim.shape, claim.quantifier,
        claim.at_least, over, claim.expected, claim.versus, claim.series, claim.value,
    )  # fmt: skip


_ADAPTER = TypeAdapter(Evidence)


def read_evidence(folder: Path) -> Evidence | None:
    """The evidence of the topic in ``folder``; None when there is none.

    Raises ``EvidenceError`` when the file is broken. Read again only when the file changed.
    """
    path = folder / FILE_NAME
    try:
        signature = file_signature(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror}).") from error
    return _read_cached(path, signature)


@functools.lru_cache(maxsize=64)
def _read_cached(path: Path, _signature: FileSignature) -> Evidence:
    advice = "Run `quizserver verify --update` to write it again."
    try:
        evidence = _ADAPTER.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise EvidenceError(f"{path}: {where}: {first['msg']}. {advice}") from error
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror}).") from error
    fault = find_incoherence(evidence)
    if fault is not None:
        place = f"{path}: its parts don't fit each other"
        raise EvidenceError(f"{place}: {fault.rstrip('.')}. {advice}")
    return evidence


def recorded_description(path: Path, digest: str) -> Description | None:
    """The description of a simulation file in fresh evidence beside it; None when there is none.

    ``digest`` is the file's fingerprint as it is now.
    """
    try:
        evidence = read_evidence(path.parent)
    except EvidenceError:
        return None
    experiment = evidence.experiments.get(path.stem) if evidence is not None else None
    if experiment is None or experiment.description.fingerprint != digest:
        return None
    return experiment.description


def evidence_to_text(evidence: Evidence, path: Path) -> str:
    """The text that ``write_evidence`` writes to ``path``. Raises ``EvidenceError`` like it."""
    return _fitted_text(evidence, path)


def evidence_from_text(text: str | bytes) -> Evidence:
    """The inverse of ``evidence_to_text``. Raises ``EvidenceError`` when it is no evidence."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise EvidenceError(f"this is no evidence: {error.errors()[0]['msg']}") from error


def write_evidence(evidence: Evidence, folder: Path) -> Path:
    """Replaces the topic's evidence as a whole, with fewer single replicas where it is too large.

    Raises ``EvidenceError`` when it exceeds ``MAX_EVIDENCE_BYTES`` even without any.
    """
    path = folder / FILE_NAME
    text = _fitted_text(evidence, path)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".evidence-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


_OPTIONAL = (
    "over", "tried", "versus", "series", "against", "ends", "sentence", "value", "nudged",
)  # fmt: skip
"""Fields of a finding that its text may lack."""


def _fitted_text(evidence: Evidence, path: Path) -> str:
    """The evidence as JSON, with as many single replicas as ``MAX_EVIDENCE_BYTES`` allows."""
    data = round_floats(_ADAPTER.dump_python(evidence, mode="json"))
    data["findings"] = [without_empty(finding, _OPTIONAL) for finding in data["findings"]]
    for experiment in data["experiments"].values():
        for optional in ("maps", "backends"):
            if not experiment[optional]:
                del experiment[optional]
    claimed_series = {(finding.simulation, finding.series) for finding in evidence.findings}
    claimed_bands, other_bands = bands_by_claim(data, claimed_series)
    while True:
        text = compact_text(data) + "\n"
        if len(text.encode()) <= MAX_EVIDENCE_BYTES:
            return text
        if any(band["replicas"] for band in other_bands):  # no page draws them: they go first
            for band in other_bands:
                band["replicas"] = []
            continue
        most = max((len(band["replicas"]) for band in claimed_bands), default=0)
        if most == 0:
            raise EvidenceError(
                f"{path}: {len(text.encode()):,} bytes, more than {MAX_EVIDENCE_BYTES:,}. "
                "Give the simulation fewer points, or the topic fewer arms."
            )
        for band in claimed_bands:
            del band["replicas"][most // 2 :]
