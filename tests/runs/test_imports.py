"""What the web process imports with the pages of runs and simulations."""

from __future__ import annotations

import subprocess
import sys


def test_the_web_side_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, quizserver.runs.pages, quizserver.runs.service, quizserver.lab_views.pages;"
        "print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert process.stdout.strip() == "[]"
