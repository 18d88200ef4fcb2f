"""Reads the cells of an Excel workbook (``.xlsx``) as texts."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from quizserver.topics.formats.safe_zip import SafeZip, UnsafeZipError

UNREADABLE_CELL = "\ue000"  # begins a cell whose text cannot be known; why not stands behind it
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REFERENCE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/")
_MOST_ROWS = 50_000
_MOST_COLUMNS = 200
_DATE_FORMATS = frozenset({*range(14, 23), *range(45, 48)})
_PERCENT_FORMATS = {9: 0, 10: 2}


class WorkbookError(Exception):
    """A workbook that cannot be read; the message says why."""


def read_sheets(data: bytes) -> list[list[tuple[int, list[str]]]]:
    """The rows of each sheet: their numbers and the texts of their cells.

    A number has as many digits as it needs. A date, whose text depends on the program that shows
    it, and an error begin with ``UNREADABLE_CELL``. Raises WorkbookError.
    """
    try:
        archive = SafeZip(data)
        workbook = _parse(archive, "xl/workbook.xml")
        relations = _parse(archive, "xl/_rels/workbook.xml.rels")
        if workbook is None or relations is None:
            raise WorkbookError("This workbook names no sheets")
        targets = {link.get("Id", ""): link.get("Target", "") for link in relations}
        strings = [_joined_text(item) for item in _parse(archive, "xl/sharedStrings.xml") or ()]
        formats = _number_formats(_parse(archive, "xl/styles.xml"))
        sheets: list[list[tuple[int, list[str]]]] = []
        for sheet in workbook.iter(f"{_MAIN}sheet"):
            target = targets.get(sheet.get(_REFERENCE, ""), "")
            path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
            root = _parse(archive, path)
            if root is not None:
                sheets.append(_read_rows(root, strings, formats))
    except UnsafeZipError as error:
        raise WorkbookError(str(error)) from None
    if not sheets:
        raise WorkbookError("This workbook has no sheet with cells")
    return sheets


def _parse(archive: SafeZip, name: str) -> Element | None:
    data = archive.read(name)
    if data is None:
        return None
    try:
        root: Element = fromstring(
            _STRICT.sub(b"http://schemas.openxmlformats.org/", data), forbid_dtd=True
        )
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise WorkbookError(f"{name} in this workbook is broken") from None
    return root


def _joined_text(item: Element) -> str:
    """The text of a string; that of phonetic hints is none of it."""
    runs = [item, *item.iterfind(f"{_MAIN}r")]
    return "".join(text.text or "" for run in runs for text in run.iterfind(f"{_MAIN}t"))


def _number_formats(styles: Element | None) -> list[int | str]:
    """The number format of each cell style: its number, or its code where the workbook has one."""
    if styles is None:
        return []
    codes = {
        item.get("numFmtId", ""): item.get("formatCode", "")
        for item in styles.iter(f"{_MAIN}numFmt")
    }
    styles_of_cells = styles.find(f"{_MAIN}cellXfs")
    numbers = [style.get("numFmtId", "0") for style in styles_of_cells or ()]
    return [
        codes.get(number, int(number) if re.fullmatch("[0-9]{1,9}", number) else 0)
        for number in numbers
    ]


def _read_rows(
    sheet: Element, strings: Sequence[str], formats: Sequence[int | str]
) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, list[str]]] = []
    for row in sheet.iter(f"{_MAIN}row"):
        number = _whole_number(row.get("r"), rows[-1][0] + 1 if rows else 1)
        cells: dict[int, str] = {}
        for cell in row.iterfind(f"{_MAIN}c"):
            index = _column_index(cell.get("r", ""), len(cells))
            if index < _MOST_COLUMNS:
                cells[index] = _cell_text(cell, strings, formats)
        rows.append((number, [cells.get(index, "") for index in range(max(cells, default=-1) + 1)]))
        if len(rows) > _MOST_ROWS:
            raise WorkbookError(f"A sheet of this workbook has more than {_MOST_ROWS:,} rows")
    return rows


def _whole_number(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,8}", text) else default


def _column_index(reference: str, default: int) -> int:
    letters = re.match(r"[A-Z]{1,3}", reference)
    if letters is None:
        return default
    index = 0
    for letter in letters[0]:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def _cell_text(cell: Element, strings: Sequence[str], formats: Sequence[int | str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inline = cell.find(f"{_MAIN}is")
        return _joined_text(inline) if inline is not None else ""
    value = cell.findtext(f"{_MAIN}v", "")
    if kind == "s":
        index = _whole_number(value, -1)
        return strings[index] if 0 <= index < len(strings) else ""
    if kind == "b":
        return "True" if value == "1" else "False"
    if kind == "e":
        return f"{UNREADABLE_CELL}Cell {cell.get('r', '')} holds an error, {value[:20]}."
    if kind != "n" or not value:
        return value
    style = _whole_number(cell.get("s"), 0)
    return _number_text(cell, value, formats[style] if style < len(formats) else 0)


def _number_text(cell: Element, value: str, number_format: int | str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return value
    if isinstance(number_format, str):
        shown = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", number_format).lower()
        is_date = bool(re.search("[ymdhs]", shown)) and "general" not in shown
        decimals = len(shown.partition(".")[2].partition("%")[0]) if "%" in shown else None
    else:
        is_date = number_format in _DATE_FORMATS
        decimals = _PERCENT_FORMATS.get(number_format)
    if is_date:
        reference = cell.get("r", "")
        return f"{UNREADABLE_CELL}Cell {reference} is a date or time, not the text it was typed as."
    if decimals is not None:
        return f"{number * 100:.{decimals}f}%"
    return str(int(number)) if number.is_integer() else f"{number:.15g}"
