"""The content folder of a soak: small questions, and files that take much of a server."""

from __future__ import annotations

from pathlib import Path

QUESTIONS = {"even": ("two", "three", "four"), "sides": ("two", "three", "four")}

_TEXTS = {
    "even.md": (
        "# Which one is even?\n\nPick the even numbers.\n\n"
        "- [x] Two {#two}\n- [ ] Three {#three}\n- [x] Four {#four}\n"
    ),
    "sides.md": (
        "# How many sides has a triangle?\n\n"
        "- [ ] Two {#two}\n- [x] Three {#three}\n- [ ] Four {#four}\n"
    ),
    "lesson.md": "# Numbers, gently\n\nA lesson about numbers.\n\n```question\neven\n```\n",
}

# Takes more memory than a run of a soak may, while it is imported; the whole of it is written to.
HUNGRY_MB = 1536
RUN_MEMORY_MB = 512
_HUNGRY_SIMULATION = f"""\
import numpy

HELD = numpy.ones({HUNGRY_MB} * 2**20, dtype=numpy.uint8)
"""

# A paragraph with some of everything that takes time to read.
_DENSE_PARAGRAPH = """
A *loss* of $\\frac{{1}}{{n}} \\sum_i (y_i - \\hat y_i)^2$ and a [link](https://example.org/{number})[^{number}].

| rate | loss |
|---|---|
| {number} | `{number}.5` |

[^{number}]: A note with **strong** words and another [link](https://example.org/note/{number}).
"""


def write_content(folder: Path) -> Path:
    """A content folder with one topic, ``numbers``."""
    topic = folder / "numbers"
    topic.mkdir(parents=True)
    for name, text in _TEXTS.items():
        (topic / name).write_text(text)
    return folder


def change_key(folder: Path) -> None:
    """Another right option of one question, so that this folder grades differently."""
    path = folder / "numbers" / "sides.md"
    text = path.read_text()
    path.write_text(text.replace("[x]", "[ ]").replace("- [ ] Four", "- [x] Four"))


def restore_key(folder: Path) -> None:
    (folder / "numbers" / "sides.md").write_text(_TEXTS["sides.md"])


def write_dense_page(folder: Path, kilobytes: int) -> Path:
    """A page as large as a request may be, in which nearly every word is markup."""
    text, number = "# A dense page\n", 0
    while len(text) < kilobytes * 1024:
        number += 1
        text += _DENSE_PARAGRAPH.format(number=number)
    path = folder / "numbers" / "dense.md"
    path.write_text(text + "\n- [x] One\n- [ ] Two\n")
    return path


def write_hungry_simulation(folder: Path) -> Path:
    """A question whose simulation can't be read within the limits of a run."""
    path = folder / "numbers" / "hungry.py"
    path.write_text(_HUNGRY_SIMULATION)
    question = folder / "numbers" / "fed.md"
    question.write_text(
        "---\nsimulation: hungry\n---\n# Fed?\n\n- [x] Yes {#yes}\n- [ ] No {#no}\n"
    )
    return path


def remove_hungry_simulation(folder: Path) -> None:
    for name in ("fed.md", "hungry.py"):
        (folder / "numbers" / name).unlink()
