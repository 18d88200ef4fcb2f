"""CSV that spreadsheets show unchanged and never run as formulas."""

from __future__ import annotations

import csv
import io

import pytest

from quizserver.classes.spreadsheet import BYTE_ORDER_MARK, csv_file, csv_text, escape_formula


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x", "=cmd|' /C calc'!A0"],
)
def test_what_would_be_a_formula_stands_behind_an_apostrophe(text: str):
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Ana", "a=b", "o'Neill", "ana@example.org", "Zoë", "'=1"])
def test_other_texts_stay_as_they_are(text: str):
    assert escape_formula(text) == text


def test_a_file_parses_as_rfc_4180_says():
    rows = [['says "hi", twice', "two\nlines", "=1", 1, None, -2.5], ["Zoë", "", "x", 0, 1.0, ""]]
    text = "".join(csv_file(list("abcdef"), [rows[:1], rows[1:], []]))
    assert text.startswith(BYTE_ORDER_MARK)
    assert text.count(BYTE_ORDER_MARK) == 1
    parsed_rows = list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))
    assert parsed_rows[0] == list("abcdef")
    assert parsed_rows[1] == ['says "hi", twice', "two\nlines", "'=1", "1", "", "-2.5"]
    assert parsed_rows[2] == ["Zoë", "", "x", "0", "1.0", ""]


def test_lines_end_as_rfc_4180_says():
    assert csv_text([["a", 1], ["b", 2]]) == "a,1\r\nb,2\r\n"
