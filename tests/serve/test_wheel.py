"""The wheel holds everything: topics, migrations, pages, scripts."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.serve.server import START_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]  # built once
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def installed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, unpacked where a program finds them before any other quizserver."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_code(installed_folder: Path, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed_folder)},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


def test_an_installed_server_answers_from_an_empty_folder(installed_folder: Path, tmp_path: Path):
    code = """
import quizserver, sys
from quizserver.accounts.weak_passwords import is_common_password
assert is_common_password("password1")
from pathlib import Path
from quizserver.app import create_app
from quizserver.serve import prepare_server
from quizserver.start import migrate_store
from quizserver.settings import Settings
assert "_shipped" in str(Settings().content), Settings().content
settings = prepare_server(Settings(port=0))
migrate_store(settings)
app = create_app(settings)
client = app.test_client()
for address in ("/", "/questions/strange-loss", "/topics/strange-loss", "/healthz"):
    assert client.get(address).status_code == 200, address
import re
page = client.get("/").get_data(as_text=True)
for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
    assert client.get(address).status_code == 200, address
app.extensions["quizserver-close"]()
print(sorted(p.name for p in Path("var").iterdir()))
"""
    result = run_code(installed_folder, tmp_path, code)
    assert result.returncode == 0, result.stderr
    assert "quizserver.sqlite3" in result.stdout


def test_an_installed_simulation_trains(installed_folder: Path, tmp_path: Path):
    code = """
import sys
from quizserver.cli import main
sys.argv = ["quizserver", "simulate", "strange-loss/healthy", "--seeds", "0:1", "--json"]
main()
"""
    result = run_code(installed_folder, tmp_path, code)
    assert result.returncode == 0, result.stderr
    assert '"arm": "healthy"' in result.stdout


def test_an_installed_kernel_is_the_one_compiled_for_this_machine(
    installed_folder: Path, tmp_path: Path
):
    code = """
from quizserver.kernel import library, recipe
assert "wheel" in str(recipe.BUILT), recipe.BUILT
print(library.load_library().kind)
print(library.load_library("wasm").kind)
"""
    result = run_code(installed_folder, tmp_path, code)
    assert result.returncode == 0, result.stderr
    native, wasm = result.stdout.split("\n")[:2]
    assert native.startswith("native ")
    assert wasm == "wasmtime"


def test_the_wheel_has_no_tests(installed_folder: Path):
    names = {path.name for path in installed_folder.iterdir()}
    assert "quizserver" in names
    assert all(name == "quizserver" or name.startswith("quizserver-") for name in names), names
    files = [path.name for path in (installed_folder / "quizserver").rglob("*.py")]
    assert not [name for name in files if name.startswith(("test_", "conftest"))]
