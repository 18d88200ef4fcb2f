"""Moodle XML: what Moodle exports comes in, hostile files do no harm, nothing is lost silently."""

from __future__ import annotations

import base64
from pathlib import Path
from xml.etree import ElementTree

import pytest

from quizserver.topics.formats.banks import export_bank, import_bank
from quizserver.topics.formats.model import ImportedBank, QuestionData
from tests.topics.formats.meaning import item_of, question_of

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


def question(**given: str) -> str:
    values = {
        "kind": "multichoice", "name": "Which?", "text": "<p>Pick <b>one</b>.</p>", "files": "",
        "single": "true", "answers": RIGHT + WRONG,
    }  # fmt: skip
    return QUESTION.format(**{**values, **given})


def moodle(*questions: str) -> ImportedBank:
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n' + "\n".join(questions) + "\n</quiz>\n"
    return import_bank("bank.xml", text.encode())


def one(**given: str) -> QuestionData:
    imported = moodle(question(**given))
    assert not imported.problems, imported.problems
    return item_of(imported.questions[0].source)


def test_a_multiple_choice_question_with_all_its_parts():
    item = one()
    assert (item.title, item.stem) == ("Which?", "Pick **one**.")
    assert [(o.text, o.right, o.feedback) for o in item.options] == [
        ("a &lt; b", True, "Yes."),
        ("`c*d*`", False, ""),
    ]
    assert (item.hints, item.explanation, item.tags) == (
        ("Look again.",),
        "Since *so*.",
        ("curves",),
    )


def test_several_answers_with_fractions():
    half = RIGHT.replace('"100"', '"50"')
    other = half.replace("a &lt; b", "z")
    imported = moodle(question(single="false", answers=half + other + WRONG))
    item = item_of(imported.questions[0].source)
    assert [o.right for o in item.options] == [True, True, False]
    assert "partial credit" in imported.questions[0].notes[0]


def test_true_or_false_keeps_its_order():
    answers = '<answer fraction="0"><text>true</text></answer>' + (
        '<answer fraction="100"><text>false</text><feedback><text>No.</text></feedback></answer>'
    )
    item = one(kind="truefalse", answers=answers)
    assert [(o.text, o.right, o.feedback) for o in item.options] == [
        ("True", False, ""),
        ("False", True, "No."),
    ]
    assert item.shuffle is False


def test_images_come_out_of_the_file():
    encoded = base64.b64encode(PNG).decode()
    imported = moodle(
        question(
            text='<p>See <img src="@@PLUGINFILE@@/my%20curve.PNG" alt="a curve"></p>',
            files=f'<file name="my curve.PNG" path="/" encoding="base64">{encoded}</file>',
        )
    )
    (brought,) = imported.questions
    (picture,) = brought.images
    assert picture.data == PNG
    assert f"![a curve]({picture.path})" in brought.source


@pytest.mark.parametrize(
    ("changed", "code"),
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
def test_what_cannot_come_is_named_with_its_line_and_the_rest_comes_in(
    changed: dict[str, str], code: str
):
    imported = moodle(question(name="First"), question(**changed), question(name="Last"))
    assert [(problem.code, problem.line) for problem in imported.problems] == [(code, 15)]
    assert [brought.title for brought in imported.questions] == ["First", "Last"]


def test_categories_become_tags_of_questions_without_any():
    category = (
        '<question type="category"><category><text>$course$/top/Rates</text></category></question>'
    )
    text = question().replace("<tags><tag><text>curves</text></tag></tags>", "")
    assert item_of(moodle(category, text).questions[0].source).tags == ("Rates",)


def test_a_file_that_breaks_off_gives_the_questions_before_it():
    text = f"<quiz>\n{question(name='Whole')}\n{question(name='Half')[:200]}"
    imported = import_bank("bank.xml", text.encode())
    assert [brought.title for brought in imported.questions] == ["Whole"]
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


def test_the_image_beside_a_question_of_moodle_1_comes_along():
    data = base64.b64encode(PNG).decode()
    beside = f"<image>d/old one.png</image><image_base64>{data}\n</image_base64>"
    (brought,) = moodle(question(answers=beside + RIGHT + WRONG)).questions
    (picture,) = brought.images
    assert picture.data == PNG
    assert f"]({picture.path})" in item_of(brought.source).stem
    (problem,) = moodle(question(answers="<image>old.png</image>" + RIGHT + WRONG)).problems
    assert problem.code == "missing-image"


def test_a_hint_of_moodle_2_0_is_a_hint():
    hint = "<hint><hintcontent><text>Early.</text></hintcontent></hint>"
    assert one(answers=RIGHT + WRONG + hint).hints == ("Early.", "Look again.")


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
def test_a_question_that_plays_something_is_named(text: str):
    (problem,) = moodle(question(text=f"<p>Listen: {text}</p>")).problems
    assert problem.code == "media"
    assert "which is not shown here" in problem.message


def test_a_question_that_links_to_a_file_in_itself_is_named():
    file = '<file name="my talk.mp3" encoding="base64">SUQz</file>'
    text = '<a href="@@PLUGINFILE@@/my%20talk.mp3">Listen</a>'
    (problem,) = moodle(question(text=text, files=file)).problems
    assert (problem.code, "my talk.mp3" in problem.message) == ("attached-file", True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"<p>If \(x<y\) and a<b-1 then</p>", "If $x<y$ and a&lt;b-1 then"),
        (
            "<p>List<String> or <font color='red'>red</font> <o:p></o:p></p>",
            "List&lt;String> or red",
        ),
    ],
)
def test_a_sign_is_no_tag(text: str, shown: str):
    assert one(text=text).stem == shown


def test_a_list_above_the_options_is_no_option():
    item = one(text="<p>Given:</p><ul><li>a</li><li>b</li></ul>")
    assert item.stem.startswith("Given:\n\n- a\n- b")
    assert len(item.options) == 2


@pytest.mark.parametrize(
    ("category", "tags"),
    [
        ("$course$/top/Default for Physics 1", ()),
        ("$course$/top", ()),
        ("$course$/top/Curves//losses", ("Curves/losses",)),
    ],
)
def test_only_a_category_that_somebody_named_is_a_tag(category: str, tags: tuple[str, ...]):
    named = f'<question type="category"><category><text>{category}</text></category></question>'
    bare = question().replace("<tags><tag><text>curves</text></tag></tags>", "")
    assert item_of(moodle(named, bare).questions[0].source).tags == tags


def test_another_xml_file_is_named_by_its_element():
    (problem,) = import_bank("a.xml", b'<assessmentItem xmlns="http://x.org/y"/>').problems
    assert "<assessmentItem>" in problem.message


def test_scripts_and_handlers_never_reach_the_file():
    text = '<p onclick="x()">a<script>alert(1)</script> b</p>'
    item = one(text=f'{text}<a href="javascript:x()">c</a>')
    assert "script" not in item.stem
    assert "onclick" not in item.stem
    assert item.stem.split() == ["a", "b", "c"]


def test_other_xml_is_told_apart():
    (problem,) = import_bank("bank.xml", b"<html><body/></html>").problems
    assert problem.code == "not-moodle-xml"


def test_the_written_file_is_what_moodle_reads():
    source = (
        "---\nshuffle: false\n---\n\n# Which ]]> & &lt;two>?\n\n"
        "Code ]]> $x<y$:\n\n```python\na & b\n```\n\n"
        "- [x] one\n  > Yes.\n- [x] two\n- [ ] three\n\n## Hint\n\nCount.\n"
    )
    written = export_bank("moodle", [question_of(source)])
    root = ElementTree.fromstring(written.data)
    assert [q.get("type") for q in root] == ["category", "multichoice"]
    made = root[1]
    assert made.findtext("single") == "false"
    assert made.findtext("shuffleanswers") == "false"
    assert [a.get("fraction") for a in made.findall("answer")] == ["50", "50", "-100"]
    html = made.findtext("questiontext/text") or ""
    assert "\\(x&lt;y\\)" in html
    assert '<pre><code class="language-python">a &amp; b</code></pre>' in html
    assert made.findtext("hint/text") == "<p>Count.</p>"
    assert any("all-or-nothing" in loss.what for loss in written.omissions)
