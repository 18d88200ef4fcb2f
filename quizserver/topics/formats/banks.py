"""Reads and writes a whole bank in any of the registered formats."""

from __future__ import annotations

from collections.abc import Sequence

from quizserver.topics.formats.export_question import collect_omissions, prepare_question
from quizserver.topics.formats.images import no_images
from quizserver.topics.formats.model import (
    MAX_BANK_BYTES,
    ExportedBank,
    ImageLoader,
    ImportedBank,
)
from quizserver.topics.formats.normalise import normalise_questions
from quizserver.topics.formats.registry import (
    EXPORT_FORMATS,
    IMPORT_FORMATS,
    guess_format,
    recognise_foreign_format,
)
from quizserver.topics.model import Diagnostic, Question


def import_bank(
    name: str, data: bytes, *, format_name: str | None = None, load_image: ImageLoader | None = None
) -> ImportedBank:
    """The questions of the bank ``name``, each as markdown without any problem.

    ``format_name`` is a key of ``IMPORT_FORMATS``; without it, name and content decide.
    ``load_image`` reads the images beside the bank. Never raises for any bytes: each question that
    cannot be imported is a problem with its line. Raises ValueError for an unknown format.
    """
    if format_name is not None and format_name not in IMPORT_FORMATS:
        raise ValueError(f"{format_name!r} is not read; known are {', '.join(IMPORT_FORMATS)}")
    if len(data) > MAX_BANK_BYTES:
        return ImportedBank((), (bank_too_large(name, len(data)),))
    foreign = None if format_name else recognise_foreign_format(data)
    if foreign is not None:
        message = f"This is {foreign.label}, which is not read."
        return ImportedBank((), (Diagnostic(1, 1, "not-read", message, foreign.hint, path=name),))
    bank_format = IMPORT_FORMATS[format_name] if format_name else guess_format(name, data)
    entries = bank_format.load_reader()(name, data)
    imported = normalise_questions(name, entries, load_image or no_images)
    if imported.questions or imported.problems:
        return imported
    message = "No question was found here."
    hint = bank_format.no_questions_hint
    return ImportedBank((), (Diagnostic(1, 1, "no-questions", message, hint, path=name),))


def export_bank(
    format_name: str, questions: Sequence[Question], *, load_image: ImageLoader | None = None
) -> ExportedBank:
    """The questions, in their order, as one file in the format ``format_name``.

    ``load_image`` reads images by their path in the content folder. Raises ValueError for a name
    that is no key of ``EXPORT_FORMATS``.
    """
    if format_name not in EXPORT_FORMATS:
        raise ValueError(f"{format_name!r} is not written; known are {', '.join(EXPORT_FORMATS)}")
    exported = [prepare_question(question, load_image or no_images) for question in questions]
    data = EXPORT_FORMATS[format_name].load_writer()(exported)
    return ExportedBank(data, collect_omissions(exported))


def bank_too_large(name: str, size: int) -> Diagnostic:
    """The problem of a bank that is too large to be held in memory."""
    hint = f"Split it into files of at most {MAX_BANK_BYTES:,}."
    return Diagnostic(1, 1, "too-large", f"This bank holds {size:,} bytes.", hint, path=name)
