"""Sets right what latex2mathml writes otherwise than TeX: signs, escapes, slants and forms.

Works on its tree of elements, before that is checked and written."""

from __future__ import annotations

import re
import unicodedata
from xml.etree.ElementTree import Element

_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
# Relations, signs and brackets that come as identifiers and so without their space.
_OPERATORS = frozenset("∼⟂±∓⟹⟸⟺⟨⟩⌊⌋⌈⌉{}≔")
_BRACKETS = frozenset("⟨⟩⌊⌋⌈⌉{}")
# Behind these a plus or minus is a sign, which has no space behind it.
_BEFORE_SIGN = frozenset("=<>≤≥≈∼≃≡≠∝∈←→⇐⇒⇔⟹⟸⟺↦≔≪≫,;:([{⟨⌊⌈×⋅·÷/∗+−±∓")
_SIGNS = frozenset("+−±∓")
_DELIMITERS = {
    r"\{": "{", r"\}": "}", r"\lbrace": "{", r"\rbrace": "}", r"\|": "‖", r"\Vert": "‖",
    r"\lVert": "‖", r"\rVert": "‖", r"\vert": "|", r"\lvert": "|", r"\rvert": "|",
}  # fmt: skip
_TEXT_PART = re.compile(r"\\([_%#&${} ])|([{}])|~")
_TEXT = re.compile(
    r"\\(text(?:rm|bf|it|sf|tt)?|mbox)\s*\{((?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.)*\})*)\}", re.DOTALL
)
_BRACE_OR_ESCAPE = re.compile(r"(\\.)|[{}]", re.DOTALL)
_DOLLAR = re.compile(r"(?<!\\)\$")
_SLASH = "⧸"
_COMBINING_SLASH = "\u0338"


def split_text(latex: str) -> str:
    """``latex`` with the formulas between dollars in its text as formulas of their own.

    Braces that group words are left out, since the converter ends a text at the first ``}``.
    """
    return _TEXT.sub(_split_one_text, latex)


def _split_one_text(match: re.Match[str]) -> str:
    command, content = match[1], match[2]
    pieces = _DOLLAR.split(content)
    if len(pieces) % 2 == 0:
        return match[0]
    output = []
    for number, piece in enumerate(pieces):
        if number % 2:
            output.append(f"{{{piece}}}")
        elif piece:
            words = piece if re.search(r"\\[A-Za-z]", piece) else _without_braces(piece)
            output.append(f"\\{command}{{{words}}}")
    return "".join(output) if len(pieces) == 1 else "{" + "".join(output) + "}"


def _without_braces(text: str) -> str:
    return _BRACE_OR_ESCAPE.sub(lambda match: match[1] or "", text)


def mend_tree(parent: Element) -> None:
    """Changes the elements below ``parent`` in place."""
    for child in parent:
        mend_tree(child)
        if child.tag in ("mi", "mo"):
            _mend_symbol(child)
        elif child.tag == "mtext" and child.text:
            child.text = _TEXT_PART.sub(_text_part, child.text)
    _join_negations(parent)
    _mark_signs(parent)


def _mend_symbol(element: Element) -> None:
    text = _decoded(element)
    if element.tag == "mo":
        element.text = _DELIMITERS.get(text, element.text)
        return
    text = "∼" if text == "~" else text
    if text in _OPERATORS:
        element.tag, element.text = "mo", text
        element.attrib.pop("mathvariant", None)
        if text in _BRACKETS:
            element.set("stretchy", "false")
    elif len(text) == 1 and "Α" <= text <= "Ω":
        # TeX sets capital Greek upright, a browser sets a lone letter in italics.
        element.attrib.setdefault("mathvariant", "normal")


def _text_part(match: re.Match[str]) -> str:
    if match[1]:
        return "\xa0" if match[1] == " " else match[1]
    return "" if match[2] else "\xa0"


def _join_negations(parent: Element) -> None:
    """One negated sign for the slash of ``\\not`` and the sign behind it."""
    for child, following in zip(list(parent), list(parent)[1:], strict=False):
        is_slash = child.tag == "mpadded" and [_decoded(inner) for inner in child] == [_SLASH]
        sign = _decoded(following)
        if is_slash and following.tag in ("mi", "mo") and len(sign) == 1 and not sign.isalnum():
            following.tag = "mo"
            following.text = unicodedata.normalize("NFC", sign + _COMBINING_SLASH)
            parent.remove(child)


def _mark_signs(parent: Element) -> None:
    if parent.tag not in ("math", "mrow", "mtd", "mstyle"):
        return
    for before, child in zip(list(parent), list(parent)[1:], strict=False):
        if (
            (before.tag, child.tag) == ("mo", "mo")
            and _decoded(child) in _SIGNS
            and _decoded(before) in _BEFORE_SIGN
        ):
            child.set("form", "prefix")


def _decoded(element: Element) -> str:
    return _ENTITY.sub(_decode, element.text or "")


def _decode(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code <= 0x10FFFF else match[0]
