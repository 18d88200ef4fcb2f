"""Phase maps belong to the evidence: trained by verify, stored in git, listed in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from quizserver.cli import main
from quizserver.evidence.record import FILE_NAME, EvidenceError, read_evidence, write_evidence
from quizserver.evidence.report import report_json, report_table
from quizserver.evidence.verify import verify_topic
from quizserver.lab.phase_maps import build_plane

from .examples import FALLING, claim_about, write_topic

WITH_MAPS = FALLING.replace("Knob, Simulation", "Knob, Map, Simulation").replace(
    "    points=11,\n",
    """    points=11,
    maps=[
        Map("rate", "luck", "steady-decrease", x_range=(0, 0.3)),
        Map("luck", "overflow", "diverges", series="twice"),
    ],
""",
)

CLAIMS = [claim_about("healthy", "steady-decrease"), claim_about("still", "flat")]


def test_verify_counts_every_declared_map_on_the_first_eight_seeds(tmp_path: Path) -> None:
    evidence = verify_topic(write_topic(tmp_path, CLAIMS, WITH_MAPS), range(100, 120))
    experiment = evidence.experiments["simulation"]
    first, second = experiment.maps
    planes = [build_plane(experiment.description, declared, first_seed=100)
             for declared in experiment.description.maps]  # fmt: skip
    assert [first.plane, second.plane] == planes
    assert first.plane.seeds == range(100, 108)
    # with all luck, a rate r falls below 85 % by step 2 and below a half by step 10: r > 0.0813
    for row, luck in zip(first.counts, first.plane.y_values, strict=True):
        for count, rate in zip(row, first.plane.x_values, strict=True):
            assert count <= (8 if rate > 0.0813 else 0)
            if luck == 1:
                assert count == (8 if rate > 0.0813 else 0)
    assert [row[-1] for row in first.counts] == sorted(row[-1] for row in first.counts)
    assert [set(row) for row in second.counts] == [{0}] * 12 + [{8}] * 12


def test_fewer_seeds_are_fewer_replicas_a_cell(tmp_path: Path) -> None:
    evidence = verify_topic(write_topic(tmp_path, CLAIMS, WITH_MAPS), range(3, 5))
    (first, _) = evidence.experiments["simulation"].maps
    assert list(first.plane.seeds) == [3, 4]


def test_findings_do_not_depend_on_the_maps(tmp_path: Path) -> None:
    topic = write_topic(tmp_path, CLAIMS, WITH_MAPS)
    without = verify_topic(topic, range(8), maps=False)
    assert without.experiments["simulation"].maps == ()
    assert verify_topic(topic, range(8)).findings == without.findings


def test_progress_counts_the_maps_too_and_ends_at_its_total(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    verify_topic(
        write_topic(tmp_path, CLAIMS, WITH_MAPS), range(8), progress=lambda *now: steps.append(now)
    )
    arms, claimed, cells = 4 * 8, 2 * 8, 2 * 24 * 24 * 8
    total = (arms + claimed + cells) * 11  # what is claimed trains once more, with nudged draws
    assert steps[-1] == (total, total)
    assert {of for _, of in steps} == {total}
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})


def test_maps_are_written_a_row_a_line_and_read_again(tmp_path: Path) -> None:
    evidence = verify_topic(write_topic(tmp_path, CLAIMS, WITH_MAPS), range(8))
    path = write_evidence(evidence, tmp_path)
    before = path.read_bytes()
    again = read_evidence(tmp_path)
    assert again is not None
    assert again.experiments["simulation"].maps == evidence.experiments["simulation"].maps
    write_evidence(again, tmp_path)
    assert path.read_bytes() == before
    lines = before.decode().splitlines()
    for row in evidence.experiments["simulation"].maps[0].counts:
        assert any(line.strip().rstrip(",") == json.dumps(row) for line in lines)
    assert max(map(len, lines)) < 400


def test_evidence_without_maps_is_as_before_and_is_read(tmp_path: Path) -> None:
    evidence = verify_topic(write_topic(tmp_path, CLAIMS), range(4))
    experiment = json.loads(write_evidence(evidence, tmp_path).read_text())["experiments"][
        "simulation"
    ]
    assert "maps" not in experiment
    again = read_evidence(tmp_path)
    assert again is not None
    assert again.experiments["simulation"].maps == ()


@pytest.mark.parametrize(
    ("old", "new"), [("[0, 0, 0", "[0, 0"), ("[0, 0, 0", "[9, 0, 0"), ("[0, 0, 0", "[-1, 0, 0")]
)
def test_counts_that_do_not_fit_are_a_broken_file(tmp_path: Path, old: str, new: str) -> None:
    path = write_evidence(
        verify_topic(write_topic(tmp_path, CLAIMS, WITH_MAPS), range(8)), tmp_path
    )
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"maps.*count.*verify --update"):
        read_evidence(tmp_path)


def test_the_report_has_a_line_a_map(tmp_path: Path) -> None:
    evidence = verify_topic(write_topic(tmp_path, CLAIMS, WITH_MAPS), range(8))
    first, second = report_table(evidence).splitlines()[-2:]
    counts = evidence.experiments["simulation"].maps[0].counts
    usual = sum(count > 4 for row in counts for count in row)
    assert 0 < usual < 576
    assert first.startswith("  simulation: map rate × luck, steady-decrease: most of 8 seeds")
    assert f"in {usual} of 576 cells" in first
    assert second.endswith(
        "map luck × overflow, diverges (twice): most of 8 seeds show it in 288 of 576 cells, "
        "some in 288"
    )
    (topic,) = json.loads(json.dumps(report_json([evidence])))["topics"]
    assert topic["maps"][0]["most"] == usual <= topic["maps"][0]["some"]
    assert "series" not in topic["maps"][0]
    assert topic["maps"][1] == {
        "simulation": "simulation", "x": "luck", "y": "overflow", "shape": "diverges",
        "series": "twice", "cells": 576, "seeds": list(range(8)), "most": 288, "some": 288,
    }  # fmt: skip


def test_a_report_without_maps_says_nothing_of_them(tmp_path: Path) -> None:
    evidence = verify_topic(write_topic(tmp_path, CLAIMS), range(2))
    assert "map" not in report_table(evidence)
    assert "maps" not in report_json([evidence])["topics"][0]


def test_the_command_line_trains_the_maps_unless_no_maps_is_given(tmp_path: Path) -> None:
    folder = tmp_path / "content" / "topic"
    folder.mkdir(parents=True)
    (folder / "simulation.py").write_text(WITH_MAPS, encoding="utf-8")
    (folder / "q.md").write_text(
        "---\nclaims:\n  - {option: one, arm: healthy, shape: steady-decrease}\n"
        "  - {option: two, arm: healthy, shape: oscillates}\n---\n"
        "# Which?\n\n- [x] One {#one}\n- [ ] Two {#two}\n"
    )

    def run(*arguments: str) -> tuple[int, str]:
        command = ["verify", "--content", str(folder.parent), "--seeds", "0:4", *arguments]
        result = CliRunner().invoke(main, command)
        return result.exit_code, result.output

    code, output = run("--no-maps")
    assert (code, "map rate" in output) == (0, False)
    assert "map rate × luck" in run()[1]
    code, output = run("--no-maps", "--update")
    assert code == 2
    assert "--update writes the maps too" in output
    assert not (folder / FILE_NAME).exists()
    run("--update")
    evidence = read_evidence(folder)
    assert evidence is not None
    assert len(evidence.experiments["simulation"].maps) == 2


def test_threads_change_no_evidence(tmp_path: Path) -> None:
    topic = write_topic(tmp_path, CLAIMS, WITH_MAPS)
    assert verify_topic(topic, range(20), threads=3) == verify_topic(topic, range(20))
