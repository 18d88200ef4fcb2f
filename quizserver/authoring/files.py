"""The files of the content folder, read and replaced as wholes; whoever else writes to them.

Several web processes and the authors' own editors work on one folder. Writers here take turns (a
lock on the folder itself, which leaves nothing behind), and a file is replaced only while it still
holds what its author has seen.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from quizserver.authoring import disk
from quizserver.authoring.line_ends import as_before, plain
from quizserver.topics.text import LARGEST

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST = 80
NAME_RULE = "lower-case letters a-z and digits, in groups joined by a single -"
_MODE = 0o644


class PlaceError(ValueError):
    """A path that is not written to from a browser; the message says why."""


class ContentError(Exception):
    """A file that can't be read or written; the message says why and what to do."""


class ChangedError(Exception):
    """The file holds something else than the writer has seen: ``text`` (None: it is gone)."""

    def __init__(self, text: str | None) -> None:
        super().__init__("the file was changed meanwhile")
        self.text = text


@dataclass(frozen=True, slots=True)
class Place:
    """One page of a topic. ``path`` is as the library has it: relative, with a forward slash."""

    topic: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.topic}/{self.name}"


def place(topic: str, name: str) -> Place:
    """The page ``name`` in the folder ``topic``. Raises PlaceError for anything but plain names.

    With letters, digits and single hyphens alone there is no way out of the folder, no hidden
    file, and no other kind of file than markdown.
    """
    stem, dot, suffix = name.rpartition(".")
    if not is_name(topic):
        raise PlaceError(f"\"{topic[:100]}\" can't be a topic's folder here: use {NAME_RULE}.")
    if not dot or suffix != "md" or not is_name(stem):
        raise PlaceError(
            f'"{name[:100]}" can\'t be written here: use {NAME_RULE}, and .md at the end.'
        )
    return Place(topic, name)


def is_name(text: str) -> bool:
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def digest(text: str) -> str:
    """64 hex digits that tell one text of a file from another."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of(text: str | None) -> str | None:
    return None if text is None else digest(text)


def normal(text: str) -> str:
    """What was typed, as it is kept: LF, one newline at the end, nothing a text can't hold."""
    text = text.replace("\0", "\ufffd")
    return plain(text.encode("utf-8", "replace").decode())  # half a character: a broken client


class Files:
    """The pages of a content folder."""

    def __init__(self, content: Path) -> None:
        self._content = content.absolute()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While it lasts, nobody else who asks for a turn, in any process, writes to the folder."""
        try:
            handle = os.open(self._content, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise ContentError(f"The content folder can't be read: {error.strerror}.") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # gives the lock back, too

    def locate(self, where: Place) -> Path:
        """Where the page lies. Raises PlaceError when a link leads there: it may lead out."""
        folder = self._content / where.topic
        path = folder / where.name
        for each in (folder, path):
            if each.is_symlink():
                raise PlaceError(f"{each.name} is a link; it is written where it leads, not here.")
        if folder.exists() and not folder.is_dir():
            raise PlaceError(f"{where.topic} is no folder.")
        if path.exists() and not path.is_file():
            raise PlaceError(f"{where.path} is no file.")
        return path

    def read(self, where: Place) -> str | None:
        """The text of a page, its lines ended by LF; None when there is no such file.

        Raises PlaceError, and ContentError when it can't be read as text without loss.
        """
        return _text(self.locate(where), where.path)

    def write(self, where: Place, text: str, *, seen: str | None) -> None:
        """Replaces the page by ``text`` if it still holds what has the digest ``seen``.

        ``seen`` None: if it is not there. The new text is on the disk when this returns, with the
        rights, the line ends and the byte-order mark that the old one had. Raises ChangedError,
        PlaceError, ContentError. The caller has the turn.
        """
        path = self.locate(where)
        self._compare(where, seen)
        try:
            path.parent.mkdir(mode=0o755, exist_ok=True)
            _check_rights(path)
            data = text.encode() if seen is None else as_before(text, path.read_bytes())
            new = disk.temporary(path, data, _mode(path))
        except OSError as error:
            raise ContentError(_unwritable(where.path, error)) from error
        try:
            if seen is None:
                _take_place(new, path, where.path)
            else:
                _swap(new, path, where.path, seen)
            disk.sync(path.parent)
        except OSError as error:
            raise ContentError(_unwritable(where.path, error)) from error
        finally:
            new.unlink(missing_ok=True)

    def delete(self, where: Place, *, seen: str) -> None:
        """Takes the page away if it still holds what has the digest ``seen``; errors as write."""
        path = self.locate(where)
        self._compare(where, seen)
        try:
            _check_rights(path)
            gone = disk.temporary(path, b"", _MODE)
            path.replace(gone)
            try:
                if digest_of(_text(gone, where.path)) != seen:
                    raise ChangedError(_text(gone, where.path))
            except (ChangedError, ContentError):
                gone.replace(path)
                raise
            gone.unlink()
            disk.sync(path.parent)
            with suppress(OSError):  # there is more in it
                path.parent.rmdir()
        except OSError as error:
            raise ContentError(_unwritable(where.path, error)) from error

    def _compare(self, where: Place, seen: str | None) -> None:
        current = self.read(where)
        if digest_of(current) != seen:
            raise ChangedError(current)


def _text(path: Path, name: str) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ContentError(f"{name} can't be read: {error.strerror or error}.") from error
    if len(data) > LARGEST:
        raise ContentError(f"{name} is larger than a page may be ({LARGEST:,} bytes).")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContentError(
            f"{name} is not UTF-8 text (byte {error.start + 1:,}). Save it as UTF-8 on the disk; "
            "then it can be edited here."
        ) from None
    if "\0" in text:
        raise ContentError(f"{name} holds a NUL character. Take it out on the disk.")
    return plain(text)


def _check_rights(path: Path) -> None:
    """The folder's rights decide what can be renamed; a file that is read-only is meant to stay."""
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return _MODE


def _take_place(new: Path, path: Path, name: str) -> None:
    """Gives ``new`` the name ``path`` unless something has it by now."""
    try:
        path.hardlink_to(new)
    except FileExistsError:
        raise ChangedError(_text(path, name)) from None


def _swap(new: Path, path: Path, name: str, seen: str) -> None:
    """Puts ``new`` in the place of ``path``, and back if that held something unseen.

    An editor on this machine does not wait its turn. It may save between the comparison and the
    replacement; so what was replaced is looked at afterwards, and never thrown away unseen.
    """
    if not disk.exchange(new, path):
        new.replace(path)
        return
    try:
        replaced = _text(new, name)
        if digest_of(replaced) != seen:
            raise ChangedError(replaced)
    except (ChangedError, ContentError):
        disk.exchange(new, path)
        raise


def _unwritable(name: str, error: OSError) -> str:
    return (
        f"{name} can't be written: {error.strerror or error}. Your draft is kept; check that the "
        "server may write to the content folder and that the disk has room."
    )
