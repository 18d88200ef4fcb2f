"""Scaffolds: they pass the check, overwrite nothing, and are written completely or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quizserver.authoring import scaffold
from quizserver.authoring.scaffold import ScaffoldError
from quizserver.cli import main
from quizserver.evidence.claim_checks import create_claim_checker
from quizserver.evidence.record import recorded_description
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import Arm, Axis, Description, Knob
from quizserver.topics.content_checks import check_content
from quizserver.topics.library import Library
from quizserver.topics.model import Question

CATALOG = SimulationCatalog(recorded=recorded_description)


def run_command(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env=environment)


def description_of(*arms: Arm) -> Description:
    knobs = (Knob("rate", "Rate", 0, 10, default=1),)
    return Description("S", "", knobs, arms, Axis("step"), {"loss": Axis("loss")}, 11, "mark")


class FixedCatalog:
    """A catalog with one description for every file."""

    def __init__(self, description: Description) -> None:
        self.description = description

    def describe(self, _path: Path) -> Description:
        return self.description

    def describe_many(self, paths):
        return dict.fromkeys(paths, self.description)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "content"


def file_texts(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def load_question(folder: Path, name: str) -> Question:
    return Library(folder).snapshot().questions[name]


def test_a_new_topic_passes_the_check_and_its_lesson_embeds_its_question(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(CATALOG)) == []
    (topic,) = Library(folder).snapshot().topics.values()
    assert [q.id for q in topic.questions] == ["ropes-first"]
    assert topic.lesson is not None
    assert topic.title == "Ropes"
    assert load_question(folder, "ropes-first").claims == ()


def test_comments_teach_the_author_and_never_reach_a_learner(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    snapshot = Library(folder).snapshot()
    (topic,) = snapshot.topics.values()
    assert topic.lesson is not None
    visible = repr(topic.lesson.blocks) + snapshot.questions["ropes-first"].stem_html
    assert "<!--" not in visible
    assert "for authors" not in visible
    assert all("<!--" in text for text in file_texts(folder).values())


def test_a_new_question_without_a_simulation_has_no_claims(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_question_scaffold(folder, "ropes", "knots", simulation=None, catalog=CATALOG)
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(CATALOG)) == []
    assert load_question(folder, "knots").simulation is None


def test_a_new_simulation_and_questions_about_it_pass_the_check(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_simulation_scaffold(folder, "ropes", "pull")
    (path,) = scaffold.write_question_scaffold(
        folder, "ropes", "why", simulation=None, catalog=CATALOG
    )
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(CATALOG)) == []
    for name in ("ropes-pull", "why"):
        loaded = load_question(folder, name)
        assert loaded.simulation == "pull"
        assert {c.option for c in loaded.claims} >= {option.id for option in loaded.options}
    assert "guess" in path.read_text()
    text = (folder / "ropes" / "pull.py").read_text()
    assert text.count("\n") < 60


@pytest.mark.slow
def test_verify_agrees_with_a_new_simulation_on_seeds_it_has_not_seen(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_simulation_scaffold(folder, "ropes", "simulation")
    for seeds in ("0:64", "7000:7064"):
        result = run_command("verify", "ropes", "--content", folder, "--seeds", seeds)
        assert result.exit_code == 0, result.output
        assert result.stdout.count("supported") == 3
        assert "but the key says" not in result.stdout


@pytest.mark.parametrize(
    "arms",
    [
        (Arm("only", "The only one"),),
        (Arm("a", "Same *label*"), Arm("b", "Same *label*"), Arm("c", "Same *label*")),
        (Arm("odd-", "No id of an option"), Arm("b", "B")),
        (Arm("healthy", "Healthy"), Arm("sick", "[x] # <b>Sick</b>"), Arm("m", "M", base="sick")),
        tuple(Arm(f"arm-{n}", f"Arm {n}") for n in range(9)),
    ],
    ids=["one", "same-labels", "no-id", "markup", "many"],
)
def test_a_question_about_any_simulation_passes_the_check(folder: Path, arms: tuple[Arm, ...]):
    scaffold.write_topic_scaffold(folder, "ropes")
    (folder / "ropes" / "pull.py").write_text("# @simulation.train\n")
    catalog = FixedCatalog(description_of(*arms))
    scaffold.write_question_scaffold(folder, "ropes", "why", simulation="pull", catalog=catalog)  # type: ignore[arg-type]
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(catalog)) == []
    loaded = load_question(folder, "why")
    assert 2 <= len(loaded.options) <= scaffold.CANDIDATES_MAX
    assert {c.option for c in loaded.claims} == {option.id for option in loaded.options}


def test_of_several_simulations_the_one_called_simulation_or_the_one_named(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    catalog = FixedCatalog(description_of(Arm("a", "A"), Arm("b", "B")))
    for name in ("pull", "push"):
        (folder / "ropes" / f"{name}.py").write_text("# @simulation.train\n")
    (folder / "ropes" / "steps.py").write_text("def helper(): ...\n")
    with pytest.raises(ScaffoldError, match="--simulation: pull, push"):
        scaffold.write_question_scaffold(folder, "ropes", "why", simulation=None, catalog=catalog)  # type: ignore[arg-type]
    with pytest.raises(ScaffoldError, match="no simulation drop"):
        scaffold.write_question_scaffold(folder, "ropes", "why", simulation="drop", catalog=catalog)  # type: ignore[arg-type]
    (folder / "ropes" / "simulation.py").write_text("# @simulation.train\n")
    scaffold.write_question_scaffold(folder, "ropes", "why", simulation=None, catalog=catalog)  # type: ignore[arg-type]
    assert load_question(folder, "why").simulation == "simulation"


def test_nothing_is_written_over_and_nothing_half(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_simulation_scaffold(folder, "ropes", "pull")
    (folder / "ropes" / "ropes-push.md").symlink_to("nowhere")
    (folder / "other").mkdir()
    before = file_texts(folder)
    for write_again in (
        lambda: scaffold.write_topic_scaffold(folder, "ropes"),
        lambda: scaffold.write_topic_scaffold(folder, "other"),
        lambda: scaffold.write_simulation_scaffold(folder, "ropes", "pull"),
        lambda: scaffold.write_simulation_scaffold(
            folder, "ropes", "push"
        ),  # its question's file exists
        lambda: scaffold.write_question_scaffold(
            folder, "ropes", "ropes-first", simulation=None, catalog=CATALOG
        ),
    ):
        with pytest.raises(ScaffoldError, match="there already"):
            write_again()
    assert file_texts(folder) == before
    assert [p.name for p in (folder / "ropes").iterdir() if p.name.startswith(".")] == []


def test_an_id_that_another_file_has_is_refused(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    (folder / "ropes" / "other.md").write_text("---\nid: knots\n---\n# A\n\n- [x] B\n- [ ] C\n")
    with pytest.raises(ScaffoldError, match=r"other\.md has the id knots"):
        scaffold.write_question_scaffold(folder, "ropes", "knots", simulation=None, catalog=CATALOG)
    assert not (folder / "ropes" / "knots.md").exists()


def test_a_broken_simulation_is_named_with_its_line(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    (folder / "ropes" / "pull.py").write_text("\n\nimport nowhere  # @simulation.train\n")
    with pytest.raises(ScaffoldError, match=r"pull\.py:3: .*nowhere"):
        scaffold.write_question_scaffold(folder, "ropes", "why", simulation=None, catalog=CATALOG)


@pytest.mark.parametrize("name", ["../up", "Up", "a b", "", ".hid", "a" * 90, "a/b", "lesson"])
def test_names_that_make_no_address_are_refused(folder: Path, name: str):
    scaffold.write_topic_scaffold(folder, "ropes")
    before = file_texts(folder.parent)
    if name != "lesson":
        with pytest.raises(ScaffoldError, match="name"):
            scaffold.write_topic_scaffold(folder, name)
    with pytest.raises(ScaffoldError, match="name"):
        scaffold.write_question_scaffold(folder, "ropes", name, simulation=None, catalog=CATALOG)
    assert file_texts(folder.parent) == before


@pytest.mark.parametrize("name", ["my-sim", "1st", "über", "../up", ""])
def test_names_that_python_cannot_import_are_refused(folder: Path, name: str):
    scaffold.write_topic_scaffold(folder, "ropes")
    with pytest.raises(ScaffoldError, match="simulation's name"):
        scaffold.write_simulation_scaffold(folder, "ropes", name)


def test_the_command_says_what_it_wrote_and_what_comes_next(folder: Path):
    topic = run_command("new", "topic", "ropes", "--content", folder)
    assert topic.exit_code == 0
    assert f"wrote {folder / 'ropes' / 'lesson.md'}" in topic.stdout
    assert f"quizserver preview {folder / 'ropes'}" in topic.stdout
    repeated = run_command("new", "topic", "ropes", "--content", folder)
    assert (repeated.exit_code, repeated.stdout) == (1, "")
    assert "there already" in repeated.stderr
    question = run_command("new", "question", "ropes/knots", "--content", folder)
    assert f"wrote {folder / 'ropes' / 'knots.md'}" in question.stdout
    assert "verify" not in question.stdout
    simulation = run_command("new", "simulation", "ropes/pull", "--content", folder)
    assert f"quizserver verify ropes --watch --content {folder}" in simulation.stdout
    assert run_command("new", "question", "knots", "--content", folder).exit_code == 2
    missing = run_command("new", "question", "rope/knots", "--content", folder)
    assert missing.exit_code == 1
    assert "quizserver new topic rope" in missing.stderr


def test_writing_a_scaffold_needs_no_database_library():
    code = (
        "import sys, quizserver.authoring.scaffold\n"
        "assert not {'sqlalchemy', 'flask', 'torch'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_shipped_topics_are_not_added_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    shipped = tmp_path / "_shipped"
    (shipped / "content").mkdir(parents=True)
    monkeypatch.setattr("quizserver.authoring.commands.SHIPPED_ROOT", shipped)
    refused = run_command("new", "topic", "ropes", QUIZSERVER_CONTENT=str(shipped / "content"))
    assert refused.exit_code == 1
    assert "--content DIR" in refused.stderr
    assert list((shipped / "content").iterdir()) == []
