"""The kernel in the process that trains a run: forked, confined, short of addresses."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from quizserver.kernel.library import CHOICE_VARIABLE
from tests.kernel.test_library import CHOICES


def run_confined(code: str, choice: str) -> str:
    """What the code prints in a confined process of 256 MiB."""
    script = f"""
import os, sys
from quizserver.confined.limits import Limits
from quizserver.confined.process import start_confined
from quizserver.kernel.library import load_library
from quizserver.kernel.training import Training
from tests.kernel.plans import chain, make_plan, slot_values, steps
{code}
training = start_confined(body, Limits(256, 30))
text = b""
while data := os.read(training.pipe, 4096):
    text += data
code = training.wait_for_exit(30)
training.read_output()
print(text.decode(), code, training.printed_text)
training.kill_group()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {CHOICE_VARIABLE: choice},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


BODY = """
load_library()
def body(writer):
    library = load_library(OWN)
    plan = make_plan(chain(2, 8, 1), steps(50))
    with Training(plan, slot_values(5), range(5), library) as run, library.open_arena() as arena:
        run.run(0, 50)
        falls = bool((run.outputs[49] < run.outputs[0]).all())
        try:
            arena.allocate(1 << 29, "uint8")
        except MemoryError:
            os.write(writer, f"{library.kind} {falls} MemoryError".encode())
    return 0
"""


@pytest.mark.parametrize("choice", [CHOICES[0], "wasm"])
@pytest.mark.parametrize("is_own", [False, True])
def test_a_confined_process_trains_and_keeps_to_its_memory(choice: str, is_own: bool):
    """Whether it has the kernel of the process that it was forked from, or loads one itself."""
    kind = "wasmtime" if choice == "wasm" else f"native {choice}"
    code = BODY.replace("OWN", repr(choice) if is_own else "")
    assert run_confined(code, choice) == f"{kind} True MemoryError 0"
