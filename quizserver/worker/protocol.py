"""How a training process tells its worker what it has, its end, or an error, by a pipe.

A frame is a kind (one byte), the length of its payload (four bytes, big-endian), and the payload.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, Literal

FrameKind = Literal[b"P", b"C", b"S", b"D", b"E"]

POINTS: FrameKind = b"P"
CELLS: FrameKind = b"C"
SHARE: FrameKind = b"S"
DONE: FrameKind = b"D"
ERROR: FrameKind = b"E"

_HEAD = struct.Struct(">cI")
# A frame larger than this is nonsense from a broken process, not points.
PAYLOAD_MAX = 64 * 1024 * 1024


class ProtocolError(ValueError):
    """Bytes that are no frame."""


def encode_frame(kind: FrameKind, header: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame: a JSON header and raw bytes behind it."""
    text = json.dumps(header).encode()
    payload = struct.pack(">I", len(text)) + text + body
    return _HEAD.pack(kind, len(payload)) + payload


class FrameDecoder:
    """Puts frames together from the pieces in which a pipe gives them."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, dict[str, Any], bytes]]:
        """(kind, header, body) of every frame that ``piece`` completes. Raises WireError."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._buffer)
            if kind not in (POINTS, CELLS, SHARE, DONE, ERROR) or not 4 <= length <= PAYLOAD_MAX:
                raise ProtocolError("the training process wrote something that is not a frame")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_HEAD.size : end])
            del self._buffer[:end]
            yield (kind, *_split_payload(payload))


def _split_payload(payload: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from(">I", payload)
    try:
        return json.loads(payload[4 : 4 + length]), payload[4 + length :]
    except ValueError as error:
        raise ProtocolError("the training process wrote a frame without a header") from error
