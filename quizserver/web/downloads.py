"""Responses that browsers save as a file."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from typing import IO

from flask import Response
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wsgi import FileWrapper

SPOOL_BYTES = 2**20
"""A file up to this size is made in memory, a longer one in the folder for temporary files."""
_BLOCK_BYTES = 2**16

log = logging.getLogger(__name__)


def attachment_response(
    content: str | Iterable[str], *, filename: str, content_type: str
) -> Response:
    """A file to save, which is made whole before its first byte is sent, with its length.

    A server ends a body that breaks off like a whole one. So whatever ``content`` raises is raised
    here, and becomes an error page; a connection that breaks later is noticed by the length. The
    temporary file has no name and is gone when the response is closed or dropped. Raises
    ServiceUnavailable when there is no room for it.
    """
    spool = _spool_content([content] if isinstance(content, str) else content)
    length = spool.tell()
    spool.seek(0)
    if length <= SPOOL_BYTES:
        with spool:
            response = Response(spool.read(), content_type=content_type)
    else:
        body = FileWrapper(spool, _BLOCK_BYTES)
        response = Response(body, content_type=content_type, direct_passthrough=True)
        response.content_length = length
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response


def _spool_content(parts: Iterable[str]) -> IO[bytes]:
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - the response closes it
    try:
        for part in parts:
            _write_part(spool, part)
    except BaseException:
        spool.close()
        raise
    return spool


def _write_part(spool: IO[bytes], part: str) -> None:
    try:
        spool.write(part.encode())
    except OSError as error:
        log.error("a download can't be written to %s: %s", tempfile.gettempdir(), error)
        raise ServiceUnavailable(retry_after=60) from error
