"""The scripts behind the two commands: what is missing is one clear line and an exit code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", str(ROOT / "scripts" / name), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


def test_a_python_that_is_too_old_is_one_clear_line(tmp_path: Path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n[ "$1" = --version ]\n')
    old.chmod(0o755)
    done = script("install", ".", PYTHON=str(old), VENV=str(tmp_path / "venv"))
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "3.9.2" in line
    assert "3.11" in line
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_not_there_is_one_clear_line(tmp_path: Path):
    done = script("install", ".", PYTHON="no-such-python", VENV=str(tmp_path / "venv"))
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "no-such-python" in line


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ([], "chromium-headless-shell redis-server"),
        (["chromium"], "redis-server"),
        (["chromium-headless-shell"], "redis-server"),
        (["redis-server"], "chromium-headless-shell"),
    ],
)
def test_a_missing_program_gives_a_loud_warning_and_an_unattended_run_fails(
    tmp_path: Path, there: list[str], missing: str
):
    (tmp_path / "cat").symlink_to("/bin/cat")
    (tmp_path / "bash").symlink_to("/bin/bash")
    for name in there:
        (tmp_path / name).symlink_to("/bin/cat")
    alone = script("programs", PATH=str(tmp_path), CI="")
    assert alone.returncode == 0
    assert "THE TESTS THAT NEED IT WILL BE SKIPPED" in alone.stderr
    assert f"could not be installed: {missing}\n" in alone.stderr
    assert script("programs", PATH=str(tmp_path), CI="true").returncode != 0


def test_every_target_of_the_makefile_explains_itself():
    done = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", "help"], capture_output=True, text=True
    )
    for target in ("serve", "test", "lint", "clean"):
        assert f"{target} " in done.stdout
