"""Messages through a pipe that cuts them anywhere, and those that do not fit the request."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.runs.requests import PARTS
from quizserver.worker.protocol import (
    CellsMessage,
    DoneMessage,
    ErrorMessage,
    Message,
    MessageDecoder,
    PointsMessage,
    ProtocolError,
    ShareMessage,
    encode_frame,
    encode_message,
)
from tests.runs.examples import curve_request, map_request, verification_request

ONE_SERIES = replace(curve_request(), series=("loss",), replicas=2)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
done_messages = st.builds(DoneMessage, texts)
error_messages = st.builds(ErrorMessage, texts, st.booleans(), st.none() | st.integers(1, 99))
cells_messages = st.lists(st.tuples(st.integers(0, 23), st.integers(0, 5)), max_size=5).map(
    lambda pairs: CellsMessage([cell for cell, _ in pairs], [count for _, count in pairs])
)
share_messages = st.builds(ShareMessage, st.integers(0, PARTS), st.binary())


@settings(deadline=None)
@given(
    st.one_of(
        st.tuples(
            st.just(map_request()),
            st.lists(cells_messages | done_messages | error_messages, max_size=5),
        ),
        st.tuples(
            st.just(verification_request()),
            st.lists(share_messages | done_messages | error_messages, max_size=5),
        ),
    ),
    st.integers(1, 40),
)
def test_messages_arrive_whole_however_the_pipe_cuts_them(
    sent: tuple[object, list[Message]], size: int
) -> None:
    request, messages = sent
    stream = b"".join(encode_message(message) for message in messages)
    decoder = MessageDecoder(request)  # type: ignore[arg-type]
    received = [
        message
        for start in range(0, len(stream), size)
        for message in decoder.decode_bytes(stream[start : start + size])
    ]
    assert received == messages


@pytest.mark.parametrize(
    "data",
    [
        b"not a frame at all",
        b"P" + (2**31).to_bytes(4, "big"),
        b"P" + (1).to_bytes(4, "big") + b"x",
        b"P" + (8).to_bytes(4, "big") + b"\x00\x00\x00\x04oops",
    ],
    ids=["text", "too long", "too short", "no header"],
)
def test_bytes_that_are_no_frame_are_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(MessageDecoder(curve_request()).decode_bytes(data))


MARK = b"m" * 16
DEEP = b"[" * 100_000


def raw_frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def raw_header(kind: bytes, text: bytes) -> bytes:
    return raw_frame(kind, len(text).to_bytes(4, "big") + text)


@pytest.mark.parametrize(
    "data",
    [
        *(raw_header(kind, text) for kind in (b"P", b"D", b"E") for text in (b"7", b"[]", b"null")),
        raw_header(b"D", DEEP),
        raw_header(b"D", b"\xff\xfe"),
        raw_header(b"D", b"9" * 5000),
        raw_frame(b"D", (99).to_bytes(4, "big") + b'{"sentence": "x"}'),
        encode_frame(b"D", {}),
        encode_frame(b"D", {"sentence": ["x"]}),
        encode_frame(b"P", {"names": ["loss"], "count": True}, bytes(24)),
        encode_frame(b"P", {"names": ["loss"], "count": 0}),
        encode_frame(b"P", {"names": ["loss"], "count": -1}, bytes(24)),
        encode_frame(b"P", {"names": {"loss": 1}, "count": 1}, bytes(24)),
        encode_frame(b"P", {"names": ["loss"], "count": 1}, bytes(23)),
    ],
)
def test_no_frame_whatever_is_in_it_is_another_error_or_a_curve(data: bytes) -> None:
    for mark in (b"", MARK):
        decoder = MessageDecoder(ONE_SERIES, mark)
        try:
            messages = list(decoder.decode_bytes(mark + data))
        except ProtocolError:
            continue
        raise AssertionError(messages)


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"P", b"D", b"E", b"L", b"S", b"C", b""]))
def test_no_bytes_are_another_error_than_that_they_are_no_frame(data: bytes, kind: bytes) -> None:
    for request in (ONE_SERIES, map_request(), verification_request()):
        try:
            list(MessageDecoder(request).decode_bytes(raw_header(kind, data) if kind else data))
        except ProtocolError:
            continue


@pytest.mark.parametrize("cut", [1, 15, 16, 40])
def test_a_frame_without_the_mark_of_its_process_is_refused_at_its_first_bytes(cut: int) -> None:
    frame = encode_message(DoneMessage("What the code of an author made up."))
    decoder = MessageDecoder(ONE_SERIES, MARK)
    assert list(decoder.decode_bytes(encode_message(DoneMessage("Fine."), MARK))) == [
        DoneMessage("Fine.")
    ]
    with pytest.raises(ProtocolError, match="not a frame"):
        list(decoder.decode_bytes(frame[:cut]))


def test_what_no_database_can_keep_is_a_question_mark() -> None:
    sent = [ErrorMessage("a\0b\ud800", traceback_text="\0"), DoneMessage("\0")]
    stream = b"".join(map(encode_message, sent))
    error, done = MessageDecoder(ONE_SERIES).decode_bytes(stream)
    assert isinstance(error, ErrorMessage)
    assert (error.text, error.traceback_text, done) == ("a?b?", "?", DoneMessage("?"))


def decode_points(message: PointsMessage, request: object = ONE_SERIES) -> PointsMessage:
    [decoded] = MessageDecoder(request).decode_bytes(encode_message(message))  # type: ignore[arg-type]
    assert isinstance(decoded, PointsMessage)
    return decoded


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_points_come_back_bit_for_bit_with_every_special_value(size: int) -> None:
    loss = np.array([[1.5, np.nan], [np.inf, -np.inf], [5e-324, -0.0]])
    accuracy = np.ones((3, 2))
    stream = encode_message(PointsMessage([0, 1], {"loss": loss, "accuracy": accuracy}))
    decoder = MessageDecoder(replace(curve_request(), replicas=3))
    [decoded] = [
        message
        for start in range(0, len(stream), size)
        for message in decoder.decode_bytes(stream[start : start + size])
    ]
    assert isinstance(decoded, PointsMessage)
    assert np.asarray(decoded.x).tolist() == [0, 1]
    assert list(decoded.series) == ["loss", "accuracy"]
    values = np.stack([np.asarray(values) for values in decoded.series.values()])
    assert values.tobytes() == np.stack([loss, accuracy]).tobytes()


def test_one_point_may_be_given_as_plain_numbers() -> None:
    decoded = decode_points(PointsMessage(7, {"loss": [1.0, 2.0]}))
    assert np.asarray(decoded.x).tolist() == [7.0]
    assert np.asarray(decoded.series["loss"]).tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(("names", "replicas"), [(("cost",), 2), (("loss",), 3)])
def test_points_of_another_shape_are_refused(names: tuple[str, ...], replicas: int) -> None:
    request = replace(curve_request(), series=names, replicas=replicas)
    with pytest.raises(ProtocolError):
        decode_points(PointsMessage(0, {"loss": [1.0, 2.0]}), request)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"cells": [0], "counts": [6]},
        {"cells": [24], "counts": [0]},
        {"cells": [-1], "counts": [0]},
        {"cells": [0, 1], "counts": [0]},
        {"cells": ["0"], "counts": [0]},
        {"cells": [0], "counts": [0.5]},
        {"cells": 3, "counts": [0]},
    ],
)
def test_cells_that_are_not_the_planes_are_refused(header: dict[str, object]) -> None:
    inside = CellsMessage([0, 23], [0, 5])
    assert list(MessageDecoder(map_request()).decode_bytes(encode_message(inside))) == [inside]
    with pytest.raises(ProtocolError):
        list(MessageDecoder(map_request()).decode_bytes(encode_frame(b"C", header)))


@pytest.mark.parametrize("header", [{}, {"done": 1001}, {"done": -1}, {"done": "9"}])
def test_shares_that_can_not_be_are_refused(header: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        list(MessageDecoder(verification_request()).decode_bytes(encode_frame(b"S", header)))


@pytest.mark.parametrize(
    ("request_", "message", "words"),
    [
        (curve_request(), CellsMessage([0], [0]), "cells of a map where points"),
        (curve_request(), ShareMessage(1), "a verification that was not requested"),
        (map_request(), PointsMessage(0, {"loss": [1.0]}), "points where cells of a map"),
        (map_request(), ShareMessage(1), "a verification that was not requested"),
        (verification_request(), PointsMessage(0, {}), "points where a verification"),
        (verification_request(), CellsMessage([0], [0]), "cells of a map where points"),
    ],
)
def test_a_message_of_another_kind_than_the_request_is_refused(
    request_: object, message: Message, words: str
) -> None:
    with pytest.raises(ProtocolError, match=words):
        list(MessageDecoder(request_).decode_bytes(encode_message(message)))  # type: ignore[arg-type]


def test_a_header_is_json_so_a_process_can_not_hand_over_code() -> None:
    payload = encode_message(DoneMessage("fine"))
    assert json.loads(payload[9:]) == {"sentence": "fine"}
