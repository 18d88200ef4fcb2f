"""Texts in several languages, as Moodle's multi-language filters mark them: one is chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SPAN = (
    r"<(?P<tag>span|lang)\b(?=[^<>]*\blang\s*=\s*[\"']?(?P<lang>[\w-]+))"
    r"(?:(?<=<lang)|(?=[^<>]*\bclass\s*=\s*[\"']?multilang))[^<>]*>(?P<text>.*?)</(?P=tag)>"
)
_BLOCK = r"\{mlang\s+(?P<lang>[\w,\s-]+)\}(?P<text>.*?)\{mlang\}"
_PATTERNS = tuple(re.compile(pattern, re.IGNORECASE | re.DOTALL) for pattern in (_SPAN, _BLOCK))
_OTHER = "other"


@dataclass
class LanguageChooser:
    """Chooses, in each text of a bank, the language that its first text in several begins with.

    A text without that language has its own first one. ``left`` collects the languages that were
    not chosen, until ``take_notes`` tells them.
    """

    language: str = ""
    left: dict[str, None] = field(default_factory=dict)

    def choose(self, text: str) -> str:
        """The text in one language; a text in only one stays as it is."""
        if "multilang" in text.lower() or "mlang" in text.lower() or "<lang" in text.lower():
            for pattern in _PATTERNS:
                text = self._choose_by_pattern(text, pattern)
        return text

    def _choose_by_pattern(self, text: str, pattern: re.Pattern[str]) -> str:
        pieces: list[str] = []
        group: list[re.Match[str]] = []
        end = 0
        for match in pattern.finditer(text):
            if group and text[group[-1].end() : match.start()].strip():
                pieces.append(self._choose_in_group(group))
                group = []
            if not group:
                pieces.append(text[end : match.start()])
            group.append(match)
            end = match.end()
        pieces.append(self._choose_in_group(group))
        return "".join([*pieces, text[end:]])

    def _choose_in_group(self, group: list[re.Match[str]]) -> str:
        if not group:
            return ""
        languages = [{name.strip() for name in m["lang"].lower().split(",")} for m in group]
        if not self.language:
            self.language = group[0]["lang"].lower().split(",")[0].strip()
        chosen = next(
            (
                match
                for wanted in (self.language, _OTHER)
                for match, names in zip(group, languages, strict=True)
                if wanted in names
            ),
            group[0],
        )
        for match in group:
            if match is not chosen:
                self.left[match["lang"].lower().strip()] = None
        return chosen["text"]

    def take_notes(self) -> tuple[str, ...]:
        """The note on the languages left out since the last call, if there are any."""
        names = ", ".join(self.left)
        self.left = {}
        return (f"its text in other languages ({names})",) if names else ()
