"""QTI 2.1 packages: complete, valid, and with the same key for an independent reader."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from quizserver.settings import Settings
from quizserver.topics.assets import image_in_topic
from quizserver.topics.formats.banks import export_bank
from quizserver.topics.library import Library
from tests.topics.formats.meaning import build_question
from tests.topics.formats.qti_schema import MATHML, QTI, schema_violations

PNG = (Path(__file__).parent / "banks" / "images" / "curve.png").read_bytes()
PACKAGE = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
FULL = """\
# Which & why?

See ![a curve](curve.png) and $x^2 < y$:

| a | b |
|---|---|
| 1 | ~~2~~ <mark>3</mark> |

- [x] one

  > **Yes.**

- [x] two
- [ ] `three`

## Hint

Count.

## Explanation

So it is.

## References

- [Source](https://example.org/a?b=1&c=2)
"""


def export_package(*sources: str) -> zipfile.ZipFile:
    questions = [build_question(s, f"topic/q{n}.md") for n, s in enumerate(sources)]
    exported = export_bank("qti", questions, load_image={"topic/curve.png": PNG}.get)
    return zipfile.ZipFile(io.BytesIO(exported.data))


def right_texts(item: ElementTree.Element) -> set[str]:
    """The texts of the right choices, as any delivery engine finds them."""
    right_ids = {v.text for v in item.iterfind(f".//{QTI}correctResponse/{QTI}value")}
    choices = item.iterfind(f".//{QTI}simpleChoice")
    return {"".join(c.itertext()).strip() for c in choices if c.get("identifier") in right_ids}


def assert_valid_item(item: ElementTree.Element) -> None:
    """Checks an item against the schema as far as its tree shows it."""
    order = [child.tag.removeprefix(QTI) for child in item]
    expected_order = ["responseDeclaration", "outcomeDeclaration", "itemBody", "responseProcessing"]
    assert [name for n, name in enumerate(order) if name not in order[:n]][:4] == expected_order
    assert set(order[order.index("responseProcessing") + 1 :]) <= {"modalFeedback"}
    identifiers = [c.get("identifier", "") for c in item.iterfind(f".//{QTI}simpleChoice")]
    assert len(set(identifiers)) == len(identifiers) >= 2
    outcomes = {o.get("identifier") for o in item.iterfind(f"{QTI}outcomeDeclaration")}
    for feedback in item.iterfind(f"{QTI}modalFeedback"):
        assert feedback.get("outcomeIdentifier") in outcomes
    for name in [item.get("identifier", ""), *identifiers]:
        assert IDENTIFIER.fullmatch(name)
    parts = [*item.iterfind(f"{QTI}itemBody"), *item.iterfind(f"{QTI}modalFeedback")]
    assert [violation for part in parts for violation in schema_violations(part)] == []


def test_a_package_lists_every_file_that_is_in_it():
    with export_package(FULL, "# Two?\n\n- [x] a\n- [ ] b\n") as package:
        assert package.testzip() is None
        names = package.namelist()
        manifest = ElementTree.fromstring(package.read("imsmanifest.xml"))
        resources = list(manifest.iterfind(f".//{PACKAGE}resource"))
        listed = [f.get("href") for f in manifest.iterfind(f".//{PACKAGE}file")]
        assert sorted(listed) == sorted(set(names) - {"imsmanifest.xml"})
        assert {r.get("type") for r in resources} == {"imsqti_item_xmlv2p1"}
        assert all(r.get("href") in names for r in resources)
        assert len({r.get("identifier") for r in resources}) == len(resources)
        assert package.read("items/q0/curve.png") == PNG


def test_an_item_with_everything_is_read_by_somebody_else():
    with export_package(FULL) as package:
        item = ElementTree.fromstring(package.read("items/q0.xml"))
    assert_valid_item(item)
    assert item.get("title") == "Which & why?"
    assert right_texts(item) == {"one", "two"}
    interaction = item.find(f".//{QTI}choiceInteraction")
    assert interaction is not None
    assert (interaction.get("maxChoices"), interaction.get("shuffle")) == ("0", "true")
    image = item.find(f".//{QTI}img")
    assert image is not None
    assert (image.get("src"), image.get("alt")) == ("q0/curve.png", "a curve")
    assert item.find(f".//{MATHML}msup") is not None
    feedback = {
        f.get("identifier"): "".join(f.itertext()) for f in item.iter(f"{QTI}modalFeedback")
    }
    assert feedback["c1"].strip() == "Yes."
    assert "So it is." in feedback["shown"]
    assert "Source" in feedback["shown"]


@pytest.mark.parametrize(
    "html",
    [
        "<b><div>block</div></b>",
        "<h4>deep <p>x</p></h4>",
        "<blockquote>loose <i>x</i><p>y</p> tail</blockquote>",
        "<ul>loose<li>x</li><p>y</p></ul>",
        "<dl><dt>t<p>x</p></dt><dd>y</dd>loose</dl>",
        "<table><thead><tr><th>only a head</th></tr></thead></table>",
        "<table><tbody></tbody><tbody><tr><td>x</td></tr></tbody></table>",
        '<table><colgroup><col span="2"></colgroup><tr><td>x</td></tr></table>',
        '<pre>x<sub>1</sub> <img src="curve.png" alt="a curve"></pre>',
        "<li>no list</li>",
        '<figure><img src="curve.png" alt="a"><figcaption>b <p>c</p></figcaption></figure>',
        "<details><summary>more <b>x</b></summary><p>y</p></details>",
        '<a name="here">anchor</a> <a href="#here">to it</a>',
        '<a href="https://example.org/"><p>block</p></a>',
        "note[^1]\n\n[^1]: It says so.",
        "<p>a<hr>b</p>",
    ],
)
def test_html_that_the_schema_forbids_is_written_as_it_allows(html: str):
    with export_package(f"# Which?\n\n{html}\n\n- [x] a\n- [ ] b\n") as package:
        item = ElementTree.fromstring(package.read("items/q0.xml"))
    assert_valid_item(item)
    words_of = re.sub(r"<[^>]*>|\[\^1\]:?", " ", html)
    item_words = " ".join(item.itertext()).split()
    assert [word for word in words_of.split() if word not in item_words] == []


def test_a_question_without_feedback_uses_the_standard_template():
    with export_package("# Two?\n\n- [ ] a\n- [x] b\n") as package:
        item = ElementTree.fromstring(package.read("items/q0.xml"))
    assert_valid_item(item)
    processing = item.find(f"{QTI}responseProcessing")
    assert processing is not None
    assert (processing.get("template") or "").endswith("/rptemplates/match_correct")
    assert right_texts(item) == {"b"}


def test_every_shipped_question_makes_a_valid_item_with_its_key():
    snapshot = Library(Settings().content).snapshot()

    def load_image(path: str) -> bytes | None:
        image_file = image_in_topic(snapshot, path.split("/")[0], path.partition("/")[2])
        return image_file.read_bytes() if image_file else None

    questions = list(snapshot.questions.values())
    exported = export_bank("qti", questions, load_image=load_image)
    with zipfile.ZipFile(io.BytesIO(exported.data)) as package:
        for question in questions:
            item = ElementTree.fromstring(package.read(f"items/{question.id}.xml"))
            assert_valid_item(item)
            choice_ids = [c.get("identifier") for c in item.iter(f"{QTI}simpleChoice")]
            right_values = {v.text for v in item.iterfind(f".//{QTI}correctResponse/{QTI}value")}
            assert [name in right_values for name in choice_ids] == [
                o.right for o in question.options
            ]
    ids_with_experiments = {
        omission.question for omission in exported.omissions if "experiments" in omission.what
    }
    assert ids_with_experiments == {question.id for question in questions if question.claims}


def test_the_same_questions_make_the_same_bytes():
    question = build_question(FULL)
    first, second = (export_bank("qti", [question]).data for _ in range(2))
    assert first == second


@pytest.mark.parametrize("format_name", ["gift", "moodle", "qti"])
def test_an_image_that_is_not_there_is_reported(format_name: str):
    exported = export_bank(format_name, [build_question(FULL)])
    assert any("image" in omission.what for omission in exported.omissions)
