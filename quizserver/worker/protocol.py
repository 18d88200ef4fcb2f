"""The messages that a training process writes into the pipe to its worker, and their encoding.

The other direction needs no message: the training process is forked with its request in memory, and
is paused, resumed and killed by signals (``worker/process.py``).

A message travels as a frame: its kind (one byte), the length of the payload (four bytes,
big-endian), and the payload: the length of the header (four bytes), the header (JSON) and a body of
raw bytes. JSON and numbers only, so that a training process can't hand over code.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from quizserver.runs.requests import MapRequest, RunRequest, VerificationRequest

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointsMessage:
    """Points of the curves: x (n,) and for each series (replicas, n).

    A sender may give a number in place of n = 1 values. Decoded, all are float64 arrays, and the
    series stand in the order of the request.
    """

    x: npt.ArrayLike
    series: Mapping[str, npt.ArrayLike]


@dataclass(frozen=True, slots=True)
class CellsMessage:
    """Cells of a map, and how many replicas show the shape in each."""

    cells: Sequence[int]
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class ShareMessage:
    """How many thousandths of a verification are done; ``evidence`` (text) comes with the last."""

    done: int
    evidence: bytes = b""


@dataclass(frozen=True, slots=True)
class DoneMessage:
    """The training has ended; the sentence describes its result."""

    sentence: str


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """The training has raised: the text of the error, whether memory was lacking, the line of the
    simulation's file, and the traceback. ``is_stale``: the files are others than requested."""

    text: str
    is_memory: bool = False
    line: int | None = None
    is_stale: bool = False
    traceback_text: str = ""


@dataclass(frozen=True, slots=True)
class LoadedMessage:
    """The simulation was read, and training begins; whether the setting is one of its arms."""

    is_arm: bool


Message: TypeAlias = (
    PointsMessage | CellsMessage | ShareMessage | DoneMessage | ErrorMessage | LoadedMessage
)
Emit: TypeAlias = Callable[[PointsMessage | CellsMessage | ShareMessage | LoadedMessage], None]

_POINTS, _CELLS, _SHARE, _DONE, _ERROR, _LOADED = b"P", b"C", b"S", b"D", b"E", b"L"
_HEAD = struct.Struct(">cI")
# A larger frame comes from a broken process, not from points.
PAYLOAD_MAX = 64 * 1024 * 1024
TEXT_MAX, TRACEBACK_MAX = 500, 8_000


class ProtocolError(ValueError):
    """Bytes that are not a frame, or a message that does not fit the request."""


def encode_message(message: Message) -> bytes:
    """The frame of a message."""
    match message:
        case PointsMessage(x, series):
            xs = np.atleast_1d(np.asarray(x, dtype=np.float64))
            blocks = [
                np.asarray(values, dtype=np.float64).reshape(-1, len(xs))
                for values in series.values()
            ]
            body = b"".join(_float_bytes(block) for block in [xs, *blocks])
            return encode_frame(_POINTS, {"names": list(series), "count": len(xs)}, body)
        case CellsMessage(cells, counts):
            return encode_frame(_CELLS, {"cells": list(cells), "counts": list(counts)})
        case ShareMessage(done, evidence):
            return encode_frame(_SHARE, {"done": done}, evidence)
        case DoneMessage(sentence):
            return encode_frame(_DONE, {"sentence": sentence})
        case ErrorMessage():
            header = {"message": message.text, "memory": message.is_memory, "line": message.line}
            more = {"stale": message.is_stale, "traceback": message.traceback_text}
            return encode_frame(_ERROR, {**header, **more})
        case LoadedMessage(is_arm):
            return encode_frame(_LOADED, {"arm": is_arm})


def encode_frame(kind: bytes, header: Mapping[str, object], body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    payload = struct.pack(">I", len(text)) + text + body
    return _HEAD.pack(kind, len(payload)) + payload


class MessageDecoder:
    """Decodes the messages of one training process from the pieces in which a pipe gives them, and
    checks each against the request."""

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._buffer = bytearray()
        self._point_count = 0

    def decode_bytes(self, data: bytes) -> Iterator[Message]:
        """Every message that ``data`` completes. Raises ProtocolError."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._buffer)
            if kind not in _DECODERS or not 4 <= length <= PAYLOAD_MAX:
                raise ProtocolError("the training process wrote something that is not a frame")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_HEAD.size : end])
            del self._buffer[:end]
            message = _DECODERS[kind](*_split_payload(payload), self._request)
            if isinstance(message, PointsMessage):
                self._check_point_count(message)
            yield message

    def _check_point_count(self, message: PointsMessage) -> None:
        self._point_count += np.size(message.x)
        if self._point_count > self._request.points:
            raise ProtocolError(
                f"it gave more points than the {self._request.points} of its description"
            )


def _split_payload(payload: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from(">I", payload)
    try:
        return json.loads(payload[4 : 4 + length]), payload[4 + length :]
    except ValueError as error:
        raise ProtocolError("the training process wrote a frame without a header") from error


def _decode_points(header: Mapping[str, Any], body: bytes, request: RunRequest) -> PointsMessage:
    match request:
        case VerificationRequest():
            raise ProtocolError("it gave points where a verification was asked for")
        case MapRequest():
            raise ProtocolError("it gave points where cells of a map were asked for")
    names, replicas = list(request.series), request.replicas
    count = header.get("count")
    if header.get("names") != names:
        raise ProtocolError(
            f"the simulation gave the series {json.dumps(header.get('names'))}, "
            f"but describes {json.dumps(names)}"
        )
    flat = np.frombuffer(body, dtype="<f8") if len(body) % 8 == 0 else np.empty(0)
    if not isinstance(count, int) or len(flat) != count * (1 + len(names) * replicas):
        raise ProtocolError("the simulation gave points of another number of replicas")
    values = flat[count:].reshape(len(names), replicas, count)
    return PointsMessage(flat[:count], dict(zip(names, values, strict=True)))


def _decode_cells(header: Mapping[str, Any], _body: bytes, request: RunRequest) -> CellsMessage:
    if not isinstance(request, MapRequest):
        raise ProtocolError("it gave cells of a map where points were asked for")
    cells, counts, plane = header.get("cells"), header.get("counts"), request.plane
    if not (_all_within(cells, plane.cell_count) and _all_within(counts, plane.replicas + 1)):
        raise ProtocolError("the map has cells or counts that it can't have")
    assert isinstance(cells, list)
    assert isinstance(counts, list)
    if len(cells) != len(counts):
        raise ProtocolError(f"{len(cells)} cells of the map came with {len(counts)} counts")
    return CellsMessage(cells, counts)


def _decode_share(header: Mapping[str, Any], body: bytes, request: RunRequest) -> ShareMessage:
    done = header.get("done")
    if not isinstance(request, VerificationRequest) or not isinstance(done, int):
        raise ProtocolError("it reported a verification that was not requested")
    if not 0 <= done <= request.points:
        raise ProtocolError(f"it reported {done} of {request.points} parts")
    return ShareMessage(done, body)


def _decode_done(header: Mapping[str, Any], _body: bytes, _request: RunRequest) -> DoneMessage:
    return DoneMessage(str(header.get("sentence", "")))


def _decode_error(header: Mapping[str, Any], _body: bytes, _request: RunRequest) -> ErrorMessage:
    line = header.get("line")
    return ErrorMessage(
        str(header.get("message"))[:TEXT_MAX],
        bool(header.get("memory")),
        line if isinstance(line, int) else None,
        bool(header.get("stale")),
        str(header.get("traceback") or "")[:TRACEBACK_MAX],
    )


def _decode_loaded(header: Mapping[str, Any], _body: bytes, _request: RunRequest) -> LoadedMessage:
    return LoadedMessage(bool(header.get("arm")))


_DECODERS: Mapping[bytes, Callable[[Mapping[str, Any], bytes, RunRequest], Message]] = {
    _POINTS: _decode_points,
    _CELLS: _decode_cells,
    _SHARE: _decode_share,
    _DONE: _decode_done,
    _ERROR: _decode_error,
    _LOADED: _decode_loaded,
}


def _all_within(numbers: object, end: int) -> bool:
    return isinstance(numbers, list) and all(
        isinstance(number, int) and 0 <= number < end for number in numbers
    )


def _float_bytes(values: Floats) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()
