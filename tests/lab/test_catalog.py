"""Simulation files are described without torch in this process, and every failure has its line."""

from __future__ import annotations

import itertools
import json
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.confined.limits import Limits
from quizserver.lab import catalog as catalog_module
from quizserver.lab.catalog import SimulationCatalog, file_fingerprint, load
from quizserver.lab.describe_files import describe_in_turns
from quizserver.lab.description_json import description_from_json, description_to_json
from quizserver.lab.ensemble import simulate
from quizserver.lab.file_reading import parse_answer, read_files
from quizserver.lab.model import Description, ReadingEndedError, SimulationError

GOOD = '''\
"""A line that falls.

More about it.
"""

from dataclasses import dataclass

from quizserver.lab import Arm, Axis, Knob, Simulation

print("authors may print")

@dataclass
class Kept:
    value: float

simulation = Simulation(
    "Falling",
    knobs=[Knob("rate", "Rate", 0.1, 1, default=0.5)],
    arms=[Arm("healthy", "Healthy"), Arm("slow", "Slow", {"rate": 0.1})],
    x=Axis("step"),
    series={"loss": Axis("loss", scale="log")},
    points=5,
)


@simulation.train
def train(replicas):
    for step in range(5):
        yield step, {"loss": (-replicas.knobs.rate * step).exp()}
'''

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str, name: str = "simulation.py") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return put


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[list[Path]]:
    """The files that each child process was asked about."""
    calls: list[list[Path]] = []

    def counted(paths: list[Path], limits: Limits) -> object:
        calls.append(paths)
        return read_files(paths, limits)

    monkeypatch.setattr(catalog_module, "read_files", counted)
    return calls


def test_a_file_is_described_as_if_it_had_been_imported(write: Write) -> None:
    path = write(GOOD)
    described = SimulationCatalog().describe(path)
    assert described == load(path).describe()
    assert described.title == "Falling"
    assert described.summary == "A line that falls."
    assert described.fingerprint == file_fingerprint(path)
    assert [arm.name for arm in described.arms] == ["healthy", "slow"]


def test_one_child_reads_all_files_and_nothing_is_read_twice(
    write: Callable[..., Path], children: list[list[Path]]
) -> None:
    good, bad = write(GOOD), write("import nowhere_to_be_found\n", "bad.py")
    catalog = SimulationCatalog()
    for _ in range(2):
        outcomes = catalog.describe_many([good, bad])
        assert isinstance(outcomes[good], Description)
        assert isinstance(outcomes[bad], SimulationError)
    catalog.describe(good)
    assert children == [[good, bad]]


def test_a_changed_file_is_read_again(write: Write, children: list[list[Path]]) -> None:
    catalog = SimulationCatalog()
    path = write(GOOD)
    before = catalog.describe(path)
    write(GOOD.replace("Falling", "Dropping"))
    assert catalog.describe(path).title == "Dropping"
    write(GOOD)
    assert catalog.describe(path) == before
    assert len(children) == 2


def test_a_file_that_failed_is_tried_again_after_a_while(
    write: Write, children: list[list[Path]], tmp_path: Path
) -> None:
    path = write(f"open({str(tmp_path / 'needed.txt')!r}).close()\n{GOOD}")
    patient, eager = SimulationCatalog(), SimulationCatalog(retry=0)
    for catalog in (patient, eager):
        with pytest.raises(SimulationError, match="FileNotFoundError"):
            catalog.describe(path)
    (tmp_path / "needed.txt").touch()
    with pytest.raises(SimulationError, match="FileNotFoundError"):
        patient.describe(path)
    assert eager.describe(path).title == "Falling"
    assert eager.describe(path).title == "Falling"
    assert len(children) == 3


def test_a_file_that_hangs_does_not_hold_up_the_others(write: Callable[..., Path]) -> None:
    recorded_file, hanging = write(GOOD), write("import time\ntime.sleep(60)\n", "hanging.py")
    described = load(recorded_file).describe()
    catalog = SimulationCatalog(
        recorded=lambda path, _: described if path == recorded_file else None,
        limits=Limits(memory_mb=512, seconds=1),
    )
    waiting = threading.Thread(target=lambda: catalog.describe_many([hanging]))
    waiting.start()
    time.sleep(0.1)
    assert catalog.describe(recorded_file) == described
    assert waiting.is_alive(), "the answer waited for the file that hangs"
    waiting.join()


def test_threads_that_ask_at_once_share_one_child(write: Write, children: list[list[Path]]) -> None:
    path, catalog = write(GOOD), SimulationCatalog()
    titles: list[str] = []
    threads = [
        threading.Thread(target=lambda: titles.append(catalog.describe(path).title))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert titles == ["Falling"] * 4
    assert len(children) == 1


def test_what_evidence_recorded_needs_no_child(write: Write, children: list[list[Path]]) -> None:
    path = write(GOOD)
    recorded = replace(load(path).describe(), summary="from the record")
    catalog = SimulationCatalog(
        recorded=lambda p, mark: recorded if mark == file_fingerprint(p) else None
    )
    assert catalog.describe(path).summary == "from the record"
    assert children == []


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("x = 1\n", "defines no `simulation", None),
        (GOOD.replace("@simulation.train", ""), "no function is decorated", None),
        ("x = 1\ndef broken(:\n", "SyntaxError", 2),
        ("\n\nimport nowhere_to_be_found\n", "No module named 'nowhere_to_be_found'", 3),
        ("def f():\n    return 1 / 0\n\nf()\n", "ZeroDivisionError", 2),
        ("raise SystemExit(3)\n", "SystemExit: 3", 1),
        (GOOD.replace("default=0.5", "default=5"), "its default is refused", 18),
        (GOOD.replace('"rate": 0.1', '"rat": 0.1'), "arm slow: There is no knob 'rat'", 16),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_where(
    write: Write, text: str, message: str, line: int | None
) -> None:
    path = write(text)
    with pytest.raises(SimulationError) as here:
        load(path)
    with pytest.raises(SimulationError) as there:
        SimulationCatalog().describe(path)
    for error in (here.value, there.value):
        assert message in error.message
        assert error.line == line


# What goes wrong while a file is read: its text, words of the message, and the line that is named.
ENDED = {
    "allocates": ("x = 1\ny = bytearray(300 * 1024 * 1024)\n", "used more than 96 MiB", 2),
    "shares": ("import mmap\nm = mmap.mmap(-1, 300 * 1024 * 1024)\n", "used more than 96 MiB", 2),
    "loops": ("\n\nwhile True:\n    pass\n", "took longer than 1.5 s", None),
    "waits_in_c": (
        "import re\n\nre.match('(a+)+$', 'a' * 40 + 'b')\n", "took longer than 1.5 s", 3
    ),
    "prints": ("while True:\n    print('x' * 200_000)\n", "more than 1024 KiB of text", None),
    "leaves": ("import os\nos._exit(7)\n", "died (exit code 7)", None),
    "crashes": ("import os, signal\n\nos.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV", 3),
    "writes_nonsense": (
        "import os\nfor n in range(3, 64):\n    try:\n        os.write(n, b'[1]\\n')\n"
        "    except OSError:\n        pass\n",
        "wrote into the pipe", None,
    ),
}  # fmt: skip


def test_a_file_whose_reading_was_ended_says_why_and_is_not_read_again(
    write: Callable[..., Path], children: list[list[Path]]
) -> None:
    paths = {name: write(text, f"{name}.py") for name, (text, _, _) in ENDED.items()}
    good = write(GOOD, "zulu.py")
    catalog = SimulationCatalog(limits=Limits(memory_mb=96, seconds=1.5), retry=0)
    for _ in range(2):
        outcomes = catalog.describe_many([*paths.values(), good])
        for name, (_text, words, line) in ENDED.items():
            outcome = outcomes[paths[name]]
            assert isinstance(outcome, ReadingEndedError), name
            assert words in outcome.message
            assert line in (None, outcome.line), name
        assert isinstance(outcomes[good], Description), "it was blamed for another file"
    with pytest.raises(ReadingEndedError, match="96 MiB"):
        catalog.describe_if_ready(paths["allocates"])
    assert len(children) == 1, "a file that ended its reader was read again"
    write(GOOD, "allocates.py")
    assert catalog.describe(paths["allocates"]).title == "Falling"


def test_a_file_that_never_ends_is_not_waited_for_by_the_others(write: Callable[..., Path]) -> None:
    endless = [write("while True:\n    pass\n", f"endless{number}.py") for number in range(2)]
    good = [write(GOOD, f"good{number}.py") for number in range(2)]
    paths = [endless[0], good[0], endless[1], good[1]]
    outcomes = read_files(paths, Limits(memory_mb=96, seconds=30))
    started = time.monotonic()
    assert [path for path, _ in itertools.islice(outcomes, 2)] == good
    assert time.monotonic() - started < 30, "the first one was waited for"
    outcomes.close()


def test_a_file_that_was_put_off_gets_all_its_time_in_the_end(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write("while True:\n    pass\n", f"endless{number}.py") for number in range(2)]
    monkeypatch.setattr("quizserver.lab.describe_files.FIRST_SECONDS", 0.1)
    answers = dict(describe_in_turns(paths, Limits(memory_mb=96, seconds=0.3)))
    assert [answers[index]["how"] for index in (0, 1)] == ["0.3 s", "0.3 s"]


def test_a_file_that_speaks_for_its_description_harms_no_other(
    write: Callable[..., Path], children: list[list[Path]]
) -> None:
    """It finds the pipe of its result, or how a result is made, and puts nonsense into it."""
    everywhere = (
        "import os\nfor n in range(3, 64):\n    try:\n        os.write(n, {})\n"
        "    except OSError:\n        pass\n"
    )
    replaced = "import json\njson.dumps = lambda _: {!r}\n"
    texts = [
        *(everywhere.format(w) for w in (r"b'{\"result\": 5}\n'", r"b'[' * 60000 + b'\n'")),
        everywhere.format(r"b'{\"result\": {}}\n'"),
        *(replaced.format(f'{{"result": {value}}}') for value in ("5", "{}", '{"ended": []}')),
        replaced.format('{"result": {"description": {"title": "a part"}}}'),
        replaced.format("[" * 60_000),
    ]
    bad = [write(text + GOOD, f"bad{number}.py") for number, text in enumerate(texts)]
    good = write(GOOD, "zulu.py")
    catalog = SimulationCatalog(retry=0)
    for _ in range(2):
        outcomes = catalog.describe_many([*bad, good])
        assert isinstance(outcomes[good], Description)
        for path in bad:
            assert isinstance(outcomes[path], ReadingEndedError), path.name
    assert len(children) == 1


@pytest.mark.parametrize(
    "answer",
    [
        5, [], {}, {"result": 5}, {"description": 5}, {"description": {}},
        {"error": 1, "line": 1, "traceback": ""}, {"error": "", "line": "1", "traceback": ""},
        {"error": "", "line": True, "traceback": ""},
        {"ended": "late", "how": "", "line": 1, "printed": ""},
        {"ended": [], "how": "", "line": 1, "printed": ""},
        {"ended": "died", "how": "", "line": 1, "printed": "", "more": 1},
    ],
)  # fmt: skip
def test_an_answer_about_a_file_has_one_of_three_forms(answer: object) -> None:
    with pytest.raises(ValueError, match="this is no"):
        parse_answer(answer)


def test_a_text_that_no_page_can_show_is_named(write: Callable[..., Path]) -> None:
    half = r"\ud800"
    wrong = {
        "the title holds a character": ('"Falling"', f'"{half}"'),
        "the title has 201 characters": ('"Falling"', '"x" * 201'),
        "the label of knob rate holds": ('"Rate"', f'"{half}"'),
        "the label of arm slow holds": ('"Slow"', f'"{half}"'),
        "the label of 'loss' holds": ('Axis("loss"', f'Axis("{half}"'),
        "the name of a series holds": ('{"loss": Axis', f'{{"{half}": Axis'),
        "the label of 'x' is no text": ('Axis("step")', "Axis(5)"),
        "there are 101 arms": (
            "arms=[",
            "arms=[Arm(f'a{n}', 'A', {'rate': .2 + n / 999}) for n in range(99)] + [",
        ),
    }
    paths = {
        write(GOOD.replace(*change), f"{number}.py"): words
        for number, (words, change) in enumerate(wrong.items())
    }
    outcomes = SimulationCatalog().describe_many(paths)
    for path, words in paths.items():
        assert words in str(outcomes[path])
        assert not isinstance(outcomes[path], ReadingEndedError)


def test_an_error_with_half_a_character_can_be_shown(write: Write) -> None:
    path = write(r"raise ValueError('\ud800 is half a character')" + "\n")
    with pytest.raises(SimulationError, match="half a character") as caught:
        SimulationCatalog().describe(path)
    assert (caught.value.message + caught.value.traceback_text).encode()


def test_a_file_can_neither_start_processes_nor_make_or_grow_files(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    there = tmp_path / "there.txt"
    there.write_text("kept")
    texts = {
        "forks": "import os\nos.fork()\n",
        "runs": "import subprocess\nsubprocess.run(['true'])\n",
        "writes": f"open({str(tmp_path / 'new.txt')!r}, 'w')\n",
        "empties": f"open({str(there)!r}, 'w')\n",
        "deletes": f"import os\nos.unlink({str(there)!r})\n",
    }
    grows = write(f"with open({str(there)!r}, 'r+') as f:\n    f.write('x' * 99)\n", "grows.py")
    paths = {name: write(text, f"{name}.py") for name, text in texts.items()}
    outcomes = SimulationCatalog().describe_many([*paths.values(), grows])
    assert "File too large" in str(outcomes[grows])
    if platform.machine() in ("x86_64", "aarch64"):
        for name, path in paths.items():
            assert "may not start processes, nor make" in str(outcomes[path]), name
        assert there.read_text() == "kept"
        assert not (tmp_path / "new.txt").exists()


def test_threads_that_ask_in_both_ways_wait_for_one_attempt(
    write: Write, children: list[list[Path]]
) -> None:
    path = write("import time\ntime.sleep(60)\n")
    catalog = SimulationCatalog(limits=Limits(memory_mb=96, seconds=1))
    assert catalog.describe_if_ready(path) is None
    with pytest.raises(ReadingEndedError, match="longer than 1 s"):
        catalog.describe(path)
    assert children == [[path]]


def test_what_a_file_says_names_no_folder_of_the_machine(write: Write, tmp_path: Path) -> None:
    path = write("import json\n\n\ndef f():\n    json.load(open('/srv/secret/data.csv'))\n\nf()\n")
    with pytest.raises(SimulationError) as caught:
        SimulationCatalog().describe(path)
    assert caught.value.message.endswith("'data.csv'")
    assert f'File "{tmp_path.name}/simulation.py", line 5, in f' in caught.value.traceback_text
    for folder in (str(tmp_path), "/srv", str(Path(json.__file__).parent), str(Path.home())):
        assert folder not in caught.value.message + caught.value.traceback_text


def test_a_file_does_not_see_the_servers_settings(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIZSERVER_SECRET_KEY", "hush")
    path = write("import os\nraise RuntimeError(os.environ.get('QUIZSERVER_SECRET_KEY', 'none'))\n")
    with pytest.raises(SimulationError, match="RuntimeError: none"):
        SimulationCatalog().describe(path)


def test_files_that_are_not_there_or_not_text_are_reported(tmp_path: Path) -> None:
    missing, binary = tmp_path / "missing.py", tmp_path / "binary.py"
    binary.write_bytes(b"\xff\xfe\x00")
    huge = tmp_path / "huge.py"
    with huge.open("wb") as file:
        file.truncate(1 << 30)  # it takes no room on the disk, but would in memory
    for outcome in SimulationCatalog().describe_many([missing, binary, huge]).values():
        assert "cannot be read" in str(outcome)
    assert "more than 1024 KiB" in str(SimulationCatalog().describe_many([huge])[huge])
    with pytest.raises(SimulationError, match="more than 1024 KiB"):
        load(huge)
    with pytest.raises(SimulationError, match="cannot be read"):
        load(missing)


def test_a_fingerprint_follows_the_text_but_not_its_line_ends(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("unix.py", "windows.py", "other.py")]
    for path, text in zip(paths, (b"a\nb\n", b"a\r\nb\r\n", b"a\nc\n"), strict=True):
        path.write_bytes(text)
    unix, windows, other = map(file_fingerprint, paths)
    assert unix == windows != other


def test_an_edit_within_one_clock_tick_is_trained_as_it_is_now(write: Write) -> None:
    """Python's own cache of compiled files goes by the second and the size of the file."""
    assert load(write(GOOD)).title == "Falling"
    path = write(GOOD.replace("Falling", "Gliding"))
    simulation = load(path)
    assert simulation.title == "Gliding"
    assert simulation.fingerprint == file_fingerprint(path)
    assert not (path.parent / "__pycache__").exists()
    assert simulate(simulation, {}, [1]).x.tolist() == [0, 1, 2, 3, 4]


def test_a_description_survives_json(write: Write) -> None:
    described = load(write(GOOD)).describe()
    assert description_from_json(description_to_json(described)) == described
    with pytest.raises(ValueError, match="no description of a simulation"):
        description_from_json({"title": "only"})


def test_a_page_never_waits_for_a_file_that_hangs(tmp_path: Path) -> None:
    slow, good = tmp_path / "slow.py", tmp_path / "good.py"
    slow.write_text("import time\ntime.sleep(60)\n")
    good.write_text(GOOD)
    catalog = SimulationCatalog(limits=Limits(memory_mb=512, seconds=30))
    started = time.monotonic()
    assert catalog.describe_if_ready(slow) is None
    assert catalog.describe_if_ready(good) is None
    assert time.monotonic() - started < 5
    until = time.monotonic() + 60
    while catalog.describe_if_ready(good) is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert catalog.describe_if_ready(slow) is None


def test_a_file_that_cannot_be_used_says_so_once_it_has_been_read(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("1 / 0\n")
    catalog = SimulationCatalog()

    def wait() -> None:
        for _ in range(600):
            assert catalog.describe_if_ready(path) is None
            time.sleep(0.1)

    with pytest.raises(SimulationError, match="ZeroDivisionError"):
        wait()


def test_another_text_of_the_same_length_and_time_has_another_fingerprint(tmp_path: Path) -> None:
    """As a copy that keeps times leaves it, written over the old file or in its place."""
    path = tmp_path / "simulation.py"
    path.write_text("x = 1\n")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    seen = {file_fingerprint(path)}
    for text in ("x = 2\n", "x = 3\n"):
        path.write_text(text)
        os.utime(path, ns=times)
        seen.add(file_fingerprint(path))
    assert len(seen) == 3
