"""Links between files become lasting addresses; nothing outside a topic's folder is reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.links import SiteMap, resolve_link

SITE = SiteMap(
    files=frozenset(
        {
            "t/lesson.md",
            "t/q.md",
            "t/broken.md",
            "t/img/a b.png",
            "t/data.csv",
            "u/r.md",
            "u/p.png",
            "t/README.md",
        }
    ),
    page_urls={"t/lesson.md": "/topics/t", "t/q.md": "/questions/q", "u/r.md": "/questions/other"},
    topic_ids={"t": "t", "u": "u"},
    question_ids=frozenset({"q", "other"}),
)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("q.md", "/questions/q"),
        ("./q.md", "/questions/q"),
        ("q.md#result", "/questions/q"),
        ("lesson.md#why-so", "/topics/t#s-why-so"),
        ("../u/r.md", "/questions/other"),
        ("../u", "/topics/u"),
        ("../u/", "/topics/u"),
        ("img/a%20b.png", "/topics/t/files/img/a%20b.png"),
        ("/questions/other", "/questions/other"),
        ("/topics/u", "/topics/u"),
        ("/progress", "/progress"),
        ("https://example.org/a?b#c", "https://example.org/a?b#c"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("#here", "#here"),
    ],
)
def test_good_links_have_an_address_and_no_fault(url: str, address: str) -> None:
    target = resolve_link(SITE, "t/q.md", "href", url)
    assert (target.url, target.code) == (address, None)


@pytest.mark.parametrize(
    ("name", "url", "code"),
    [
        ("href", "", "empty-link"),
        ("href", "none.md", "broken-link"),
        ("href", "../../etc/passwd", "broken-link"),
        ("href", "..", "broken-link"),
        ("href", "%2e%2e/%2e%2e/x", "broken-link"),
        ("href", "data.csv", "broken-link"),
        ("href", "README.md", "broken-link"),
        ("href", "../u/p.png", "broken-link"),
        ("src", "../u/p.png", "broken-image"),
        ("src", "q.md", "broken-image"),
        ("src", "img/A B.png", "bad-link"),
        ("src", "img/A%20B.png", "broken-image"),
        ("src", "/topics/t/files/img/a%20b.png", "broken-image"),
        ("src", "https://example.org/a.png", "external-image"),
        ("src", "//example.org/a.png", "external-image"),
        ("src", "data:image/png;base64,AA", "external-image"),
        ("href", "//example.org", "forbidden-link"),
        ("href", "javascript:alert(1)", "forbidden-link"),
        ("href", "JaVaScript:alert(1)", "forbidden-link"),
        ("href", "java\tscript:alert(1)", "bad-link"),
        ("href", "vbscript:x", "forbidden-link"),
        ("href", "file:///etc/passwd", "forbidden-link"),
        ("href", "/\\example.org", "bad-link"),
        ("href", "%ff.md", "bad-link"),
    ],
)
def test_bad_links_have_a_fault_and_no_address(name: str, url: str, code: str) -> None:
    target = resolve_link(SITE, "t/q.md", name, url)
    assert (target.url, target.code) == (None, code)
    assert target.message


def test_a_page_that_cannot_be_served_now_is_no_broken_link() -> None:
    target = resolve_link(SITE, "t/q.md", "href", "broken.md")
    assert (target.url, target.code) == (None, None)


@given(
    st.text(alphabet="./\\%2eux:#?@[] javscript\t\n", max_size=30), st.sampled_from(["href", "src"])
)
def test_whatever_the_link_its_address_is_safe(url: str, name: str) -> None:
    address = resolve_link(SITE, "t/q.md", name, url).url
    if address is not None:
        assert address.startswith(("/", "#", "http:", "https:", "mailto:"))
        assert not address.startswith(("//", "/\\"))
        assert ".." not in address.split("/") or not address.startswith("/topics/t/files/")


def suggestion(page: str, attribute: str, url: str) -> str:
    suggest = resolve_link(SITE, page, attribute, url).suggest
    assert suggest is not None
    return suggest()


def test_a_hint_names_only_what_could_stand_there() -> None:
    hint = suggestion("t/q.md", "href", "zzzzzzzz")
    assert "broken.md" in hint
    assert "data.csv" not in hint
    assert suggestion("t/q.md", "src", "zzzzzzzz") == ""
    assert "p.png" in suggestion("u/r.md", "src", "zzzzzzzz")
