"""What real banks do that no description of their formats mentions: it is read as it was meant."""

from __future__ import annotations

import base64

import pytest

from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.model import ImportedBank, ImportedQuestion
from tests.topics.formats.meaning import read_question_data

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0rest"
LIST = "\n\n- [x] a\n- [ ] b\n"


def import_text(text: str, name: str = "b.md", **beside: bytes) -> ImportedBank:
    files = {path.replace("__", "/").replace("_", "."): data for path, data in beside.items()}
    return import_bank(name, text.encode(), load_image=files.get)


def import_one(text: str, name: str = "b.md", **beside: bytes) -> ImportedQuestion:
    bank = import_text(text, name, **beside)
    assert bank.problems == ()
    (question,) = bank.questions
    return question


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("`A B`", "`A  B`"),
        ("\n  ```\n  P\n   R\n  ```", "\n  ```\n  P\n  R\n  ```"),
    ],
)
def test_options_that_differ_in_the_white_space_of_code_are_two(one: str, other: str):
    question = import_one(f"## What is printed?\n\n- [x] {one}\n- [ ] {other}\n")
    assert question.source.count("{#") == 1
    assert len(read_question_data(question.source).options) == 2


def test_options_that_differ_in_the_white_space_of_prose_are_one():
    (problem,) = import_text("## Which?\n\n- [x] A B\n- [ ] A  B\n").problems
    assert problem.code == "duplicate-option"


def test_an_id_that_the_import_writes_stands_behind_the_last_line():
    question = import_one(
        "## Loop?\n\n- [ ] `i = 1;`\n      `loop;`\n- [x] `i = 1;`\n      `loop`\n"
    )
    assert "- [x] `i = 1;`\n  `loop` {#i-1-loop-" in question.source


@pytest.mark.parametrize(
    "text",
    [
        '::q::[html]What <img src\\="@@PLUGINFILE@@/x.png" alt\\="dot">?{=a ~b}',
        "::q::[markdown]What ![dot](@@PLUGINFILE@@/x.png)?{=a ~b}",
    ],
)
def test_moodles_address_of_an_image_leads_beside_a_gift_bank(text: str):
    question = import_one(text, "b.gift", x_png=PNG)
    assert [(image.path, image.data) for image in question.images] == [("x.png", PNG)]


def test_an_image_in_a_gift_text_itself_comes_along():
    data = base64.b64encode(PNG).decode().replace("=", "\\=")
    question = import_one(
        f'::q::[html]<img src\\="data\\:image/png;base64,{data}" alt\\="dot">?{{=a ~b}}', "b.gift"
    )
    assert [image.data for image in question.images] == [PNG]


def test_an_image_gets_the_suffix_of_its_type():
    question = import_one(f"## Which?\n\n![a](j.png){LIST}", j_png=JPEG)
    assert "![a](j.jpg)" in question.source
    assert [(image.path, image.data) for image in question.images] == [("j.jpg", JPEG)]


def test_brackets_in_a_row_are_text_unless_they_are_a_link():
    question = import_one("## What?\n\n- [ ] [1] [2] [3]\n- [x] [2]\n")
    assert [option.text for option in read_question_data(question.source).options] == [
        r"\[1] \[2] [3]",
        "[2]",
    ]
    link = "See [it][1].\n\n- [x] a\n- [ ] b\n\n[1]: https://a.org/x\n"
    assert "[it][1]" in import_one(f"## What?\n\n{link}").source


def test_a_full_width_stop_ends_a_number():
    bank = import_text(f"#### Q9。 One?{LIST}\n#### Q10。 Two?{LIST}")
    assert [question.title for question in bank.questions] == ["One?", "Two?"]


@pytest.mark.parametrize(
    "text",
    [
        '[html]<span class\\="multilang" lang\\="en">Dog</span>'
        '<span lang\\="de" class\\="multilang">Hund</span>?{=a ~b}',
        "\\{mlang en\\}Dog\\{mlang\\}\\{mlang de\\}Hund\\{mlang\\}?{=a ~b}",
    ],
)
def test_of_a_text_in_several_languages_one_comes_and_the_others_are_named(text: str):
    question = import_one(f"::q::{text}", "b.gift")
    assert read_question_data(question.source).stem == "Dog?"
    assert question.notes == ("its text in other languages (de)",)


def test_a_weight_behind_an_equals_sign_is_no_text():
    question = import_one("::q::Which?{=%100%c ~b}", "b.gift")
    options = read_question_data(question.source).options
    assert [(option.text, option.right) for option in options] == [("c", True), ("b", False)]
    question = import_one("::q::Which?{=%50%c =%50%d ~b}", "b.gift")
    options = read_question_data(question.source).options
    assert [option.right for option in options] == [True, True, False]


def test_images_on_other_servers_are_all_named_with_their_places():
    text = (
        f"## One?\n\n![a](https://a.org/b.png?x=1&y=2){LIST}\n"
        f"## Two?\n\n![a](//c.org/d)\n\n![a](https://a.org/b.png?x=1&y=2){LIST}"
    )
    bank = import_text(text)
    assert [problem.code for problem in bank.problems] == ["external-image"] * 2
    assert [(image.url, image.lines) for image in bank.images_elsewhere] == [
        ("https://a.org/b.png?x=1&y=2", (1, 8)),
        ("//c.org/d", (8,)),
    ]
    saved = {image.saved_path: PNG for image in bank.images_elsewhere}
    again = import_bank("b.md", text.encode(), load_image=saved.get)
    assert again.problems == ()
    assert [len(question.images) for question in again.questions] == [1, 2]
    assert "https://" not in again.questions[0].source


def test_a_saved_image_may_have_the_suffix_of_its_type():
    text = f"## One?\n\n![a](https://a.org/b.png){LIST}"
    (wanted,) = import_text(text).images_elsewhere
    saved = {wanted.saved_path.replace(".png", ".jpg"): JPEG}
    (question,) = import_bank("b.md", text.encode(), load_image=saved.get).questions
    assert [image.data for image in question.images] == [JPEG]
