"""``quizserver verify`` tells of counts on a knife's edge, and lets no mark rest on one."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from quizserver.authoring.verify_command import _narrow_topic
from quizserver.cli import main
from quizserver.evidence.verify import verify_topic
from quizserver.topics.library import Library
from tests.evidence.examples import LOGISTIC


def verify_content(content: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["verify", "--content", str(content), *options])


def edge_topic(folder: Path, option: str) -> Path:
    """A content folder with a question whose claim, by ``option``, is of a chaotic simulation."""
    topic = folder / "content" / "maps"
    topic.mkdir(parents=True)
    (topic / "simulation.py").write_text(LOGISTIC)
    (topic / "q.md").write_text(
        f"""---
claims:
  - {{{option}arm: chaotic, shape: ends-above, value: 0.5, at-least: 0.9, expect: refuted}}
  - {{option: lower, arm: calm, shape: diverges}}
  - {{option: calm, arm: calm, shape: ends-above, value: 0.5}}
  - {{option: high, arm: calm, shape: ends-above, value: 0.9}}
---
# Where does it end?

- [x] Growth 2.5, above a half {{#calm}}
- [ ] Growth 2.5, nowhere {{#lower}}
- [ ] High {{#high}}
"""
    )
    return topic.parent


def test_verify_fails_when_a_mark_rests_on_a_knifes_edge(tmp_path: Path):
    content = edge_topic(tmp_path, "option: high, ")
    result = verify_content(content)
    assert result.exit_code == 1
    assert "but the key says" not in result.stdout
    assert 'maps/q.md:3:1: This claim of the option "high" stands on a knife\'s edge: ' in (
        result.stdout
    )


def test_verify_only_warns_of_an_edge_on_which_no_mark_rests_and_of_evidence_without_edges(
    tmp_path: Path,
):
    content = edge_topic(tmp_path, "")
    result = verify_content(content, "--update")
    assert result.exit_code == 0
    assert "maps/q.md:3:1: warning: This claim stands on a knife's edge: " in result.stdout
    path = content / "maps" / "evidence.json"
    recorded = json.loads(path.read_text())
    for finding in recorded["findings"]:
        assert finding.pop("nudged")["k"] <= 64
    assert "`quizserver verify maps --update`" not in verify_content(content).stderr
    path.write_text(json.dumps(recorded))
    result = verify_content(content)
    assert result.exit_code == 0
    assert "does not tell which counts stand on a knife's edge" in result.stderr
    assert "`quizserver verify maps --update` records it" in result.stderr


def two_questions(folder: Path) -> Path:
    """``edge_topic`` with a second question, of a second simulation's arm ``calm`` alone."""
    content = edge_topic(folder, "")
    (content / "maps" / "second.py").write_text(LOGISTIC)
    (content / "maps" / "r.md").write_text(
        """---
simulation: second
claims:
  - {option: calm, arm: calm, shape: ends-above, value: 0.5}
  - {option: lower, arm: calm, shape: ends-above, value: 0.9}
---
# Where does the second one end?

- [x] Above a half {#calm}
- [ ] Above nine tenths {#lower}
"""
    )
    return content


def test_verifying_one_question_gives_its_verdicts_of_the_whole_topic(tmp_path: Path) -> None:
    content = two_questions(tmp_path)
    (whole,) = json.loads(verify_content(content, "--json").stdout)["topics"]
    seen = []
    for question, options in (("q", ()), ("r", ("maps",))):
        result = verify_content(content, *options, "--question", question, "--json")
        assert result.exit_code == 0, result.output
        (topic,) = json.loads(result.stdout)["topics"]
        assert topic["claims"]
        assert {claim["question"] for claim in topic["claims"]} == {question}
        assert "maps" not in topic
        seen += topic["claims"]
    assert seen == whole["claims"]
    assert not (content / "maps" / "evidence.json").exists()


def test_verifying_one_question_trains_its_simulation_and_the_arms_of_its_claims(
    tmp_path: Path,
) -> None:
    content = two_questions(tmp_path)
    topic = _narrow_topic(list(Library(content).snapshot().topics.values()), "r")
    totals: dict[bool, int] = {}
    for all_arms in (True, False):

        def note_total(_done: int, total: int, all_arms: bool = all_arms) -> None:
            totals[all_arms] = total

        evidence = verify_topic(topic, range(4), maps=False, all_arms=all_arms, progress=note_total)
        arms = {"calm", "chaotic"} if all_arms else {"calm"}
        assert list(evidence.experiments) == ["second"]
        assert set(evidence.experiments["second"].ensembles) == arms
    assert totals[False] * 3 == totals[True] * 2, "calm as it is and nudged, and chaotic"


def test_a_question_that_is_not_there_and_options_that_need_a_topic_are_refused(
    tmp_path: Path,
) -> None:
    content = two_questions(tmp_path)
    result = verify_content(content, "--question", "rr")
    assert result.exit_code == 2
    assert "There is no question 'rr' here. Did you mean \"r\"?" in result.stderr
    for option in ("--update", "--watch", "--maps"):
        result = verify_content(content, "--question", "r", option)
        assert result.exit_code == 2
        assert "leave out --update, --watch and --maps" in result.stderr
