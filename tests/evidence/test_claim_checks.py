"""One check of a claim against its simulation serves the checker and verification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quizserver.evidence.claim_checks import find_claim_misfits
from quizserver.evidence.plan import VerifyError
from quizserver.evidence.verify import verify_topic
from quizserver.lab.catalog import load
from quizserver.topics.front_matter import ClaimEntry
from quizserver.topics.model import Claim

from .examples import FALLING, claim_about, write_topic

MISFITS: list[tuple[dict[str, Any], list[tuple[str, tuple[str | int, ...]]]]] = [
    ({}, []),
    ({"shape": "round"}, [("unknown-shape", ("shape",))]),
    ({"shape": "crosses"}, [("pair-without-versus", ("shape",))]),
    ({"arm": "gone"}, [("unknown-arm", ("arm",))]),
    ({"shape": "crosses", "versus": "gone"}, [("unknown-arm", ("versus",))]),
    ({"series": "los"}, [("unknown-series", ("series",))]),
    ({"over": {"speed": (1.0, 2.0)}}, [("unknown-knob", ("over", "speed"))]),
    ({"over": {"rate": (0.5, 2.0)}}, [("knob-out-of-range", ("over", "rate", 1))]),
    (
        {"arm": "gone", "series": "los"},
        [("unknown-series", ("series",)), ("unknown-arm", ("arm",))],
    ),
]


def claim_with(**fields: Any) -> Claim:
    return claim_about(**{"arm": "still", "shape": "flat", **fields})


@pytest.mark.parametrize(("fields", "expected"), MISFITS)
def test_a_misfit_is_the_same_in_front_matter_and_in_a_parsed_claim(
    tmp_path: Path, fields: dict[str, Any], expected: list[tuple[str, tuple[str | int, ...]]]
) -> None:
    (tmp_path / "simulation.py").write_text(FALLING, encoding="utf-8")
    description = load(tmp_path / "simulation.py").describe()
    lists = {knob: list(values) for knob, values in fields.get("over", {}).items()}
    entry = ClaimEntry(**{"arm": "still", "shape": "flat", **fields, "over": lists})
    for claim in (entry, claim_with(**fields)):
        misfits = list(find_claim_misfits(claim, description))
        assert [(misfit.code, misfit.path) for misfit in misfits] == expected


@pytest.mark.parametrize(("fields", "expected"), MISFITS[1:])
def test_verification_stops_at_the_first_misfit(
    tmp_path: Path, fields: dict[str, Any], expected: list[object]
) -> None:
    topic = write_topic(tmp_path, [claim_with(**fields)])
    description = load(tmp_path / "simulation.py").describe()
    misfits = list(find_claim_misfits(topic.questions[0].claims[0], description))
    assert len(misfits) == len(expected)
    with pytest.raises(VerifyError) as error:
        verify_topic(topic, range(2))
    assert str(error.value).endswith(f":1: {misfits[0].sentence}")


def test_without_a_description_only_the_shape_is_checked() -> None:
    claim = claim_with(shape="crosses", arm="gone", series="los")
    assert [misfit.code for misfit in find_claim_misfits(claim, None)] == ["pair-without-versus"]
