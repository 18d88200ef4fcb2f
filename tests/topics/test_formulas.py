"""Formulas become MathML that is safe, and what cannot be shown is reported."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics import formulas
from quizserver.topics.formulas import FormulaError, to_mathml


@pytest.mark.parametrize(
    ("latex", "part"),
    [
        (r"x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        (r"\frac{a}{b}", "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>"),
        (r"\mathbf{Wx}", "<mi>𝐖</mi><mi>𝐱</mi>"),
        (r"\mathbb{E}", "<mi>𝔼</mi>"),
        (r"\boldsymbol{\mu}", "<mi>𝝁</mi>"),
        (r"\bm{\theta}", "<mi>𝜽</mi>"),
        (r"\mathbf{\Sigma}", "<mi>𝚺</mi>"),
        (r"\bm{\epsilon}", "<mi>𝝐</mi>"),
        (r"\Sigma", '<mi mathvariant="normal">Σ</mi>'),
        (r"\mathrm{d}x", '<mi mathvariant="normal">d</mi>'),
        (r"A^{\mathrm{T}}", '<mi mathvariant="normal">T</mi>'),
        (r"X^\mathrm{T}", '<mi mathvariant="normal">T</mi>'),
        (r"a \not= b", "<mi>a</mi><mo>≠</mo><mi>b</mi>"),
        (r"X \not\perp Y", "<mi>X</mi><mo>⟂\u0338</mo><mi>Y</mi>"),
        (r"\Big\{ x", ">{</mo>"),
        (r"\big\| x", ">‖</mo>"),
        (r"\biggl\lVert x", ">‖</mo>"),
        (r"\text{a\_b is 50\%}", "<mtext>a_b\xa0is\xa050%</mtext>"),
        (r"\textrm{choose~}", "<mtext>choose\xa0</mtext>"),
        (r"\text{soft{(arg)}max}", "<mtext>soft(arg)max</mtext>"),
        (r"\text{if $x>0$}", "<mtext>if\xa0</mtext><mrow><mi>x</mi><mo>&gt;</mo><mn>0</mn></mrow>"),
        (r"x \sim y", "<mi>x</mi><mo>∼</mo><mi>y</mi>"),
        (r"a \pm b", "<mo>±</mo>"),
        (r"\langle x \rangle", '<mo stretchy="false">⟨</mo><mi>x</mi>'),
        (r"x = -1", '<mo>=</mo><mo form="prefix">−</mo><mn>1</mn>'),
        (r"x - 1", "<mi>x</mi><mo>−</mo><mn>1</mn>"),
        (r"\begin{bmatrix}1\\[2mm]3\end{bmatrix}", "<mtr><mtd><mn>3</mn></mtd></mtr>"),
        (r"\begin{align} a &= b \nonumber \end{align}", "<mi>b</mi></mtd>"),
        (r"\ln 2", '<mi>ln</mi><mspace width="0.167em"></mspace><mn>2</mn>'),
        (r"\ln(2)", '<mi>ln</mi><mo stretchy="false">(</mo>'),
        (r"a < b \& c", "<mo>&lt;</mo>"),
        (r"\text{a <b> c}", "<mtext>a\xa0&lt;b&gt;\xa0c</mtext>"),
        (
            r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
            '<mtd class="math-right"><mi>a</mi></mtd>',
        ),
        (r"\begin{align} a &= b \end{align}", '<mtd class="math-right"><mi>a</mi></mtd>'),
        (r"\operatorname*{arg\,min}_w L", "arg\u2009min"),
        (r"56{,}499", '<mo lspace="0em" rspace="0em">,</mo>'),
        (r"(a, b)", "<mo>,</mo>"),
        (r"\bar{x}", '<mover accent="true">'),
        (r"\underline{x}", '<munder accentunder="true">'),
        (r"\overset{a}{=}", "<mover>"),
    ],
)
def test_latex_becomes_mathml(latex: str, part: str) -> None:
    assert part in to_mathml(latex)


def test_the_latex_stays_with_the_formula_for_those_who_cannot_see_it() -> None:
    math = to_mathml('a < "b"', display=True)
    assert math.startswith('<math display="block" alttext="a &lt; &quot;b&quot;">')


@pytest.mark.parametrize(
    ("latex", "reason"),
    [
        ("", "it is empty"),
        (r"\frac{1}{2", "a { has no }"),
        ("x}", "a } has no {"),
        (r"\frac{1}", "an argument is missing"),
        ("x_1_2", "two subscripts"),
        ("x_", "something is missing after _ or ^"),
        (r"\left( x", r"a \left has no \right"),
        (r"\foo", r"the command \foo is unknown"),
        (r"\begin{foo}x\end{foo}", "the environment foo is unknown"),
        (r"\begin{cases}x", r"\begin{cases} has no \end"),
        (r"\end{cases}", r"\end{cases} has no \begin{cases}"),
        ("x" * 2001, "longer than 2000"),
        ("{" * 41 + "}" * 41, "nested too deeply"),
        (r"\href{javascript:alert(1)}{x}", r"\href is not allowed"),
        (r"\def\a{\a\a}\a", r"\def is not allowed"),
        (r"\style{color:red}{x}", r"\style is not allowed"),
        (r"\class{answer}{x}", r"\class is not allowed"),
        (r"\operatorname{a_b}", "letters only"),
        (r"\text{\foo}", r"the command \foo is not read inside text"),
    ],
)
def test_what_cannot_be_shown_says_why(latex: str, reason: str) -> None:
    with pytest.raises(FormulaError, match=re.escape(reason)):
        to_mathml(latex)


def test_an_element_that_the_allow_list_does_not_name_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the converter may come to write, a page gets MathML and nothing else."""
    tree = ET.fromstring("<math><mrow><script>x</script></mrow></math>")
    monkeypatch.setattr(formulas, "convert_to_element", lambda _latex, display: tree)
    with pytest.raises(FormulaError, match="no place for"):
        to_mathml("unheard + of")


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                r"\text{",
                r"\mbox{",
                r"\color{",
                r"\textcolor{",
                r"\colorbox{",
                r"\href{",
                r"\class{",
                r"\style{",
                r"\unicode{",
                r"\frac",
                r"\sqrt",
                r"\left(",
                r"\right)",
                r"\begin{matrix}",
                r"\end{matrix}",
                r"&",
                r"\\",
                r"{",
                r"}",
                r"_",
                r"^",
                r"x",
                r"1",
                r"\mathrm{",
                r"&#x3c;script>",
                r"&lt;",
                r"\verb|<b>|",
                r"\tag{",
                r"\fbox{",
                r"\operatorname{",
                r"'",
                r"\not",
                r"\binom",
                r"\sum",
                r"\limits",
                r"\hspace{",
                r"\rule{1}{2}",
                r"\genfrac",
            ]
        ),
        st.sampled_from(
            ["<script>", "</math>", "<img src=x onerror=y>", '" onclick="', "]]>", "&#60;"]
        ),
        st.text(max_size=4),
    ),
    max_size=12,
).map("".join)
TAGS = set(
    re.findall(
        r"\w+",
        """
    math mrow mi mn mo mtext mspace mfrac msqrt mroot mstyle mpadded mphantom msub msup
    msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd menclose merror
    none ms
    """,
    )
)


@given(PIECES, st.booleans())
def test_whatever_the_latex_only_known_mathml_comes_out(latex: str, display: bool) -> None:
    try:
        math = to_mathml(latex, display=display)
    except FormulaError:
        return
    tree = ET.fromstring(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", math))
    assert tree.get("alttext") is not None
    for element in tree.iter():
        assert element.tag in TAGS
        for name in element.attrib:
            assert not name.startswith("on")
            assert name not in ("style", "href", "id", "xmlns")
