"""What the docs show works as it stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from quizserver.cli import main
from quizserver.data_folder import prepare_folder
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.evidence.claim_checks import create_claim_checker
from quizserver.lab.catalog import SimulationCatalog, load
from quizserver.lab.phase_maps import build_plane
from quizserver.lab.shapes.pair import PAIR_SHAPES
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab.shapes.threshold import THRESHOLD_SHAPES
from quizserver.settings import setting_rows
from quizserver.topics.content_checks import check_content
from quizserver.topics.library import Library

DOCS = Path(__file__).parent.parent / "docs"


def blocks(language: str) -> list[str]:
    text = (DOCS / "authors.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def test_the_question_of_the_authors_guide_is_a_question(tmp_path: Path):
    (tmp_path / "topic").mkdir()
    (tmp_path / "topic" / "first.md").write_text(blocks("markdown")[0])
    assert (
        check_content(
            tmp_path, content=tmp_path, claim_checker=create_claim_checker(SimulationCatalog())
        )
        == []
    )
    question = Library(tmp_path).snapshot().questions["first"]
    assert [option.right for option in question.options] == [True, False, True]


@pytest.mark.slow
def test_the_simulation_of_the_authors_guide_trains_as_it_says(tmp_path: Path):
    from quizserver.lab.ensemble import simulate

    example, _modules, _maps = blocks("python")
    assert len(example.splitlines()) < 60
    path = tmp_path / "simulation.py"
    path.write_text(example)
    simulation = load(path)
    ends = {}
    for arm in simulation.arms:
        curves = simulate(simulation, arm.knobs, range(16))
        ends[arm.name] = (curves.series["loss"][:, -1] / curves.series["loss"][:, 0]).mean()
    assert ends["healthy"] < ends["low-rate"]
    assert ends["fixed"] < ends["low-rate"]
    assert not ends["high-rate"] < 1, "too high a rate diverges"


@pytest.mark.slow
def test_the_modules_of_the_authors_guide_train_and_keep_every_seed_to_itself(tmp_path: Path):
    from quizserver.lab.ensemble import simulate
    from quizserver.lab.isolation import check_seed_isolation

    example, modules, _maps = blocks("python")
    deep = (
        "net = nn.Sequential(replicas.linear(1, 4), BatchNorm(), nn.Tanh(), "
        "Skip(nn.Sequential(replicas.linear(4, 4), nn.Tanh())), replicas.linear(4, 1))"
    )
    path = tmp_path / "simulation.py"
    path.write_text(
        "from torch import nn\n"
        + modules
        + example.replace("net = nn.Sequential(replicas.linear(1, 1))", deep)
    )
    simulation = load(path)
    curves = simulate(simulation, {}, range(8)).series["loss"]
    assert (curves[:, -1] < curves[:, 0] / 2).all()
    check_seed_isolation(simulation, simulation.check_knobs({}), 0, {"loss": curves[0]})


def test_the_maps_of_the_authors_guide_fit_its_simulation(tmp_path: Path):
    example, _modules, maps = blocks("python")
    given = example.replace("Knob, Simulation", "Knob, Map, Simulation")
    path = tmp_path / "simulation.py"
    path.write_text(given.replace("    points=101,\n", f"    points=101,\n{indent(maps, '    ')}"))
    described = load(path).describe()
    planes = [build_plane(described, each) for each in described.maps]
    assert [(each.shape, each.cell_count) for each in planes] == [
        ("flat", 576),
        ("diverges", 576),
        ("flat", 576),
    ]


def test_the_administrators_guide_names_settings_and_commands_that_there_are():
    guide = (DOCS / "administrators.md").read_text("utf-8")
    named = set(re.findall(r"QUIZSERVER_[A-Z_]+", guide))
    assert len(named) > 5
    assert named <= {row["variable"] for row in setting_rows()}
    commands = set(re.findall(r"`quizserver ([a-z]+)[ `]", guide))
    assert commands
    assert commands <= set(main.list_commands(click.Context(main)))


def test_the_backup_of_the_administrators_guide_is_made_checked_and_restored(
    tmp_path: Path, content: Path
):
    """Its commands in their order, in folders of the test."""
    guide = (DOCS / "administrators.md").read_text("utf-8")
    commands = re.findall(r"^\$ quizserver ((?:backup|restore) .*)$", guide, re.M)
    assert [command.split()[0] for command in commands] == ["backup", "backup", "restore"]
    data = tmp_path / "server"
    prepare_folder(data)
    database = Database(f"sqlite:///{data / 'quizserver.sqlite3'}")
    migrate_database(database)
    with database.write() as session:
        moment = datetime.now(UTC)
        session.execute(person.insert().values(visitor="a", created_at=moment))
    (tmp_path / "backup").mkdir()
    backup = ""
    for number, command in enumerate(commands):
        command = command.replace("/var/lib/quizserver", str(data if number == 0 else f"{data}2"))
        command = command.replace("/srv/topics", str(content if number == 0 else f"{content}2"))
        command = re.sub(r"/backup/quizserver-\w+\.zip", backup, command)
        command = command.replace("/backup/", f"{tmp_path}/backup/") if number == 0 else command
        result = CliRunner().invoke(main, command.split())
        assert result.exit_code == 0, result.output
        backup = result.stdout.split(" is ")[0]
    database.dispose()
    restored = Database(f"sqlite:///{data}2/quizserver.sqlite3")
    with restored.read() as session:
        assert session.scalar(sa.select(person.c.visitor)) == "a"
    restored.dispose()
    assert (Path(f"{content}2") / "numbers" / "even.md").is_file()


def test_the_claims_of_the_authors_guide_name_real_shapes():
    named = set(re.findall(r"shape: ([a-z-]+)", (DOCS / "authors.md").read_text("utf-8")))
    assert named
    assert named <= {*SHAPES, *PAIR_SHAPES, *THRESHOLD_SHAPES}


def test_the_authors_guide_states_every_shape_in_the_words_of_the_code():
    guide = (DOCS / "authors.md").read_text("utf-8")
    for kind in (SHAPES, PAIR_SHAPES, THRESHOLD_SHAPES):
        for name, shape in kind.items():
            assert f"| `{name}` | {shape.definition} |" in guide


def test_the_files_that_contributing_names_for_a_change_are_there():
    text = (DOCS.parent / "CONTRIBUTING.md").read_text("utf-8")
    section = text.split("## Where to change what")[1].split("\n## ")[0]
    rows = [line.split("|")[1:4] for line in section.splitlines() if line.startswith("| a")]
    assert len(rows) >= 10
    for _what, change, _and in rows:
        named = re.findall(r"`([\w./]+(?:\.py|/))`", change)
        folder = DOCS.parent / Path(named[0]).parent
        if named[0].endswith("/"):
            folder = DOCS.parent / named[0]
        for name in named:
            assert (DOCS.parent / name).exists() or (folder / name).is_file(), name


def test_each_word_of_the_glossary_is_defined_once():
    text = (DOCS / "glossary.md").read_text("utf-8")
    words = [
        word.strip()
        for line in re.findall(r"^\| ([^|]+) \|", text, re.M)
        if line not in ("word", "---")
        for word in line.split(",")
    ]
    assert len(words) > 20
    assert len(words) == len(set(words))
