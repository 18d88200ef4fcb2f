"""Question banks in and out: plain task lists, GIFT and Moodle XML in; GIFT, Moodle XML, QTI out.

Pure but for ``shelving``: bytes to checked markdown and back. What does the work is imported when
it is first needed, so that a command line that only shows its help stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence

from quizserver.topics.formats.model import (
    EXPORT_FORMATS,
    IMPORT_FORMATS,
    ExportedBank,
    ImageFile,
    ImageLoader,
    ImportedBank,
    ImportedQuestion,
    Omission,
)
from quizserver.topics.model import Question

__all__ = [
    "EXPORT_FORMATS",
    "IMPORT_FORMATS",
    "ExportedBank",
    "ImageFile",
    "ImportedBank",
    "ImportedQuestion",
    "Omission",
    "export_bank",
    "import_bank",
]


def import_bank(
    name: str, data: bytes, *, format_name: str | None = None, load_image: ImageLoader | None = None
) -> ImportedBank:
    """The questions of the bank ``name``, each as markdown that the checker accepts.

    ``kind`` is one of ``READ``; without it the name and the content decide. ``files`` gives the
    images beside the bank. Whatever the bytes are, the answer is a report: every question that
    can't be brought over is a problem with its line. Raises ValueError for an unknown kind only.
    """
    from quizserver.topics.formats.registry import read_bank

    return read_bank(name, data, format_name, load_image)


def export_bank(
    format_name: str, questions: Sequence[Question], *, load_image: ImageLoader | None = None
) -> ExportedBank:
    """The questions, in their order, as one file of ``kind`` (one of ``WRITTEN``).

    ``files`` gives the bytes of images by their path in the content folder. Raises ValueError for
    an unknown kind.
    """
    from quizserver.topics.formats.registry import write_bank

    return write_bank(format_name, questions, load_image)
