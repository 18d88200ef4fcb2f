"""CSV for spreadsheets: RFC 4180, with texts escaped that would be run as formulas. Pure.

The file begins with a byte order mark, without which Excel does not read it as UTF-8.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

BYTE_ORDER_MARK = "\ufeff"
# Begin a formula in Excel, LibreOffice or Google Sheets; full-width characters do so too.
_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")


def escape_formula(text: str) -> str:
    """The text of a cell, with an apostrophe before it if it would be a formula."""
    return f"'{text}" if text[:1] in _FORMULA_STARTS else text


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as lines that end in CR LF; texts are escaped, None is empty, numbers stay."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(
        [escape_formula(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return buffer.getvalue()


def csv_file(head: Iterable[str], chunks: Iterable[Iterable[Iterable[object]]]) -> Iterator[str]:
    """A whole file, chunk by chunk, so that a long one is never whole in memory."""
    yield BYTE_ORDER_MARK + csv_text([head])
    for rows in chunks:
        yield csv_text(rows)
