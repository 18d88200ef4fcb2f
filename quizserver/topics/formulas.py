"""Converts LaTeX to MathML that is safe to put into a page.

Letters come from Unicode's mathematical alphabets, for browsers that ignore ``mathvariant``."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from itertools import zip_longest
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element

from quizserver.topics.formula_mends import mend_tree, split_text
from quizserver.topics.sanitise import word_set

LONGEST_FORMULA = 2000
DEEPEST_FORMULA = 40

# What could reach outside the formula, define macros or style the page.
_FORBIDDEN = re.compile(
    r"\\(?:def|let|gdef|edef|xdef|newcommand|renewcommand|providecommand|DeclareMathOperator|href|"
    r"url|class|cssId|style|html[A-Za-z]*|includegraphics|require|input|include|unicode|rule|verb|"
    r"data|label|ref|eqref)(?![A-Za-z])"
)
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")
_ENVIRONMENTS = word_set(
    "matrix matrix* pmatrix pmatrix* bmatrix bmatrix* Bmatrix Bmatrix* vmatrix vmatrix* Vmatrix "
    "Vmatrix* smallmatrix array cases align align* aligned split substack"
)
_TAGS = word_set(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle mpadded mphantom msub msup "
    "msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd merror none menclose"
)
_ARGUMENTS = word_set("mi mn msub msup msubsup mfrac msqrt mroot mtext")
_ARITY = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2}
_ARITY |= {"msubsup": 3, "munderover": 3}
_ATTRIBUTES = word_set(
    "display displaystyle scriptlevel stretchy fence separator form symmetric largeop "
    "movablelimits accent accentunder lspace rspace minsize maxsize width height depth voffset "
    "linethickness columnspacing rowspacing mathcolor mathbackground notation"
)
_VALUE = re.compile(r"[A-Za-z0-9 .%#+-]{1,60}")
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
# What the converter knows under another name; align without its numbers, which would begin again
# with each formula.
_REWRITES = [
    (re.compile(r"\{align(?:ed)?\}"), "{align*}"),
    (re.compile(r"\\operatorname\*?\s*\{\s*arg\s*\\[,;: ]\s*(min|max)\s*\}"), r"\\arg\1 "),
    (re.compile(r"\\arg\s*\\(min|max)(?![A-Za-z])"), r"\\arg\1 "),
    (re.compile(r"\\arg(?![A-Za-z])"), r"\\operatorname{arg}"),
    # In braces one letter would lose its upright form.
    (re.compile(r"\\mathrm\s*\{\s*([A-Za-z])\s*\}"), r"{\\mathrm \1}"),
    (re.compile(r"\\(?:notag|nonumber)(?![A-Za-z])"), ""),
    # The distance to the next row would be read as the row's first words.
    (re.compile(r"\\\\\s*\[\s*-?[0-9.]+\s*(?:pt|mm|cm|em|ex|in|mu|bp|pc)\s*\]"), r"\\\\ "),
]
_COMMAND_IN_TEXT = re.compile(r"\\(?:[A-Za-z]+|.)")
_OPERATOR = re.compile(r"\\operatorname(?:withlimits|\*)?\s*\{(?![A-Za-z\s*]+\})")
_ERROR_TEXTS = {
    exceptions.DoubleSubscriptsError: "it has two subscripts in a row: group them with {}",
    exceptions.DoubleSuperscriptsError: "it has two superscripts in a row: group them with {}",
    exceptions.ExtraLeftOrMissingRightError: r"a \left has no \right",
    exceptions.MissingEndError: r"a \begin has no \end",
    exceptions.MissingSuperScriptOrSubscriptError: "something is missing after _ or ^",
    exceptions.NumeratorNotFoundError: "a fraction has no numerator",
    exceptions.DenominatorNotFoundError: "a fraction has no denominator",
    exceptions.NoAvailableTokensError: "it ends too early: something is missing at its end",
    exceptions.InvalidAlignmentError: "an array's columns may be l, c, r and | only",
}


class FormulaError(ValueError):
    """A formula that cannot be shown; the message says why in a sentence's second half."""


def to_mathml(latex: str, *, display: bool = False) -> str:
    """One ``<math>`` element, built from an allow list, its text escaped.

    Raises FormulaError when the LaTeX is wrong, unknown, forbidden, too long or too deep.
    """
    result = _convert_latex(latex, display)
    if isinstance(result, FormulaError):
        raise result
    return result


@lru_cache(maxsize=4096)
def _convert_latex(latex: str, display: bool) -> str | FormulaError:
    try:
        _check_latex(latex)
        rewritten = split_text(latex)
        for pattern, replacement in _REWRITES:
            rewritten = pattern.sub(replacement, rewritten)
        tree = convert_to_element(rewritten, display="block" if display else "inline")
        mend_tree(tree)
        inner = _serialise_children(tree)
    except FormulaError as error:
        return error
    except RecursionError:
        return FormulaError("it is nested too deeply")
    except Exception as error:  # the converter raises whatever its parser stumbles over
        return FormulaError(_ERROR_TEXTS.get(type(error), "it is not complete LaTeX"))
    kind = "block" if display else "inline"
    return f'<math display="{kind}" alttext="{html.escape(latex)}">{inner}</math>'


def _check_latex(latex: str) -> None:
    if not latex.strip():
        raise FormulaError("it is empty")
    if len(latex) > LONGEST_FORMULA:
        raise FormulaError(f"it is longer than {LONGEST_FORMULA} characters")
    forbidden = _FORBIDDEN.search(latex)
    if forbidden:
        raise FormulaError(f"{forbidden[0]} is not allowed")
    if _OPERATOR.search(_REWRITES[1][0].sub("", latex)):
        raise FormulaError(r"the name in \operatorname may hold letters only")
    _check_braces(latex)
    open_environments: list[str] = []
    for command, name in _ENVIRONMENT.findall(latex):
        if name not in _ENVIRONMENTS:
            raise FormulaError(f"the environment {name or 'without a name'} is unknown")
        if command == "begin":
            open_environments.append(name)
        elif not open_environments or open_environments.pop() != name:
            raise FormulaError(f"\\end{{{name}}} has no \\begin{{{name}}}")
    if open_environments:
        raise FormulaError(f"\\begin{{{open_environments[-1]}}} has no \\end")


def _check_braces(latex: str) -> None:
    depth = 0
    for brace in re.findall(r"\\.|[{}]", latex, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            raise FormulaError("a } has no {")
        if depth > DEEPEST_FORMULA:
            raise FormulaError("it is nested too deeply")
    if depth:
        raise FormulaError("a { has no }")


def _serialise_children(parent: Element) -> str:
    """The children in order; a thin space after a function's name, as in ``ln x``."""
    output: list[str] = []
    for child, following in zip_longest(parent, list(parent)[1:]):
        _apply_tex_spacing(parent, child)
        output.append(_serialise_element(child))
        if parent.tag in ("mrow", "mtd") and _is_function_name(child) and _is_argument(following):
            output.append('<mspace width="0.167em"></mspace>')
    return "".join(output)


def _apply_tex_spacing(parent: Element, child: Element) -> None:
    """Sets spacing as TeX: ``56{,}499`` has no gap, the bar of ``\\bar x`` lies on its letter."""
    if parent.tag == child.tag == "mrow" and [inner.tag for inner in child] == ["mo"]:
        child[0].attrib.update(lspace="0em", rspace="0em")
    accent = {"mover": "accent", "munder": "accentunder"}.get(child.tag)
    if accent and len(child) == 2 and child[1].tag == "mo":
        child.set(accent, "true")


def _is_function_name(element: Element) -> bool:
    if element.tag in ("msub", "msup", "msubsup") and len(element):
        return _is_function_name(element[0])
    text = element.text or ""
    return element.tag in ("mi", "mo") and len(text) > 1 and text.isalpha()


def _is_argument(element: Element | None) -> bool:
    return element is not None and element.tag in _ARGUMENTS


def _serialise_element(element: Element) -> str:
    tag = element.tag
    if tag not in _TAGS:
        raise FormulaError("it holds something that MathML has no place for")
    if len(element) < _ARITY.get(tag, 0):
        raise FormulaError("an argument is missing")
    text = _ENTITY.sub(_decode_entity, element.text or "")
    if tag in ("mi", "mo") and text.startswith("\\"):
        raise FormulaError(f"the command {text} is unknown")
    unread = _COMMAND_IN_TEXT.search(text) if tag == "mtext" else None
    if unread:
        raise FormulaError(f"the command {unread[0]} is not read inside text")
    text = to_math_alphabet(text, element.get("mathvariant"))
    attributes = "".join(
        f' {name}="{html.escape(value)}"'
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _VALUE.fullmatch(value)
    )
    if tag == "mi" and element.get("mathvariant") == "normal":
        attributes += ' mathvariant="normal"'
    if element.get("columnalign") in ("left", "right"):
        attributes += f' class="math-{element.get("columnalign")}"'
    inner = _serialise_children(element)
    return f"<{tag}{attributes}>{html.escape(text)}{inner}</{tag}>"


def _decode_entity(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    if code < 0x20 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise FormulaError("it holds a character that does not exist")
    return chr(code)


# Where each alphabet's capital A, small a and zero stand (None: it has no digits).
_ALPHABETS: dict[str, tuple[int, int, int | None]] = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE),
    "bold-italic": (0x1D468, 0x1D482, None),
    "sans-serif": (0x1D5A0, 0x1D5BA, 0x1D7E2),
    "bold-sans-serif": (0x1D5D4, 0x1D5EE, 0x1D7EC),
    "monospace": (0x1D670, 0x1D68A, 0x1D7F6),
    "double-struck": (0x1D538, 0x1D552, 0x1D7D8),
    "fraktur": (0x1D504, 0x1D51E, None),
    "script": (0x1D49C, 0x1D4B6, None),
}
# Where each alphabet's capital Alpha and small alpha stand.
_GREEK_ALPHABETS = {
    "bold": (0x1D6A8, 0x1D6C2),
    "bold-italic": (0x1D71C, 0x1D736),
    "bold-sans-serif": (0x1D756, 0x1D770),
}
# Greek letters of another form, in the order in which they follow the small alphabet.
_GREEK_VARIANTS = "∂ϵϑϰϕϱϖ"
# Letters that Unicode had before it had the alphabets.
_OLDER_LETTERS = {
    0x1D53A: "ℂ", 0x1D53F: "ℍ", 0x1D545: "ℕ", 0x1D547: "ℙ", 0x1D548: "ℚ", 0x1D549: "ℝ",
    0x1D551: "ℤ", 0x1D506: "ℭ", 0x1D50B: "ℌ", 0x1D50C: "ℑ", 0x1D515: "ℜ", 0x1D51D: "ℨ",
    0x1D49D: "ℬ", 0x1D4A0: "ℰ", 0x1D4A1: "ℱ", 0x1D4A3: "ℋ", 0x1D4A4: "ℐ", 0x1D4A7: "ℒ",
    0x1D4A8: "ℳ", 0x1D4AD: "ℛ", 0x1D4BA: "ℯ", 0x1D4BC: "ℊ", 0x1D4C4: "ℴ",
}  # fmt: skip


def to_math_alphabet(text: str, variant: str | None) -> str:
    """``text`` in the alphabet that MathML calls ``variant``; as it is for any other variant."""
    if variant not in _ALPHABETS:
        return text
    capital, small, zero = _ALPHABETS[variant]
    greek = _GREEK_ALPHABETS.get(variant or "")
    return "".join(
        (greek and _greek_letter(c, *greek)) or _math_letter(c, capital, small, zero) for c in text
    )


def _greek_letter(character: str, capital: int, small: int) -> str | None:
    if "Α" <= character <= "Ω":
        return chr(capital + ord(character) - ord("Α"))
    if "α" <= character <= "ω":
        return chr(small + ord(character) - ord("α"))
    if character in _GREEK_VARIANTS:
        return chr(small + 25 + _GREEK_VARIANTS.index(character))
    return None


def _math_letter(character: str, capital: int, small: int, zero: int | None) -> str:
    if "A" <= character <= "Z":
        code = capital + ord(character) - ord("A")
    elif "a" <= character <= "z":
        code = small + ord(character) - ord("a")
    elif "0" <= character <= "9" and zero is not None:
        code = zero + ord(character) - ord("0")
    else:
        return character
    return _OLDER_LETTERS.get(code, chr(code))
