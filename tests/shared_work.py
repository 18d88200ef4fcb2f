"""Work that every test would do anew, though its outcome is the same each time.

Tests make the whole application a thousand times. What is kept here depends on nothing but its key:
a compiled template or address, a page of the same text, a statement for the same kind of database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from quizserver.topics import page_reader
from quizserver.topics.page_file import NO_SIGNATURE, PageFile, parse_page_file
from quizserver.web import static_files


def share_work(texts: Collection[str]) -> None:
    """Lets all applications of this process share what depends on nothing of their own.

    ``texts`` are the pages that most of them have.
    """
    Flask.jinja_options = {"bytecode_cache": MemoryBytecodeCache()}
    Rule._compile_builder = _share_builders(Rule._compile_builder)  # type: ignore[method-assign]
    static_files.folder_hash = _share_static_hash(static_files.folder_hash)
    page_reader.parse_page_file = _share_parsed(texts)
    _share_statements()


class MemoryBytecodeCache(BytecodeCache):
    """Compiled templates of this process."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._codes:
            bucket.bytecode_from_string(self._codes[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key] = bucket.bytecode_to_string()


def _share_builders(compile_builder: Callable[[Rule, bool], object]) -> Any:
    """What werkzeug compiles for an address depends on its parts alone."""
    builders: dict[object, object] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> object:
        defaults = tuple(sorted((rule.defaults or {}).items()))
        key = (rule.rule, tuple(rule._trace), defaults, append_unknown)
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    return compile_once


def _share_static_hash(folder_hash: Callable[[Path], str]) -> Callable[[Path], str]:
    """No test changes the files that come along; of other folders nothing is kept."""
    known = folder_hash(static_files.STATIC_FOLDER)
    return lambda folder: known if folder == static_files.STATIC_FOLDER else folder_hash(folder)


def _share_parsed(texts: Collection[str]) -> Any:
    """Parses each of these texts once for each path. All others are parsed as always."""
    shared = {text.encode() for text in texts}
    parsed: dict[tuple[str, bytes], PageFile] = {}

    def parse_once(path: str, data: bytes, *arguments: Any) -> PageFile:
        if data not in shared:
            return parse_page_file(path, data, *arguments)
        if (path, data) not in parsed:
            parsed[path, data] = parse_page_file(path, data)
        signature = arguments[0] if arguments else NO_SIGNATURE
        return replace(parsed[path, data], signature=signature)

    return parse_once


class SharedStatements(dict[Any, Any]):
    """What SQLAlchemy compiles depends on the kind of database, and not on which one it is."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key[0].driver, *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((key[0].driver, *key[1:]), compiled)


def _share_statements() -> None:
    statements = SharedStatements()
    initialise = sa.Engine.__init__

    def initialise_sharing(engine: sa.Engine, *arguments: Any, **options: Any) -> None:
        initialise(engine, *arguments, **options)
        engine._compiled_cache = statements

    sa.Engine.__init__ = initialise_sharing  # type: ignore[method-assign]
