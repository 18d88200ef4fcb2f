"""Responses that browsers save as a file."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response


def attachment_response(
    content: str | Iterator[str], *, filename: str, content_type: str
) -> Response:
    """A file to save: sent whole, or streamed when ``content`` is an iterator."""
    body = content if isinstance(content, str) else (part.encode() for part in content)
    response = Response(body, content_type=content_type)
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response
