"""What a lesson is begun with in the browser: a title, and nothing that is not there yet."""

from __future__ import annotations

import re

_LESSON = """\
# {title}

What this topic is about, in a sentence or two.
"""


def lesson(title: str) -> str:
    """``title`` is taken at its word: what markdown would read as markup is shown as it is."""
    words = " ".join(title.split())[:200]
    words = re.sub(r"&(?=[#\w])", "&amp;", words).replace("<", "&lt;")
    return _LESSON.format(title=re.sub(r"([\\`*_{}\[\]#$~^=|])", r"\\\1", words))
