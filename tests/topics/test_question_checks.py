"""Each problem of a question is reported at its line and column, with a hint how to fix it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.topics.content_files import CLAIMS, FINE, LIST, check_files, locations


def no_options(count: int, suffix: str = "") -> str:
    return "".join(f"- [ ] No {number}{suffix}\n" for number in range(count))


QUESTIONS = {
    # the file as a whole
    "empty-file": ("", ["1:1 empty-file"]),
    "only white space": ("\n  \n\t\n", ["1:1 empty-file"]),
    "not UTF-8": (b"# Caf\xe9\n\n" + LIST.encode(), ["1:6 not-utf-8"]),
    "not UTF-8 after a BOM and CRLF": (
        b"\xef\xbb\xbf# A\r\n\r\nx\xff\r\n",
        ["3:2 not-utf-8", "1:3 no-task-list"],
    ),
    "NUL": (f"# Title\n\na\0b\n\n{LIST}", ["3:2 control-character"]),
    "too large": (b"#" * 262_145, ["1:1 too-large"]),
    # title
    "no title": (f"Stem.\n\n{LIST}", ["1:1 no-title"]),
    "no title after front matter": (f"---\nid: a\n---\nStem.\n\n{LIST}", ["4:1 no-title"]),
    "empty heading": (f"# \n\n{LIST}", ["1:1 no-title"]),
    "a title that shows as nothing": (f"# \u3164\n\n{LIST}", ["1:1 no-title"]),
    "the same as an entity": (f"# &#x3164;\n\n{LIST}", ["1:1 no-title"]),
    "an option that shows as nothing": (
        "# Title\n\n- [x] a {#a}\n- [ ] \u2800 {#b}\n",
        ["4:3 empty-option"],
    ),
    # options
    "no task list": ("# Title\n\nStem.\n\n- a\n- b\n", ["1:3 no-task-list"]),
    "task list in code": ("# Title\n\n```\n- [x] a\n- [ ] b\n```\n", ["1:3 no-task-list"]),
    "task list in a comment": (f"# Title\n\n<!--\n{LIST}-->\n", ["1:3 no-task-list"]),
    "two task lists": (
        f"{FINE}\nOr:\n\n- [x] c\n- [ ] d\n",
        ["8:1 text-after-options", "10:3 two-task-lists"],
    ),
    "no right option": ("# Title\n\n- [ ] a\n- [ ] b\n", ["3:3 no-right-option"]),
    "one option": ("# Title\n\n1. [x] a\n", ["3:4 one-option"]),
    "capital X": ("# Title\n\n- [ ] a\n- [X] b\n", ["4:3 malformed-box"]),
    "space before x": ("# Title\n\n- [ x] a\n- [ ] b\n", ["3:3 malformed-box"]),
    "no space in the box": ("# Title\n\n- [x] a\n- [] b\n", ["4:3 malformed-box"]),
    "another letter": ("# Title\n\n- [x] a\n- [y] b\n", ["4:3 malformed-box"]),
    "no space after the box": ("# Title\n\n- [x] a\n- [ ]b\n", ["4:3 malformed-box"]),
    "no space before the box": (
        "# Title\n\n- [x] a\n- [ ] b\n-[ ] c\n",
        ["5:2 malformed-box"],
    ),
    "no list marker": ("# Title\n\n- [x] a\n- [ ] b\n[ ] c\n", ["5:1 malformed-box"]),
    "a title below the options": (
        "- [x] a\n- [ ] b\n\n# Because\n\nx\n",
        ["1:1 no-title", "4:3 unknown-section"],
    ),
    "no box": ("# Title\n\n- [x] a\n- [ ] b\n- c\n", ["5:3 malformed-box"]),
    "empty option": ("# Title\n\n- [x] a\n- [ ]\n", ["4:3 empty-option"]),
    "nested task list": ("# Title\n\n- [x] a\n  - [ ] inner\n- [ ] b\n", ["4:5 nested-task-list"]),
    "same text": ("# Title\n\n- [x] a\n- [ ] b\n- [ ]  a\n", ["5:3 duplicate-option"]),
    "same id": ("# Title\n\n- [x] a {#one}\n- [ ] b {#one}\n", ["4:9 duplicate-option-id"]),
    "an id that another's text gives": (
        "# Title\n\n- [x] a\n- [ ] b {#a}\n",
        ["4:9 duplicate-option-id"],
    ),
    "bad option id": ("# Title\n\n- [x] a {#Not Good}\n- [ ] b\n", ["3:9 bad-option-id"]),
    "two option ids": ("# Title\n\n- [x] a {#a}\n  {#b}\n- [ ] b {#c}\n", ["4:3 two-option-ids"]),
    "empty feedback": ("# Title\n\n- [x] a\n\n  >\n\n- [ ] b\n", ["5:1 empty-feedback"]),
    "feedback not indented": (f"{FINE}\n> Well done.\n", ["8:1 loose-feedback"]),
    "feedback not indented, between": (
        "# Title\n\n- [x] a\n> Yes.\n- [ ] b\n",
        ["4:1 loose-feedback"],
    ),
    "text after the options": (f"{FINE}\nBecause.\n", ["8:1 text-after-options"]),
    "code without an end": (f"{FINE}\n## Answer\n\n```python\nx\n", ["10:1 open-fence"]),
    # sections
    "unknown section": (f"{FINE}\n## Anwser\n\nx\n", ["8:4 unknown-section"]),
    "a section without its space": (
        f"{FINE}\n##Answer\n\nx\n",
        ["8:3 unspaced-heading"],
    ),
    "empty answer": (f"{FINE}\n## Answer\n\n## References\n\nx\n", ["8:4 empty-section"]),
    "empty hint": (f"{FINE}\n## Hint\n", ["8:4 empty-section"]),
    "boxes in a hint": (f"{FINE}\n## Hint\n\n- [x] Yes\n", ["10:3 task-list-in-hint"]),
    # front matter
    "no end": (
        "---\nid: a\n# Title\n",
        ["1:1 open-front-matter"],
    ),
    "other dashes": (f"\u2014\ntags: [a]\n---\n{FINE}", ["1:1 unread-front-matter"]),
    "four hyphens": (f"----\ntags: [a]\n---\n{FINE}", ["1:1 unread-front-matter"]),
    "a line before it": (f"\n---\ntags: [a]\n---\n{FINE}", ["2:1 unread-front-matter"]),
    "UTF-16": (f"\ufeff{FINE}".encode("utf-16-le"), ["1:1 not-utf-8"]),
    # what learners would see with its box, and so with the key
    "a dash": (f"# T\n\n\u2013 [x] A\n\n{LIST}", ["3:3 malformed-box"]),
    "no space after the hyphen": (f"# T\n\n-[x] A\n\n{LIST}", ["3:2 malformed-box"]),
    "no hyphen": (f"# T\n\n[ ] A\n\n{LIST}", ["3:1 malformed-box"]),
    "a bullet": (f"{FINE}\u2022 [x] C\n", ["7:3 malformed-box"]),
    "a dash below feedback": (f"{FINE}  > Yes.\n\u2013 [x] C\n", ["8:3 malformed-box"]),
    "text after an id": (
        "# T\n\n- [x] A {#a}\n  Since.\n- [ ] B {#b}\n\n  More.\n",
        ["3:9 text-after-id"],
    ),
    "not YAML": (f"---\ntitle: a: b\n---\n{FINE}", ["2:9 bad-yaml"]),
    "a tab": (f"---\ntags:\n\t- a\n---\n{FINE}", ["3:1 bad-yaml"]),
    "no mapping": (f"---\n- a\n---\n{FINE}", ["2:1 bad-yaml"]),
    "an alias": (f"---\ntags: &t [a]\ntitle: *t\n---\n{FINE}", ["3:8 bad-yaml"]),
    "unknown key": (f"---\ntgas: [a]\n---\n{FINE}", ["2:1 unknown-key"]),
    "duplicate key": (f"---\nid: a\nid: b\n---\n{FINE}", ["3:1 duplicate-key"]),
    "no for false": (f"---\nshuffle: no\n---\n{FINE}", ["2:10 bad-value"]),
    "a number as title": (f"---\ntitle: 2024\n---\n{FINE}", ["2:8 bad-value"]),
    "a word as list": (f"---\ntags: loss\n---\n{FINE}", ["2:7 bad-value"]),
    "a number in a list of words": (f"---\ntags: [a, 1]\n---\n{FINE}", ["2:11 bad-value"]),
    "bad id": (f"---\nid: Not Good\n---\n{FINE}", ["2:5 bad-question-id"]),
    "described goes back": (
        f"---\ndescribed: [[0, 1], [0.5, 1], [0.2, 0]]\n---\n{FINE}",
        ["2:31 bad-described"],
    ),
    "described outside": (
        f"---\ndescribed: [[0, 1], [1.5, 0]]\n---\n{FINE}",
        ["2:21 bad-described"],
    ),
    "described with one point": (f"---\ndescribed: [[0, 1]]\n---\n{FINE}", ["2:12 bad-described"]),
    "described with three numbers": (
        f"---\ndescribed: [[0, 1, 2], [1, 1]]\n---\n{FINE}",
        ["2:13 bad-value"],
    ),
    # links, images, formulas, footnotes
    "broken link": (f"{FINE}\n## Answer\n\nSee [that](nowhere.md).\n", ["10:12 broken-link"]),
    "broken image": (f"# Title\n\n![A curve](curve.png)\n\n{LIST}", ["3:12 broken-image"]),
    "an image in raw HTML": (
        f'# Title\n\n<img src="curve.png" alt="A">\n\n{LIST}',
        ["3:11 broken-image"],
    ),
    "an image from elsewhere": (
        f"# Title\n\n![A](https://example.org/a.png)\n\n{LIST}",
        ["3:6 external-image"],
    ),
    "an image without a description": (
        f"# Title\n\nSee ![](dot.png)\n\n{LIST}",
        ["3:5 no-alt-text"],
    ),
    "a script": (f"# Title\n\nSee <script>a()</script>.\n\n{LIST}", ["3:5 dropped-html"]),
    "words that look like tags and are shown": (
        f"# Title\n\nThe list<str> in\nthe <path>, <job_id>, Dict<K, V>, <mask>.\n\n{LIST}",
        [],
    ),
    "tags that are left out": (
        f'# Title\n\nA <font size="9">B</font>\n<Tip>c</Tip> <Youtube id="x"/>\n\n{LIST}',
        ["3:3 dropped-html", "4:1 dropped-html", "4:14 dropped-html"],
    ),
    "a frame that closes itself": (
        f'# Title\n\nSee <iframe src="https://example.org/" /> it.\n\n{LIST}',
        ["3:5 dropped-html"],
    ),
    "tags without an end": (
        f"# Title\n\nThe <s> token.\n\nA <title> here.\n\n{LIST}",
        ["3:5 unclosed-html", "5:3 unclosed-html"],
    ),
    "styles and scripts in attributes": (
        f'# Title\n\n<p class="note" style="color: red">A</p> <b onclick="a()">B</b>\n\n{LIST}',
        ["3:17 dropped-html", "3:45 dropped-html"],
    ),
    "no tags": (
        f"# Title\n\nIf a <b and c> d, <b>x</b>, `<y>`, 1 < 2, <https://a.org/>, <me@a.org>,\n"
        f"[z](<dot.png>), &lt;w&gt;, $a<b>c$\n\n{LIST}",
        [],
    ),
    "a question inside a question": (
        f"# Title\n\n```question\nother\n```\n\n{LIST}",
        ["3:1 misplaced-block"],
    ),
    "a simulation inside a question": (
        f"# Title\n\n```simulation\narm: low\n```\n\n{LIST}",
        ["3:1 misplaced-block"],
    ),
    "a link out of the folder": (
        f"# Title\n\n[x](../../etc/passwd)\n\n{LIST}",
        ["3:5 broken-link"],
    ),
    "a link to the code": (f"# Title\n\n[x](helper.py)\n\n{LIST}", ["3:5 broken-link"]),
    "a script as link": (f"# Title\n\n[x](javascript:alert)\n\n{LIST}", ["3:5 forbidden-link"]),
    "an empty link": (f"# Title\n\n[x]()\n\n{LIST}", ["3:5 empty-link"]),
    "a quote and a bracket in a link": (
        f"# Title\n\n[x](https://example.org/Hodgkin's_(law))\n\n{LIST}",
        ["3:5 bad-link"],
    ),
    "a quote alone in a link": (f"# Title\n\n[x](https://example.org/it's)\n\n{LIST}", []),
    "a link with a backslash": (f"# Title\n\n[x](/\\evil.example)\n\n{LIST}", ["3:5 bad-link"]),
    "an unknown question's address": (
        f"# Title\n\n[x](/questions/nope)\n\n{LIST}",
        ["3:5 broken-link"],
    ),
    "a bad formula": (f"# Title\n\nIf $\\frac{{1}}$, then.\n\n{LIST}", ["3:4 bad-formula"]),
    "an unknown command": (f"# Title\n\n$$\n\\foo\n$$\n\n{LIST}", ["3:1 bad-formula"]),
    "no such footnote": (f"# Title\n\nStem[^1].\n\n{LIST}", ["3:5 undefined-footnote"]),
    "an unused footnote": (f"{FINE}\n## Answer\n\nx\n\n[^1]: Note.\n", ["12:1 unused-definition"]),
    "an undefined reference": (f"# Title\n\n[this][that]\n\n{LIST}", ["3:1 undefined-reference"]),
    "a definition twice": (
        f"# Title\n\n[a] [a][]\n\n[a]: https://a.example\n[a]: https://b.example\n\n{LIST}",
        ["6:1 duplicate-definition"],
    ),
    "a broken link by reference": (
        f"# Title\n\n[this][that]\n\n[that]: nowhere.md\n\n{LIST}",
        ["5:9 broken-link"],
    ),
    "too many options": (f"# Title\n\n- [x] Yes\n{no_options(50)}", ["53:1 too-many"]),
    "too many hints": (
        f"# Title\n\n{LIST}" + "\n## Hint\n\nThink.\n" * 21,
        ["87:1 too-many"],
    ),
    "a long footnote in many options": (
        f"# Title\n\n- [x] Yes[^a]\n{no_options(40, '[^a]')}\n[^a]: {'words ' * 300}\n",
        ["45:1 too-many"],
    ),
    "too many problems": (
        "# Title\n\n" + "[^a]\n\n" * 250 + LIST,
        [*(f"{2 * n + 3}:1 undefined-footnote" for n in range(200)), "403:1 many-problems"],
    ),
    # claims
    "unknown option": (
        CLAIMS.replace("option: yes-it-is", "option: yes-it-s"),
        ["3:14 unknown-option", "8:3 option-without-claim"],
    ),
    "unknown arm": (CLAIMS.replace("arm: healthy", "arm: helthy"), ["3:30 unknown-arm"]),
    "unknown shape": (CLAIMS.replace("shape: flat", "shape: flatt"), ["3:46 unknown-shape"]),
    "unknown arm in versus": (
        CLAIMS.replace("shape: flat", "versus: helthy, shape: ends-below"),
        ["3:47 unknown-arm"],
    ),
    "a pair shape of one arm": (
        CLAIMS.replace("shape: flat", "shape: crosses"),
        ["3:46 pair-without-versus"],
    ),
    "a shape that needs an arm or a number": (
        CLAIMS.replace("shape: flat", "shape: ends-below"),
        ["3:46 compared-with-nothing"],
    ),
    "a level shape without a value": (
        CLAIMS.replace("shape: flat", "shape: reaches"),
        ["3:46 level-without-value"],
    ),
    "a value with a shape that takes none": (
        CLAIMS.replace("shape: flat", "value: 1, shape: flat"),
        ["3:46 value-without-level"],
    ),
    "a value with a shape of pairs alone": (
        CLAIMS.replace("shape: flat", "value: 1, shape: crosses"),
        ["3:46 value-without-level"],
    ),
    "another arm with a level shape": (
        CLAIMS.replace("shape: flat", "versus: low-rate, shape: ends-above"),
        ["3:47 versus-without-pair"],
    ),
    "another arm and a value": (
        CLAIMS.replace("shape: flat", "versus: low-rate, value: 1, shape: ends-below"),
        ["3:64 versus-and-value"],
    ),
    "a value that is no number": (
        CLAIMS.replace("shape: flat", "value: one, shape: ends-above"),
        ["3:46 bad-value"],
    ),
    "a value that is not finite": (
        CLAIMS.replace("shape: flat", "value: .inf, shape: ends-above"),
        ["3:46 bad-value"],
    ),
    "an unknown series beside a value": (
        CLAIMS.replace("shape: flat", "value: 1, shape: ends-above, series: los"),
        ["3:76 unknown-series"],
    ),
    "another arm with a shape of one": (
        CLAIMS.replace("shape: flat", "versus: low-rate, shape: flat"),
        ["3:47 versus-without-pair"],
    ),
    "an arm against itself": (
        CLAIMS.replace("shape: flat", "versus: healthy, shape: crosses"),
        ["3:47 versus-itself"],
    ),
    "an unknown series": (
        CLAIMS.replace("shape: flat", "shape: flat, series: los"),
        ["3:60 unknown-series"],
    ),
    "an option without a claim": (CLAIMS + "- [ ] Perhaps\n", ["10:3 option-without-claim"]),
    "no expectation": (
        CLAIMS.replace("option: yes-it-is, ", ""),
        ["3:5 no-expectation", "8:3 option-without-claim"],
    ),
    "no arm": (CLAIMS.replace("arm: healthy, ", ""), ["3:5 missing-key"]),
    "an unknown key in a claim": (
        CLAIMS.replace("shape: flat", "shape: flat, atleast: 1"),
        ["3:52 unknown-key"],
    ),
    "a share above one": (
        CLAIMS.replace("shape: flat", "shape: flat, at-least: 1.5"),
        ["3:62 bad-value"],
    ),
    "another quantifier": (
        CLAIMS.replace("shape: flat", "shape: flat, quantifier: may"),
        ["3:64 bad-value"],
    ),
    "a value out of range": (
        CLAIMS.replace("shape: flat", "shape: flat, over: {rate: [0.1, 2]}"),
        ["3:71 knob-out-of-range"],
    ),
    "an unknown knob": (
        CLAIMS.replace("shape: flat", "shape: flat, over: {rat: [0.1]}"),
        ["3:59 unknown-knob"],
    ),
    "no such simulation": (
        CLAIMS.replace("claims:", "simulation: other\nclaims:"),
        ["2:13 missing-simulation"],
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_problem_of_a_question_is_reported_at_its_position(name: str, tmp_path: Path) -> None:
    text, expected = QUESTIONS[name]
    files = {
        "t/q.md": text,
        "t/simulation.py": "",
        "t/dot.png": "png",
        "t/helper.py": "",
    }
    diagnostics = check_files(tmp_path, files)
    assert {line.removeprefix("t/q.md:") for line in locations(diagnostics)} == set(expected)
    for problem in diagnostics:
        assert problem.message.endswith((".", "?")), "a whole sentence says what is wrong"
        assert problem.hint, "and another how to fix it"
