"""The settings and seeds that one simulation trains for a topic's claims, and their curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from quizserver.evidence.claim_checks import find_claim_misfits
from quizserver.evidence.claims import grid_settings, paired_setting
from quizserver.lab.ensemble import Curves, Floats, OnPoints, simulate
from quizserver.lab.model import Backend
from quizserver.lab.simulation import Simulation
from quizserver.topics.model import Claim, Question

REPLICAS_AT_ONCE = 2048
"""Replicas whose weights are held in memory at the same time."""

Setting = tuple[tuple[str, float], ...]
Trained = tuple[Setting, range, bool]
"""A setting, its seeds, and whether their draws are changed in their last place."""


class VerifyError(Exception):
    """A topic that cannot be verified: a claim that does not fit, or a broken simulation."""


@dataclass(frozen=True, slots=True)
class SettingPair:
    """One setting of a claim's grid, and the setting of the other arm to compare with, if any."""

    setting: dict[str, float]
    against: dict[str, float] | None


@dataclass(frozen=True, slots=True)
class PlannedClaim:
    """A claim of ``question`` with the settings of its grid, one pair for a claim without one."""

    question: Question
    claim: Claim
    pairs: list[SettingPair]


@dataclass(slots=True)
class TrainingPlan:
    """Which settings of one simulation train on which seeds; their curves once they are trained.

    What a claim is about trains on its seeds twice, with draws as they are and with nudged ones.
    ``x`` (P,) are the points of every curve, ``backends`` what trained them.
    """

    simulation: Simulation
    claims: list[PlannedClaim] = field(default_factory=list)
    settings: dict[Trained, None] = field(default_factory=dict)
    curves: dict[Trained, dict[str, Floats]] = field(default_factory=dict)
    x: Floats = field(default_factory=lambda: np.zeros(0))
    backends: set[str] = field(default_factory=set)

    def add_setting(self, setting: Mapping[str, float], seeds: range, nudged: bool = False) -> None:
        self.settings[_setting_key(setting), seeds, nudged] = None

    def add_claim(self, question: Question, claim: Claim, seeds: range, selection: range) -> None:
        """Adds every setting that the claim is about; over a grid on the selection seeds too.

        Raises ``VerifyError`` with the claim's file and line when it does not fit the simulation.
        """
        pairs = setting_pairs(self.simulation, question, claim)
        self.claims.append(PlannedClaim(question, claim, pairs))
        for pair in pairs:
            for setting in (pair.setting, pair.against):
                if setting is not None:
                    self.add_setting(setting, seeds)
                    self.add_setting(setting, seeds, nudged=True)
                    if len(pairs) > 1:
                        self.add_setting(setting, selection)

    def trains(self, setting: Mapping[str, float], seeds: range) -> bool:
        return (_setting_key(setting), seeds, False) in self.settings

    def get_curves(
        self, setting: Mapping[str, float], seeds: range, nudged: bool = False
    ) -> dict[str, Floats]:
        """Each series (R, P) of a trained setting, a row for each of ``seeds`` in their order."""
        return self.curves[_setting_key(setting), seeds, nudged]

    def claimed_series(
        self, claim: Claim, setting: Mapping[str, float], seeds: range, nudged: bool = False
    ) -> Floats:
        """The series (R, P) that the claim is about, the first one when it names none."""
        series = claim.series or next(iter(self.simulation.series))
        return self.get_curves(setting, seeds, nudged)[series]

    @property
    def replica_count(self) -> int:
        return sum(len(seeds) for _, seeds, _ in self.settings)

    def train_settings(
        self, device: str, backend: Backend, advance: Callable[[int], None], threads: int = 1
    ) -> None:
        """Trains all settings and seeds as one ensemble, ``REPLICAS_AT_ONCE`` at a time.

        ``advance(replicas)`` is called for each point of that many replicas.
        """
        replicas = [(key, seed) for key in self.settings for seed in key[1]]
        for start in range(0, len(replicas), REPLICAS_AT_ONCE):
            wave = replicas[start : start + REPLICAS_AT_ONCE]
            curves = simulate(
                self.simulation,
                [dict(key[0]) for key, _ in wave],
                [seed for _, seed in wave],
                on_points=_progress_callback(len(wave), advance),
                device=device,
                backend=backend,
                threads=threads,
                nudged=[key[2] for key, _ in wave],
            )
            self.x = curves.x
            self.backends.update(curves.backends)
            self._collect_curves([key for key, _ in wave], curves)

    def _collect_curves(self, keys: Sequence[Trained], curves: Curves) -> None:
        for key in dict.fromkeys(keys):
            rows = [index for index, other in enumerate(keys) if other == key]
            for name, values in curves.series.items():
                so_far = self.curves.setdefault(key, {}).get(name)
                part = values[rows]
                self.curves[key][name] = part if so_far is None else np.concatenate([so_far, part])


def setting_pairs(simulation: Simulation, question: Question, claim: Claim) -> list[SettingPair]:
    """The settings of a claim's grid, after checking the claim against the simulation."""
    where = f"{question.path}:{claim.line}"
    description = simulation.describe()
    misfit = next(find_claim_misfits(claim, description), None)
    if misfit is not None:
        raise VerifyError(f"{where}: {misfit.sentence}")
    arm = description.arm(claim.arm).knobs
    settings = [simulation.check_knobs(setting) for setting in grid_settings(claim, arm)]
    if claim.versus is None:
        return [SettingPair(setting, None) for setting in settings]
    other = description.arm(claim.versus).knobs
    return [SettingPair(setting, paired_setting(setting, arm, other)) for setting in settings]


def _progress_callback(replicas: int, advance: Callable[[int], None]) -> OnPoints:
    return lambda _index, _x, _values: advance(replicas)


def _setting_key(setting: Mapping[str, float]) -> Setting:
    return tuple(sorted(setting.items()))
