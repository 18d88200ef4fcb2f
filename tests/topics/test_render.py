"""Markdown becomes the HTML that GitHub's readers expect: code, tables, notes, lists, formulas."""

from __future__ import annotations

import pytest

from quizserver.topics.markdown import scan_fragment
from quizserver.topics.render import plain_text, render_markdown, render_parts, unwrap_paragraph


def html(text: str) -> str:
    return render_markdown(text, prefix="p-", rewrite=lambda _name, url: url)


def html_parts(texts: list[str]) -> list[str]:
    parts = [scan_fragment(text) for text in texts]
    return render_parts(parts, prefix="s-", rewrite=lambda _name, url: url)


def test_code_is_highlighted_with_classes_and_no_styles() -> None:
    shown = html('```python\ndef f():\n    return "$x$"\n```\n')
    assert '<div class="highlight">' in shown
    assert '<span class="k">def</span>' in shown
    assert "style" not in shown
    assert "$x$" in plain_text(shown)


def test_a_code_block_inside_a_list_stays_there() -> None:
    shown = html("- a\n\n  ```python\n  x = 1\n  ```\n\n- b\n")
    assert shown.count("<li>") == 2
    assert shown.index("highlight") < shown.index("b</p>")


def test_tables_align_without_styles() -> None:
    shown = html("| a | b |\n|:--|--:|\n| $x$ | 2 |\n")
    assert '<th align="left">a</th>' in shown
    assert '<td align="right">2</td>' in shown
    assert "<math" in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n- b\n- c", "<p>a</p> <ul> <li>b</li> <li>c</li> </ul>"),
        ("- a\n  - b\n- c", "<ul> <li>a<ul> <li>b</li> </ul> </li> <li>c</li> </ul>"),
        ("1. a\n   - b\n2. c", "<ol> <li>a<ul> <li>b</li> </ul> </li> <li>c</li> </ol>"),
        ("3. a\n4. b", '<ol start="3"> <li>a</li> <li>b</li> </ol>'),
        ("1) a\n2) b", "<ol> <li>a</li> <li>b</li> </ol>"),
        ("- a\n\n  more\n- b", "<ul> <li> <p>a</p> <p>more</p> </li> <li> <p>b</p> </li> </ul>"),
        ("a_b_c and ~~d~~", "<p>a_b_c and <del>d</del></p>"),
        ("It costs \\$5.", "<p>It costs $5.</p>"),
        (r"L\<T\> \= \"a\" \& b\|c \<b>", '<p>L&lt;T&gt; = "a" &amp; b|c &lt;b&gt;</p>'),
        ("a - b\n\n- - -\n\nc", "<p>a - b</p> <hr> <p>c</p>"),
    ],
)
def test_lists_and_marks_are_read_as_elsewhere(text: str, expected: str) -> None:
    assert " ".join(html(text).split()) == expected


def test_footnotes_have_ids_of_their_own_document() -> None:
    shown = html("A[^n].\n\n[^n]: Note.")
    assert 'href="#p-fn-n"' in shown
    assert 'id="p-fn-n"' in shown
    assert 'id="p-fnref-n"' in shown


def test_formulas_are_mathml_and_stay_text_where_no_element_may_be() -> None:
    shown = html('Let $a<b$, ![if $x$](i.png "at $y$") and\n\n    $code$\n')
    assert shown.count("<math") == 1
    assert 'alttext="a&lt;b"' in shown
    assert 'alt="if $x$"' in shown
    assert 'title="at $y$"' in shown
    assert "<code>$code$" in shown


def test_a_formula_on_a_line_of_its_own_lies_in_a_box_that_may_scroll() -> None:
    """An element of MathML scrolls in Chromium alone."""
    shown = html("A\n\n$$x$$\n\nand $y$ b")
    assert '<span class="formula"><math display="block"' in shown
    assert shown.count("<span") == 1


def test_what_belongs_to_a_formula_stays_on_its_line() -> None:
    """WebKit would break a line between the two."""
    shown = html("For ($x$), at $y$ (see $z$)…")
    assert '<span class="unbroken">(<math' in shown
    assert "</math>),</span> at <math" in shown
    assert "</math>)…</span>" in shown
    assert shown.count("<span") == 2
    assert "<code>($code$),\n</code>" in html("- a\n\n      ($code$),\n")


def test_a_formula_in_code_that_only_the_renderer_sees_stays_as_it_is_written() -> None:
    shown = html("- a\n\n      $code$\n")
    assert "<code>$code$" in shown
    assert "<math" not in shown


def test_underscores_and_stars_in_formulas_are_no_emphasis() -> None:
    shown = html("$a_1 * b_2$ and $c_3 * d_4$")
    assert "<em>" not in shown
    assert shown.count("<msub>") == 4


def test_a_formula_that_cannot_be_shown_is_shown_as_it_is_written() -> None:
    assert '<code class="math-error">\\foo{&lt;b&gt;}</code>' in html("$\\foo{<b>}$")


def test_text_cannot_forge_a_formula_that_was_taken_out() -> None:
    once = html("$x$")
    assert "<math" in once
    forged = html("zq0123456789abcdef0123n0z $x$")
    assert forged.count("<math") == 1


def test_parts_of_a_document_share_notes_and_numbers() -> None:
    one, two = html_parts(["# H\n\nA[^a].", "# H\n\nB[^b].\n\n[^a]: x\n\n[^b]: y"])
    assert 'id="s-h"' in one
    assert 'id="s-h_1"' in two
    assert ">1</a>" in one
    assert ">2</a>" in two
    assert two.count('class="footnote"') == 1


def test_parts_stay_apart_whatever_html_they_leave_open() -> None:
    one, two = html_parts(["<div>a", "b</div>"])
    assert "a" in one
    assert "b" not in one
    assert two.strip() == "<p>b</p>"


def test_a_comment_that_is_left_open_swallows_no_other_part() -> None:
    parts = html_parts(["a <!-- x", "b", "<script>", "c"])
    assert len(parts) == 4
    assert "b" in parts[1]
    assert "c" in parts[3]


def test_many_brackets_take_no_minute() -> None:
    assert "word" in html("word " + "[" * 500)
    assert html("[a](https://example.org) " * 200).count("<a ") == 200


def test_a_single_paragraph_can_be_unwrapped() -> None:
    assert unwrap_paragraph("<p>a <b>c</b></p>\n") == "a <b>c</b>"
    assert unwrap_paragraph("<p>a</p>\n<p>b</p>") == "<p>a</p>\n<p>b</p>"


def test_plain_text_of_html() -> None:
    shown = html("A **b** $x_1$ ![C](c.png) &lt;\n\n- d\n- e\n")
    assert plain_text(shown) == "A b x_1 C < d e"
