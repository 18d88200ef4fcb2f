"""Converts presentation MathML, as editors such as MathType write it, to LaTeX.

A formula that carries its LaTeX (an ``annotation`` of type TeX, or an ``alttext`` that renders to
the same characters) keeps it. What has no LaTeX here is refused by name, never left out.
"""

from __future__ import annotations

import html as entities
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from latex2mathml.symbols_parser import convert_symbol

from quizserver.topics.formats.html_tree import HtmlNode
from quizserver.topics.formats.model import UnsupportedQuestionError
from quizserver.topics.formulas import FormulaError, to_mathml
from quizserver.topics.sanitise import word_set

_NAMES = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta "
    "Lambda Xi Pi Sigma Upsilon Phi Psi Omega sum prod coprod int iint iiint oint bigcup bigcap "
    "bigoplus bigotimes pm mp times div cdot ast star circ bullet oplus ominus otimes oslash odot "
    "cap cup setminus wedge vee leq geq neq equiv approx sim simeq cong propto ll gg prec succ "
    "preceq succeq subset supset subseteq supseteq in notin ni mid parallel perp vdash models "
    "leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow mapsto uparrow "
    "downarrow longrightarrow longleftarrow Longrightarrow hookrightarrow infty partial nabla "
    "forall exists neg emptyset angle triangle ldots cdots vdots ddots ell hbar Re Im aleph "
    "lfloor rfloor lceil rceil langle rangle therefore because"
)
_MACROS = {
    chr(int(code, 16)): f"\\{name}"
    for name in _NAMES.split()
    if (code := convert_symbol(f"\\{name}")) is not None and int(code, 16) > 127
}
_MACROS |= {
    "−": "-", "∗": "*", "⋅": "\\cdot", "·": "\\cdot", "…": "\\ldots", "⋯": "\\cdots",
    "¬": "\\neg",
    "∣": "\\mid", "∥": "\\parallel", "‖": "\\Vert", "∅": "\\emptyset", "ϕ": "\\phi",
    "φ": "\\varphi",
    "ε": "\\varepsilon", "ϵ": "\\epsilon", "∘": "\\circ", "→": "\\to", "〈": "\\langle",
    "〉": "\\rangle", "⟨": "\\langle", "⟩": "\\rangle", "\xa0": "\\ ", "∶": ":", "≔": ":=",
    "{": "\\{", "}": "\\}", "#": "\\#", "$": "\\$", "%": "\\%", "&": "\\&", "_": "\\_",
    "\\": "\\backslash", "~": "\\sim", "^": "\\hat{}", "′": "'", "″": "''", "‴": "'''",
}  # fmt: skip
_INVISIBLE = re.compile("[\u2061-\u2064\u200b\u2060\ufeff]")
_FUNCTIONS = word_set(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln exp lim limsup liminf max "
    "min sup inf det gcd dim ker deg arg Pr hom"
)
_WIDE_FUNCTIONS = {f"arg {end}": f"\\operatorname{{arg\\,{end}}}" for end in ("max", "min")}
_LIMITS = {
    f"\\{name}"
    for name in word_set(
        "lim limsup liminf max min sup inf det gcd Pr sum prod coprod bigcup bigcap bigoplus "
        "bigotimes"
    )
}
_ACCENTS = {
    "^": "hat", "ˆ": "hat", "̂": "hat", "~": "tilde", "˜": "tilde", "∼": "tilde", "¯": "overline",
    "―": "overline", "‾": "overline", "_": "overline", "̅": "overline", "→": "overrightarrow",
    "⃗": "vec", "⇀": "vec", "←": "overleftarrow", "˙": "dot", ".": "dot", "¨": "ddot",
    "⏞": "overbrace",
    "︷": "overbrace", "ˇ": "check", "˘": "breve", "`": "grave", "´": "acute",
}  # fmt: skip
_UNDER_ACCENTS = {"_": "underline", "¯": "underline", "―": "underline", "̲": "underline",
    "⏟": "underbrace", "︸": "underbrace"}  # fmt: skip
_VARIANTS = {
    "normal": "mathrm", "bold": "mathbf", "bold-italic": "boldsymbol", "double-struck": "mathbb",
    "script": "mathcal", "bold-script": "mathcal", "fraktur": "mathfrak", "sans-serif": "mathsf",
    "monospace": "mathtt",
}  # fmt: skip
_ALPHABET = re.compile(
    r"MATHEMATICAL (?P<style>BOLD ITALIC|BOLD|ITALIC|SCRIPT|FRAKTUR|DOUBLE-STRUCK|SANS-SERIF|"
    r"MONOSPACE) "
)
_ENCLOSURES = {
    "box": "boxed", "updiagonalstrike": "cancel", "downdiagonalstrike": "bcancel",
    "radical": "sqrt", "top": "overline", "bottom": "underline",
}  # fmt: skip
_FENCES = {"(": "(", ")": ")", "[": "[", "]": "]", "{": "\\{", "}": "\\}", "|": "|", "‖": "\\|",
    "⟨": "\\langle", "⟩": "\\rangle", "〈": "\\langle", "〉": "\\rangle", "⌊": "\\lfloor",
    "⌋": "\\rfloor", "⌈": "\\lceil", "⌉": "\\rceil", "": "."}  # fmt: skip
_OPENING, _CLOSING = "([{⟨〈⌊⌈|‖", ")]}⟩〉⌋⌉|‖"
_SPACES = ((1.5, "\\qquad "), (0.8, "\\quad "), (0.25, "\\;"), (0.2, "\\:"), (0, "\\,"))
_TEX_ENCODINGS = ("tex", "latex", "application/x-tex", "application/x-latex", "text/x-tex")


def mathml_to_latex(math: HtmlNode) -> str:
    """The LaTeX of a ``<math>`` element, in one line.

    Raises UnsupportedQuestionError for an element that has no LaTeX here, such as content MathML.
    """
    annotated = _annotated_latex(math)
    if annotated:
        return " ".join(annotated.split())
    return _join(_convert_row(math.children))


def _annotated_latex(math: HtmlNode) -> str:
    for node in _descendants(math):
        encoding = node.attributes.get("encoding", "").lower()
        if node.tag == "annotation" and encoding in _TEX_ENCODINGS:
            return node.text_content().strip()
    alternative = math.attributes.get("alttext", "").strip()
    if not alternative:
        return ""
    try:
        rendered = re.sub(r"<[^>]*>", "", to_mathml(alternative))
    except FormulaError:
        return ""
    return (
        alternative
        if _visible(entities.unescape(rendered)) == _visible(math.text_content())
        else ""
    )


def _visible(text: str) -> str:
    return "".join(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).split())


def _descendants(node: HtmlNode) -> list[HtmlNode]:
    found: list[HtmlNode] = []
    for child in node.children:
        if isinstance(child, HtmlNode):
            found += [child, *_descendants(child)]
    return found


def _elements(node: HtmlNode) -> list[HtmlNode]:
    """The child elements, in which white space between tags is nothing.

    Raises UnsupportedQuestionError for an element that the HTML's cleaner turned into text.
    """
    unknown = next((c for c in node.children if isinstance(c, str) and "<" in c), None)
    if unknown is not None:
        name = unknown[unknown.index("<") + 1 :].split(">")[0].split()
        raise _unread_element(name[0] if name else "?")
    return [
        child if isinstance(child, HtmlNode) else HtmlNode("mtext", {}, [child])
        for child in node.children
        if isinstance(child, HtmlNode) or child.strip()
    ]


def _join(pieces: Sequence[str]) -> str:
    """The pieces one after the other; a macro and a letter behind it stay apart."""
    joined = ""
    for piece in pieces:
        if re.search(r"\\[A-Za-z]+$", joined) and re.match("[A-Za-z]", piece):
            joined += " "
        joined += piece
    return re.sub(r"\\\\(?=\))", r"\\\\ ", joined).strip()


def _group(latex: str) -> str:
    return f"{{{latex}}}"


def _script(latex: str) -> str:
    return latex if len(latex) == 1 else _group(latex)


def _convert_row(children: Sequence[HtmlNode | str]) -> list[str]:
    nodes = _elements(HtmlNode("mrow", {}, list(children)))
    if len(nodes) > 2 and _is_fence(nodes[0], _OPENING) and _is_fence(nodes[-1], _CLOSING):
        if len(nodes) == 3 and _is_stack(nodes[1]) and _token(nodes[0]) == "(":
            return [_binomial(nodes[1])]
        left, right = (_FENCES[_token(node)] for node in (nodes[0], nodes[-1]))
        if not any(_is_fence(node, _OPENING + _CLOSING) for node in nodes[1:-1]):
            inner = _join([_convert(node) for node in nodes[1:-1]])
            return [f"\\left{left} {inner} \\right{right}"]
    if len(nodes) > 1 and _token(nodes[0]) == "{" and nodes[1].tag == "mtable":
        rest = [_convert(node) for node in nodes[1:] if _token(node) or node.tag != "mo"]
        return [f"\\left\\{{ {_join(rest)} \\right."]
    return [_convert(node) for node in nodes]


def _is_fence(node: HtmlNode, characters: str) -> bool:
    return node.tag == "mo" and len(_token(node)) == 1 and _token(node) in characters


def _token(node: HtmlNode) -> str:
    return _INVISIBLE.sub("", node.text_content()).strip() if node.tag == "mo" else ""


def _convert(node: HtmlNode) -> str:
    convert = _CONVERTERS.get(node.tag)
    if convert is None:
        raise _unread_element(node.tag)
    return convert(node)


def _unread_element(tag: str) -> UnsupportedQuestionError:
    message = f"A formula of this question holds <{tag[:40]}>, which is not read."
    hint = "Write the formula in LaTeX, between \\( and \\)."
    return UnsupportedQuestionError("formula", message, hint)


def _convert_children(node: HtmlNode) -> str:
    return _join(_convert_row(node.children))


def _arguments(node: HtmlNode, least: int) -> list[str]:
    """The LaTeX of an element's arguments, at least ``least`` of them."""
    converted = [_convert(child) for child in _elements(node)]
    if len(converted) < least:
        message = f"A <{node.tag}> in a formula of this question lacks a part."
        raise UnsupportedQuestionError("formula", message, "Write the formula anew.")
    return converted


def _characters(text: str) -> str:
    return _join([_character(character) for character in text])


def _character(character: str) -> str:
    macro = _MACROS.get(character)
    if macro is not None:
        return macro
    alphabet = _ALPHABET.match(unicodedata.name(character, ""))
    if alphabet is None:
        return character
    plain = unicodedata.normalize("NFKC", character)
    variant = {"bold italic": "boldsymbol", "italic": ""}.get(
        alphabet["style"].lower(), _VARIANTS.get(alphabet["style"].lower(), "")
    )
    return f"\\{variant}{{{_MACROS.get(plain, plain)}}}" if variant else _MACROS.get(plain, plain)


def _convert_identifier(node: HtmlNode) -> str:
    name = " ".join(_INVISIBLE.sub("", node.text_content()).split())
    variant = _VARIANTS.get(node.attributes.get("mathvariant", ""), "")
    if variant in ("", "mathrm") and name in _FUNCTIONS | _WIDE_FUNCTIONS.keys():
        return _WIDE_FUNCTIONS.get(name, f"\\{name}")
    latex = _characters(name)
    if variant:
        return f"\\{variant}{{{latex}}}"
    is_word = len(name) > 1 and name.isalpha() and name.isascii()
    return f"\\operatorname{{{name}}}" if is_word else latex


def _convert_operator(node: HtmlNode) -> str:
    text = " ".join(_INVISIBLE.sub("", node.text_content()).split())
    if text in _FUNCTIONS | _WIDE_FUNCTIONS.keys():
        return _WIDE_FUNCTIONS.get(text, f"\\{text}")
    if len(text) > 1 and text.isalpha() and text.isascii():
        return f"\\operatorname{{{text}}}"
    return _characters(text)


def _convert_number(node: HtmlNode) -> str:
    return _characters(_INVISIBLE.sub("", node.text_content()).strip())


def _convert_text(node: HtmlNode) -> str:
    text = node.text_content().replace("\xa0", " ")
    if not text.strip():
        return "\\ " if text else ""
    escaped = re.sub(r"[#$%&_{}]", r"\\\g<0>", text)
    return f"\\text{{{escaped}}}"


def _convert_space(node: HtmlNode) -> str:
    match = re.match(r"([\d.]+)em", node.attributes.get("width", ""))
    width = float(match[1]) if match and re.fullmatch(r"\d*\.?\d+", match[1]) else 0.3
    return next(macro for least, macro in _SPACES if width >= least)


def _convert_fraction(node: HtmlNode) -> str:
    upper, lower = _arguments(node, 2)[:2]
    if _is_stack(node):
        return f"\\begin{{matrix}}{upper}\\\\ {lower}\\end{{matrix}}"
    return f"\\frac{{{upper}}}{{{lower}}}"


def _is_stack(node: HtmlNode) -> bool:
    """Whether an element is a fraction without a line, as in a binomial coefficient."""
    thickness = node.attributes.get("linethickness", "")
    return node.tag == "mfrac" and bool(re.fullmatch(r"0(?:\.0*)?[a-z%]*", thickness))


def _binomial(node: HtmlNode) -> str:
    upper, lower = _arguments(node, 2)[:2]
    return f"\\binom{{{upper}}}{{{lower}}}"


def _convert_root(node: HtmlNode) -> str:
    base, index = _arguments(node, 2)[:2]
    return f"\\sqrt[{index}]{{{base}}}"


def _base(latex: str) -> str:
    """The base of a script, in braces unless it is one character or one macro."""
    return latex if re.fullmatch(r".|\\[A-Za-z]+|\\[a-z]+\{[^{}]*\}", latex) else _group(latex)


def _convert_scripts(node: HtmlNode) -> str:
    lower_tags, upper_tags = ("msub", "msubsup"), ("msup", "msubsup")
    base, *scripts = _arguments(node, 3 if node.tag == "msubsup" else 2)
    lower = scripts.pop(0) if node.tag in lower_tags else ""
    upper = scripts.pop(0) if node.tag in upper_tags else ""
    latex = _base(base)
    if lower:
        latex += f"_{_script(lower)}"
    if upper:
        latex += upper if re.fullmatch("'+", upper) else f"^{_script(upper)}"
    return latex


def _convert_limits(node: HtmlNode) -> str:
    base, *marks = _arguments(node, 3 if node.tag == "munderover" else 2)
    signs = [_sign(child) for child in _elements(node)[1:]]
    lower, lower_sign = (marks[0], signs[0]) if node.tag != "mover" else ("", "")
    upper, upper_sign = (marks[-1], signs[-1]) if node.tag != "munder" else ("", "")
    if base in _LIMITS or re.match(r"\\operatorname\{|\\(?:over|under)brace\{", base):
        lower_text = f"_{_script(lower)}" if lower else ""
        return base + lower_text + (f"^{_script(upper)}" if upper else "")
    latex = base
    if lower:
        accent = _UNDER_ACCENTS.get(lower_sign)
        latex = f"\\{accent}{{{latex}}}" if accent else f"\\underset{{{lower}}}{{{latex}}}"
    if upper:
        accent = _ACCENTS.get(upper_sign)
        if accent == "overrightarrow" and len(base) == 1:
            accent = "vec"
        latex = f"\\{accent}{{{latex}}}" if accent else f"\\overset{{{upper}}}{{{latex}}}"
    return latex


def _sign(node: HtmlNode) -> str:
    return _INVISIBLE.sub("", node.text_content()).strip() if node.tag in ("mo", "mi") else ""


def _convert_table(node: HtmlNode) -> str:
    rows: list[str] = []
    for row in _elements(node):
        cells = _elements(row) if row.tag in ("mtr", "mlabeledtr") else [row]
        if row.tag == "mlabeledtr":
            cells = [*cells[1:], *cells[:1]]  # the number of the equation comes first in MathML
        rows.append(" & ".join(_convert_children(cell) for cell in cells))
    return "\\begin{matrix}" + " \\\\ ".join(rows) + "\\end{matrix}"


def _convert_fenced(node: HtmlNode) -> str:
    left, right = (
        _FENCES.get(node.attributes.get(name, default).strip())
        for name, default in (("open", "("), ("close", ")"))
    )
    if left is None or right is None:
        message = "A formula of this question stands between signs that are not read."
        raise UnsupportedQuestionError("formula", message, "Write the formula anew.")
    elements = _elements(node)
    if len(elements) == 1 and _is_stack(elements[0]) and left == "(":
        return _binomial(elements[0])
    separators = "".join(node.attributes.get("separators", ",").split())
    parts = [_convert(child) for child in elements]
    inner = parts[0] if parts else ""
    for number, part in enumerate(parts[1:]):
        inner += separators[min(number, len(separators) - 1) :][:1] + part if separators else part
    return f"\\left{left} {inner} \\right{right}"


def _convert_enclosure(node: HtmlNode) -> str:
    latex = _convert_children(node)
    for notation in node.attributes.get("notation", "").split():
        macro = _ENCLOSURES.get(notation)
        if macro is None:
            message = f'A formula of this question has the frame "{notation[:40]}".'
            raise UnsupportedQuestionError("formula", message, "Write the formula anew.")
        latex = f"\\{macro}{{{latex}}}"
    return latex


def _convert_multiscripts(node: HtmlNode) -> str:
    base = ""
    before: list[str] = []
    after: list[str] = []
    target = after
    for number, child in enumerate(_elements(node)):
        if number == 0:
            base = _convert(child)
        elif child.tag == "mprescripts":
            target = before
        else:
            target.append("" if child.tag == "none" else _convert(child))
    if len(before) > 2 or len(after) > 2:
        message = "A formula of this question has more than two scripts at one side of a sign."
        raise UnsupportedQuestionError("formula", message, "Write the formula anew.")
    pairs = [
        "".join(
            f"{sign}{_script(script)}" for sign, script in zip("_^", pair, strict=False) if script
        )
        for pair in (before, after)
    ]
    return (f"{{}}{pairs[0]}" if pairs[0] else "") + _base(base) + pairs[1]


def _convert_semantics(node: HtmlNode) -> str:
    first = next((child for child in node.children if isinstance(child, HtmlNode)), None)
    return _convert(first) if first is not None else ""


_CONVERTERS: Mapping[str, Callable[[HtmlNode], str]] = {
    **dict.fromkeys(
        ("math", "mrow", "mstyle", "mpadded", "merror", "msrow", "mtd"), _convert_children
    ),
    "mi": _convert_identifier,
    "mo": _convert_operator,
    "mn": _convert_number,
    "mtext": _convert_text,
    "ms": _convert_text,
    "mspace": _convert_space,
    "mfrac": _convert_fraction,
    "msqrt": lambda node: f"\\sqrt{{{_convert_children(node)}}}",
    "mroot": _convert_root,
    **dict.fromkeys(("msub", "msup", "msubsup"), _convert_scripts),
    **dict.fromkeys(("munder", "mover", "munderover"), _convert_limits),
    "mtable": _convert_table,
    "mfenced": _convert_fenced,
    "menclose": _convert_enclosure,
    "mmultiscripts": _convert_multiscripts,
    "mphantom": lambda node: f"\\phantom{{{_convert_children(node)}}}",
    **dict.fromkeys(("semantics", "maction"), _convert_semantics),
    "none": lambda _node: "",
}
