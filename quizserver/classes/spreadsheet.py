"""CSV for spreadsheets: RFC 4180, and no cell that a spreadsheet would run as a formula. Pure.

The file begins with a byte order mark: without it Excel reads UTF-8 as something else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

MARK = "\ufeff"
# What makes a formula of a cell in Excel, LibreOffice or Google Sheets, full-width signs included.
_DANGEROUS = frozenset("=+-@\t\r\n＝＋－＠")


def safe(text: str) -> str:
    """The text of a cell, with an apostrophe before what would begin a formula."""
    return f"'{text}" if text[:1] in _DANGEROUS else text


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as lines that end in CR LF; texts made safe, None empty, numbers as they are."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(
        [safe(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue()


def csv_file(head: Iterable[str], chunks: Iterable[Iterable[Iterable[object]]]) -> Iterator[str]:
    """A whole file, chunk by chunk, so that a long one never stands in memory."""
    yield MARK + csv_text([head])
    for rows in chunks:
        yield csv_text(rows)
