"""No script, style, event handler, frame, form or foreign id survives, whatever the HTML holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.links import SiteMap, resolve_link
from quizserver.topics.markdown import scan_fragment
from quizserver.topics.render import render_markdown, render_parts
from quizserver.topics.sanitise import sanitise_html

SAFE_TAGS = set(
    re.findall(
        r"\w+",
        """
    a abbr aside b blockquote br caption cite code col colgroup dd del details dfn div dl dt
    em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small
    span strong sub summary sup table tbody td tfoot th thead tr u ul var math mrow mi mn mo
    mtext mspace mfrac msqrt mroot mstyle mpadded mphantom msub msup msubsup munder mover
    munderover mtable mtr mtd menclose
    """,
    )
)
SAFE_ATTRIBUTES = set(
    re.findall(
        r"\w+",
        """
    id title lang dir href src alt width height start reversed colspan rowspan scope span
    align class rel loading decoding display alttext displaystyle scriptlevel stretchy fence
    form symmetric largeop movablelimits accent accentunder lspace rspace minsize maxsize
    depth voffset linethickness columnspacing rowspacing mathcolor mathbackground mathvariant
    notation separator
    """,
    )
)


COMMON = {"id", "title", "lang", "dir"}


def keep(_name: str, url: str) -> str | None:
    return url


class Judge(HTMLParser):
    """Fails on anything that a page of this project may not hold."""

    def __init__(self, prefix: str) -> None:
        super().__init__(convert_charrefs=True)
        self.prefix = prefix

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":  # the box of a task list, which nobody can check or send
            assert {("type", "checkbox"), ("disabled", "")} <= set(attrs)
            assert {name for name, _ in attrs} <= {"type", "disabled", "checked", *COMMON}
            return
        assert tag in SAFE_TAGS, tag
        for name, value in attrs:
            assert name in SAFE_ATTRIBUTES, (tag, name)
            if name == "id":
                assert (value or "").startswith(self.prefix)
            if name in ("href", "src"):
                folded = "".join((value or "").split()).lower()
                assert folded.startswith(("http:", "https:", "mailto:", "/", "#")), value
                assert not folded.startswith(("//", "/\\"))
                assert name == "href" or folded.startswith("/topics/"), "images are our own"

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")


def judge(html: str, prefix: str) -> None:
    parser = Judge(prefix)
    parser.feed(html)
    parser.close()


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<script>alert(1)</script>a", "a"),
        ("<style>p{}</style>a", "a"),
        ('<p style="color:red" onclick="x()">a</p>', "<p>a</p>"),
        ("<iframe src=/x>a</iframe>b", "b"),
        ('<form action="/x"><input name="y">a</form>', "a"),
        ("<svg><script>alert(1)</script></svg>a", "a"),
        ('<math><mtext><style><img src=x onerror="y"></style></mtext></math>a', "a"),
        ('<a href="javascript:alert(1)">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href=" java\nscript:alert(1)">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href="data:text/html,x">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ("<!-- the key is a -->a", "a"),
        ('<p id="main">a</p>', '<p id="x-main">a</p>'),
        ('<p id="a b">a</p>', "<p>a</p>"),
        ('<a href="#main">a</a>', '<a href="#x-main">a</a>'),
        ('<p class="note evil">a</p>', '<p class="note">a</p>'),
        ('<td align="right" width="9">a', "a"),
        ("<b>a", "&lt;b&gt;a"),
        ("<b>a</b>", "<b>a</b>"),
        ("a</div></main>b", "ab"),
        ('<a href="/questions/x" target="_top">a</a>', '<a href="/questions/x">a</a>'),
        (
            '<a href="https://example.org" rel="opener">a</a>',
            '<a href="https://example.org" rel="noopener noreferrer">a</a>',
        ),
        ('<img alt="a" width="100%" height="20">', None),
    ],
)
def test_what_is_dangerous_goes_and_the_text_stays(html: str, expected: str | None) -> None:
    cleaned = sanitise_html(html, prefix="x-", rewrite=keep)
    if expected is None:
        assert "width" not in cleaned
        assert 'height="20"' in cleaned
    else:
        assert cleaned == expected


def test_the_box_of_a_task_is_kept_and_nobody_can_check_or_send_it() -> None:
    cleaned = sanitise_html('<input type="checkbox" name="k" checked> a', prefix="", rewrite=keep)
    box, _, rest = cleaned.partition(">")
    assert set(box.split()) == {"<input", 'type="checkbox"', 'disabled=""', 'checked=""'}
    assert rest == " a"


def test_links_and_images_get_the_address_they_are_given_or_none() -> None:
    html = '<a href="a.md">x</a> <img src="b.png" alt="B">'
    mapped = sanitise_html(html, prefix="", rewrite=lambda name, url: f"/{name}/{url}")
    assert 'href="/href/a.md"' in mapped
    assert 'src="/src/b.png"' in mapped
    dropped = sanitise_html(html, prefix="", rewrite=lambda _name, _url: None)
    assert "href" not in dropped
    assert "src" not in dropped
    assert 'alt="B"' in dropped


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<script>",
                "</script>",
                "<style>",
                "</style>",
                "<img src=x onerror=alert(1)>",
                "<svg onload=a>",
                "<math>",
                "</math>",
                "<mtext>",
                "<mglyph>",
                "<annotation-xml encoding='text/html'>",
                "<!--",
                "-->",
                "<a href='",
                "javascript:alert(1)",
                "'>",
                "</a>",
                "<iframe srcdoc='",
                "<form>",
                "<input autofocus onfocus=x>",
                "<p id=main class='note x' style='a:b'>",
                "<table><tr><td>",
                "<template>",
                "<noscript>",
                "<title>",
                "<textarea>",
                "<xmp>",
                "<base href=//x>",
                "<meta http-equiv=refresh>",
                "<link rel=x>",
                "[a](javascript:x)",
                "[a](//evil.example)",
                "[a](/\\evil.example)",
                "[a]: data:text/html,x",
                "[a][a]",
                "![a](x.png)",
                '!["](x.png \'" onerror="y\')',
                "{: onclick=x #main .note }",
                "{#main}",
                "# H",
                "```{ .python onclick=x #main }\n",
                "```\n",
                "$x$",
                "$\\text{<script>}$",
                "$\\href{javascript:x}{y}$",
                "&lt;script&gt;",
                "&#60;",
                "`",
                "\n",
                "\n\n",
                "- ",
                "> ",
                "    ",
                "|a|\n|-|\n|",
                "[^1]",
                "[^1]: n\n",
                "<details open ontoggle=x>",
                "<![CDATA[",
                "<?xml",
                "\x00",
                "\x02",
                "\x03",
                "/x.png",
                "*",
                "_",
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=20,
).map("".join)
SITE = SiteMap(frozenset({"t/x.png"}), {}, {"t": "t"})


def own(name: str, url: str) -> str | None:
    return resolve_link(SITE, "t/q.md", name, url).url


@given(HOSTILE)
def test_nothing_dangerous_survives_any_html(html: str) -> None:
    judge(sanitise_html(html, prefix="x-", rewrite=own), "x-")


@given(HOSTILE)
def test_nothing_dangerous_survives_any_markdown(markdown: str) -> None:
    judge(render_markdown(markdown, prefix="x-", rewrite=own), "x-")
    parts = [scan_fragment(text) for text in (markdown, "b", markdown)]
    for piece in render_parts(parts, prefix="x-", rewrite=own):
        judge(piece, "x-")
