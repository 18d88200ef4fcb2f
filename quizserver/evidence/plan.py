"""What one simulation must train for a topic's claims, and the curves that come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from quizserver.evidence.claims import grid_settings, paired_setting
from quizserver.lab.ensemble import Curves, Floats, OnPoints, simulate
from quizserver.lab.model import KnobError
from quizserver.lab.shapes.registry import find_misfit
from quizserver.lab.simulation import Simulation
from quizserver.topics.model import Claim, Question

AT_ONCE = 2048
"""Replicas whose weights are held in memory at the same time."""

Setting = tuple[tuple[str, float], ...]


class VerifyError(Exception):
    """A topic that cannot be verified: a claim about what is not there, a broken simulation."""


@dataclass(frozen=True, slots=True)
class SettingPair:
    """One setting of a claim's grid, and the other arm's that it is compared with, if any."""

    setting: dict[str, float]
    against: dict[str, float] | None


@dataclass(slots=True)
class TrainingPlan:
    """Which settings of one simulation train on which seeds, and the curves that came out."""

    simulation: Simulation
    settings: dict[tuple[Setting, range], None] = field(default_factory=dict)
    curves: dict[tuple[Setting, range], dict[str, Floats]] = field(default_factory=dict)
    x: Floats = field(default_factory=lambda: np.zeros(0))

    def add_setting(self, setting: Mapping[str, float], seeds: range) -> None:
        self.settings[_setting_key(setting), seeds] = None

    def add_claim(self, question: Question, claim: Claim, seeds: range, selection: range) -> None:
        """Every setting that the claim speaks of; over a grid on the selection seeds too."""
        pairs = setting_pairs(self.simulation, question, claim)
        for pair in pairs:
            for setting in (pair.setting, pair.against):
                if setting is not None:
                    self.add_setting(setting, seeds)
                    if len(pairs) > 1:
                        self.add_setting(setting, selection)

    def get_curves(self, setting: Mapping[str, float], seeds: range) -> dict[str, Floats]:
        """Each series (R, P) of a setting on those seeds, in their order."""
        return self.curves[_setting_key(setting), seeds]

    @property
    def replica_count(self) -> int:
        return sum(len(seeds) for _, seeds in self.settings)

    def train_settings(self, device: str, advance: Callable[[int], None]) -> None:
        """All settings and seeds as one ensemble, ``AT_ONCE`` replicas at a time."""
        replicas = [(key, seed) for key in self.settings for seed in key[1]]
        for start in range(0, len(replicas), AT_ONCE):
            wave = replicas[start : start + AT_ONCE]
            curves = simulate(
                self.simulation,
                [dict(key[0]) for key, _ in wave],
                [seed for _, seed in wave],
                on_points=_progress_callback(len(wave), advance),
                device=device,
            )
            self.x = curves.x
            self._collect_curves([key for key, _ in wave], curves)

    def _collect_curves(self, keys: Sequence[tuple[Setting, range]], curves: Curves) -> None:
        for key in dict.fromkeys(keys):
            rows = [index for index, other in enumerate(keys) if other == key]
            for name, values in curves.series.items():
                so_far = self.curves.setdefault(key, {}).get(name)
                part = values[rows]
                self.curves[key][name] = part if so_far is None else np.concatenate([so_far, part])


def setting_pairs(simulation: Simulation, question: Question, claim: Claim) -> list[SettingPair]:
    """The settings of a claim's grid, checked; raises ``VerifyError`` with the claim's place."""
    where = f"{question.path}:{claim.line}"
    problem = find_misfit(claim.shape, claim.arm, claim.versus, claim.value)
    if problem is not None:
        raise VerifyError(f"{where}: {problem.message} {problem.hint}")
    if claim.value is not None and not np.isfinite(claim.value):
        raise VerifyError(f"{where}: the value must be a finite number, not {claim.value}")
    if claim.series is not None and claim.series not in simulation.series:
        names = ", ".join(simulation.series)
        raise VerifyError(f"{where}: there is no series {claim.series!r}; there are {names}")
    try:
        arm = simulation.arm(claim.arm).knobs
        settings = [simulation.check_knobs(setting) for setting in grid_settings(claim, arm)]
        if claim.versus is None:
            return [SettingPair(setting, None) for setting in settings]
        other = simulation.arm(claim.versus).knobs
        return [SettingPair(setting, paired_setting(setting, arm, other)) for setting in settings]
    except KeyError as error:
        raise VerifyError(f"{where}: {error.args[0]}") from None
    except KnobError as error:
        raise VerifyError(f"{where}: {error.message}") from None


def _progress_callback(replicas: int, advance: Callable[[int], None]) -> OnPoints:
    return lambda _index, _x, _values: advance(replicas)


def _setting_key(setting: Mapping[str, float]) -> Setting:
    return tuple(sorted(setting.items()))
