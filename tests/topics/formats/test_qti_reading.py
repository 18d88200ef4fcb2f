"""QTI of other programs: keys in all their forms, feedback, images of packages, and refusals."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest

from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.model import ImportedBank
from quizserver.topics.formats.moodle.conventions import PARTIAL_CREDIT
from tests.topics.formats.meaning import read_question_data

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def labels(*texts: str) -> str:
    return "".join(
        f'<response_label ident="{"abcde"[index]}"><material><mattext>{text}</mattext></material>'
        "</response_label>"
        for index, text in enumerate(texts)
    )


def item_1(key: str, *, many: bool = False, question: str = "Which?", feedback: str = "") -> str:
    """An item of QTI 1.2 as Canvas writes it."""
    return (
        '<item ident="i1" title="Question"><presentation><material>'
        f'<mattext texttype="text/html">{question}</mattext></material>'
        f'<response_lid ident="response1" rcardinality="{"Multiple" if many else "Single"}">'
        f"<render_choice>{labels('red', 'green', 'blue')}</render_choice></response_lid>"
        "</presentation><resprocessing><outcomes><decvar maxvalue='100'/></outcomes>"
        f"{key}</resprocessing>{feedback}</item>"
    )


def condition(variables: str, points: int = 100, *, action: str = "Set", link: str = "") -> str:
    shown = f'<displayfeedback linkrefid="{link}"/>' if link else ""
    score = f"<setvar varname='SCORE' action='{action}'>{points}</setvar>" if points else ""
    return f"<respcondition><conditionvar>{variables}</conditionvar>{score}{shown}</respcondition>"


def equal(ident: str) -> str:
    return f"<varequal respident='response1'>{ident}</varequal>"


def qti_1(*items: str) -> bytes:
    namespace = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
    return (
        f"<?xml version='1.0'?>\n<questestinterop xmlns='{namespace}'><assessment><section>"
        f"{''.join(items)}</section></assessment></questestinterop>"
    ).encode()


def package(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("imsmanifest.xml", "<manifest><resources/></manifest>")
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def keys_of(bank: ImportedBank) -> list[list[str]]:
    questions = [read_question_data(question.source) for question in bank.questions]
    return [[o.text for o in question.options if o.right] for question in questions]


@pytest.mark.parametrize(
    ("item", "right", "notes"),
    [
        (item_1(condition(equal("b"))), ["green"], ()),
        (item_1(condition(equal("a"), 0) + condition(equal("c"), 1)), ["blue"], ()),
        (
            item_1(
                condition(f"<and>{equal('a')}<not>{equal('b')}</not>{equal('c')}</and>"), many=True
            ),
            ["red", "blue"],
            (),
        ),
        (
            item_1(
                condition(equal("a"), 50, action="Add")
                + condition(equal("b"), -100, action="Add")
                + condition(equal("c"), 50, action="Add"),
                many=True,
            ),
            ["red", "blue"],
            (),
        ),
        (
            item_1(
                condition(f"{equal('a')}{equal('c')}") + condition(f"{equal('a')}{equal('b')}", 25),
                many=True,
            ),
            ["red", "blue"],
            (PARTIAL_CREDIT,),
        ),
    ],
)
def test_keys_of_qti_1_are_read(item: str, right: list[str], notes: tuple[str, ...]):
    bank = import_bank("q.xml", qti_1(item))
    assert bank.problems == ()
    assert keys_of(bank) == [right]
    assert bank.questions[0].notes == notes


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (item_1(""), "no-right-option"),
        (item_1(condition(equal("x"))), "bad-key"),
        (item_1(condition(f"<or>{equal('a')}{equal('b')}</or>")), "any-of-several"),
        (
            item_1(condition(f"<or>{equal('a')}{equal('b')}</or>"), many=True),
            "any-of-several",
        ),
        (item_1(condition("<vargte respident='response1'>3</vargte>")), "bad-key"),
        (item_1(condition(equal("a"))).replace("response_lid", "response_str"), "unknown-kind"),
    ],
)
def test_what_has_no_counterpart_is_named_by_its_number(item: str, code: str):
    bank = import_bank("q.xml", qti_1(item_1(condition(equal("a"))), item))
    assert [(problem.code, problem.line) for problem in bank.problems] == [(code, 2)]
    assert keys_of(bank) == [["red"]]


def test_feedback_of_canvas_goes_to_its_options():
    feedback = "".join(
        f"<itemfeedback ident='{ident}'><flow_mat><material><mattext texttype='text/html'>"
        f"&lt;p&gt;{text}&lt;/p&gt;</mattext></material></flow_mat></itemfeedback>"
        for ident, text in (("a_fb", "No."), ("general_fb", "So."), ("correct_fb", "Well done."))
    )
    key = (
        condition("<other/>", 0, link="general_fb")
        + condition(equal("a"), 0, link="a_fb")
        + condition(equal("b"), 100, link="correct_fb")
    )
    bank = import_bank("q.xml", qti_1(item_1(key, feedback=feedback)))
    question = read_question_data(bank.questions[0].source)
    assert [option.feedback for option in question.options] == ["No.", "", ""]
    assert question.explanation == "So."
    assert bank.questions[0].notes == ("the feedback for right and wrong answers as a whole",)


@pytest.mark.parametrize(
    ("address", "member"),
    [
        ("dot.png", "quiz/dot.png"),
        ("$IMS-CC-FILEBASE$/pics/a%20dot.png?canvas_download=1", "web_resources/pics/a dot.png"),
        ("%24IMS-CC-FILEBASE%24/dot.png", "web_resources/dot.png"),
        ("../dot.png", "dot.png"),
    ],
)
def test_images_of_a_package_come_along(address: str, member: str):
    question = f'&lt;p&gt;See &lt;img src="{address}" alt="dot"&gt;?&lt;/p&gt;'
    item = item_1(condition(equal("a")), question=question)
    bank = import_bank("q.imscc", package({"quiz/q.xml": qti_1(item), member: PNG}))
    assert bank.problems == ()
    assert [image.data for image in bank.questions[0].images] == [PNG]


def test_an_image_that_is_not_in_its_package_is_named():
    question = '&lt;img src="../../etc/dot.png" alt="dot"&gt;'
    item = item_1(condition(equal("a")), question=question)
    (problem,) = import_bank("q.zip", package({"quiz/q.xml": qti_1(item)})).problems
    assert problem.code == "image-outside"


def test_a_package_that_is_dangerous_or_broken_is_refused():
    large = package({"q.xml": qti_1() + b" " * 33 * 1024 * 1024})
    assert len(large) < 100_000
    entities = package({"q.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><questestinterop/>'})
    for data in (large, entities, package({})[:-30]):
        (problem,) = import_bank("q.zip", data).problems
        assert problem.code in ("bad-package", "bad-xml")


CHOICES = "".join(
    f"<simpleChoice identifier='{name}'>{text}</simpleChoice>"
    for name, text in (("A", "red"), ("B", "<p>green</p>"))
)


def item_2(declaration: str, *, many: bool = False, interaction: str = "") -> bytes:
    """An item of QTI 2.1 as other programs write it."""
    namespace = "http://www.imsglobal.org/xsd/imsqti_v2p1"
    choice = f"<choiceInteraction responseIdentifier='R'><prompt>Which?</prompt>{CHOICES}"
    return (
        f"<assessmentItem xmlns='{namespace}' identifier='x' title='Colours'>"
        f"<responseDeclaration identifier='R' baseType='identifier' "
        f"cardinality='{'multiple' if many else 'single'}'>{declaration}</responseDeclaration>"
        f"<itemBody><p>Look.</p>{interaction or choice + '</choiceInteraction>'}</itemBody>"
        "</assessmentItem>"
    ).encode()


def test_items_of_other_programs_are_read():
    correct = "<correctResponse><value>B</value></correctResponse>"
    entries = "<mapEntry mapKey='B' mappedValue='2'/><mapEntry mapKey='A' mappedValue='0'/>"
    mapped = f"<mapping>{entries}</mapping>"
    for declaration in (correct, mapped):
        bank = import_bank("q.xml", item_2(declaration))
        assert bank.problems == ()
        question = read_question_data(bank.questions[0].source)
        assert (question.title, question.stem) == ("Colours", "Look.\n\nWhich?")
        assert [(o.text, o.right) for o in question.options] == [("red", False), ("green", True)]


def test_an_item_of_another_kind_is_named():
    text = item_2("", interaction="<p><textEntryInteraction responseIdentifier='R'/></p>")
    (problem,) = import_bank("q.xml", text).problems
    assert (problem.code, "textEntryInteraction" in problem.message) == ("unknown-kind", True)
