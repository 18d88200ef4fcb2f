"""HTML in markdown that no reader will see: tags and attributes that the sanitiser takes out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quizserver.topics.sanitise import DROPPED, TAGS
from quizserver.topics.text import Flaw, Positions

_TAG = re.compile(
    r"<(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<attributes>(?:\s(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)?)/?>"
)
# An address may stand between < and > too: [words](<with spaces.png>)
_BEFORE_ADDRESS = ("](", "]: ")
_ATTRIBUTE = re.compile(r"\s(?P<name>style|on[a-z]+)\s*=", re.IGNORECASE)


def raw_html_flaws(prose: str, positions: Positions) -> Iterator[Flaw]:
    """A warning for each opening tag of ``prose`` that is left out of the page, or loses its style
    or its script. ``positions`` are those of the text that ``prose`` was made from."""
    for tag in _TAG.finditer(prose):
        if prose.endswith(
            _BEFORE_ADDRESS, 0, tag.start()
        ):  # an address: [words](<with spaces.png>)
            continue
        name = tag["name"].lower()
        at = positions.of(tag.start())
        if name in DROPPED:
            message = f"<{name}> is left out of the page, with everything in it."
            yield Flaw(*at, "dropped-html", message, "Delete it, or write it as `code`.")
        elif name not in TAGS:
            message = f"<{tag['name']}> is taken for an HTML tag and left out of the page."
            hint = f"Write `<{tag['name']}>` or &lt;{tag['name']}&gt; to show it, or delete it."
            yield Flaw(*at, "dropped-html", message, hint)
        else:
            for attribute in _ATTRIBUTE.finditer(tag["attributes"]):
                start = tag.start("attributes") + attribute.start("name")
                message = (
                    f'The attribute "{attribute["name"]}" of <{name}> is left out of the page.'
                )
                yield Flaw(*positions.of(start), "dropped-html", message, "Delete it.")
