"""The house holds together: rooms import downwards, and each kind of work has its place."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "quizserver"
FLOOR = {
    "settings": 0,
    "atomic_files": 0,
    "command_line": 0,
    "topics": 1,
    "lab": 1,
    "db": 1,
    "web": 1,
    "evidence": 2,
    "accounts": 2,
    "runs": 3,
    "worker": 4,
    "lab_views": 4,
    "attempts": 5,
    "progress": 6,
    "classes": 7,
    "authoring": 7,
    "app": 8,
    "serve": 8,
    "web_process": 9,
    "cli": 9,
}
# Rooms on one floor know nothing of each other, but for these.
NEIGHBOURS = {
    ("command_line", "settings"),
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every module that the file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_room_imports_only_what_stands_below_it(path: Path):
    mine = room(name_of(path))
    for imported in imports(path):
        theirs = room(imported)
        if not imported.startswith("quizserver.") or theirs in {mine, "", "__version__"}:
            continue
        if any(mine == a and imported.startswith(f"quizserver.{b}") for a, b in NEIGHBOURS):
            continue
        assert FLOOR[theirs] < FLOOR[mine], f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_pages_know_flask(path: Path):
    web_libraries = {"flask", "flask_login", "flask_wtf", "flask_limiter", "werkzeug", "wtforms"}
    used = {module.split(".")[0] for module in imports(path)} & web_libraries
    allowed = (
        path.stem in {"pages", "forms", "guards", "app", "web_process", "current_user"}
        or path.stem.endswith("_pages")
        or path.parent.name == "web"
    )
    assert allowed or not used, f"{name_of(path)} imports {used}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_stores_and_the_database_room_write_sql(path: Path):
    used = {m for m in imports(path) if m == "sqlalchemy" or m.startswith("quizserver.db.")}
    tables = {m for m in used if m.startswith(("quizserver.db.tables", "quizserver.db.computed"))}
    room_of_sql = path.stem == "store" or path.stem.endswith("_store") or path.parent.name == "db"
    names = {m.rsplit(".", 1)[1] for m in tables}
    # The command line and the account commands name the roles that the table allows.
    harmless = {"tables", "computed", "ROLES", "computed_database", "open_computed", "replace_if_damaged"}
    assert room_of_sql or names <= harmless, names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_topics_and_lab_stay_pure(path: Path):
    forbidden = {
        "topics": ("flask", "sqlalchemy", "torch", "huey"),
        "lab": ("flask", "sqlalchemy", "huey", "jinja2", "markupsafe"),
    }.get(room(name_of(path)), ())
    used = {module.split(".")[0] for module in imports(path)} & set(forbidden)
    assert not used


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT
    )


def imported_first(path: Path) -> set[str]:
    """The modules of this house that must be there before the file can be imported.

    What a function imports, or a type checker alone, may come later.
    """
    known = {name_of(module) for module in MODULES}
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= parts or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        waiting += ast.iter_child_nodes(node)
    return found & known


def test_no_modules_import_each_other_in_a_circle():
    """So each of them can be imported first, whoever asks."""
    needs = {name_of(path): imported_first(path) for path in MODULES}
    while ready := {name for name, needed in needs.items() if not needed & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in ready}
    assert not needs, f"in a circle, or above one: {sorted(needs)}"


def test_every_module_can_be_imported():
    names = [name_of(path) for path in MODULES]
    done = run(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


def test_the_web_process_never_imports_torch(tmp_path: Path):
    code = f"""
import sys
from pathlib import Path
from quizserver.settings import Settings
from quizserver.serve import migrate_store
from quizserver.app import create_app
settings = Settings(data=Path({str(tmp_path)!r}), secret_key="tests only")
migrate_store(settings)
app = create_app(settings)
client = app.test_client()
for address in ("/", "/topics/strange-loss", "/questions/strange-loss", "/progress", "/healthz"):
    assert client.get(address).status_code == 200, address
import re
page = client.get("/questions/strange-loss").get_data(as_text=True)
field = lambda name: re.search(f'name="{{name}}" value="([^"]*)"', page).group(1)
data = {{name: field(name) for name in ("csrf_token", "version", "number")}}
data["option"] = "low-rate"
answered = client.post("/questions/strange-loss/answer", data=data, follow_redirects=True)
assert answered.status_code == 200 and "Lab bench" in answered.get_data(as_text=True)
assert "torch" not in sys.modules
app.extensions["quizserver-close"]()
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_no_template_holds_inline_script_or_style():
    import re

    for path in (PACKAGE / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']", text), path
