"""Exceptions of authors' code in words, without the folders of the machine that it runs on."""

from __future__ import annotations

import os
import re
import site
import sysconfig
import traceback
from functools import lru_cache
from pathlib import Path

from quizserver.confined.system_calls import DENIED

_TEXT_MAX = 500
_TRACEBACK_MAX = 8_000
DENIED_TEXT = (
    "a simulation may not start processes, nor make, empty, rename or delete files: "
    "compute what it needs inside train"
)
_OWN_CALL = re.compile(
    r'\s*File "(quizserver/(confined|worker|lab/(catalog|describe_files))\b|<frozen runpy>)'
)
_MEMORY_PHRASES = ("allocate memory", "not enough memory", "bad_alloc")

# An absolute path of at least two parts; no part of an address on the web.
_ABSOLUTE_PATH = re.compile(r"(?<![\w/:.~])/(?:[\w.+@~-]+/)+([\w.+@-]*)")


def error_text(error: BaseException, folder: Path) -> str:
    """The exception in one line; paths are relative to ``folder`` or without any folder."""
    if isinstance(error, OSError) and error.errno == DENIED:
        return DENIED_TEXT
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    text = ". ".join([text, *getattr(error, "__notes__", ())])
    return storable_text(hide_folders(text, folder)[:_TEXT_MAX])


def traceback_text(error: BaseException, folder: Path) -> str:
    """The traceback with its causes; paths as in ``error_text``. Its end when it is very long."""
    text = "".join(traceback.format_exception(error))
    return storable_text(hide_folders(text, folder).strip()[-_TRACEBACK_MAX:])


def output_text(printed: str, folder: Path) -> str:
    """What a process printed, paths as above, without the calls that led to the author's code."""
    lines: list[str] = []
    is_below = False  # in a stack, the innermost call comes first: below is what called the code
    for line in hide_folders(printed, folder).strip().splitlines():
        is_call = line.startswith("  File ")
        is_below = is_call and (is_below or _OWN_CALL.match(line) is not None)
        if not is_below:
            lines.append(line)
    return storable_text("\n".join(lines))


def storable_text(text: str) -> str:
    """The text with a question mark for each lone surrogate, which no page nor file can hold, and
    for each NUL, which PostgreSQL can't."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def hide_folders(text: str, folder: Path) -> str:
    """The text in which a path below ``folder`` (the content folder) is relative to it, one of an
    installed package begins with the package, and any other is the file's name alone."""
    for prefix in (*_spellings(folder), *_known_folders()):
        text = text.replace(f"{prefix}{os.sep}", "")
    return _ABSOLUTE_PATH.sub(lambda match: match[1] or "a folder", text)


def is_memory_error(error: BaseException) -> bool:
    """Whether the error, or what caused it, is memory that could not be had."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    if any(phrase in text for phrase in _MEMORY_PHRASES):
        return True
    return error.__cause__ is not None and is_memory_error(error.__cause__)


def _spellings(folder: Path) -> list[str]:
    """The folder as it was named and as it is without links; the longer first."""
    return sorted({str(folder), os.path.realpath(folder)} - {os.sep}, key=len, reverse=True)


@lru_cache(maxsize=1)
def _known_folders() -> list[str]:
    """Folders of packages, of this program, of Python and of the user; the inner ones first."""
    checkout = Path(__file__).parents[2]
    paths = {*sysconfig.get_paths().values(), *site.getsitepackages(), str(checkout)}
    spellings = {spelling for path in paths for spelling in _spellings(Path(path))}
    home = str(Path.home())
    return sorted(spellings | ({home} - {os.sep}), key=len, reverse=True)
