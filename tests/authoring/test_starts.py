"""What ``quizserver new`` writes: right as it is, never over anything, all of it or nothing."""

from __future__ import annotations

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


def run(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env=environment)


def described(*arms: Arm) -> Description:
    knobs = (Knob("rate", "Rate", 0, 10, default=1),)
    return Description("S", "", knobs, arms, Axis("step"), {"loss": Axis("loss")}, 11, "mark")


class Known:
    """A catalog that says the same of every file."""

    def __init__(self, description: Description) -> None:
        self.description = description

    def describe(self, _path: Path) -> Description:
        return self.description

    def describe_many(self, paths):
        return dict.fromkeys(paths, self.description)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "content"


def everything(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def question(folder: Path, name: str) -> Question:
    return Library(folder).snapshot().questions[name]


def test_a_new_topic_passes_the_check_and_its_lesson_embeds_its_question(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(CATALOG)) == []
    (topic,) = Library(folder).snapshot().topics.values()
    assert [q.id for q in topic.questions] == ["ropes-first"]
    assert topic.lesson is not None
    assert topic.title == "Ropes"
    assert question(folder, "ropes-first").claims == ()


def test_comments_teach_the_author_and_never_reach_a_learner(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    snapshot = Library(folder).snapshot()
    (topic,) = snapshot.topics.values()
    assert topic.lesson is not None
    shown = repr(topic.lesson.blocks) + snapshot.questions["ropes-first"].stem_html
    assert "<!--" not in shown
    assert "for authors" not in shown
    assert all("<!--" in text for text in everything(folder).values())


def test_a_new_question_without_a_simulation_has_no_claims(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_question_scaffold(folder, "ropes", "knots", simulation=None, catalog=CATALOG)
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(CATALOG)) == []
    assert question(folder, "knots").simulation is None


def test_a_new_simulation_and_questions_about_it_pass_the_check(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_simulation_scaffold(folder, "ropes", "pull")
    (path,) = scaffold.write_question_scaffold(
        folder, "ropes", "why", simulation=None, catalog=CATALOG
    )
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(CATALOG)) == []
    for name in ("ropes-pull", "why"):
        made = question(folder, name)
        assert made.simulation == "pull"
        assert {c.option for c in made.claims} >= {option.id for option in made.options}
    assert "guess" in path.read_text()
    text = (folder / "ropes" / "pull.py").read_text()
    assert text.count("\n") < 60


@pytest.mark.slow
def test_verify_agrees_with_a_new_simulation_on_seeds_it_has_not_seen(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_simulation_scaffold(folder, "ropes", "simulation")
    for seeds in ("0:64", "7000:7064"):
        result = run("verify", "ropes", "--content", folder, "--seeds", seeds)
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
    known = Known(described(*arms))
    scaffold.write_question_scaffold(folder, "ropes", "why", simulation="pull", catalog=known)  # type: ignore[arg-type]
    assert check_content(folder, content=folder, claim_checker=create_claim_checker(known)) == []
    made = question(folder, "why")
    assert 2 <= len(made.options) <= scaffold.CANDIDATES_MAX
    assert {c.option for c in made.claims} == {option.id for option in made.options}


def test_of_several_simulations_the_one_called_simulation_or_the_one_asked_for(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    known = Known(described(Arm("a", "A"), Arm("b", "B")))
    for name in ("pull", "push"):
        (folder / "ropes" / f"{name}.py").write_text("# @simulation.train\n")
    (folder / "ropes" / "steps.py").write_text("def helper(): ...\n")
    with pytest.raises(ScaffoldError, match="--simulation: pull, push"):
        scaffold.write_question_scaffold(folder, "ropes", "why", simulation=None, catalog=known)  # type: ignore[arg-type]
    with pytest.raises(ScaffoldError, match="no simulation drop"):
        scaffold.write_question_scaffold(folder, "ropes", "why", simulation="drop", catalog=known)  # type: ignore[arg-type]
    (folder / "ropes" / "simulation.py").write_text("# @simulation.train\n")
    scaffold.write_question_scaffold(folder, "ropes", "why", simulation=None, catalog=known)  # type: ignore[arg-type]
    assert question(folder, "why").simulation == "simulation"


def test_nothing_is_written_over_and_nothing_half(folder: Path):
    scaffold.write_topic_scaffold(folder, "ropes")
    scaffold.write_simulation_scaffold(folder, "ropes", "pull")
    (folder / "ropes" / "ropes-push.md").symlink_to("nowhere")
    (folder / "other").mkdir()
    before = everything(folder)
    for again in (
        lambda: scaffold.write_topic_scaffold(folder, "ropes"),
        lambda: scaffold.write_topic_scaffold(folder, "other"),
        lambda: scaffold.write_simulation_scaffold(folder, "ropes", "pull"),
        lambda: scaffold.write_simulation_scaffold(
            folder, "ropes", "push"
        ),  # its question's place is taken
        lambda: scaffold.write_question_scaffold(
            folder, "ropes", "ropes-first", simulation=None, catalog=CATALOG
        ),
    ):
        with pytest.raises(ScaffoldError, match="there already"):
            again()
    assert everything(folder) == before
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
    before = everything(folder.parent)
    if name != "lesson":
        with pytest.raises(ScaffoldError, match="name"):
            scaffold.write_topic_scaffold(folder, name)
    with pytest.raises(ScaffoldError, match="name"):
        scaffold.write_question_scaffold(folder, "ropes", name, simulation=None, catalog=CATALOG)
    assert everything(folder.parent) == before


@pytest.mark.parametrize("name", ["my-sim", "1st", "über", "../up", ""])
def test_names_that_python_cannot_import_are_refused(folder: Path, name: str):
    scaffold.write_topic_scaffold(folder, "ropes")
    with pytest.raises(ScaffoldError, match="simulation's name"):
        scaffold.write_simulation_scaffold(folder, "ropes", name)


def test_the_command_says_what_it_wrote_and_what_comes_next(folder: Path):
    made = run("new", "topic", "ropes", "--content", folder)
    assert made.exit_code == 0
    assert f"wrote {folder / 'ropes' / 'lesson.md'}" in made.stdout
    assert f"quizserver preview {folder / 'ropes'}" in made.stdout
    again = run("new", "topic", "ropes", "--content", folder)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "there already" in again.stderr
    added = run("new", "question", "ropes/knots", "--content", folder)
    assert f"wrote {folder / 'ropes' / 'knots.md'}" in added.stdout
    assert "verify" not in added.stdout
    tested = run("new", "simulation", "ropes/pull", "--content", folder)
    assert f"quizserver verify ropes --watch --content {folder}" in tested.stdout
    assert run("new", "question", "knots", "--content", folder).exit_code == 2
    missing = run("new", "question", "rope/knots", "--content", folder)
    assert missing.exit_code == 1
    assert "quizserver new topic rope" in missing.stderr


def test_topics_that_came_along_are_not_added_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    shipped = tmp_path / "_shipped"
    (shipped / "content").mkdir(parents=True)
    monkeypatch.setattr("quizserver.authoring.commands.SHIPPED_ROOT", shipped)
    refused = run("new", "topic", "ropes", QUIZSERVER_CONTENT=str(shipped / "content"))
    assert refused.exit_code == 1
    assert "--content DIR" in refused.stderr
    assert list((shipped / "content").iterdir()) == []
