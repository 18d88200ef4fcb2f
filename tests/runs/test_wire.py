"""Frames through a pipe that cuts them anywhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizserver.worker import protocol
from quizserver.worker.process import points_frame, read_points

headers = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)
frames = st.tuples(
    st.sampled_from([protocol.POINTS, protocol.CELLS, protocol.DONE, protocol.ERROR]),
    headers,
    st.binary(),
)


@settings(deadline=None)
@given(st.lists(frames, max_size=5), st.integers(1, 40))
def test_frames_arrive_whole_however_the_pipe_cuts_them(
    sent: list[tuple[protocol.FrameKind, dict[str, object], bytes]], piece: int
) -> None:
    stream = b"".join(protocol.encode_frame(*one) for one in sent)
    reader = protocol.FrameDecoder()
    got = [
        one
        for start in range(0, len(stream), piece)
        for one in reader.feed(stream[start : start + piece])
    ]
    assert got == sent


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
    with pytest.raises(protocol.ProtocolError):
        list(protocol.FrameDecoder().feed(data))


def test_points_come_back_bit_for_bit_with_every_special_value() -> None:
    loss = np.array([[1.5, np.nan], [np.inf, -np.inf], [5e-324, -0.0]])
    accuracy = np.ones((3, 2))
    frame = points_frame([0, 1], {"loss": loss, "accuracy": accuracy})
    [(kind, header, body)] = protocol.FrameDecoder().feed(frame)
    x, values = read_points(header, body, ("loss", "accuracy"), 3)
    assert kind == protocol.POINTS
    assert x.tolist() == [0, 1]
    assert values.tobytes() == np.stack([loss, accuracy]).tobytes()


def test_one_point_may_be_given_as_plain_numbers() -> None:
    frame = points_frame(7, {"loss": [1.0, 2.0]})
    [(_, header, body)] = protocol.FrameDecoder().feed(frame)
    x, values = read_points(header, body, ("loss",), 2)
    assert (x.tolist(), values.tolist()) == ([7.0], [[[1.0], [2.0]]])


@pytest.mark.parametrize(("names", "replicas"), [(("cost",), 2), (("loss",), 3)])
def test_points_of_another_shape_are_refused(names: tuple[str, ...], replicas: int) -> None:
    [(_, header, body)] = protocol.FrameDecoder().feed(points_frame(0, {"loss": [1.0, 2.0]}))
    with pytest.raises(protocol.ProtocolError):
        read_points(header, body, names, replicas)


def test_a_header_is_json_so_a_process_can_not_hand_over_code() -> None:
    payload = protocol.encode_frame(protocol.DONE, {"sentence": "fine"})
    assert json.loads(payload[9:]) == {"sentence": "fine"}
