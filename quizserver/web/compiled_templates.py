"""Keeps what templates compile to, as Python keeps what its modules compile to.

Compiling those of the first pages takes a tenth of the time that a server needs to start.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

COMPILED_FORM = 1
"""To be raised when the same text compiles to something else, as by another ``TextsInPlace``."""


class CompiledTemplates(FileSystemBytecodeCache):
    """A folder of compiled templates, each valid for one text and one version of Python.

    Where it can't be read or written, templates are compiled at each start.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


def keep_compiled_templates(app: Flask) -> None:
    """Keeps the application's templates where Python would keep modules beside them."""
    assert app.template_folder is not None, "the application has templates"
    module = Path(app.root_path) / app.template_folder / "template.py"
    folder = Path(cache_from_source(str(module))).parent
    pattern = f"%s.{sys.implementation.cache_tag}-{COMPILED_FORM}.jinja"
    app.jinja_env.bytecode_cache = CompiledTemplates(str(folder), pattern)
