"""The table of formats: what it names exists, how a format is guessed, and that the docs agree."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from quizserver.cli import main
from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.registry import (
    EXPORT_FORMATS,
    FOREIGN_FORMATS,
    FORMATS,
    IMPORT_FORMATS,
    BankFormat,
    guess_format,
    recognise_foreign_format,
)

ROOT = Path(__file__).parents[3]
XML = b'<?xml version="1.0"?>\n<quiz></quiz>'
TASKS = b"## Which?\n\n- [x] a\n- [ ] b\n"
GIFT_TEXT = b"Which?{=a ~b}"


def by_name(bank_format: BankFormat) -> str:
    return bank_format.name


@pytest.mark.parametrize("bank_format", FORMATS, ids=by_name)
def test_every_format_has_a_reader_or_a_writer_that_exists(bank_format: BankFormat):
    assert bank_format.reader or bank_format.writer
    if bank_format.reader:
        assert callable(bank_format.load_reader())
        assert bank_format.no_questions_hint
    if bank_format.writer:
        assert callable(bank_format.load_writer())


def test_no_two_formats_share_a_name_or_a_suffix():
    names = [bank_format.name for bank_format in FORMATS]
    suffixes = [suffix for bank_format in FORMATS for suffix in bank_format.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize(
    ("name", "data", "format_name"),
    [
        ("bank.md", XML, "moodle"),
        ("bank.md", b"\xef\xbb\xbf\n <quiz/>", "moodle"),
        ("bank.xml", TASKS, "moodle"),
        ("bank.MD", GIFT_TEXT, "plain"),
        ("bank.markdown", GIFT_TEXT, "plain"),
        ("bank.gift", TASKS, "gift"),
        ("bank.txt", TASKS, "plain"),
        ("bank", TASKS, "plain"),
        ("bank.txt", GIFT_TEXT, "gift"),
        ("bank.txt", b"One?\nA. a\nB. b\nANSWER: B\n", "aiken"),
        ("bank.txt", b"Question\tOption A\tOption B\tAnswer\n", "csv"),
        ("bank.csv", b"Question;A;B;Answer\n", "csv"),
        ("bank", b"PK\x03\x04...[Content_Types].xml...xl/workbook.xml", "xlsx"),
        ("bank", b"", "gift"),
        ("bank.zip", b"PK\x03\x04", "qti"),
        ("bank.xml", b'<?xml version="1.0"?>\n<questestinterop xmlns="x"/>', "qti"),
        ("bank", b"PK\x03\x04...imsmanifest.xml", "qti"),
    ],
)
def test_certain_first_bytes_come_before_the_suffix_and_the_suffix_before_the_text(
    name: str, data: bytes, format_name: str
):
    assert guess_format(name, data).name == format_name


def zip_of(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x" * 100)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zip_of("content/content.json", "h5p.json"), "H5P"),
        (zip_of("media", "collection.anki21", "collection.anki2"), "Anki deck"),
        (zip_of("moodle_backup.xml"), "backup of a Moodle course"),
        (zip_of("[Content_Types].xml", "word/document.xml"), "Word document"),
        (b"#separator:tab\n#html:true\nq\ta\n", "Anki's notes"),
        (b"<problem><multiplechoiceresponse/></problem>", "Open edX"),
        (b'{"questions": []}', "JSON"),
        (b'[{"question": "x"}]', "JSON"),
        (b"1. What?\na) no\n*b) yes\n", "text2qti"),
        (b"MC\tWhat?\tyes\tcorrect\tno\tincorrect\n", "Blackboard"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"<!DOCTYPE html><p>x", "web page"),
        (b"{\\rtf1 x}", "RTF"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_format_that_is_not_read_is_named_whatever_its_suffix(data: bytes, words: str):
    for name in ("bank.txt", "bank.zip", "bank.xml", "bank"):
        (problem,) = import_bank(name, data).problems
        assert problem.code == "not-read"
        assert words in problem.message
        assert problem.hint


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests/topics/formats/banks").iterdir()), ids=lambda path: path.name
)
def test_no_bank_that_is_read_is_taken_for_a_format_that_is_not(path: Path):
    assert path.is_dir() or recognise_foreign_format(path.read_bytes()) is None
    assert FOREIGN_FORMATS


@pytest.mark.parametrize(
    ("command", "formats"), [("import", IMPORT_FORMATS), ("export", EXPORT_FORMATS)]
)
def test_the_commands_offer_the_formats_of_the_table_and_name_them_in_their_help(
    command: str, formats: dict[str, BankFormat]
):
    help_text = " ".join(CliRunner().invoke(main, [command, "--help"]).output.split())
    assert f"--format [{'|'.join(formats)}]" in help_text
    for bank_format in formats.values():
        assert bank_format.label in help_text


def test_help_is_shown_without_importing_a_reader_or_a_writer():
    modules = {
        f"quizserver.topics.formats.{reference.partition(':')[0]}"
        for bank_format in FORMATS
        for reference in (bank_format.reader, bank_format.writer)
        if reference
    }
    code = f"import sys, quizserver.topics.formats.commands; print({modules!r} & {{*sys.modules}})"
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "set()"


def test_the_authors_guide_lists_the_formats_of_the_table():
    guide = (ROOT / "docs" / "authors.md").read_text("utf-8")
    _, _, import_table = guide.partition("| format | what is read |\n|---|---|\n")
    rows = re.findall(r"^\| (.*?) \((`\..*?)\) \|", import_table.partition("\n\n")[0], re.MULTILINE)
    assert rows == [
        (bank_format.label, ", ".join(f"`{suffix}`" for suffix in bank_format.suffixes))
        for bank_format in IMPORT_FORMATS.values()
    ]
    (export_names,) = re.findall(r"^\*\*Out\.\*\* (.*?)\. ", guide, re.MULTILINE)
    assert re.findall(r"`(\w+)`", export_names) == list(EXPORT_FORMATS)
    (columns,) = re.findall(r"^\| \| (.*) \|$", guide, re.MULTILINE)
    assert columns.split(" | ") == [known.label for known in EXPORT_FORMATS.values()]


def test_the_readme_names_the_formats_of_the_table():
    readme = (ROOT / "README.md").read_text("utf-8")
    for command, formats in (("import", IMPORT_FORMATS), ("export", EXPORT_FORMATS)):
        (row,) = re.findall(rf"^\| `quizserver {command}` \| (.*) \|$", readme, re.MULTILINE)
        assert all(bank_format.label in row for bank_format in formats.values())


@pytest.mark.parametrize(
    "data", [b"question " * 8000, b"A) " + b"\n" * 65_000, b"A) a" + b" \n" * 30_000]
)
def test_a_format_is_guessed_fast_whatever_the_bytes(data: bytes):
    start = time.process_time()
    assert guess_format("bank", data).name == "gift"
    assert recognise_foreign_format(data) is None
    assert time.process_time() - start < 1
