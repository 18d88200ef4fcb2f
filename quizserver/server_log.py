"""The server's log: one line an event on standard error, with its moment in UTC and its process.

What others wrote can stand in a message or an exception: an address that was asked for, a line of a
file. Nothing of it can begin a line of its own and pass for an event.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime

# Control characters, line and paragraph separators, and what changes the direction of text.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTINUATION = "    | "
_DETAIL = "quizserver_detail"


class LineFormatter(logging.Formatter):
    """Formats ``2026-11-29T21:30:00.123Z WARNING quizserver.runs.store[4711]: message``.

    A traceback follows on lines that begin with four spaces and a bar, and so does what the event
    has more to tell: ``log.warning(…, extra=detail(text))``.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        source = f"{record.levelname} {record.name}[{record.process}]"
        lines = [f"{moment.replace('+00:00', 'Z')} {source}: {_escape(record.getMessage())}"]
        more = [str(getattr(record, _DETAIL, ""))]
        if record.exc_info:
            more.append(self.formatException(record.exc_info))
        for text in filter(None, (text.strip("\n") for text in more)):
            lines += [f"{_CONTINUATION}{_escape(line)}" for line in text.split("\n")]
        return "\n".join(lines)


def detail(text: str) -> dict[str, str]:
    """The ``extra`` of an event that has lines of text to tell, such as what a child process said.

    An empty text adds no line.
    """
    return {_DETAIL: text}


def configure_logging() -> None:
    """Sends the log of this server process to standard error, from INFO on for what quizserver
    itself says; a second call changes nothing."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(handlers=[handler])
    # That something is over is no warning, and must be in the log all the same.
    logging.getLogger("quizserver").setLevel(logging.INFO)


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
