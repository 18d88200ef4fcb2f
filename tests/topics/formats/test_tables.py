"""Tables of questions and Aiken: columns by their heads, keys in every form, and refusals."""

from __future__ import annotations

import io
import zipfile
from html import escape

import pytest

from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.model import ImportedBank, QuestionData
from tests.topics.formats.meaning import read_question_data


def questions_of(bank: ImportedBank) -> list[QuestionData]:
    return [read_question_data(question.source) for question in bank.questions]


def keys_of(bank: ImportedBank) -> list[list[str]]:
    """The texts of the right options of each question."""
    return [[o.text for o in question.options if o.right] for question in questions_of(bank)]


def import_table(text: str, name: str = "b.csv") -> ImportedBank:
    return import_bank(name, text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "Question,Option A,Option B,Option C,Answer\nWhich?,red,green,blue,B\n",
        "question;A;B;C;Correct Answer\nWhich?;red;green;blue;green\n",
        "No.\tQuestion Text\tAnswer 1\tAnswer 2\tAnswer 3\tKey\n1\tWhich?\tred\tgreen\tblue\t2\n",
        "question,option_a,option_b,option_c,correct_option\nWhich?,red,green,blue,option_b\n",
        "question,optionA,optionB,optionC,correctAnswer\nWhich?,red,green,blue,b)\n",
        "Question,Options,Answer\nWhich?,red; green; blue,B. green\n",
        'Question,Choices,Answer\nWhich?,"red\ngreen\nblue",green\n',
        "Question - max 120 characters,Answer 1 - max 75 characters,Answer 2 - max 75 characters,"
        "Answer 3 - max 75 characters,Time limit (sec) - 5 or 10,"
        "Correct answer(s) - choose at least one\nWhich?,red,green,blue,20,2\n",
        "Question Text,Question Type,Option 1,Option 2,Option 3,Option 4,Option 5,Correct Answer,"
        "Time in seconds,Image Link\nWhich?,Multiple Choice,red,green,blue,,,2,30,\n",
        "My bank,,,,\n,,,,\nQuestion,A,B,C,Answer\nWhich?,red,green,blue,(B)\n",
        "sep=;\nQuestion;A;B;C;Answer\nWhich?;red;green;blue;B\n",
    ],
)
def test_columns_are_found_by_their_heads(text: str):
    bank = import_table(text)
    assert bank.problems == ()
    (question,) = questions_of(bank)
    assert question.title == "Which?"
    assert [(option.text, option.right) for option in question.options] == [
        ("red", False),
        ("green", True),
        ("blue", False),
    ]
    assert bank.questions[0].notes == ()


def test_a_right_answer_may_stand_beside_wrong_ones():
    text = "Question,Correct answer,Wrong answer 1,Wrong answer 2\nWhich?,red,green,blue\n"
    bank = import_table(text)
    assert keys_of(bank) == [["red"]]
    assert len(questions_of(bank)[0].options) == 3


@pytest.mark.parametrize("key", ["A,C", "A; C", "AC", "1,3", "red; blue", "1 and 3", "red, blue"])
def test_several_options_are_right(key: str):
    bank = import_table(f'Question,A,B,C,Answer\nWhich?,red,green,blue,"{key}"\n')
    assert bank.problems == ()
    assert keys_of(bank) == [["red", "blue"]]


HEAD = "Question,A,B,C,Answer\n"


def test_a_key_that_can_mean_two_options_is_refused():
    (problem,) = import_table(f"{HEAD}How many?,2,4,1,2\n").problems
    assert (problem.code, problem.line) == ("unclear-key", 2)
    (problem,) = import_table(f"{HEAD}Which letter?,B,C,A,A\n").problems
    assert problem.code == "unclear-key"


def test_the_other_rows_say_whether_a_key_is_a_text_or_a_number():
    as_text = import_table(f"{HEAD}How many?,2,4,1,2\nWhich?,red,green,blue,green\n")
    assert keys_of(as_text) == [["2"], ["green"]]
    as_number = import_table(f"{HEAD}How many?,2,4,1,2\nWhich?,red,green,blue,3\n")
    assert keys_of(as_number) == [["4"], ["blue"]]


def test_numbers_count_from_0_only_where_a_0_says_so():
    zero_based = import_table(f"{HEAD}Which?,red,green,blue,0\nAnd?,x,y,z,2\n")
    assert keys_of(zero_based) == [["red"], ["z"]]
    both = import_table(f"{HEAD}Which?,red,green,blue,0\nAnd?,x,y,z,3\n")
    assert {problem.code for problem in both.problems} == {"unclear-key", "bad-key"}
    unknown = import_table("Question,A,B,C,Correct Index\nWhich?,red,green,blue,1\n")
    assert [problem.code for problem in unknown.problems] == ["unclear-key"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("Which?,red,green,blue,D", "bad-key"),
        ("Which?,red,green,blue,", "no-key"),
        (",red,green,blue,A", "no-question"),
        ("Which?,red,,blue,A", "empty-option"),
        ("Which?,red,,,A", "short-answer"),
        ('"Which?,red,green,blue,A', "bad-cell"),
    ],
)
def test_a_row_that_is_no_question_is_named_and_the_others_come(row: str, code: str):
    bank = import_table(f"{HEAD}First?,a,b,c,A\n\n{row}\n")
    assert [(problem.code, problem.line) for problem in bank.problems] == [(code, 4)]
    assert len(bank.questions) == 1


def test_a_table_without_heads_is_named():
    (problem,) = import_table("Which?,red,green,blue,A\n").problems
    assert problem.code == "no-heads"
    assert "Option A" in problem.hint


def test_other_columns_are_used_or_named():
    bank = import_table(
        "Title,Question,A,B,Answer,Explanation,Hint,Tags,Points,Author\n"
        'Colours,Which is &lt;b&gt;?,x,y,A,Since \\(x^2\\).,Look.,"one, two",3,Ann\n'
    )
    (question,) = questions_of(bank)
    assert (question.title, question.explanation) == ("Colours", "Since $x^2$.")
    assert (question.hints, question.tags) == (("Look.",), ("one", "two"))
    assert bank.questions[0].notes == ('its column "Author"',)


def test_options_that_speak_of_others_keep_their_order():
    bank = import_table(f"{HEAD}Which?,red,green,Both A and B,C\nWhat?,red,green,blue,C\n")
    assert [question.shuffle for question in questions_of(bank)] == [False, True]


def test_tables_in_the_encodings_of_spreadsheets_are_read():
    text = f"{HEAD}Où?,été,Grüße,“x”,A\n"
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        assert keys_of(import_bank("b.csv", text.encode(encoding))) == [["été"]]
    cyrillic = f"{HEAD}Где?,здесь,там,нигде,A\n".encode("cp1251")
    (problem,) = import_bank("b.csv", cyrillic).problems
    assert problem.code == "not-utf-8"


SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def build_workbook(rows: str, *, strings: str = "", styles: str = "") -> bytes:
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/'
        'package/2006/relationships"><Relationship Id="rId1" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData>'
        "</worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}">{styles}</styleSheet>',
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def text_cells(*texts: str) -> str:
    return "".join(f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>' for text in texts)


HEADS = f"<row r='1'>{text_cells('Question', 'A', 'B', 'C', 'Answer')}</row>"


def test_a_workbook_is_read():
    rows = (
        f"{HEADS}<row r='3'><c r='A3' t='s'><v>0</v></c><c r='B3'><v>2.0</v></c>"
        "<c r='C3' s='1'><v>0.5</v></c><c r='D3' t='b'><v>1</v></c>"
        "<c r='E3' t='str'><v>C</v></c></row>"
    )
    strings = "<si><r><t>How </t></r><r><t>many?</t></r><rPh><t>x</t></rPh></si>"
    styles = "<cellXfs><xf numFmtId='0'/><xf numFmtId='9'/></cellXfs>"
    bank = import_bank("b.xlsx", build_workbook(rows, strings=strings, styles=styles))
    assert bank.problems == ()
    (question,) = questions_of(bank)
    assert question.title == "How many?"
    assert [option.text for option in question.options] == ["2", "50%", "True"]
    assert [option.right for option in question.options] == [False, False, True]
    assert bank.questions[0].line == 3


def test_a_cell_that_was_taken_for_a_date_is_named():
    rows = f"{HEADS}<row r='2'>{text_cells('Half?')}<c r='B2' s='0'><v>45000</v></c></row>"
    styles = (
        "<numFmts><numFmt numFmtId='164' formatCode='d\\-mmm'/></numFmts>"
        "<cellXfs><xf numFmtId='164'/></cellXfs>"
    )
    (problem,) = import_bank("b.xlsx", build_workbook(rows, styles=styles)).problems
    assert (problem.code, problem.line) == ("bad-cell", 2)
    assert "Cell B2 is a date" in problem.message


def test_a_broken_or_dangerous_workbook_is_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    data = build_workbook(HEADS).replace(b"PK\x05\x06", b"PK\x05\x07")
    large = build_workbook(f"{HEADS}{' ' * 33 * 1024 * 1024}")
    entities = io.BytesIO()
    with zipfile.ZipFile(entities, "w") as archive:
        archive.writestr("xl/workbook.xml", f"{bomb}<workbook/>")
    assert len(large) < 100_000
    for workbook in (data, large, entities.getvalue()):
        (problem,) = import_bank("b.xlsx", workbook).problems
        assert problem.code == "bad-workbook"


AIKEN = (
    "What is 2 < 3?\nA) no\nB. yes\nANSWER: B\n\nAnd?\n\nIn two lines.\n a) x\n b) y\nANSWER: a\n"
)


def test_aiken_is_read():
    bank = import_bank("b.txt", AIKEN.encode())
    assert bank.problems == ()
    assert keys_of(bank) == [["yes"], ["x"]]
    first, second = questions_of(bank)
    assert first.title == "What is 2 &lt; 3?"
    assert (second.title, second.stem) == ("And?", "In two lines.")


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("One?\nA) a\nB) b\nANSWER: C", "bad-answer"),
        ("One?\nA) a\nB) b\nANSWER: the first", "bad-answer"),
        ("One?\nANSWER: A", "no-options"),
        ("One?\nA) a\nB) b", "no-answer-line"),
    ],
)
def test_what_is_wrong_in_aiken_is_named(block: str, code: str):
    bank = import_bank("b.aiken", f"{AIKEN}\n{block}\n".encode())
    assert [(problem.code, problem.line) for problem in bank.problems] == [(code, 13)]
    assert len(bank.questions) == 2
