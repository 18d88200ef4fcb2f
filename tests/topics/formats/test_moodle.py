"""Moodle XML: what Moodle exports is imported, hostile files do no harm, omissions are reported."""

from __future__ import annotations

import base64
from pathlib import Path
from xml.etree import ElementTree

import pytest

from quizserver.topics.formats.banks import export_bank, import_bank
from quizserver.topics.formats.model import ImportedBank, QuestionData
from tests.topics.formats.meaning import build_question, read_question_data

PNG = (Path(__file__).parent / "banks" / "images" / "curve.png").read_bytes()

QUESTION = """\
<question type="{kind}">
  <name><text>{name}</text></name>
  <questiontext format="html"><text><![CDATA[{text}]]></text>{files}</questiontext>
  <generalfeedback format="html"><text><![CDATA[<p>Since <i>so</i>.</p>]]></text></generalfeedback>
  <single>{single}</single>
  <shuffleanswers>true</shuffleanswers>
  <correctfeedback format="html"><text>Your answer is correct.</text></correctfeedback>
  {answers}
  <hint format="html"><text>&lt;p&gt;Look again.&lt;/p&gt;</text></hint>
  <tags><tag><text>curves</text></tag></tags>
</question>"""
RIGHT = """<answer fraction="100" format="html"><text><![CDATA[<p>a &lt; b</p>]]></text>
<feedback format="html"><text>Yes.</text></feedback></answer>"""
WRONG = '<answer fraction="0" format="html"><text>&lt;code&gt;c*d*&lt;/code&gt;</text></answer>'


def question_xml(**replacements: str) -> str:
    values = {
        "kind": "multichoice", "name": "Which?", "text": "<p>Pick <b>one</b>.</p>", "files": "",
        "single": "true", "answers": RIGHT + WRONG,
    }  # fmt: skip
    return QUESTION.format(**{**values, **replacements})


def import_moodle(*questions: str) -> ImportedBank:
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n' + "\n".join(questions) + "\n</quiz>\n"
    return import_bank("bank.xml", text.encode())


def import_one(**replacements: str) -> QuestionData:
    imported = import_moodle(question_xml(**replacements))
    assert not imported.problems, imported.problems
    return read_question_data(imported.questions[0].source)


def test_a_multiple_choice_question_with_all_its_parts():
    data = import_one()
    assert (data.title, data.stem) == ("Which?", "Pick **one**.")
    assert [(o.text, o.right, o.feedback) for o in data.options] == [
        ("a &lt; b", True, "Yes."),
        ("`c*d*`", False, ""),
    ]
    assert (data.hints, data.explanation, data.tags) == (
        ("Look again.",),
        "Since *so*.",
        ("curves",),
    )


def test_several_answers_with_fractions():
    half = RIGHT.replace('"100"', '"50"')
    other = half.replace("a &lt; b", "z")
    imported = import_moodle(question_xml(single="false", answers=half + other + WRONG))
    data = read_question_data(imported.questions[0].source)
    assert [o.right for o in data.options] == [True, True, False]
    assert "partial credit" in imported.questions[0].notes[0]


def test_true_or_false_keeps_its_order():
    answers = '<answer fraction="0"><text>true</text></answer>' + (
        '<answer fraction="100"><text>false</text><feedback><text>No.</text></feedback></answer>'
    )
    data = import_one(kind="truefalse", answers=answers)
    assert [(o.text, o.right, o.feedback) for o in data.options] == [
        ("True", False, ""),
        ("False", True, "No."),
    ]
    assert data.shuffle is False


def test_images_in_the_file_are_imported():
    encoded = base64.b64encode(PNG).decode()
    imported = import_moodle(
        question_xml(
            text='<p>See <img src="@@PLUGINFILE@@/my%20curve.PNG" alt="a curve"></p>',
            files=f'<file name="my curve.PNG" path="/" encoding="base64">{encoded}</file>',
        )
    )
    (imported_question,) = imported.questions
    (image,) = imported_question.images
    assert image.data == PNG
    assert f"![a curve]({image.path})" in imported_question.source


@pytest.mark.parametrize(
    ("replacements", "code"),
    [
        ({"kind": "numerical"}, "unknown-kind"),
        ({"kind": "essay"}, "unknown-kind"),
        ({"kind": "ddwtos"}, "unknown-kind"),
        ({"answers": WRONG + WRONG.replace("c*d*", "e")}, "no-right-option"),
        ({"answers": RIGHT + RIGHT.replace("a &lt; b", "e")}, "any-of-several"),
        ({"answers": RIGHT}, "one-option"),
        ({"answers": RIGHT + WRONG.replace('"0"', '"lots"')}, "bad-fraction"),
        ({"answers": RIGHT + WRONG.replace('"0"', '"nan"')}, "bad-fraction"),
        ({"text": '<img src="@@PLUGINFILE@@/gone.png" alt="x">'}, "missing-image"),
        ({"text": '<img src="https://example.org/x.png" alt="x">'}, "external-image"),
        ({"text": '<img src="data:image/png;base64,AAAA" alt="x">'}, "image-type"),
        ({"text": '<img src="data:image/png;base64,?" alt="x">'}, "bad-image"),
        ({"text": "<b>" * 6000}, "tangle"),
    ],
)
def test_what_cannot_be_imported_is_reported_with_its_line_and_the_rest_is_imported(
    replacements: dict[str, str], code: str
):
    imported = import_moodle(
        question_xml(name="First"), question_xml(**replacements), question_xml(name="Last")
    )
    assert [(problem.code, problem.line) for problem in imported.problems] == [(code, 15)]
    assert [question.title for question in imported.questions] == ["First", "Last"]


def test_categories_become_tags_of_questions_without_any():
    category = (
        '<question type="category"><category><text>$course$/top/Rates</text></category></question>'
    )
    text = question_xml().replace("<tags><tag><text>curves</text></tag></tags>", "")
    assert read_question_data(import_moodle(category, text).questions[0].source).tags == ("Rates",)


def test_a_file_that_breaks_off_gives_the_questions_before_it():
    text = f"<quiz>\n{question_xml(name='Whole')}\n{question_xml(name='Half')[:200]}"
    imported = import_bank("bank.xml", text.encode())
    assert [question.title for question in imported.questions] == ["Whole"]
    assert [problem.code for problem in imported.problems] == ["bad-xml"]


HOSTILE = {
    "laughs": '<!DOCTYPE q [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><quiz>&b;</quiz>',
    "external": '<!DOCTYPE q [<!ENTITY a SYSTEM "file:///etc/passwd">]><quiz>&a;</quiz>',
    "parameter": '<!DOCTYPE q [<!ENTITY % a SYSTEM "http://127.0.0.1/x"> %a;]><quiz/>',
    "doctype": '<!DOCTYPE quiz SYSTEM "http://127.0.0.1/quiz.dtd"><quiz/>',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_entities_and_document_types_end_the_reading(text: str):
    imported = import_bank("bank.xml", text.encode())
    assert not imported.questions
    assert [problem.code for problem in imported.problems] == ["forbidden-xml"]


def test_the_image_beside_a_question_of_moodle_1_is_imported():
    data = base64.b64encode(PNG).decode()
    image_elements = f"<image>d/old one.png</image><image_base64>{data}\n</image_base64>"
    (imported_question,) = import_moodle(
        question_xml(answers=image_elements + RIGHT + WRONG)
    ).questions
    (image,) = imported_question.images
    assert image.data == PNG
    assert f"]({image.path})" in read_question_data(imported_question.source).stem
    (problem,) = import_moodle(
        question_xml(answers="<image>old.png</image>" + RIGHT + WRONG)
    ).problems
    assert problem.code == "missing-image"


def test_a_hint_of_moodle_2_0_is_a_hint():
    hint = "<hint><hintcontent><text>Early.</text></hintcontent></hint>"
    assert import_one(answers=RIGHT + WRONG + hint).hints == ("Early.", "Look again.")


@pytest.mark.parametrize(
    "text",
    [
        '<audio src="@@PLUGINFILE@@/a.mp3"></audio>',
        "<video controls><source src='v.mp4'>v</video>",
        '<iframe src="https://example.org/"></iframe>',
        "<svg><text>drawn</text></svg>",
        "<SELECT><option>x</SELECT>",
    ],
)
def test_a_question_with_media_is_reported(text: str):
    (problem,) = import_moodle(question_xml(text=f"<p>Listen: {text}</p>")).problems
    assert problem.code == "media"
    assert "which is not shown here" in problem.message


def test_a_question_that_links_to_a_file_in_itself_is_reported():
    file = '<file name="my talk.mp3" encoding="base64">SUQz</file>'
    text = '<a href="@@PLUGINFILE@@/my%20talk.mp3">Listen</a>'
    (problem,) = import_moodle(question_xml(text=text, files=file)).problems
    assert (problem.code, "my talk.mp3" in problem.message) == ("attached-file", True)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (r"<p>If \(x<y\) and a<b-1 then</p>", "If $x<y$ and a&lt;b-1 then"),
        (
            "<p>List<String> or <font color='red'>red</font> <o:p></o:p></p>",
            "List&lt;String> or red",
        ),
    ],
)
def test_an_unknown_tag_is_text(text: str, markdown: str):
    assert import_one(text=text).stem == markdown


def test_a_list_above_the_options_is_no_option():
    data = import_one(text="<p>Given:</p><ul><li>a</li><li>b</li></ul>")
    assert data.stem.startswith("Given:\n\n- a\n- b")
    assert len(data.options) == 2


@pytest.mark.parametrize(
    ("category", "tags"),
    [
        ("$course$/top/Default for Physics 1", ()),
        ("$course$/top", ()),
        ("$course$/top/Curves//losses", ("Curves/losses",)),
    ],
)
def test_only_a_category_named_by_a_person_is_a_tag(category: str, tags: tuple[str, ...]):
    named = f'<question type="category"><category><text>{category}</text></category></question>'
    bare = question_xml().replace("<tags><tag><text>curves</text></tag></tags>", "")
    assert read_question_data(import_moodle(named, bare).questions[0].source).tags == tags


def test_another_xml_file_is_reported_with_its_element():
    (problem,) = import_bank("a.xml", b'<exam xmlns="http://x.org/y"/>').problems
    assert "<exam>" in problem.message


def test_scripts_and_handlers_never_reach_the_file():
    text = '<p onclick="x()">a<script>alert(1)</script> b</p>'
    data = import_one(text=f'{text}<a href="javascript:x()">c</a>')
    assert "script" not in data.stem
    assert "onclick" not in data.stem
    assert data.stem.split() == ["a", "b", "c"]


def test_html_is_no_moodle_xml():
    data = b"<html><body/></html>"
    (problem,) = import_bank("bank.xml", data, format_name="moodle").problems
    assert problem.code == "not-moodle-xml"
    assert import_bank("bank.xml", data).problems[0].code == "not-read"


def test_the_written_file_is_what_moodle_reads():
    source = (
        "---\nshuffle: false\n---\n\n# Which ]]> & &lt;two>?\n\n"
        "Code ]]> $x<y$:\n\n```python\na & b\n```\n\n"
        "- [x] one\n  > Yes.\n- [x] two\n- [ ] three\n\n## Hint\n\nCount.\n"
    )
    exported = export_bank("moodle", [build_question(source)])
    root = ElementTree.fromstring(exported.data)
    assert [q.get("type") for q in root] == ["category", "multichoice"]
    element = root[1]
    assert element.findtext("single") == "false"
    assert element.findtext("shuffleanswers") == "false"
    assert [a.get("fraction") for a in element.findall("answer")] == ["50", "50", "-100"]
    html = element.findtext("questiontext/text") or ""
    assert "\\(x&lt;y\\)" in html
    assert '<pre><code class="language-python">a &amp; b</code></pre>' in html
    assert element.findtext("hint/text") == "<p>Count.</p>"
    assert any("all-or-nothing" in omission.what for omission in exported.omissions)
