"""Style sheets, scripts and fonts under an address that changes with their content.

One hash stands for the whole folder, so that modules and style sheets can name each other
relatively.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

from flask import Flask, Response, abort, send_from_directory, url_for
from markupsafe import Markup

_IMPORT = re.compile(r'^import (?:[^"\n]* from )?"\./([\w-]+\.js)";', re.MULTILINE)

FOLDER = Path(__file__).parent.parent / "static"
YEAR_SECONDS = 365 * 24 * 3600


def folder_hash(folder: Path) -> str:
    """Twelve hex digits of the names and contents of every file in ``folder``."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def imported(script: Path) -> list[str]:
    """The names of the modules that a module beside them needs, and of those that these need."""
    found: list[str] = []
    waiting = [script.name]
    while waiting:
        text = (script.parent / waiting.pop()).read_text("utf-8")
        fresh = [name for name in _IMPORT.findall(text) if name not in (*found, script.name)]
        found += fresh
        waiting += fresh
    return found


def install(app: Flask, folder: Path = FOLDER) -> None:
    """Serves ``folder`` at ``/static/<hash>/…`` and gives templates ``static_url(path)``, and
    ``module(name)``, the elements that load a module of its ``js`` folder."""
    version = folder_hash(folder)

    @app.get("/static/<version_hash>/<path:filename>", endpoint="static_files")
    def static_files(version_hash: str, filename: str) -> Response:
        if version_hash != version and not app.debug:
            abort(404)
        response = send_from_directory(folder, filename, max_age=YEAR_SECONDS)
        response.cache_control.immutable = True
        response.cache_control.public = True
        return response

    @app.template_global()
    def static_url(filename: str) -> str:
        return url_for("static_files", version_hash=version, filename=filename)

    @app.template_global()
    def module(name: str) -> Markup:
        # Else a browser finds each module only when it has read the one that needs it: on a slow
        # line, one round trip after another.
        link = Markup('<link rel="modulepreload" href="{}">\n')
        needed = Markup("").join(link.format(static_url(f"js/{each}")) for each in needs(name))
        script = Markup('<script type="module" src="{}"></script>')
        return needed + script.format(static_url(f"js/{name}"))

    @functools.cache
    def needs(name: str) -> list[str]:
        return imported(folder / "js" / name)
