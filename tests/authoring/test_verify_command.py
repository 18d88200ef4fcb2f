"""``quizserver verify`` tells of counts on a knife's edge, and lets no mark rest on one."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from quizserver.cli import main
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
