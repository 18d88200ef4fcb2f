"""The log's lines: one an event, with its moment in UTC, whatever others wrote into it."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from quizserver import server_log
from quizserver.server_log import LineFormatter, configure_logging, detail

HEAD = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:WARNING|ERROR) quizserver\.some\[\d+\]: "


def formatted(message: str, *arguments: object, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    level = logging.ERROR if error is not None else logging.WARNING
    record = logging.LogRecord("quizserver.some", level, "", 1, message, arguments, exc_info)
    return LineFormatter().format(record)


def test_a_line_has_its_moment_in_utc_its_level_and_its_process():
    record = logging.LogRecord("quizserver.some", logging.WARNING, "", 1, "it is %s", ("so",), None)
    record.created, record.process = 1_000_000_000.5, 4711
    line = LineFormatter().format(record)
    assert line == "2001-09-09T01:46:40.500Z WARNING quizserver.some[4711]: it is so"


@pytest.mark.parametrize(
    "path",
    [
        "/a\n2026-01-01T00:00:00.000Z INFO quizserver.security[1]: sign-in",
        "/a\r\nb",
        "/a\x1b[2Jb",
        "/a\x00b\x7f\x85c",
        "/a\u2028b\u2029c",
        "/a\u202egpj.exe",
    ],
)
def test_nothing_that_is_logged_begins_a_line_or_moves_the_cursor(path: str):
    line = formatted("GET %s failed", path)
    assert re.fullmatch(HEAD + r"GET /a[\x20-\x7e]* failed", line)


def test_other_scripts_stay_readable():
    assert formatted("%s", "数字 é 🙂").endswith("数字 é 🙂")


def test_a_traceback_follows_on_lines_that_can_not_pass_for_events():
    forged = "2026-01-01T00:00:00.000Z INFO quizserver.security[1]: sign-in"
    try:
        raise ValueError(f"no\n{forged}\r{forged}")
    except ValueError as error:
        head, *rest = formatted("it failed", error=error).splitlines()
    assert re.fullmatch(HEAD + "it failed", head)
    assert len(rest) > 3
    assert all(line.startswith("    | ") for line in rest)
    assert forged in rest[-1]


def test_what_an_event_has_more_to_tell_follows_like_a_traceback_and_nothing_adds_no_line():
    record = logging.LogRecord("quizserver.some", logging.WARNING, "", 1, "it ended", (), None)
    vars(record).update(detail("first\n2026-01-01T00:00:00.000Z INFO a[1]: b\x1b[2J\n"))
    head, *rest = LineFormatter().format(record).split("\n")
    assert re.fullmatch(HEAD + "it ended", head)
    assert rest == ["    | first", "    | 2026-01-01T00:00:00.000Z INFO a[1]: b\\x1b[2J"]
    vars(record).update(detail(""))
    assert LineFormatter().format(record) == head


def test_no_event_of_the_code_holds_lines_in_its_message():
    """They would be one line with marks for line ends: ``detail`` lays them out."""
    call = re.compile(r"\b_?log\.\w+\(\s*(?:logging\.\w+,\s*)?f?\"[^\"]*\\n")
    package = Path(server_log.__file__).parent
    files = {path: path.read_text("utf-8") for path in package.rglob("*.py")}
    assert call.search('_log.error("no:\\n%s", value)')
    assert [path.name for path, text in files.items() if call.search(text)] == []


def test_a_server_process_logs_what_is_over_and_nothing_minor_of_others():
    configure_logging()
    assert logging.getLogger("quizserver.hosts.readiness").isEnabledFor(logging.INFO)
    assert not logging.getLogger("quizserver.hosts.readiness").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("flask_limiter").isEnabledFor(logging.INFO)
