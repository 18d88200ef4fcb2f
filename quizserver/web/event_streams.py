"""Server-sent events over HTTP: from where a client resumes, and the response of a stream."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, request

from quizserver.web.numbers import parse_whole_number

EVENT_ID_MAX = 2**31 - 1


def requested_event_id() -> int:
    """The id of the last event that the client received, after which it resumes; 0 for none.

    A browser that reconnects sends ``Last-Event-ID``; a page names it in the query as ``after``.
    """
    text = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
    return parse_whole_number(text, maximum=EVENT_ID_MAX)


def event_stream_response(stream: Iterator[bytes]) -> Response:
    """The response that sends the events of ``stream`` as they come, through any proxy."""
    response = Response(stream, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response
