"""The pages of the content folder as files: reads, replaces and deletes each as a whole.

Several web processes and the authors' own editors write to the same folder. Writers in this module
hold a lock on the folder itself, which leaves no lock file behind, and a file is replaced only
while its text is the one that its author has seen.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from quizserver import atomic_files
from quizserver.authoring.line_endings import encode_like_original, normalise_newlines
from quizserver.topics.slugs import hex_digest
from quizserver.topics.source_text import LARGEST_PAGE

_NAME_PATTERN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_NAME_LENGTH_MAX = 80
NAME_RULE = "lower-case letters a-z and digits, in groups joined by a single -"
_DEFAULT_MODE = 0o644


class NotEditableError(ValueError):
    """A path that can't be edited from a browser; the message says why."""


class ContentError(Exception):
    """A file that can't be read or written; the message says why and what to do."""


class RefusedTextError(ValueError):
    """A text that can't be stored as a page; the message says why."""


class FileChangedError(Exception):
    """The file no longer holds what the writer has seen, but ``text`` (None: it was deleted)."""

    def __init__(self, text: str | None) -> None:
        super().__init__("the file was changed meanwhile")
        self.text = text


@dataclass(frozen=True, slots=True)
class PageRef:
    """One page of a topic. ``path`` is relative to the content folder, with a forward slash."""

    topic: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.topic}/{self.name}"


def page_ref(topic: str, name: str) -> PageRef:
    """The page ``name`` of the folder ``topic``. Raises NotEditableError for unsafe names.

    With letters, digits and single hyphens alone, a name can't lead out of the folder, to a hidden
    file, or to any file but markdown.
    """
    stem, dot, suffix = name.rpartition(".")
    if not is_safe_name(topic):
        raise NotEditableError(
            f"\"{topic[:100]}\" can't be a topic's folder here: use {NAME_RULE}."
        )
    if not dot or suffix != "md" or not is_safe_name(stem):
        raise NotEditableError(
            f'"{name[:100]}" can\'t be written here: use {NAME_RULE}, and .md at the end.'
        )
    return PageRef(topic, name)


def is_safe_name(text: str) -> bool:
    return len(text) <= _NAME_LENGTH_MAX and _NAME_PATTERN.fullmatch(text) is not None


def text_digest(text: str) -> str:
    """The SHA-256 of a text as 64 hex digits."""
    return hex_digest(text, 64)


def digest_or_none(text: str | None) -> str | None:
    return None if text is None else text_digest(text)


def normalise_text(text: str) -> str:
    """A typed text as it is stored: lines end with LF, and NUL and lone surrogates are replaced."""
    text = text.replace("\0", "\ufffd")
    # A broken client may send half a surrogate pair, which UTF-8 can't hold.
    return normalise_newlines(text.encode("utf-8", "replace").decode())


def validate_page_text(text: str) -> str:
    """The text, normalised. Raises RefusedTextError when it is too large for a page."""
    text = normalise_text(text)
    byte_count = len(text.encode())
    if byte_count > LARGEST_PAGE:
        raise RefusedTextError(
            f"A page may hold {LARGEST_PAGE:,} bytes; this one has {byte_count:,}. Split it."
        )
    return text


class ContentFiles:
    """The pages of a content folder."""

    def __init__(self, content: Path) -> None:
        self._content = content.absolute()

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Holds the lock on the folder: no other holder in any process writes meanwhile."""
        try:
            handle = os.open(self._content, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise ContentError(f"The content folder can't be read: {error.strerror}.") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # also releases the lock

    def resolve_path(self, ref: PageRef) -> Path:
        """The path of the page. Raises NotEditableError for a link, which may lead out."""
        folder = self._content / ref.topic
        path = folder / ref.name
        for part in (folder, path):
            if part.is_symlink():
                raise NotEditableError(
                    f"{part.name} is a link; it is written where it leads, not here."
                )
        if folder.exists() and not folder.is_dir():
            raise NotEditableError(f"{ref.topic} is no folder.")
        if path.exists() and not path.is_file():
            raise NotEditableError(f"{ref.path} is no file.")
        return path

    def read_page(self, ref: PageRef) -> str | None:
        """The text of a page, its lines ended by LF; None when there is no such file.

        Raises NotEditableError, and ContentError when it can't be read as text without loss.
        """
        return _read_text(self.resolve_path(ref), ref.path)

    def write_page(self, ref: PageRef, text: str, *, expected_digest: str | None) -> None:
        """Replaces the page by ``text`` if its text still has the digest ``expected_digest``.

        ``expected_digest`` None: if there is no file yet. The new text is on the disk when this
        returns, with the permissions, line ends and byte-order mark of the old one. Raises
        FileChangedError, NotEditableError, ContentError. The caller holds ``write_lock``.
        """
        path = self.resolve_path(ref)
        self._check_unchanged(ref, expected_digest)
        try:
            path.parent.mkdir(mode=0o755, exist_ok=True)
            _check_writable(path)
            data = (
                text.encode()
                if expected_digest is None
                else encode_like_original(text, path.read_bytes())
            )
            temporary = atomic_files.write_temporary(path, data, _file_mode(path))
        except OSError as error:
            raise ContentError(_unwritable_message(ref.path, error)) from error
        try:
            if expected_digest is None:
                _link_new_file(temporary, path, ref.path)
            else:
                _swap_unless_changed(temporary, path, ref.path, expected_digest)
            atomic_files.sync_folder(path.parent)
        except OSError as error:
            raise ContentError(_unwritable_message(ref.path, error)) from error
        finally:
            temporary.unlink(missing_ok=True)

    def delete_page(self, ref: PageRef, *, expected_digest: str) -> None:
        """Deletes the page if its text still has the digest; raises what ``write_page`` raises."""
        path = self.resolve_path(ref)
        self._check_unchanged(ref, expected_digest)
        try:
            _check_writable(path)
            removed = atomic_files.write_temporary(path, b"", _DEFAULT_MODE)
            path.replace(removed)
            try:
                if digest_or_none(_read_text(removed, ref.path)) != expected_digest:
                    raise FileChangedError(_read_text(removed, ref.path))
            except (FileChangedError, ContentError):
                removed.replace(path)
                raise
            removed.unlink()
            atomic_files.sync_folder(path.parent)
            with suppress(OSError):  # the folder holds other files
                path.parent.rmdir()
        except OSError as error:
            raise ContentError(_unwritable_message(ref.path, error)) from error

    def _check_unchanged(self, ref: PageRef, expected_digest: str | None) -> None:
        current = self.read_page(ref)
        if digest_or_none(current) != expected_digest:
            raise FileChangedError(current)


def _read_text(path: Path, name: str) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ContentError(f"{name} can't be read: {error.strerror or error}.") from error
    if len(data) > LARGEST_PAGE:
        raise ContentError(f"{name} is larger than a page may be ({LARGEST_PAGE:,} bytes).")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContentError(
            f"{name} is not UTF-8 text (byte {error.start + 1:,}). Save it as UTF-8 on the disk; "
            "then it can be edited here."
        ) from None
    if "\0" in text:
        raise ContentError(f"{name} holds a NUL character. Take it out on the disk.")
    return normalise_newlines(text)


def _check_writable(path: Path) -> None:
    """Raises PermissionError for a read-only file.

    A rename needs only the folder's permissions, but a read-only file is not meant to be replaced.
    """
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")


def _file_mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return _DEFAULT_MODE


def _link_new_file(temporary: Path, path: Path, name: str) -> None:
    """Links ``temporary`` as ``path``. Raises FileChangedError when there is a file by now."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise FileChangedError(_read_text(path, name)) from None


def _swap_unless_changed(temporary: Path, path: Path, name: str, expected_digest: str) -> None:
    """Exchanges ``temporary`` and ``path``, and exchanges them back if ``path`` had changed.

    An editor on this machine takes no lock and may save between the comparison and the
    replacement; so the replaced text is compared once more before it is deleted.
    """
    if not atomic_files.exchange_files(temporary, path):
        temporary.replace(path)
        return
    try:
        replaced = _read_text(temporary, name)
        if digest_or_none(replaced) != expected_digest:
            raise FileChangedError(replaced)
    except (FileChangedError, ContentError):
        atomic_files.exchange_files(temporary, path)
        raise


def _unwritable_message(name: str, error: OSError) -> str:
    return (
        f"{name} can't be written: {error.strerror or error}. Your draft is kept; check that the "
        "server may write to the content folder and that the disk has room."
    )
