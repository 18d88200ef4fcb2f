"""Banks of any bytes: there is a report and no exception, and it does not take long."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quizserver.topics.formats.banks import export_bank, import_bank
from quizserver.topics.formats.registry import IMPORT_FORMATS
from quizserver.topics.question import parse_question
from tests.topics.formats.meaning import build_question, problems_of

MANY_EXAMPLES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
SYNTAX_PIECES = r"""
#### Q1. What?§|- [x] a§|- [ ] b§|-[ ]c§|```py§|```§|> q§|§|::t::|{|}|=a|~b|~%50%|#|####|\|\n|//x§|
$CATEGORY: a/b§|[html]|<p>|</p>|<b>|&amp;|$x$|$$|![i](i.png)|[l][d]§|[d]: x§|---§|## Answer§|
### Hint§|<!--|-->|    |  |{#a}|{T}|->|1. |* [X] z§|<quiz>|</quiz>|<question type='multichoice'>|
</question>|<name><text>n</text></name>|<questiontext><text>q</text></questiontext>|
<answer fraction='100'><text>a</text></answer>|<answer fraction='x'>|</answer>|<![CDATA[|]]>|
<single>|%100%|<img src='@@PLUGINFILE@@/a.png'>"""
ODD_CHARACTERS = ("\x00", "\ufffd", "\u2028", "\uf8f0", "\r", "| a | b |\n")
PIECES = st.sampled_from(
    [*(piece.strip("\n").replace("§", "\n") for piece in SYNTAX_PIECES.split("|")), *ODD_CHARACTERS]
)


def assert_report(format_name: str, data: bytes) -> None:
    imported = import_bank("bank", data, format_name=format_name)
    assert imported.questions or imported.problems
    for problem in imported.problems:
        assert problem.line >= 1
        assert problem.message
    for imported_question in imported.questions:
        path = f"topic/{imported_question.slug}.md"
        assert not problems_of(parse_question(path, imported_question.source))


@MANY_EXAMPLES
@given(format_name=st.sampled_from(sorted(IMPORT_FORMATS)), data=st.binary(max_size=400))
def test_any_bytes_give_a_report(format_name: str, data: bytes):
    assert_report(format_name, data)


@MANY_EXAMPLES
@given(format_name=st.sampled_from(sorted(IMPORT_FORMATS)), pieces=st.lists(PIECES, max_size=40))
def test_any_mixture_of_what_the_formats_know_gives_a_report(format_name: str, pieces: list[str]):
    assert_report(format_name, "".join(pieces).encode())


WHOLE_BANK = export_bank(
    "moodle", [build_question("# What?\n\nSo *what*?\n\n- [x] a\n  > Yes.\n- [x] b\n- [ ] `c`\n")]
).data


@MANY_EXAMPLES
@given(
    start=st.integers(0, len(WHOLE_BANK) - 1),
    length=st.integers(0, 40),
    replacement=st.binary(max_size=10),
)
def test_a_damaged_file_gives_a_report(start: int, length: int, replacement: bytes):
    assert_report("moodle", WHOLE_BANK[:start] + replacement + WHOLE_BANK[start + length :])


@pytest.mark.parametrize(
    "data",
    [
        b"{" * 50_000,
        b"a{=b ~c\n\n" * 5_000,
        b"::" * 50_000,
        b"\\" * 100_000,
        b"#### Q1. a\n```\n" * 5_000,
        b"- [ ] a\n" * 3_000,
        b"<quiz>" + b"<question>" * 50_000,
        b"[" * 50_000,
        b"## a?\n" * 20_000,
        b"## a?\n\n" + b"```\n```\n" * 20_000 + b"- [x] a\n- [ ] b\n",
        b"## a?\n\n- [x] a\n- [ ] b\n" + b"<!-- x\n" * 25_000,
    ],
    ids=range(11),
)
def test_no_bank_takes_longer_than_20_seconds(data: bytes):
    for format_name in IMPORT_FORMATS:
        started_at = time.perf_counter()
        assert_report(format_name, data)
        assert time.perf_counter() - started_at < 20


@pytest.mark.parametrize("format_name", ["gift", "moodle"])
def test_a_question_takes_milliseconds_however_many_there_are(format_name: str):
    sources = [
        f"# What is {n}?\n\nText of **{n}** with `code`.\n\n- [x] {n}\n  > Yes.\n- [ ] {n + 1}\n"
        f"- [ ] none\n\n## Explanation\n\nSince $x = {n}$.\n"
        for n in range(150)
    ]
    questions = [build_question(source, f"t/q{n}.md") for n, source in enumerate(sources)]
    started_at = time.process_time()
    written = export_bank(format_name, questions)
    imported = import_bank("bank", written.data, format_name=format_name)
    took = time.process_time() - started_at
    assert len(imported.questions) == 150
    assert took < 150 * 0.016, "4 ms each where this was written"
