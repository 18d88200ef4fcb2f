"""The architecture: packages import downwards, and each kind of work has its kind of file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "quizserver"
FLOOR = {
    "settings": 0,
    "atomic_files": 0,
    "file_signatures": 0,
    "deferred_numpy": 0,
    "visible_text": 1,
    "server_log": 0,
    "translation": 0,
    "data_folder": 0,
    "command_line": 1,
    "locale_formats": 1,
    "machine": 1,
    "confined": 1,
    "kernel": 1,
    "topics": 2,
    "lab": 2,
    "db": 2,
    "web": 2,
    "evidence": 3,
    "audit": 3,
    "accounts": 4,
    "runs": 4,
    "worker": 5,
    "lab_views": 5,
    "hosts": 5,
    "attempts": 6,
    "progress": 7,
    "reports": 7,
    "classes": 8,
    "authoring": 8,
    "administration": 9,
    "app": 10,
    "serve": 10,
    "start": 10,
    "preparation": 11,
    "web_process": 12,
    "cli": 12,
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)
# Reading all modules takes seconds: one process does it, for these tests.
pytestmark = pytest.mark.xdist_group("source")
Imports = dict[Path, set[str]]
WEB_LIBRARIES = {"flask", "flask_wtf", "flask_limiter", "werkzeug", "wtforms"}
FORBIDDEN = {
    "kernel": {"flask", "sqlalchemy", "torch", "huey", "jinja2", "markupsafe"},
    "topics": {"flask", "sqlalchemy", "torch", "huey"},
    "lab": {"flask", "sqlalchemy", "huey", "jinja2", "markupsafe"},
    "evidence": {"flask", "sqlalchemy", "huey", "jinja2", "markupsafe"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path) -> set[str]:
    """Every module that the file imports, wherever in it, and every name from a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def package_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.fixture(scope="module")
def imports_of() -> Imports:
    return {path: imported_names(path) for path in MODULES}


def has_suffix(path: Path, *kinds: str) -> bool:
    """Whether the file is of one of these kinds: ``pages.py`` or ``join_pages.py``."""
    return any(path.stem == kind or path.stem.endswith(f"_{kind}") for kind in kinds)


def is_allowed_import(importing: str, imported: str) -> bool:
    own, other = package_of(importing), package_of(imported)
    if not imported.startswith("quizserver.") or other in {own, "", "__version__"}:
        return True
    return FLOOR[other] < FLOOR[own]


def test_a_package_imports_only_what_stands_below_it(imports_of: Imports):
    offenders = [
        f"{module_name(path)} imports {imported}"
        for path, names in imports_of.items()
        for imported in sorted(names)
        if not is_allowed_import(module_name(path), imported)
    ]
    assert not offenders, "\n".join(offenders)


def test_only_pages_import_flask(imports_of: Imports):
    offenders = [
        f"{module_name(path)} imports {sorted(used)}"
        for path, names in imports_of.items()
        if (used := {name.split(".")[0] for name in names} & WEB_LIBRARIES)
        and not has_suffix(path, "pages", "forms", "guards")
        and path.stem not in {"app", "web_process", "current_user"}
        and path.parent.name != "web"
    ]
    assert not offenders, "\n".join(offenders)


def test_only_stores_and_the_database_package_name_tables(imports_of: Imports):
    # Opening the computed store is no statement; the commands name the roles that a table allows.
    harmless = {
        "tables", "computed", "ROLES", "computed_database", "open_computed", "replace_if_damaged",
    }  # fmt: skip
    prefixes = ("quizserver.db.tables", "quizserver.db.computed")
    offenders = [
        f"{module_name(path)} imports {sorted(used)}"
        for path, names in imports_of.items()
        if not has_suffix(path, "store")
        and path.parent.name != "db"
        and (used := {n.rsplit(".", 1)[1] for n in names if n.startswith(prefixes)} - harmless)
    ]
    assert not offenders, "\n".join(offenders)


def test_kernel_topics_lab_and_evidence_stay_pure(imports_of: Imports):
    offenders = [
        f"{module_name(path)} imports {sorted(used)}"
        for path, names in imports_of.items()
        if (
            used := {name.split(".")[0] for name in names}
            & FORBIDDEN.get(package_of(module_name(path)), set())
        )
    ]
    assert not offenders, "\n".join(offenders)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT
    )


def imported_at_import(path: Path, modules: set[str]) -> set[str]:
    """Those of ``modules`` that are imported when the file is.

    What a function imports, or a type checker alone, may come later.
    """
    imported: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & modules
            imported |= submodules or {node.module}
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        waiting += ast.iter_child_nodes(node)
    return imported & modules


def test_no_modules_import_each_other_in_a_circle():
    """So each of them can be imported first, whoever asks."""
    modules = {module_name(path) for path in MODULES}
    needs = {module_name(path): imported_at_import(path, modules) for path in MODULES}
    while ready := {name for name, needed in needs.items() if not needed & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in ready}
    assert not needs, f"in a circle, or above one: {sorted(needs)}"


def test_every_module_can_be_imported():
    names = [module_name(path) for path in MODULES]
    done = run_python(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


def test_the_supervisor_and_the_first_web_process_import_next_to_nothing():
    """They do nothing at rest, and should hold no memory for it."""
    code = """
import sys
import quizserver.cli, quizserver.serve, quizserver.web_process
heavy = {"sqlalchemy", "flask", "jinja2", "pydantic", "markdown", "numpy", "huey", "urllib.request"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_the_web_process_never_imports_torch(tmp_path: Path):
    code = f"""
import sys
from pathlib import Path
from quizserver.settings import Settings
from quizserver.app import create_app
assert "sqlalchemy.dialects.postgresql" not in sys.modules, "0.1 s of a start on SQLite"
from quizserver.start import migrate_store
settings = Settings(data=Path({str(tmp_path)!r}))
migrate_store(settings)
app = create_app(settings)
client = app.test_client()
deferred = {{"numpy", "huey", "email_validator"}}
assert client.get("/").status_code == 200
assert not deferred & sys.modules.keys(), "the first page waits for what it does not need"
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
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_no_template_holds_inline_script_or_style():
    for path in (PACKAGE / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']", text), path
