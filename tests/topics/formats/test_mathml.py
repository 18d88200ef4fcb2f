"""MathML of editors becomes LaTeX that shows the same, or is refused by name."""

from __future__ import annotations

import html
import re

import pytest

from quizserver.topics.formats.html_to_markdown import html_to_markdown
from quizserver.topics.formats.html_tree import MATHML_TAGS, HtmlNode, parse_untrusted_html
from quizserver.topics.formats.mathml import mathml_to_latex
from quizserver.topics.formats.model import UnsupportedQuestionError
from quizserver.topics.formulas import to_mathml

NAMESPACE = 'xmlns="http://www.w3.org/1998/Math/MathML"'


def first_math(markup: str) -> HtmlNode:
    (math,) = [
        child
        for child in parse_untrusted_html(markup).children
        if isinstance(child, HtmlNode) and child.tag == "math"
    ]
    return math


def shown(mathml: str) -> str:
    """What a formula shows: its characters and how they are laid out, without what styles them."""
    bare = re.sub(r"<(/?)(\w+)[^>]*>", r"<\1\2>", mathml)
    bare = re.sub(r"<(/?)mi>", r"<\1mo>", re.sub(r"</?mrow>|<mspace></mspace>|<mo></mo>", "", bare))
    return html.unescape(bare)


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>=</mo><mn>4</mn>", "x^2=4"),
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>&#8722;</mo><mi>sin</mi><mi>α</mi></mrow></mfrac>",
         r"\frac{a}{b-\sin\alpha}"),
        ("<msub><mi>a</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>", "a_{ij}"),
        ("<mfenced><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow></mfenced>", r"\left( a+b \right)"),
        ('<mfenced open="[" close=")"><mi>a</mi><mi>b</mi></mfenced>', r"\left[ a,b \right)"),
        ("<msqrt><mi>x</mi><mi>y</mi></msqrt>", r"\sqrt{xy}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<munderover><mo>&#8721;</mo><mrow><mi>i</mi><mo>=</mo><mn>0</mn></mrow><mi>n</mi>"
         "</munderover><mi>i</mi>", r"\sum_{i=0}^ni"),
        ("<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder>",
         r"\lim_{x\to0}"),
        ("<mover><mi>v</mi><mo>→</mo></mover>", r"\vec{v}"),
        ("<mover><mi>y</mi><mo>^</mo></mover>", r"\hat{y}"),
        ('<mi mathvariant="bold">w</mi>', r"\mathbf{w}"),
        ('<mi mathvariant="double-struck">R</mi>', r"\mathbb{R}"),
        ("<mtext>if 5% of {x}</mtext>", r"\text{if 5\% of \{x\}}"),
        ("<mi>x</mi><mo>&#8289;</mo><mo>&lt;</mo><mn>3,5</mn>", "x<3,5"),
        ("<mrow><mo>{</mo><mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr></mtable>"
         "</mrow>", r"\left\{ \begin{matrix}a & b\end{matrix} \right."),
        ("<mmultiscripts><mi>X</mi><mi>a</mi><none/><mprescripts/><mn>1</mn><mn>2</mn>"
         "</mmultiscripts>", "{}_1^2X_a"),
        ('<menclose notation="box"><mi>x</mi></menclose>', r"\boxed{x}"),
        ('<semantics><mi>x</mi><annotation encoding="application/x-tex">x_0 +\n y</annotation>'
         "</semantics>", "x_0 + y"),
        ('<semantics><mi>x</mi><annotation encoding="application/json">{"v":1}</annotation>'
         "</semantics>", "x"),
    ],
)  # fmt: skip
def test_what_editors_write_becomes_latex(markup: str, latex: str):
    for tag in ("math", "m:math"):
        prefixed = re.sub(
            r"<(/?)", rf"<\1{tag[: tag.index('m:') + 2] if ':' in tag else ''}", markup
        )
        converted = mathml_to_latex(first_math(f"<{tag} {NAMESPACE}>{prefixed}</{tag}>"))
        assert converted == latex
    to_mathml(latex)


FORMULAS = r"""
x^2+y_1^2=z'
\frac{\partial L}{\partial w_{ij}}
\nabla_\theta \mathcal{L}(\theta)=\mathbb{E}[x]
\sum_{i=1}^{n}\prod_{j}a_{ij}
\lim_{n\to\infty}\left(1+\frac{1}{n}\right)^n
\sqrt[3]{x+\sqrt{y}}
\hat{y}=\sigma(\mathbf{w}^T\mathbf{x}+b)
\begin{pmatrix}1&2\\3&4\end{pmatrix}
\begin{cases}1&x>0\\0&\text{otherwise}\end{cases}
\overline{AB}\perp\vec{c}
\int_0^\infty e^{-x}\,dx
a\leq b<c\geq d\neq e\approx f\in A\cup B
\arg\max_k p_k
\left\lfloor\frac{n}{2}\right\rfloor
\overbrace{a+b}^{n}\underbrace{c}_{m}
\boxed{E=mc^2}
\alpha\beta\gamma\Delta\Omega\varepsilon\varphi
A\Rightarrow B\iff C
\binom{n}{k}
\|x\|_2+|y|
\dot{x}+\ddot{y}+\tilde{z}
""".strip().split("\n")


@pytest.mark.parametrize("latex", FORMULAS)
def test_a_formula_without_its_latex_shows_the_same_after_the_conversion(latex: str):
    mathml = to_mathml(latex)
    converted = mathml_to_latex(first_math(re.sub(r' alttext="[^"]*"', "", mathml)))
    assert shown(to_mathml(converted)) == shown(mathml)


@pytest.mark.parametrize("latex", FORMULAS)
def test_a_formula_that_carries_its_latex_keeps_it(latex: str):
    assert mathml_to_latex(first_math(to_mathml(latex))) == latex


def test_a_description_in_words_is_no_latex():
    math = first_math('<math alttext="x squared"><msup><mi>x</mi><mn>2</mn></msup></math>')
    assert mathml_to_latex(math) == "x^2"


@pytest.mark.parametrize(
    ("markup", "word"),
    [
        ("<apply><plus/><ci>x</ci><cn>1</cn></apply>", "<apply>"),
        ("<mlongdiv><mn>3</mn><mn>12</mn></mlongdiv>", "<mlongdiv>"),
        ('<menclose notation="phasorangle"><mi>x</mi></menclose>', "phasorangle"),
        ("<mfrac><mi>x</mi></mfrac>", "<mfrac>"),
    ],
)
def test_what_has_no_latex_is_refused_by_name(markup: str, word: str):
    with pytest.raises(UnsupportedQuestionError, match=word) as refusal:
        html_to_markdown(f"<p>Solve <math>{markup}</math>.</p>", lambda url: url)
    assert refusal.value.code == "formula"


def test_every_element_that_passes_the_cleaner_is_converted_or_refused():
    for tag in MATHML_TAGS - {"math"}:
        try:
            latex = mathml_to_latex(
                HtmlNode("math", {}, [HtmlNode(tag, {}, [HtmlNode("mi", {}, ["q"])])])
            )
        except UnsupportedQuestionError:
            continue
        assert "q" in latex or tag in (
            "annotation",
            "maction",
            "mmultiscripts",
            "mspace",
            "none",
            "semantics",
        ), tag


@pytest.mark.parametrize(
    "image",
    [
        '<img class="Wirisformula" src="https://x.org/a.png" alt="root of x" '
        'data-mathml="«math xmlns=¨http://www.w3.org/1998/Math/MathML¨»«msqrt»«mi»x«/mi»'
        '«/msqrt»«/math»">',
        r'<img class="equation_image" src="/equation_images/x" alt="LaTeX: \sqrt{x}">',
        r'<img class="equation_image" data-equation-content="\sqrt{x}" src="/equation_images/x">',
    ],
)
def test_an_image_of_a_formula_becomes_the_formula(image: str):
    assert html_to_markdown(f"<p>Is {image}2?</p>", lambda url: url) == r"Is $\sqrt{x}$&#50;?"
