"""The statements that reach a database while something is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


@contextmanager
def recorded_statements(verb: str = "") -> Iterator[list[str]]:
    """The statements of every engine, in their order; with ``verb``, such as "SELECT", those that
    begin with it."""
    statements: list[str] = []

    def record_statement(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().startswith(verb):
            statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", record_statement)
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", record_statement)
