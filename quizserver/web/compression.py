"""Compresses pages, JSON and tables that the application sends; static files compress themselves.

Whoever can make a browser ask for a page with words of theirs in it, and sees how long the answer
is, can find out a secret of the page letter by letter, as equal words are compressed to fewer bytes
(BREACH, 2013). So nothing is compressed that repeats what a request brought: only answers to a GET
without parameters, and those of the endpoints in ``REPEATS_NOTHING``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from flask import Flask, Response, request

try:  # from Python 3.14 on
    from compression.zstd import ZstdCompressor  # type: ignore[import-not-found]
except ImportError:
    ZstdCompressor = None

COMPRESSED_TYPES = frozenset({"text/html", "application/json", "text/csv", "image/svg+xml"})
SHORTEST = 1000
"""Bytes: shorter answers fit a packet as they are."""
LEVEL = 4
"""Of gzip's 9: a page of 176 kB takes 2.6 ms and 31 kB; at 6 it takes 4.0 ms and 30 kB."""


class Compressor(Protocol):
    """What compresses one answer, piece by piece."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _compressors() -> Mapping[str, Callable[[], Compressor]]:
    """What this Python can compress by, the best first; all of them by default parameters that
    every browser can undo."""
    gzip = {"gzip": lambda: zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)}
    return gzip if ZstdCompressor is None else {"zstd": ZstdCompressor, **gzip}


COMPRESSORS = _compressors()

REPEATS_NOTHING = frozenset({"matrix.window", "runs.show_run"})
"""Endpoints whose answers hold no text of their parameters, which only choose and order."""


def install_compression(app: Flask) -> None:
    """Compresses answers of ``app`` by the best that this Python and the browser know.

    Must be called before anything else that changes answers, so that it comes after that.
    """
    app.after_request(compress_response)


def compress_response(response: Response) -> Response:
    if response.mimetype not in COMPRESSED_TYPES or response.direct_passthrough:
        return response
    response.vary.add("Accept-Encoding")
    accepted = request.accept_encodings
    encoding = next((name for name in COMPRESSORS if accepted.quality(name)), None)
    if encoding is None or not may_compress(response):
        return response
    response.content_encoding = encoding
    compressor = COMPRESSORS[encoding]()
    tag, is_weak = response.get_etag()
    if tag is not None and not is_weak:
        response.set_etag(tag, weak=True)  # the same content in other bytes
    if response.is_streamed:
        response.response = _compressed_pieces(compressor, response.response)
        response.headers.pop("Content-Length", None)
    else:
        response.set_data(b"".join(_compressed_pieces(compressor, [response.get_data()])))
    return response


def may_compress(response: Response) -> bool:
    """Whether the answer repeats nothing of the request, and is long enough."""
    if request.method not in ("GET", "HEAD") or response.status_code != 200:
        return False
    if response.content_encoding or (
        request.query_string and request.endpoint not in REPEATS_NOTHING
    ):
        return False
    return response.is_streamed or len(response.get_data()) >= SHORTEST


def _compressed_pieces(compressor: Compressor, pieces: Iterable[bytes | str]) -> Iterator[bytes]:
    try:
        for piece in pieces:
            if data := compressor.compress(piece.encode() if isinstance(piece, str) else piece):
                yield data
        yield compressor.flush()
    finally:
        if close := getattr(pieces, "close", None):
            close()  # whoever left in the middle must not keep what the pieces are read from
