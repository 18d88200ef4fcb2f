"""The messages that a training process writes into the pipe to its worker, and their encoding.

The other direction needs no message: the training process is forked with its request in memory, and
is stopped by signals (``worker/process.py``).

A message travels as a frame: the mark of the process, its kind (one byte), the length of the
payload (four bytes, big-endian), and the payload: the length of the header (four bytes), the header
(JSON) and a body of raw bytes. JSON and numbers only, so that a training process can't hand over
code. The mark is random: what the author's code writes into the pipe is told from a frame by it.
"""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from quizserver.confined.error_text import storable_text
from quizserver.runs.requests import MapRequest, PlanRequest, RunRequest, VerificationRequest
from quizserver.worker.plan_check import check_plan_image

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


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """The image of a plan, which is that of all settings with the same ``depends_on``.

    ``reason`` says why browsers are given none, and ``image`` is empty then; ``is_too_large``: it
    is for these seeds or knobs alone that there is none.
    """

    depends_on: tuple[str, ...]
    image: bytes = b""
    reason: str = ""
    is_too_large: bool = False


Message: TypeAlias = (
    PointsMessage
    | CellsMessage
    | ShareMessage
    | PlanMessage
    | DoneMessage
    | ErrorMessage
    | LoadedMessage
)
Emit: TypeAlias = Callable[
    [PointsMessage | CellsMessage | ShareMessage | PlanMessage | LoadedMessage], None
]

_POINTS, _CELLS, _SHARE, _DONE, _ERROR, _LOADED = b"P", b"C", b"S", b"D", b"E", b"L"
_PLAN = b"I"
_HEAD = struct.Struct(">cI")
# A larger frame comes from a broken process, not from points.
PAYLOAD_MAX = 64 * 1024 * 1024
TEXT_MAX, TRACEBACK_MAX, SENTENCE_MAX = 500, 8_000, 2_000

NO_FRAME = "the training process wrote something that is not a frame"
NO_HEADER = "the training process wrote a frame without a header"


class ProtocolError(ValueError):
    """Bytes that are not a frame, or a message that does not fit the request."""


def new_mark() -> bytes:
    """A mark for the frames of one training process."""
    return secrets.token_bytes(16)


def encode_message(message: Message, mark: bytes = b"") -> bytes:
    """The frame of a message, of a process with this mark."""
    return mark + _encode_unmarked(message)


def _encode_unmarked(message: Message) -> bytes:
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
        case PlanMessage(depends_on, image, reason, is_too_large):
            header = {"knobs": depends_on, "reason": reason, "too_large": is_too_large}
            return encode_frame(_PLAN, header, image)
        case DoneMessage(sentence):
            return encode_frame(_DONE, {"sentence": sentence})
        case ErrorMessage():
            header = {"message": message.text, "memory": message.is_memory, "line": message.line}
            more = {"stale": message.is_stale, "traceback": message.traceback_text}
            return encode_frame(_ERROR, {**header, **more})
        case LoadedMessage(is_arm):
            return encode_frame(_LOADED, {"arm": is_arm})


def encode_frame(kind: bytes, header: object, body: bytes = b"") -> bytes:
    """A frame without a mark; ``header`` is a dict in every frame that can be decoded."""
    text = json.dumps(header).encode()
    payload = struct.pack(">I", len(text)) + text + body
    return _HEAD.pack(kind, len(payload)) + payload


class MessageDecoder:
    """Decodes the messages of one training process from the pieces in which a pipe gives them, and
    checks each against the request. Each frame must begin with ``mark``."""

    def __init__(self, request: RunRequest, mark: bytes = b"") -> None:
        self._request = request
        self._mark = mark
        self._head_size = len(mark) + _HEAD.size
        self._buffer = bytearray()
        self._point_count = 0

    def decode_bytes(self, data: bytes) -> Iterator[Message]:
        """Every message that ``data`` completes. Raises ProtocolError, and nothing else."""
        self._buffer += data
        while self._buffer:
            if not self._mark.startswith(self._buffer[: len(self._mark)]):
                raise ProtocolError(NO_FRAME)
            if len(self._buffer) < self._head_size:
                return
            kind, length = _HEAD.unpack_from(self._buffer, len(self._mark))
            if kind not in _DECODERS or not 4 <= length <= PAYLOAD_MAX:
                raise ProtocolError(NO_FRAME)
            end = self._head_size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[self._head_size : end])
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
        header = json.loads(payload[4 : 4 + length])
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProtocolError(NO_HEADER) from error
    if not isinstance(header, dict) or len(payload) < 4 + length:
        raise ProtocolError(NO_HEADER)
    return header, payload[4 + length :]


def _decode_points(header: Mapping[str, Any], body: bytes, request: RunRequest) -> PointsMessage:
    match request:
        case VerificationRequest():
            raise ProtocolError("it gave points where a verification was asked for")
        case MapRequest():
            raise ProtocolError("it gave points where cells of a map were asked for")
        case PlanRequest():
            raise ProtocolError("it gave points where a plan was asked for")
    names, replicas = list(request.series), request.replicas
    count = header.get("count")
    if header.get("names") != names:
        raise ProtocolError(
            f"the simulation gave the series {json.dumps(header.get('names'))[:TEXT_MAX]}, "
            f"but describes {json.dumps(names)}"
        )
    flat = np.frombuffer(body, dtype="<f8") if len(body) % 8 == 0 else np.empty(0)
    if not _is_whole(count) or count < 1 or len(flat) != count * (1 + len(names) * replicas):
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
    if not isinstance(request, VerificationRequest) or not _is_whole(done):
        raise ProtocolError("it reported a verification that was not requested")
    if not 0 <= done <= request.points:
        raise ProtocolError(f"it reported {done} of {request.points} parts")
    return ShareMessage(done, body)


def _decode_plan(header: Mapping[str, Any], body: bytes, request: RunRequest) -> PlanMessage:
    if not isinstance(request, PlanRequest):
        raise ProtocolError("it gave a plan that was not requested")
    names, reason = header.get("knobs"), header.get("reason")
    if not isinstance(names, list) or not all(name in request.knobs for name in names):
        raise ProtocolError("it gave a plan that depends on knobs that there are not")
    knobs = tuple(sorted(set(names)))
    if not isinstance(reason, str) or bool(reason) == bool(body):
        raise ProtocolError("it gave neither a plan nor a reason")
    if body:
        try:
            check_plan_image(body, request, knobs)
        except ValueError as error:
            raise ProtocolError(str(error)) from None
    return PlanMessage(knobs, body, storable_text(reason[:TEXT_MAX]), bool(header.get("too_large")))


def _decode_done(header: Mapping[str, Any], _body: bytes, _request: RunRequest) -> DoneMessage:
    sentence = header.get("sentence")
    if not isinstance(sentence, str):
        raise ProtocolError("it ended without a sentence about its result")
    return DoneMessage(storable_text(sentence[:SENTENCE_MAX]))


def _decode_error(header: Mapping[str, Any], _body: bytes, _request: RunRequest) -> ErrorMessage:
    line = header.get("line")
    return ErrorMessage(
        storable_text(str(header.get("message"))[:TEXT_MAX]),
        bool(header.get("memory")),
        line if _is_whole(line) else None,
        bool(header.get("stale")),
        storable_text(str(header.get("traceback") or "")[:TRACEBACK_MAX]),
    )


def _decode_loaded(header: Mapping[str, Any], _body: bytes, _request: RunRequest) -> LoadedMessage:
    return LoadedMessage(bool(header.get("arm")))


_DECODERS: Mapping[bytes, Callable[[Mapping[str, Any], bytes, RunRequest], Message]] = {
    _POINTS: _decode_points,
    _CELLS: _decode_cells,
    _SHARE: _decode_share,
    _PLAN: _decode_plan,
    _DONE: _decode_done,
    _ERROR: _decode_error,
    _LOADED: _decode_loaded,
}


def _all_within(numbers: object, end: int) -> bool:
    return isinstance(numbers, list) and all(
        _is_whole(number) and 0 <= number < end for number in numbers
    )


def _is_whole(number: object) -> TypeGuard[int]:
    return type(number) is int  # bool is a kind of int as well


def _float_bytes(values: Floats) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()
