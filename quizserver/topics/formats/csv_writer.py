"""Writes questions as CSV: a row for each, with heads by which the importer finds the columns.

A cell is plain text where its words say everything, else HTML with formulas for MathJax.
"""

from __future__ import annotations

import csv
import html as entities
import io
import re
from collections.abc import Sequence
from string import ascii_uppercase

from quizserver.topics.formats.export_question import ExportedQuestion

_PREFORMATTED = re.compile(r"(<pre\b.*?</pre>)", re.DOTALL)
_BEGINS_LIKE_A_FORMULA = re.compile(r"[=+\-@\t\r]")


def write_csv(questions: Sequence[ExportedQuestion]) -> bytes:
    """A table in UTF-8 with a byte order mark, without which Excel reads another encoding."""
    most = max((len(exported.data.options) for exported in questions), default=2)
    labels = [_label(index) for index in range(most)]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    heads = ["Title", "Question", *(f"Option {label}" for label in labels)]
    writer.writerow([*heads, "Answer letter", "Explanation", "References", "Hint", "Tags"])
    for exported in questions:
        writer.writerow([_guard_cell(cell) for cell in _row_cells(exported, labels)])
    return buffer.getvalue().encode("utf-8-sig")


def _label(index: int) -> str:
    """The letter of an option, or its number behind the last letter."""
    return ascii_uppercase[index] if index < len(ascii_uppercase) else str(index + 1)


def _row_cells(exported: ExportedQuestion, labels: Sequence[str]) -> list[str]:
    data = exported.data
    if any(option.feedback for option in data.options):
        exported.add_omission("the feedback of its options")
    if not data.shuffle:
        exported.add_omission("the fixed order of its options")
    if len(data.hints) > 1:
        exported.add_omission("that it has several hints: they become one")
    options = [_cell(exported, option.text) for option in data.options]
    right = ", ".join(
        label for label, option in zip(labels, data.options, strict=False) if option.right
    )
    cells = [
        exported.question.title,
        _cell(exported, exported.prompt),
        *options,
        *[""] * (len(labels) - len(options)),
        right,
        _cell(exported, data.explanation),
        _cell(exported, data.references),
        "\n\n".join(_cell(exported, hint) for hint in data.hints),
        ", ".join(data.tags or (exported.question.topic,)),
    ]
    if exported.images:
        exported.add_omission("its images: the text names them, the file cannot hold them")
    return cells


def _cell(exported: ExportedQuestion, markdown: str) -> str:
    pieces = _PREFORMATTED.split(exported.render_inline(markdown, "").strip())
    # A newline in a cell is a line break, but for those in preformatted text.
    pieces[::2] = [re.sub(r"\s*\n\s*", " ", piece) for piece in pieces[::2]]
    html = "".join(pieces)
    text = entities.unescape(html)
    return html if "<" in text or "&" in text else text


def _guard_cell(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; the importer takes the apostrophe away."""
    return f"'{cell}" if _BEGINS_LIKE_A_FORMULA.match(cell) else cell
