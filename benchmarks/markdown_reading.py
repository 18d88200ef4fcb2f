"""``python -m benchmarks.markdown_reading FOLDER``: how many markdown files are read as on GitHub.

Every ``.md`` and ``.mdx`` file below the folder is converted by the product and by ``cmark-gfm`` (a
package of Debian), the reference of GitHub's markdown; both pages are sanitised and compared. With
``--spec FILE``, the examples of a specification (CommonMark's or GitHub's ``spec.txt``) are
compared with the HTML that it gives for them.

Set aside are white space outside of code, spans, classes, ids, paragraphs inside list items, and
formulas, each of which is one word on both sides. A note (``> [!NOTE]``), which ``cmark-gfm`` does
not know, counts as the quotation that it makes of it.
"""

from __future__ import annotations

import argparse
import difflib
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import click

from quizserver.topics.inline_markup import parse_inline_markup
from quizserver.topics.markdown import scan_markdown
from quizserver.topics.render import render_markdown
from quizserver.topics.sanitise import sanitise_html
from quizserver.topics.source_text import LARGEST_PAGE, decode_source
from quizserver.topics.tangles import find_tangle
from quizserver.topics.word_sets import word_set

REFERENCE = ["cmark-gfm", "--unsafe", "-e", "footnotes", "-e", "table", "-e", "strikethrough"]
REFERENCE += ["-e", "autolink", "-e", "tasklist"]
_EXAMPLE = re.compile(
    r"^`{32} example(?P<extension>[^\n]*)\n(?P<text>.*?)^\.\n(?P<html>.*?)^`{32}$", re.M | re.S
)
_SECTION = re.compile(r"^#{1,6} +(?P<name>.*)$", re.M)
_BLOCKS = word_set(
    "address article aside blockquote body br dd details div dl dt figcaption figure footer h1 h2 "
    "h3 h4 h5 h6 header hr li nav ol p pre section summary table tbody td tfoot th thead tr ul"
)
_NOTE_MARK = re.compile(r"^\[!(?:note|tip|important|warning|caution)\]", re.IGNORECASE)
_EMPTY_LINK = re.compile(r"<a [^>]*> *</a>")
_NO_END = frozenset({"br", "hr", "img", "col", "input"})


class _Normaliser(HTMLParser):
    """The elements and words of a page, one a line, without what is set aside."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._words = ""
        self._in_note_title = False
        self._open: list[tuple[str, str]] = []  # each open element and what its end tag becomes

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        shown = self._start_tag(tag, values)
        if shown:
            self._add(shown, is_block=tag in _BLOCKS)
        if tag not in _NO_END:
            self._open.append((tag, f"</{shown[1:].split()[0].rstrip('>')}>" if shown else ""))

    def _start_tag(self, tag: str, values: dict[str, str]) -> str:
        classes = values.get("class", "").split()
        self._in_note_title = "note-title" in classes
        if "note-box" in classes:
            return "<blockquote>"
        if tag == "span" or (tag == "div" and "highlight" in classes):
            return ""
        if tag == "p" and any(name in ("li", "dd") for name, _ in self._open):
            return ""
        if tag == "a" and not values.get("href"):
            return ""
        kept = [
            f' {name}="{unquote(" ".join(values[name].split()))}"'
            for name in ("href", "src", "alt", "title", "align", "start", "checked")
            if name in values and not (name == "href" and values[name].startswith("#"))
        ]
        return f"<{tag}{''.join(kept)}>"

    def handle_endtag(self, tag: str) -> None:
        if tag in _NO_END or not any(name == tag for name, _ in self._open):
            return
        while self._open:
            name, shown = self._open.pop()
            if shown:
                self._add(shown, is_block=name in _BLOCKS)
            if name == tag:
                return

    def _add(self, tag: str, *, is_block: bool) -> None:
        if is_block:
            self._end_words()
            self.lines.append(tag)
        else:
            self._words += tag

    def _end_words(self) -> None:
        words = self._words
        in_code = any(name == "pre" for name, _ in self._open)
        words = words.rstrip("\n") if in_code else " ".join(words.split())
        if words.strip():
            self.lines += words.split("\n")
        self._words = ""

    def handle_data(self, data: str) -> None:
        if self._in_note_title:
            data = f"[!{data.upper()}]"
            self._in_note_title = False
        self._words += data if any(n == "pre" for n, _ in self._open) else re.sub(r"\s+", " ", data)

    def close(self) -> None:
        super().close()
        self._end_words()


def normalise_html(html: str) -> list[str]:
    """The lines of a page that are compared."""
    normaliser = _Normaliser()
    normaliser.feed(html)
    normaliser.close()
    lines = (_EMPTY_LINK.sub("", line) for line in normaliser.lines)
    return _with_notes_as_quotations([line for line in lines if line.strip()])


def _with_notes_as_quotations(lines: list[str]) -> list[str]:
    """The lines with the title of each note as the mark that it was written as."""
    merged: list[str] = []
    for line in lines:
        line = _NOTE_MARK.sub(lambda mark: mark[0].upper(), line)
        if merged and merged[-1].startswith("[!") and line in ("</p>", "<p>", "<br>"):
            continue
        if len(merged) > 1 and re.fullmatch(r"\[![A-Z]+\]", merged[-1]):
            is_text = line not in ("</blockquote>", "<ul>", "<ol>", "<pre>", "<table>", "</p>")
            if is_text:
                merged[-1] += f" {line}"
                continue
            merged.append("</p>")
        merged.append(line)
    return merged


def _sanitise(html: str) -> str:
    html = re.sub(r'<section class="footnotes".*?</section>', "", html, flags=re.S)
    return sanitise_html(html, prefix="", rewrite=lambda _name, url: url)


def product_html(text: str) -> str:
    """What the product makes of a markdown text, its notes as quotations."""
    html = render_markdown(text, prefix="", rewrite=lambda _name, url: url)
    return re.sub(r'<div class="footnote">.*?</div>', "", html, flags=re.S)


def reference_html(text: str) -> str:
    """What ``cmark-gfm`` makes of a markdown text, sanitised."""
    process = subprocess.run(REFERENCE, input=text.encode(), capture_output=True, check=True)
    return _sanitise(process.stdout.decode())


def without_formulas(text: str) -> str:
    """The text below its front matter, each formula as one word."""
    source = scan_markdown(text)
    parts, end = [], 0
    for formula in parse_inline_markup(source).formulas:
        parts += [text[end : formula.start], "Formula"]
        end = formula.end
    text = "".join([*parts, text[end:]])
    return "\n".join(text.split("\n")[source.front_matter_length :])


def differences(ours: str, reference: str) -> list[str]:
    """The lines of two pages that differ."""
    lines = difflib.unified_diff(
        normalise_html(reference), normalise_html(ours), "github", "product", lineterm="", n=1
    )
    return list(lines)


def compare_file(path: Path) -> list[str] | None:
    """How a file is read otherwise than on GitHub; None for one that no page can be."""
    data = path.read_bytes()
    decoded = decode_source(data)
    if len(data) > LARGEST_PAGE or not decoded.text.strip():
        return None
    if find_tangle(scan_markdown(decoded.text)) is not None:
        return None
    text = without_formulas(decoded.text)
    return differences(product_html(text), reference_html(text))


def compare_folder(folder: Path, shown: int) -> None:
    """Prints how many files of a folder are read as on GitHub, and what differs."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".md", ".mdx"))
    read = same = hunks = 0
    for path in paths:
        lines = compare_file(path) if path.is_file() else None
        if lines is None:
            continue
        read += 1
        same += not lines
        hunks += sum(line.startswith("@@") for line in lines)
        if lines and shown:
            click.echo(f"=== {path.relative_to(folder)}")
            click.echo("\n".join(line[:300] for line in lines[2 : 2 + shown]))
    click.echo(
        f"{same} of {read} files are the same ({same / max(read, 1):.1%}); {hunks} differences"
    )


def examples(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Number, section, markdown and HTML of each example of a specification."""
    section, end = "", 0
    for number, match in enumerate(_EXAMPLE.finditer(text), 1):
        for heading in _SECTION.finditer(text, end, match.start()):
            section = heading["name"]
        end = match.end()
        name = f"{section}{match['extension']}"
        yield number, name, *(match[key].replace("→", "\t") for key in ("text", "html"))


def compare_specification(path: Path, *, shown: bool) -> None:
    """Prints how many examples of a specification come out as it says, by section."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for number, section, markdown, html in examples(path.read_text("utf-8")):
        total[section] += 1
        ours = product_html(markdown)
        lines = differences(ours, _sanitise(html))
        right[section] += not lines
        if lines and shown:
            click.echo(f"=== {number} {section}\n{markdown}--- as HTML: {escape(ours)!r}")
            click.echo("\n".join(lines[2:]))
    for section, count in total.items():
        click.echo(f"{right[section]:4} of {count:3}  {section}")
    share = right.total() / max(total.total(), 1)
    click.echo(f"{right.total()} of {total.total()} examples ({share:.1%})  {path.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="a folder with markdown files")
    parser.add_argument("--spec", type=Path, action="append", default=[], help="a spec.txt")
    parser.add_argument("--show", type=int, default=0, help="so many lines of what differs")
    options = parser.parse_args()
    for path in options.spec:
        compare_specification(path, shown=bool(options.show))
    if options.folder:
        compare_folder(options.folder, options.show)


if __name__ == "__main__":
    main()
