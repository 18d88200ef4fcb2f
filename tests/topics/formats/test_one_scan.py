"""An imported question is scanned once, from its bank to its file."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from quizserver.topics import markdown
from quizserver.topics.formats.banks import export_bank, import_bank
from quizserver.topics.formats.import_plan import plan_import
from quizserver.topics.formats.importer import write_import
from tests.topics.formats.meaning import build_question

PLAIN_BANK = """\
# Bank

## One?

See [the docs] and `x`.

- [x] a

  > Right, by [the docs].

- [ ] b

## Two?

- [x] a
- [ ] b

### Hint

Look.
"""


@pytest.fixture
def scanned_texts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each text was scanned, by whichever module."""
    counts: Counter[str] = Counter()
    scan_markdown = markdown.scan_markdown

    def counting_scan(text: str, *, front_matter: bool = True) -> markdown.MarkdownSource:
        counts[text] += 1
        return scan_markdown(text, front_matter=front_matter)

    for module in list(sys.modules.values()):
        if getattr(module, "scan_markdown", None) is scan_markdown:
            monkeypatch.setattr(module, "scan_markdown", counting_scan)
    return counts


def import_two_questions(name: str, data: bytes, content: Path) -> list[str]:
    """The texts of the files that an import of a bank of two questions writes."""
    bank = import_bank(name, data)
    plan = plan_import([(name, bank)], content, "topic")
    assert not plan.problems
    write_import(plan)
    texts = [(content / row.path).read_text() for row in plan.written]
    assert len(texts) == 2
    return texts


@pytest.mark.parametrize("name", ["bank.gift", "bank.xml"])
def test_each_imported_question_is_scanned_once(
    tmp_path: Path, scanned_texts: Counter[str], name: str
):
    sources = [
        f"# {word}?\n\n- [x] a\n  > Yes.\n- [ ] b\n\n## Explanation\n\nSo.\n"
        for word in ("One", "Two")
    ]
    format_name = {"bank.gift": "gift", "bank.xml": "moodle"}[name]
    questions = [build_question(source, f"t/q{number}.md") for number, source in enumerate(sources)]
    data = export_bank(format_name, questions).data
    scanned_texts.clear()
    texts = import_two_questions(name, data, tmp_path)
    assert scanned_texts == Counter(texts)


def test_a_plain_bank_is_scanned_once_for_its_definitions_and_once_for_each_question(
    tmp_path: Path, scanned_texts: Counter[str]
):
    definition = "[the docs]: https://example.org"
    data = f"{PLAIN_BANK}\n{definition}\n".encode()
    texts = import_two_questions("bank.md", data, tmp_path)
    assert scanned_texts == Counter([definition, *texts])


def test_a_second_import_scans_each_file_of_the_topic_and_each_question_once(
    tmp_path: Path, scanned_texts: Counter[str]
):
    data = PLAIN_BANK.replace("[the docs]", "it").encode()
    texts = import_two_questions("bank.md", data, tmp_path)
    scanned_texts.clear()
    bank = import_bank("bank.md", data)
    assert not plan_import([("bank.md", bank)], tmp_path, "topic").written
    assert scanned_texts == Counter([*texts, *texts])
