"""What browsers are given of a simulation: its plan, or why there is none."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quizserver.kernel import plan_image
from quizserver.lab import catalog
from quizserver.lab.model import SimulationError
from quizserver.lab.plan_images import SimulationImage, simulation_image
from quizserver.lab.simulation import Simulation
from quizserver.topics.workspace import load_workspace
from tests.lab.examples import RATE, plain

CONTENT = Path(__file__).parents[2] / "content"
STRANGE = CONTENT / "strange-loss" / "simulation.py"


def image_head(image: bytes) -> dict[str, Any]:
    (size,) = struct.unpack_from("<I", image, 12)
    head: dict[str, Any] = json.loads(image[16 : 16 + size])
    return head


@pytest.fixture(scope="module")
def strange() -> Simulation:
    return catalog.load(STRANGE)


def strange_image(strange: Simulation, replicas: int = 16, **knobs: float) -> SimulationImage:
    return simulation_image(strange, strange.check_knobs(knobs), range(7, 7 + replicas))


def test_settings_that_differ_in_mere_numbers_have_one_image(strange: Simulation) -> None:
    first = strange_image(strange, learning_rate=0.1)
    second = strange_image(strange, learning_rate=20, momentum=0.5, weight_decay=0.01)
    assert not first.depends_on & {"learning_rate", "momentum", "weight_decay"}
    assert first.depends_on == second.depends_on
    heads = [image_head(each.image) for each in (first, second)]
    assert heads[0] == heads[1]
    assert first.image == second.image
    assert heads[0]["seeds"] == list(range(7, 23))
    assert heads[0]["fingerprint"] == strange.fingerprint


def test_an_image_tells_nothing_of_what_is_asked_about_a_simulation(strange: Simulation) -> None:
    """Neither arms nor claims nor texts: what a question's key rests on is in none of its names."""
    head = image_head(strange_image(strange).image)
    assert set(head["series"]) == set(strange.series)
    words = json.dumps({name: value for name, value in head.items() if name != "series"})
    for arm in strange.arms:
        assert f'"{arm.name}"' not in words
        assert arm.label not in words
    topic = (
        load_workspace(CONTENT, only_topic="strange-loss").build_snapshot().topics["strange-loss"]
    )
    claims = [claim for question in topic.questions for claim in question.claims]
    assert claims
    for claim in claims:
        assert json.dumps(claim.shape) not in words
    assert strange.title not in words


def test_a_simulation_without_a_training_step_has_no_plan_whatever_its_knobs() -> None:
    found = simulation_image(plain(), {}, range(3))
    assert found == SimulationImage(frozenset(), reason="it makes no training_step")


def test_too_much_for_a_browser_is_refused_for_these_seeds_alone(
    strange: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_image, "MAX_BROWSER_MULTIPLICATIONS", 10**6)
    found = strange_image(strange)
    assert found.image == b""
    assert found.is_too_large
    assert "multiplications" in found.reason


def test_what_the_authors_code_raises_is_the_authors_to_fix() -> None:
    simulation = plain(knobs=[RATE])

    @simulation.train
    def train(replicas: Any) -> Iterator[Any]:
        from quizserver.lab.backprop import training_step  # the file speaks of it

        assert training_step
        raise ZeroDivisionError("a rate of nothing")
        yield

    with pytest.raises(SimulationError, match="a rate of nothing"):
        simulation_image(simulation, {"rate": 0.1}, range(3))
