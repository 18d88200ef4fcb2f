"""The list of promises in docs/security.md: complete, and true as far as names can tell."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from quizserver.accounts.model import EMAIL_MAX, PASSWORD_MAX, PASSWORD_MIN
from quizserver.accounts.weak_passwords import COMMON_PASSWORDS, SITE_WORDS
from quizserver.classes.forms import NAME_MAX, TITLE_MAX
from quizserver.db.tables import metadata
from quizserver.reports.model import REPORTS_MAX, TEXT_MAX
from quizserver.runs.request_parser import BODY_MAX
from quizserver.topics.assets import MEDIA_TYPES

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "security.md").read_text("utf-8")

# Every point of OWASP ASVS 5.0 of the levels 1 and 2.
ASVS_POINTS = """
    1.1.1-2 1.2.1-9 1.3.1-11 1.4.1-3 1.5.1-2 2.1.1-3 2.2.1-3 2.3.1-4 2.4.1
    3.2.1-2 3.3.1-4 3.4.1-6 3.5.1-5 3.7.1-2 4.1.1-3 4.2.1 4.3.1-2 4.4.1-4
    5.1.1 5.2.1-3 5.3.1-2 5.4.1-3 6.1.1-3 6.2.1-12 6.3.1-4 6.4.1-4 6.5.1-5 6.6.1-3 6.8.1-4
    7.1.1-3 7.2.1-4 7.3.1-2 7.4.1-5 7.5.1-2 7.6.1-2 8.1.1-2 8.2.1-3 8.3.1 8.4.1
    9.1.1-3 9.2.1-4 10.1.1-2 10.2.1-2 10.3.1-4 10.4.1-11 10.5.1-5 10.6.1-2 10.7.1-3
    11.1.1-2 11.2.1-3 11.3.1-3 11.4.1-4 11.5.1 11.6.1 12.1.1-3 12.2.1-2 12.3.1-4
    13.1.1 13.2.1-5 13.3.1-2 13.4.1-5 14.1.1-2 14.2.1-4 14.3.1-3
    15.1.1-3 15.2.1-3 15.3.1-7 16.1.1 16.2.1-5 16.3.1-4 16.4.1-3 16.5.1-3
    17.1.1 17.2.1-4 17.3.1-2
"""


def parse_ranges(text: str) -> list[tuple[int, ...]]:
    """The numbers of ``1.2.1-9``, of one chapter and section."""
    points: list[tuple[int, ...]] = []
    for chapter, section, first, last in re.findall(
        r"(\d+)\.(\d+)\.(\d+)(?:-(\d+)\b(?!\.))?", text
    ):
        numbers = range(int(first), int(last or first) + 1)
        points += [(int(chapter), int(section), number) for number in numbers]
    return points


POINTS = set(parse_ranges(ASVS_POINTS))


def table_rows(section: str) -> Iterator[list[str]]:
    """The cells of each row of a section's tables but for their heads."""
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and not cells[0].startswith("---") and cells[0] not in HEADS:
            yield cells


HEADS = ("point", "points")
LIST = GUIDE.split("## OWASP ASVS 5.0")[1]
PROMISES, OTHERS = LIST.split("### Does not apply")
ROWS = list(table_rows(PROMISES))


def covered_by(cell: str) -> set[tuple[int, ...]]:
    """The points that a cell names; ``1.2.1-1.3.2`` is every point from one to the other."""
    covered: set[tuple[int, ...]] = set()
    for part in cell.split(","):
        first, _, last = part.strip().partition("-")
        start, end = (tuple(map(int, text.split("."))) for text in (first, last or first))
        found = {point for point in POINTS if start <= point <= end}
        assert {start, end} <= POINTS, f"{part} is no point of level 1 or 2"
        covered |= found
    return covered


def test_the_numbers_are_all_of_level_1_and_2():
    assert len(POINTS) == len(parse_ranges(ASVS_POINTS)) == 253


def test_every_point_is_listed_once():
    listed = [point for cells in [*ROWS, *table_rows(OTHERS)] for point in covered_by(cells[0])]
    twice = {point for point in listed if listed.count(point) > 1}
    assert not twice
    assert not POINTS - set(listed)
    assert all(len(cells) == 2 and cells[1] for cells in table_rows(OTHERS))


def test_what_is_kept_names_a_test_and_what_is_not_says_why():
    assert len(ROWS) > 100
    for cells in ROWS:
        assert len(cells) == 4, cells
        point, promise, where, test = cells
        if promise.startswith("**Not kept**"):
            assert (where, test) == ("", ""), point
            assert len(promise) > 60, point
        else:
            assert where, point
            assert "::test_" in test, point


def test_every_test_that_is_named_exists():
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", GUIDE)
    assert len(named) > 100
    functions: dict[str, set[str]] = {}
    for file, name in named:
        path = ROOT / "tests" / file
        assert path.is_file(), file
        if file not in functions:
            tree = ast.parse(path.read_text("utf-8"))
            functions[file] = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        assert name in functions[file], f"{file}::{name}"


def test_every_file_that_is_named_exists():
    for cells in ROWS:
        for name in re.findall(r"`([^`]+)`", cells[2]):
            places = [ROOT / "quizserver" / name.replace("…", "*"), ROOT / name]
            pattern = name.replace("…", "*")
            found = any(place.exists() for place in places) or (
                "…" in name and any((ROOT / "quizserver").rglob(pattern))
            )
            assert found, name
    for target in re.findall(r"\]\(([\w.]+\.md)?#([\w-]+)\)", GUIDE):
        page = (ROOT / "docs" / (target[0] or "security.md")).read_text("utf-8")
        headings = re.findall(r"^#+ (.+)$", page, re.M)
        anchors = {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
        }
        assert target[1] in anchors, target


NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}


def test_the_rules_for_input_are_those_of_the_code():
    rules = GUIDE.split("## What is checked")[1].split("\n## ")[0]
    common = len(COMMON_PASSWORDS.read_bytes().splitlines())
    for text in (
        f"{PASSWORD_MIN} to {PASSWORD_MAX} characters",
        f"one of {common:,} common ones",
        f"at most {TITLE_MAX} and {NAME_MAX} characters",
        f"at most {BODY_MAX // 1024} KiB",
        f"at most {TEXT_MAX:,} characters; {NUMBER_WORDS[REPORTS_MAX]} of one person a day",
        f"alone: {', '.join(SITE_WORDS)} |",
        f"at most {EMAIL_MAX} characters",
    ):
        assert text in rules, text
    for suffix in {"png", "jpeg", "webp", "gif", "svg"}:
        assert f".{suffix}" in MEDIA_TYPES
        assert suffix in rules.lower()


PERSONAL_TABLES = {
    "person", "browser_session", "access_try", "attempt", "standing", "experiment", "class",
    "member", "audit_event", "draft", "reveal", "question_report",
}  # fmt: skip
OTHER_TABLES = {
    "class_topic", "content_file", "content_release", "file_version", "host_process", "maintenance",
    "question_version",
}  # fmt: skip


def test_every_table_of_people_has_a_level():
    """A new table must be looked at: does the guide's table of data speak of it?"""
    names = set(metadata.tables)
    assert names <= PERSONAL_TABLES | OTHER_TABLES, names - (PERSONAL_TABLES | OTHER_TABLES)
    section = GUIDE.split("## What is kept")[1].split("\n## ")[0]
    for word in ("passwords", "tokens of sessions", "addresses, names, answers", "audit log"):
        assert f"| {word}" in section or f"| the {word}" in section


def test_the_proxy_of_the_guide_speaks_no_old_tls_and_no_http():
    guide = (ROOT / "docs" / "administrators.md").read_text("utf-8")
    (nginx,) = re.findall(r"^```nginx\n(.*?)^```$", guide, re.S | re.M)
    plain, encrypted = nginx.split("server {")[1:]
    assert "listen 80;" in plain
    assert "return 301 https://" in plain
    assert "proxy_pass" not in plain
    assert "listen 443 ssl;" in encrypted
    assert re.search(r"ssl_protocols\s+TLSv1\.2 TLSv1\.3;", encrypted)


def test_everything_that_is_needed_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["postgresql"], *extras["redis"]]
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text("utf-8"), re.M))
    names = {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in needed}
    assert names <= {name.lower() for name in pinned}
