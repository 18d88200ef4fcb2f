"""The operations that take most of a step's time, by torch's own profiler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch.profiler import ProfilerActivity, profile

from benchmarks.measurement import Measurement, seconds_of
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.settings import Settings

LISTED_OPERATIONS = 6
CASES: dict[str, tuple[str, str, Mapping[str, float]]] = {
    "strange loss, 64 replicas": ("strange-loss/simulation", "healthy", {}),
    "line, sigmoid, 64 replicas": ("noiseless/sigmoid_relu", "sigmoid", {"epochs_per_point": 3}),
}


def profile_rows() -> Iterator[Measurement]:
    """The largest shares of a run. The rest of the time is Python and the overhead of calls.

    The profiler slows small operations down, so the time outside of them is taken from a run
    without it; shares are rough.
    """
    for what, (file, arm, knobs) in CASES.items():
        simulation = load(Settings().content / f"{file}.py")
        setting = {**simulation.arm(arm).knobs, **knobs}
        simulate(simulation, setting, range(64))
        whole = seconds_of(partial(simulate, simulation, setting, range(64)))
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            simulate(simulation, setting, range(64))
        events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
        inside = sum(event.self_cpu_time_total for event in events) / 1e6
        group = f"where the time goes: {what}, {whole:.2f} s"
        for event in events[:LISTED_OPERATIONS]:
            spent = event.self_cpu_time_total / 1e6
            yield Measurement(
                group, event.key, spent, note=f"{spent / inside:.0%}, {event.count} calls"
            )
        rest = inside - sum(event.self_cpu_time_total for event in events[:LISTED_OPERATIONS]) / 1e6
        yield Measurement(group, "everything else", rest, note=f"{rest / inside:.0%}")
