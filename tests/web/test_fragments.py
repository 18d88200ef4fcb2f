"""Parts of pages that are kept: as long as what they were made from is the same, and no longer."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from quizserver.web.fragments import KEY_SIZE, FragmentKey, FragmentStore, strip_indentation


def counted(texts: Iterator[str]) -> Callable[[], str]:
    return lambda: next(texts)


def test_a_fragment_is_rendered_once_for_the_same_sources():
    store, source = FragmentStore(), {"a": 1}
    texts = counted(iter(["first", "second"]))
    key = FragmentKey(("evidence", "even"), (source,))
    assert [store.render(key, texts), store.render(key, texts)] == ["first", "first"]


def test_a_source_that_was_read_again_makes_a_new_one_even_if_it_is_equal():
    store, texts = FragmentStore(), counted(iter(["first", "second", "third"]))
    assert store.render(FragmentKey("e", ({"a": 1},)), texts) == "first"
    assert store.render(FragmentKey("e", ({"a": 1},)), texts) == "second"
    assert store.render(FragmentKey("other", ()), texts) == "third"


def test_another_part_or_language_is_another_fragment(monkeypatch: pytest.MonkeyPatch):
    store, texts = FragmentStore(), counted(iter(["whole", "brief", "ganz"]))
    key = FragmentKey("e")
    assert store.render(key, texts) == "whole"
    assert store.render(key.part("brief"), texts) == "brief"
    language = type("Language", (), {"tag": "de"})()
    monkeypatch.setattr("quizserver.web.fragments.current_language", lambda: language)
    assert store.render(key, texts) == "ganz"


def test_the_least_recently_used_leave_first():
    store = FragmentStore(max_size=2 * KEY_SIZE + 2_500)
    for name in ("a", "b", "a", "c"):
        store.render(FragmentKey(name), lambda name=name: name * 1_000)
    fresh = counted(iter(["new b"]))
    assert store.render(FragmentKey("a"), lambda: "never") == "a" * 1_000
    assert store.render(FragmentKey("b"), fresh) == "new b"


def test_fragments_with_hardly_any_html_take_no_more_memory():
    """Of twenty options, a million choices can be sent, and each is a name."""
    options = [f"the-option-number-{number}" for number in range(20)]
    store = FragmentStore(max_size=1_000_000)
    tracemalloc.start()
    try:
        for choice in range(20_000):
            chosen = frozenset(o for i, o in enumerate(options) if choice >> i & 1)
            store.render(FragmentKey(("evidence", "even", "one", chosen)), lambda: "")
        size, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 2_000_000


def test_what_is_rendered_while_an_error_is_raised_is_not_kept():
    store = FragmentStore()

    def fail() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        store.render(FragmentKey("e"), fail)
    assert store.render(FragmentKey("e"), lambda: "well") == "well"


def test_indentation_goes_but_that_of_texts_that_show_it():
    html = "<p>\n    one\n  two</p>\n  <pre>\n    code\n      more</pre>\n   <b>x</b>"
    assert strip_indentation(html) == (
        "<p>\none\ntwo</p>\n<pre>\n    code\n      more</pre>\n<b>x</b>"
    )
