"""No word of a source is lost on its page, whatever blocks and tags stand around it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import pytest

from quizserver.topics.render import plain_text, render_markdown

# Each has words in capitals, which are no names of tags; % is the number of the piece.
PIECES = [
    "WORD% and WORD%",
    "# WORD% #",
    "WORD%\n===",
    "- WORD%\n  - WORD%\n1. WORD%",
    "> WORD%\n> - WORD%\nWORD%",
    "> [!NOTE]\n> WORD%",
    "```python WORD\nWORD%\n```",
    "- ```\n  WORD%\n  ```",
    "    WORD%",
    "| WORD% | WORD% |\n|---|---|\n| WORD% | `WORD%` |",
    "<details>\n<summary>WORD%</summary>\n\n- WORD%\n\n</details>",
    "<div>\nWORD% <b>WORD%</b>\n</div>",
    "<pre>\nWORD%\n</pre>",
    "The <mask> WORD% of <user, WORD%> and Dict<WORD%, V>",
    "WORD% <s> WORD% <title> WORD%",
    '<iframe src="a" />\nWORD%',
    "*WORD%*{1, WORD%} and `WORD%`{y}",
    "- [x] WORD%\n- [ ] WORD%",
    "WORD% <!-- WORD%",
    "[WORD%](a) https://a.org/WORD% ~WORD%~ WORD%\\\nWORD%",
    "<WORD%>\nWORD%",
    "$WORD% and WORD%",
]
AROUND = {"plain": ("", ""), "quotation": ("> ", "> "), "item": ("- ", "  ")}


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"WORD\d+", text))


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("separator", ["\n\n", "\n"], ids=["apart", "close"])
def test_no_word_is_lost(around: str, separator: str) -> None:
    first, others = AROUND[around]
    for pieces in product(PIECES, repeat=2):
        numbered = [piece.replace("%", str(n)) for n, piece in enumerate(pieces)]
        lines = separator.join(numbered).split("\n")
        text = "\n".join((others if n else first) + line for n, line in enumerate(lines))
        shown = plain_text(render_markdown(text, prefix="", rewrite=lambda _name, url: url))
        assert not words(text) - words(shown), text
