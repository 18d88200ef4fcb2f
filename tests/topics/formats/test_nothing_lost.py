"""Every word, image and formula of a bank's question is on its page, whatever stands around it."""

from __future__ import annotations

import html
import re

import pytest

from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.model import ImportedQuestion
from quizserver.topics.render import render_markdown
from tests.topics.formats.meaning import build_question, read_question_data

PNG = "iVBORw0KGgo="


def moodle_question(text: str, answers: tuple[str, ...] = ("yes", "no"), kind: str = "html") -> str:
    options = "".join(
        f'<answer fraction="{0 if number else 100}" format="{kind}">'
        f"<text><![CDATA[{answer}]]></text></answer>"
        for number, answer in enumerate(answers)
    )
    return (
        '<quiz><question type="multichoice"><name><text>The name</text></name>'
        f'<questiontext format="{kind}"><text><![CDATA[{text}]]></text>'
        f'<file name="a.png" path="/" encoding="base64">{PNG}</file></questiontext>'
        f"{options}</question></quiz>"
    )


def import_one(name: str, text: str) -> ImportedQuestion:
    imported = import_bank(name, text.encode(), load_image={"a.png": b"\x89PNG\r\n\x1a\n"}.get)
    assert not imported.problems, imported.problems
    (question,) = imported.questions
    return question


def page_of(question: ImportedQuestion) -> str:
    """The stem and the options as a reader gets them; formulas as their LaTeX in <tex>."""
    data = read_question_data(question.source)
    texts = [data.title, data.stem, *(option.text for option in data.options)]
    page = "\n".join(
        render_markdown(text, prefix="", rewrite=lambda _name, url: url) for text in texts
    )
    return re.sub(r'<math[^>]*alttext="([^"]*)".*?</math>', r"<tex>\1</tex>", page, flags=re.DOTALL)


TABLES = {
    "no head": "<table><tbody><tr><td>{a}</td><td>{b}</td></tr></tbody></table>",
    "merged cells": (
        '<table><tr><th colspan="2">{a}</th></tr><tr><td>1</td><td>{b}</td></tr></table>'
    ),
    "blocks in cells": "<table><tr><th><p>{a}</p><p>2</p></th></tr><tr><td>{b}</td></tr></table>",
    "a list of terms": "<dl><dt>{a}</dt><dd>{b}</dd></dl>",
    "a detail": "<details><summary>{b}</summary>{a}</details>",
}
CELL = r"\(x<1\)2 and \[y\] cost $5 or $6 \(u\)\(v\) <b>bold</b> &lt;p&gt;"


@pytest.mark.parametrize("shape", TABLES)
@pytest.mark.parametrize("bank_format", ["moodle", "gift"])
def test_images_and_formulas_in_html_that_markdown_has_no_table_for(shape: str, bank_format: str):
    image = '<img src="@@PLUGINFILE@@/a.png" alt="an apple">'
    table = TABLES[shape].format(a=image, b=CELL)
    if bank_format == "moodle":
        question = import_one("bank.xml", moodle_question(table))
    else:
        escaped = re.sub(r"[=#:{}~]", r"\\\g<0>", table)
        question = import_one("bank.gift", f"::The name::[html]{escaped}{{=yes ~no}}")
    page = page_of(question)
    (path,) = (image.path for image in question.images)
    assert re.search(rf'<img [^>]*src="{path}"[^>]* alt="an apple"|alt="an apple"[^>]*{path}', page)
    assert "![" not in page
    for latex in ("x\\lt 1", "y", "u", "v"):
        assert f"<tex>{latex}</tex>" in page
    assert "</tex>2 and" in page
    assert "cost $5 or $6" in html.unescape(page)
    assert "<b>bold</b>" in page
    assert "&lt;p&gt;" in page


def test_preformatted_text_in_a_table_keeps_its_lines():
    question = import_one(
        "b.xml", moodle_question("<table><tr><td><pre>if x:\n    $y$</pre></td></tr></table>")
    )
    assert "<pre>if x:\n    $y$</pre>" in page_of(question)


@pytest.mark.parametrize(
    "text",
    [
        r"::q:: Derivative of \(x^2\)? {=\(2x\) ~$$x$$}",
        r"::q::[html]Derivative of \(x^2\)? {=\(2x\) ~$$x$$}",
        r"::q:: Derivative of <b>f</b>, \(x^2\)? {=\(2x\) ~$$x$$}",
        "::q:: Derivative of\n\\(x^2\\)? {=\\(2x\\) ~$$x$$}",
        "::q:: <i>Derivative</i> of \\(\nx^2\n\\)? {=\\(2x\\) ~$$x$$}",
    ],
)
def test_formulas_of_every_format_of_gift(text: str):
    page = page_of(import_one("bank.gift", text))
    for latex in ("x^2", "2x", "x"):
        assert f"<tex>{latex}</tex>" in page
    assert "$" not in page
    assert "\\(" not in page


def test_gift_takes_no_macro_for_a_newline():
    page = page_of(import_one("b.gift", r"::q:: $$\nabla f$$, \(a\neq b\), a\nb {=a ~b}"))
    assert r"<tex>\nabla f</tex>" in page
    assert r"<tex>a\neq b</tex>" in page
    assert "a<br>\nb" in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("::q:: Where? {=in the head ~inside the <div> ~before <p>}", ["inside the <div>"]),
        ("::q:: Which? {=<a> ~<link> ~<body> ~<!DOCTYPE html> ~<!-- x -->}",
         ["<a>", "<link>", "<body>", "<!DOCTYPE html>", "<!-- x -->"]),
        ("::q:: What does <p></p> make of <?php 1 ?>? {=a ~b}", ["<p></p>", "<?php 1 ?>"]),
        ("::q:: What is in <head>this</head>? {=a ~b}", ["<head>this</head>"]),
        ("::q:: Is List<String> <b>a</b> type? {=a ~b}", ["List<String>", "a type"]),
        ("::q:: Caf&eacute; is not &lt;p&gt; {=a ~b}", ["Café is not <p>"]),
        ("::q:: x<y>z {=</b> ~</div>}", ["x<y>z", "</b>", "</div>"]),
    ],
)  # fmt: skip
def test_a_tag_that_is_meant_as_text_is_shown(text: str, words: list[str]):
    page = page_of(import_one("bank.gift", text))
    shown = html.unescape(re.sub(r"</?(?:p|strong|ul|li)>", "", page))
    for word in words:
        assert word in shown


def test_elements_with_a_partner_are_elements_in_gifts_default_format():
    page = page_of(import_one("b.gift", "::q:: <u>x</u> <tt>y</tt> <font color\\=red>z</font><br>w"
                              "{=<i>a</i> ~<strike>b</strike>}"))  # fmt: skip
    assert "<u>x</u> <code>y</code> z<br>" in page
    assert "<em>a</em>" in page
    assert "<del>b</del>" in page


def test_styles_with_a_meaning_are_kept():
    styles = {
        "text-decoration: line-through": "<del>w</del>",
        "text-decoration:underline": "<u>w</u>",
        "font-weight: 700": "<strong>w</strong>",
        "font-style:italic": "<em>w</em>",
        "vertical-align: super; font-size: 8px": "<sup>w</sup>",
        "color: red": "w",
    }
    for style, element in styles.items():
        for around in ("{}", "<table><tr><td>{}</td></tr></table>"):
            text = around.format(f'a <span style="{style}">w</span> b')
            assert f"a {element} b" in page_of(import_one("b.xml", moodle_question(text)))


def test_of_several_category_lines_the_last_one_counts():
    text = (
        "$CATEGORY: top/A\n$CATEGORY: top/A/B\n::one:: One {=a ~b}\n\n"
        "$CATEGORY: C\n// comment\n\n$CATEGORY: D\n\n$CATEGORY: E\n\n::two:: Two {=a ~b}\n"
    )
    imported = import_bank("b.gift", text.encode())
    assert not imported.problems
    assert [
        (question.title, question.line, read_question_data(question.source).tags)
        for question in imported.questions
    ] == [("one", 3, ("B",)), ("two", 12, ("E",))]
    assert "CATEGORY" not in "".join(question.source for question in imported.questions)


@pytest.mark.parametrize("kind", ["html", "moodle_auto_format"])
def test_mathml_of_an_editor_is_a_formula(kind: str):
    text = (
        'Solve <math xmlns="http://www.w3.org/1998/Math/MathML"><msup><mi>x</mi><mn>2</mn></msup>'
        "<mo>=</mo><mn>4</mn></math>."
    )
    page = page_of(import_one("b.xml", moodle_question(text, kind=kind)))
    assert "Solve" in page
    assert "<tex>x^2=4</tex>" in page
    assert "&lt;" not in page


@pytest.mark.parametrize(
    "text",
    [
        "::q::[html]<img src\\=\"data\\:image/png;base64,iVBORw0KGgo\\=\" alt\\=\"dot\"> ?{=a ~b}",
        "::q::<img src\\=\"data\\:image/png;base64,iVBORw0KGgo\\=\" alt\\=\"dot\"> ?{=a ~b}",
        "::q::[markdown]![dot](data\\:image/png;base64,iVBORw0KGgo\\=) ?{=a ~b}",
        "## Which?\n\n![dot](data:image/png;base64,iVBORw0KGgo=)\n\n- [x] a\n- [ ] b\n",
    ],
)  # fmt: skip
def test_an_image_inside_an_address_comes_along(text: str):
    question = import_one("b.md" if text.startswith("#") else "b.gift", text)
    assert [image.data for image in question.images] == [b"\x89PNG\r\n\x1a\n"]
    assert f'src="{question.images[0].path}"' in page_of(question)
    build_question(question.source)


@pytest.mark.parametrize("format_name", ["", "[html]", "[markdown]"])
def test_an_image_of_a_moodle_file_is_looked_for_beside_a_gift_bank(format_name: str):
    image = "![dot](@@PLUGINFILE@@/a.png)" if "markdown" in format_name else (
        '<img src\\="@@PLUGINFILE@@/a.png" alt\\="dot">'
    )  # fmt: skip
    question = import_one("b.gift", f"::q::{format_name}{image} ?{{=a ~b}}")
    assert [image.path for image in question.images] == ["a.png"]
    missing = import_bank("b.gift", b'::q::<img src\\="@@PLUGINFILE@@/b.png" alt\\="x"> ?{=a ~b}')
    assert 'no image "b.png" beside the bank' in missing.problems[0].message
