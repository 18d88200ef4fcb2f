"""``python -m benchmarks.markup``: how long the costliest pages take that are not refused.

A page is one token of the markup that authors write, or two in turn, over and over: on one line,
each on a line of its own, each in a paragraph of its own; as long as a page may be, or as long as
its effort is not refused. Prints those that take longer than a part of the aim, the slowest first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import permutations

import click

from quizserver.topics.cross_checks import check_cross_references
from quizserver.topics.links import SiteMap
from quizserver.topics.markdown import scan_markdown
from quizserver.topics.page_file import parse_page_file, render_page
from quizserver.topics.sanitise import word_set
from quizserver.topics.source_text import LARGEST_PAGE, decode_source
from quizserver.topics.tangles import find_tangle

AIM_SECONDS = 1.0
SHOWN_FROM = 0.5  # of the aim

TOKENS = sorted(
    word_set(
        """
        word é * ** _ __ ~~ ` `` ``` ~~~ [ ] ( ) ![a]( ]( [a](b) ![a](b.png) [a][b] [^a] < > <a <b>
        </b> <div> </div> <!-- --> <https://a.b> & &amp; $ $$ $a$ \\ # ##Hint - 1. | |- --- === :
        { } {#a} {.a} " ' ! a:
        """
    )
)
TOKENS += ["- [ ] a", "- [x] a", "> ", "[a]: b", "[^a]: b", "# a", "    a", "| a | b |"]
SEPARATORS = {"one line": " ", "joined": "", "lines": "\n", "paragraphs": "\n\n"}
PAGES = {"t/lesson.md": "", "t/question.md": "\n\n- [x] Yes\n- [ ] No\n"}
SITE = SiteMap(frozenset(PAGES), {path: f"/{path}" for path in PAGES}, {"t": "t"})


def page_text(tokens: tuple[str, ...], separator: str, ending: str, size: int) -> str:
    """A page of about ``size`` bytes."""
    head = "# Title\n\nStem.\n\n"
    unit = separator.join(tokens) + separator
    return head + unit * max(1, (size - len(head) - len(ending)) // len(unit.encode())) + ending


def largest_text(tokens: tuple[str, ...], separator: str, ending: str) -> str:
    """The page at the size limit, or the largest of those that are not refused, within a tenth."""
    most = LARGEST_PAGE - 10
    size = 500
    while size < most and not _is_refused(
        page_text(tokens, separator, ending, min(2 * size, most))
    ):
        size = min(2 * size, most)
    for step in (size // 2, size // 4, size // 8):
        if size + step <= most and not _is_refused(
            page_text(tokens, separator, ending, size + step)
        ):
            size += step
    return page_text(tokens, separator, ending, size)


def _is_refused(text: str) -> bool:
    decoded = decode_source(text.encode())
    is_readable = bool(decoded.text.strip())
    return not is_readable or find_tangle(scan_markdown(decoded.text)) is not None


def processor_seconds(path: str, text: str) -> float:
    """Seconds of this process to read, check and render a page."""
    started = time.process_time()
    file = parse_page_file(path, text.encode())
    if file.parsed is not None:
        list(check_cross_references(file.parsed, SITE))
    if file.parsed is not None and file.is_servable:
        render_page(file.parsed, "t", SITE)
    return time.process_time() - started


def measure_pages(*, pairs: bool, every: int) -> Iterator[tuple[float, str, int]]:
    """Seconds, name and length of each page."""
    combinations: list[tuple[str, ...]] = [(token,) for token in TOKENS]
    if pairs:
        combinations += list(permutations(TOKENS, 2))
    for tokens in combinations[::every]:
        for name, separator in SEPARATORS.items():
            for path, ending in PAGES.items():
                text = largest_text(tokens, separator, ending)
                yield processor_seconds(path, text), f"{path} {name} {' '.join(tokens)}", len(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", action="store_true", help="two tokens in turn as well (an hour)")
    parser.add_argument("--every", type=int, default=1, help="only each so many-th combination")
    options = parser.parse_args()
    processor_seconds("t/lesson.md", page_text(("`a` $a$ *a* [a](b)",), "\n", "", 200))  # imports
    rows = sorted(measure_pages(pairs=options.pairs, every=options.every), reverse=True)
    for seconds, name, length in rows:
        if seconds > SHOWN_FROM * AIM_SECONDS:
            missed = "  over the aim" if seconds > AIM_SECONDS else ""
            click.echo(f"{seconds:6.2f} s  {length:>8,} characters  {name}{missed}")
    click.echo(f"{len(rows)} pages; the slowest {rows[0][0]:.2f} s; the aim is {AIM_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
