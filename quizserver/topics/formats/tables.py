"""Reads tables of questions: CSV with any usual delimiter, and Excel's sheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from quizserver.topics.formats.model import QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.option_texts import PlainQuestion, build_plain_question
from quizserver.topics.formats.table_columns import Columns, find_columns
from quizserver.topics.formats.table_keys import KeyColumn
from quizserver.topics.formats.xlsx import UNREADABLE_CELL, WorkbookError, read_sheets
from quizserver.topics.model import Diagnostic

# A row's number (that of its first line, in CSV) and its cells.
Row = tuple[int, list[str]]

_ROWS_BEFORE_HEADS = 30
_MOST_ROWS = 50_000
_LONGEST_CELL = 100_000
_LETTER_RUN = re.compile(r"[^\W\d_\x00-\x7f]{3}")
_LIST_SEPARATORS = ("\n", "|", ";")
_NO_HEADS_HINT = (
    "Name the columns in one of the first rows: Question, Option A, Option B, …, Answer."
)


def read_csv(name: str, data: bytes) -> Iterator[QuestionData | Diagnostic]:
    """Yields each question of a CSV file, or why it cannot be imported."""
    text = _decode_table(data)
    if text is None:
        message = "This table is neither UTF-8 nor UTF-16 text."
        yield Diagnostic(1, 1, "not-utf-8", message, "Save it as CSV UTF-8.", path=name)
        return
    tables = [list(_split_rows(text, delimiter)) for delimiter in ",;\t|"]
    rows = next((rows for rows in tables if _find_heads(rows)), tables[0])
    yield from _read_table(name, rows)


def read_xlsx(name: str, data: bytes) -> Iterator[QuestionData | Diagnostic]:
    """Yields each question of the sheets of a workbook whose heads are those of questions."""
    try:
        sheets = read_sheets(data)
    except WorkbookError as error:
        hint = "Save the sheet as CSV UTF-8, and import that."
        yield Diagnostic(1, 1, "bad-workbook", f"{error}.", hint, path=name)
        return
    usable = [rows for rows in sheets if _find_heads(rows)]
    for rows in usable or sheets[:1]:
        yield from _read_table(name, rows)


def _decode_table(data: bytes) -> str | None:
    """The text of a table in UTF-8, UTF-16 or, where its words are Western, Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    # Letters in a row beyond ASCII are those of another code page, read wrongly.
    return None if "\ufffd" in text or _LETTER_RUN.search(text) else text


def _split_rows(text: str, delimiter: str) -> Iterator[Row]:
    if text[:4].lower() == "sep=":
        text = text[text.find("\n") :]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for row in reader:
            yield start, row
            start = reader.line_num + 1
            if start > _MOST_ROWS:
                break
    except csv.Error:
        reason = "From this row on the table cannot be read: its quotation marks do not pair."
        yield start, [f"{UNREADABLE_CELL}{reason}"]


def _find_heads(rows: Sequence[Row]) -> tuple[int, Columns] | None:
    for index, (_, cells) in enumerate(rows[:_ROWS_BEFORE_HEADS]):
        columns = find_columns(cells)
        if columns.suffice:
            return index, columns
    return None


def _read_table(name: str, rows: Sequence[Row]) -> Iterator[QuestionData | Diagnostic]:
    found = _find_heads(rows)
    if found is None:
        message = "No row of this table names a column for questions, options and the key."
        yield Diagnostic(1, 1, "no-heads", message, _NO_HEADS_HINT, path=name)
        return
    index, columns = found
    body = [(line, cells) for line, cells in rows[index + 1 :] if any(map(str.strip, cells))]
    keys = KeyColumn(
        [(_cell(cells, columns.key), _option_texts(cells, columns)) for _, cells in body],
        columns.key_head,
    )
    for line, cells in body:
        try:
            yield _read_row(line, cells, columns, keys)
        except UnsupportedQuestionError as error:
            yield error.to_diagnostic(name, line)
    if rows[-1][0] >= _MOST_ROWS:
        message = f"Lines from {_MOST_ROWS:,} on are not read."
        yield Diagnostic(rows[-1][0], 1, "too-large", message, "Split the table.", path=name)


def _cell(cells: Sequence[str], index: int) -> str:
    text = cells[index].strip() if 0 <= index < len(cells) else ""
    # An apostrophe keeps spreadsheets from computing what begins like a formula.
    return text[1:] if re.match(r"'[=+\-@]", text) else text


def _option_texts(cells: Sequence[str], columns: Columns) -> list[str]:
    if columns.option_list >= 0:
        text = _cell(cells, columns.option_list)
        separator = next((sign for sign in _LIST_SEPARATORS if sign in text), ",")
        return [part.strip() for part in text.split(separator) if part.strip()]
    texts = [_cell(cells, index) for index in columns.options]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _read_row(line: int, cells: list[str], columns: Columns, keys: KeyColumn) -> QuestionData:
    for cell in cells:
        if cell.startswith(UNREADABLE_CELL):
            hint = "Write a quotation mark inside of a cell twice; format cells of a sheet as text."
            raise UnsupportedQuestionError("bad-cell", cell.removeprefix(UNREADABLE_CELL), hint)
        if len(cell) > _LONGEST_CELL:
            raise UnsupportedQuestionError("too-large", "A cell of this row is too long.")
    text, key = _cell(cells, columns.question), _cell(cells, columns.key)
    options = _option_texts(cells, columns)
    if not text:
        message = "This row has no question."
        raise UnsupportedQuestionError("no-question", message, "Write it, or delete the row.")
    if columns.wrong_options and not columns.options:
        options = [key, *(_cell(cells, index) for index in columns.wrong_options)]
        options = [option for option in options if option]
        right = frozenset({0})
    elif not options and key.lower() in ("true", "false"):
        options, right = ["True", "False"], frozenset({0 if key.lower() == "true" else 1})
    else:
        right = frozenset()
    if not key:
        message = "This row has no key."
        raise UnsupportedQuestionError("no-key", message, "Write which option is right.")
    if len(options) < 2:
        message = "This row has fewer than two options; questions here have options."
        raise UnsupportedQuestionError("short-answer", message, "Offer answers to choose from.")
    if "" in options:
        message = "An option of this row is empty, and one behind it is not."
        raise UnsupportedQuestionError("empty-option", message, "Write it, or move the others.")
    return build_plain_question(
        PlainQuestion(
            text,
            tuple(options),
            right or keys.right_options(key, options),
            line,
            title=_cell(cells, columns.title),
            explanation=_cell(cells, columns.explanation),
            references=_cell(cells, columns.references),
            hint=_cell(cells, columns.hint),
            tags=tuple(_split_tags(cells, columns)),
            notes=tuple(
                f'its column "{head}"' for i, head in columns.other.items() if _cell(cells, i)
            ),
        )
    )


def _split_tags(cells: Sequence[str], columns: Columns) -> Iterator[str]:
    seen: dict[str, None] = {}
    for index in columns.tags:
        parts = re.split(r"[,;|]", _cell(cells, index))
        seen |= dict.fromkeys(" ".join(part.split()) for part in parts if part.strip())
    yield from seen
