"""Trains a request with the lab. Only training processes call it: it runs the author's Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from quizserver.lab import catalog
from quizserver.lab.ensemble import Floats, simulate
from quizserver.lab.model import StaleRequestError
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import phase_map_sentence
from quizserver.lab.plan_images import simulation_image
from quizserver.lab.shape_text import describe_shapes
from quizserver.lab.simulation import Simulation
from quizserver.runs.requests import (
    CurveRequest,
    MapRequest,
    PlanRequest,
    RunRequest,
    VerificationRequest,
)
from quizserver.worker.protocol import (
    CellsMessage,
    Emit,
    LoadedMessage,
    PlanMessage,
    PointsMessage,
)


def train_run(path: Path, request: RunRequest, emit: Emit) -> str:
    """Trains every replica, emits what the request asks for as it comes, and describes the result.

    Raises SimulationError, also when a file is no longer the one of the request.
    """
    match request:
        case CurveRequest():
            return _train_curves(_load_simulation(path, request, emit), request, emit)
        case MapRequest():
            return _train_map(_load_simulation(path, request, emit), request, emit)
        case VerificationRequest():
            # It brings along all that reads topics, which no other run needs.
            from quizserver.worker.verification import verify_topic_claims

            return verify_topic_claims(path, request, emit)
        case PlanRequest():
            return _plan_curves(_load_simulation(path, request, emit), request, emit)


def _load_simulation(
    path: Path, request: CurveRequest | MapRequest | PlanRequest, emit: Emit
) -> Simulation:
    simulation = catalog.load(path)
    if simulation.fingerprint != request.fingerprint:
        raise StaleRequestError(
            "the simulation was changed while the run was waiting. Run it again."
        )
    emit(LoadedMessage(any(arm.knobs == request.knobs for arm in simulation.arms)))
    return simulation


def _train_curves(simulation: Simulation, request: CurveRequest, emit: Emit) -> str:
    def report_point(_index: int, x: float, series: Mapping[str, Floats]) -> None:
        emit(PointsMessage(x, series))

    curves = simulate(simulation, request.knobs, list(request.seeds), on_points=report_point)
    return describe_shapes(curves.x, curves.series[request.series[0]], label=request.x_label)


def _plan_curves(simulation: Simulation, request: PlanRequest, emit: Emit) -> str:
    planned = simulation_image(simulation, request.knobs, list(request.seeds))
    emit(
        PlanMessage(
            tuple(sorted(planned.depends_on)), planned.image, planned.reason, planned.is_too_large
        )
    )
    return "A plan." if planned.image else f"No plan: {planned.reason}."


def _train_map(simulation: Simulation, request: MapRequest, emit: Emit) -> str:
    def report_cells(cells: Sequence[int], counts: Sequence[int]) -> None:
        emit(CellsMessage(cells, counts))

    phase_map = train_phase_map(simulation, request.plane, on_cells=report_cells)
    assert phase_map is not None  # only a callback could end it, and none does
    return phase_map_sentence(phase_map)
