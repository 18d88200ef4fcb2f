"""Style sheets, scripts and fonts under an address that changes with their content.

One hash stands for the whole folder, so that modules and style sheets can name each other
relatively.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from pathlib import Path

from flask import Flask, Response, abort, request, send_from_directory
from markupsafe import Markup

from quizserver.web.security import WORKER_POLICY

_IMPORT = re.compile(r'^import (?:[^"]* from )?"\./([\w-]+\.js)";', re.MULTILINE)

STATIC_FOLDER = Path(__file__).parent.parent / "static"
YEAR_SECONDS = 365 * 24 * 3600
COMPRESSED_SUFFIXES = {".js", ".css"}
WORKER_SCRIPT = "js/live-worker.js"
"""What trains in a browser: a worker's policy is that of its script's own answer."""


def folder_hash(folder: Path) -> str:
    """Twelve hex digits of the names and contents of every file in ``folder``."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def imported_modules(script: Path) -> list[str]:
    """The names of the modules that a module beside them needs, and of those that these need."""
    modules: list[str] = []
    pending = [script.name]
    while pending:
        text = (script.parent / pending.pop()).read_text("utf-8")
        new_names = [name for name in _IMPORT.findall(text) if name not in (*modules, script.name)]
        modules += new_names
        pending += new_names
    return modules


def _compressed(response: Response, path: Path) -> Response:
    """``response`` with the file's bytes compressed, under a tag of their own."""
    response.close()
    compressed = Response(
        _compressed_bytes(path, path.stat().st_mtime_ns), headers=response.headers
    )
    compressed.content_encoding = "gzip"
    tag, _ = response.get_etag()
    compressed.set_etag(f"{tag}-gzip")
    return compressed


@functools.lru_cache(maxsize=256)
def _compressed_bytes(path: Path, _changed_at: int) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


def install_static_files(app: Flask, folder: Path = STATIC_FOLDER) -> None:
    """Serves ``folder`` at ``/static/<hash>/…`` and gives templates ``static_url(path)``, and
    ``module(name)``, the elements that load a module of its ``js`` folder."""
    version = folder_hash(folder)

    @app.get("/static/<version_hash>/<path:filename>", endpoint="static_files")
    def static_files(version_hash: str, filename: str) -> Response:
        if version_hash != version and not app.debug:
            abort(404)
        response = send_from_directory(folder, filename, max_age=YEAR_SECONDS)
        if Path(filename).suffix in COMPRESSED_SUFFIXES:
            response.vary.add("Accept-Encoding")
            if request.accept_encodings.quality("gzip") and response.status_code == 200:
                response = _compressed(response, folder / filename)
        response.cache_control.immutable = True
        response.cache_control.public = True
        if filename == WORKER_SCRIPT:
            response.headers["Content-Security-Policy"] = WORKER_POLICY
        return response

    # Not by ``url_for``: a page has a dozen of these addresses, which never change.
    @app.template_global()
    def static_url(filename: str) -> str:
        return f"/static/{version}/{filename}"

    @app.template_global()
    @functools.cache
    def module(name: str) -> Markup:
        # Else a browser finds each module only when it has read the one that needs it: on a slow
        # line, one round trip after another.
        link = Markup('<link rel="modulepreload" href="{}">\n')
        script_names = imported_modules(folder / "js" / name)
        preload_links = Markup("").join(
            link.format(static_url(f"js/{script_name}")) for script_name in script_names
        )
        script = Markup('<script type="module" src="{}"></script>')
        return preload_links + script.format(static_url(f"js/{name}"))
