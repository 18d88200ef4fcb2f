"""Markdown is read as GitHub reads it, and what only looks like markup stays text."""

from __future__ import annotations

import re

import pytest

from quizserver.topics.blocks import DEEPEST_BLOCK, parse_blocks
from quizserver.topics.render import render_markdown


def html(text: str) -> str:
    return render_markdown(text, prefix="", rewrite=lambda _name, url: url)


def shape(text: str) -> str:
    """The HTML of a text on one line, without spans, classes and relations of links."""
    plain = re.sub(r"</?span[^>]*>", "", html(text))
    plain = re.sub(r' (?:class|rel|loading|decoding)="[^"]*"', "", plain)
    return re.sub(r">\s+<", "><", " ".join(plain.split()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python out\nx\n```\n\nafter", "<div><pre><code>x </code></pre></div><p>after</p>"),
        (
            "- ```python\n  x\n  ```\n- b",
            "<ul><li><div><pre><code>x </code></pre></div></li><li>b</li></ul>",
        ),
        ("```\na\n  ```\nb", "<div><pre><code>a </code></pre></div><p>b</p>"),
        ("```\na\n    ```\n```\nb", "<div><pre><code>a ``` </code></pre></div><p>b</p>"),
        ("- a\n```\nb\n```", "<ul><li>a</li></ul><div><pre><code>b </code></pre></div>"),
        ("<pre>\n```\na\n</pre>\n\n*b*", "<pre>``` a </pre><p><em>b</em></p>"),
    ],
)
def test_fences_are_code_up_to_their_end(text: str, expected: str) -> None:
    assert shape(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "> T:\n> - a\n>   - b",
            "<blockquote><p>T:</p><ul><li>a<ul><li>b</li></ul></li></ul></blockquote>",
        ),
        ("1. F:\n- a\n- b", "<ol><li>F:</li></ol><ul><li>a</li><li>b</li></ul>"),
        ("- F\n1. a", "<ul><li>F</li></ul><ol><li>a</li></ol>"),
        ("1. F\n  - a", "<ol><li>F</li></ol><ul><li>a</li></ul>"),
        ("- a\n  > b", "<ul><li>a<blockquote><p>b</p></blockquote></li></ul>"),
        ("- a\n\n    b\n\nc", "<ul><li><p>a</p><p>b</p></li></ul><p>c</p>"),
        ("- a\n-\n- b", "<ul><li>a</li><li></li><li>b</li></ul>"),
        ("- [x] a\n- [ ] b", "<ul><li><input checked> a</li><li><input> b</li></ul>"),
        ("In 2020\n14. was no list", "<p>In 2020 14. was no list</p>"),
        ("> a\n---\nb", "<blockquote><p>a</p></blockquote><hr><p>b</p>"),
    ],
)
def test_lists_and_quotations_hold_each_other(text: str, expected: str) -> None:
    boxes = re.sub(r'<input(?: (?:type|disabled)="\w*"| (checked)="")*>', _box, shape(text))
    assert boxes == expected


def _box(match: re.Match[str]) -> str:
    return "<input checked>" if "checked" in match[0] else "<input>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "T:\n| a | b |\n|---|---|\n| c | d |",
            "<p>T:</p><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td>d</td></tr></tbody></table>",
        ),
        (
            "| a |\n|---|\n| `x\\|y` |",
            "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td><code>x|y</code></td></tr></tbody></table>",
        ),
        ("  ## H", "<h2>H</h2>"),
        ("# C# and F#", "<h1>C# and F#</h1>"),
        ("a\n: b", "<p>a : b</p>"),
        ("a\nb\n---", "<h2>a b</h2>"),
        ("a\\\nb", "<p>a<br> b</p>"),
        ("~a~ ~~b~~", "<p><del>a</del><del>b</del></p>"),
        ("``a ` b``, ` `` `", "<p><code>a ` b</code>, <code>``</code></p>"),
    ],
)
def test_tables_headings_and_marks_need_no_more_than_elsewhere(text: str, expected: str) -> None:
    assert shape(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "See https://example.org/a.",
            '<p>See <a href="https://example.org/a">https://example.org/a</a>.</p>',
        ),
        ("(www.example.org)", '<p>(<a href="http://www.example.org">www.example.org</a>)</p>'),
        (
            "https://example.org/a<br>b",
            '<p><a href="https://example.org/a">https://example.org/a</a><br>b</p>',
        ),
        (
            "[a](<https://a.org/b c> 'T \"q\"')",
            '<p><a href="https://a.org/b c" title="T &quot;q&quot;">a</a></p>',
        ),
        ('[a](b_(c) "use `x`")', '<p><a href="b_(c)" title="use `x`">a</a></p>'),
        ("[a [b](c)](d)", '<p>[a <a href="c">b</a>](d)</p>'),
        ("[![a](b.png)](c)", '<p><a href="c"><img alt="a" src="b.png"></a></p>'),
        ("[`a`]\n\n[`a`]: b", '<p><a href="b"><code>a</code></a></p>'),
        ("[a](?x=1&ampy=2)", '<p><a href="?x=1&amp;ampy=2">a</a></p>'),
    ],
)
def test_links_are_found_as_elsewhere(text: str, expected: str) -> None:
    found = re.sub(r'<img src="([^"]*)" alt="([^"]*)">', r'<img alt="\2" src="\1">', shape(text))
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The <mask> token stands here.", "<p>The &lt;mask&gt; token stands here.</p>"),
        ("<mask>\n**b**", "<p>&lt;mask&gt; <strong>b</strong></p>"),
        ("of <user, video> in <job_id>", "<p>of &lt;user, video&gt; in &lt;job_id&gt;</p>"),
        ("Dict<K,V>, List<T>", "<p>Dict&lt;K,V&gt;, List&lt;T&gt;</p>"),
        ("<think>\n\na\n\n</think>", "<p>&lt;think&gt;</p><p>a</p><p>&lt;/think&gt;</p>"),
        ('B\n<iframe src="x" />\nA', "<p>B</p> A"),
        ('<iframe src="x" />\n\nA', "<p>A</p>"),
        ("<div>a <!-- b\n\nc", "<div>a &lt;!-- b <p>c</p></div>"),
        ("a <title> b", "<p>a &lt;title&gt; b</p>"),
        ("a <s> b\n\nc", "<p>a &lt;s&gt; b</p><p>c</p>"),
        ("<Tip>\n\n*a*\n\n</Tip>", "<p><em>a</em></p>"),
        ("the *set*{1, 2} of `x`{y}", "<p>the <em>set</em>{1, 2} of <code>x</code>{y}</p>"),
        ("## Sets {a, b}", "<h2>Sets {a, b}</h2>"),
        ("## Sets {#s}", '<h2 id="s">Sets</h2>'),
        ("*a*{: .note}", "<p><em>a</em></p>"),
    ],
)
def test_what_only_looks_like_markup_is_text(text: str, expected: str) -> None:
    assert shape(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<details>\n<summary>S</summary>\n\n- a\n**b**\n\n</details>",
            "<details><summary>S</summary><ul><li>a <strong>b</strong></li></ul></details>",
        ),
        ('<div align="center">\n\n## H\n\n</div>', "<div><h2>H</h2></div>"),
        ("<center>\n\n*a*\n\n</center>", "<p><em>a</em></p>"),
        ("<div>\n*a*\n</div>", "<div> *a* </div>"),
        ("<p>\n<!-- a\n\nb -->\n    c\n</p>", "<p> c </p>"),
    ],
)
def test_markdown_between_html_is_read_behind_a_blank_line(text: str, expected: str) -> None:
    assert shape(text) == expected


@pytest.mark.parametrize("kind", ["note", "tip", "important", "warning", "caution"])
def test_notes_have_a_title_and_a_kind(kind: str) -> None:
    shown = html(f"> [!{kind.upper()}]\n> Take *care*.\n>\n> - a")
    assert shown.startswith(f'<div class="note-box note-{kind}">\n<p class="note-title">')
    assert f">{kind.capitalize()}</p>\n<p>Take <em>care</em>.</p>\n<ul>" in shown
    assert "blockquote" not in shown


@pytest.mark.parametrize("text", ["> [!NOTE] a", "> [!OTHER]\n> a", "> [!NOTE]", "[!NOTE]\na"])
def test_what_github_takes_for_no_note_is_none(text: str) -> None:
    assert "note-box" not in html(text)


def test_deep_nesting_ends_without_an_error() -> None:
    assert "deep" in html("> " * 3000 + "deep")
    assert "deep" in html("- " * 3000 + "deep")
    block, depth = parse_blocks([">" * 3000 + "a"]), 0
    while block.children:
        block, depth = block.children[0], depth + 1
    assert depth == DEEPEST_BLOCK


GAP = " " * 100_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"# a{GAP}b", "<h1>a b</h1>"),
        (f"|a\n|-{GAP}x", "<p>|a |- x</p>"),
        (f"[a]: b{GAP}x", "<p>[a]: b x</p>"),
        (f"[a]:{GAP}<", "<p>[a]: &lt;</p>"),
    ],
    ids=["heading", "table", "definition", "address"],
)
def test_long_gaps_are_read_once(text: str, expected: str) -> None:
    """Their square would be steps enough for minutes."""
    assert shape(text) == expected
