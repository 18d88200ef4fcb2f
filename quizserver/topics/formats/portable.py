"""A served question as other systems can hold it: its texts, its images, and what stays behind."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from quizserver.topics.formats.compose import decomposed
from quizserver.topics.formats.escape import at_start, one_line
from quizserver.topics.formats.model import Files, Item, Loss, Picture, RefusedError
from quizserver.topics.formats.pictures import checked, relative_path
from quizserver.topics.model import Question
from quizserver.topics.question import Draft, draft_question
from quizserver.topics.render import render, unwrap
from quizserver.topics.scan import scan

_HIGHLIGHT = re.compile(r'<div class="highlight"><pre>(.*?)</pre></div>', re.DOTALL)
_MATH = re.compile(r'<math display="(\w+)" alttext="([^"]*)">.*?</math>', re.DOTALL)
_AROUND_MATH = re.compile(r'<span class="(?:formula|unbroken)">(.*?)</span>', re.DOTALL)
_BACKREF = re.compile(r'(?:&nbsp;|\s)*<a class="footnote-backref"[^>]*>.*?</a>')
_EXTRA = re.compile(r' (?:decoding="async"|loading="lazy"|rel="noopener noreferrer")')


@dataclass
class Portable:
    """One question on its way out. ``losses`` and ``pictures`` fill while it is written."""

    question: Question
    item: Item
    draft: Draft
    files: Files
    pictures: dict[str, Picture] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)

    @property
    def stem(self) -> str:
        """The text that is asked: the stem, or the title where there is none."""
        return self.item.stem or at_start(self.item.title) or one_line(self.question.title)

    def lose(self, what: str) -> None:
        if what not in self.losses:
            self.losses.append(what)

    def html(self, markdown: str, pictures: str, *, formulas: bool = True) -> str:
        """Safe HTML of one text, its images at ``pictures`` + their name.

        With ``formulas`` they stand as TeX between ``\\(`` and ``\\)``, as MathJax reads them;
        otherwise as MathML.
        """

        def rewrite(name: str, url: str) -> str | None:
            return self._image(url, pictures) if name == "src" else self._link(url)

        shown = _BACKREF.sub("", render(markdown, prefix="", rewrite=rewrite))
        shown = _EXTRA.sub("", _plain_code(_AROUND_MATH.sub(r"\1", shown), markdown))
        return _MATH.sub(_tex, shown) if formulas else shown

    def inline(self, markdown: str, pictures: str, *, formulas: bool = True) -> str:
        return unwrap(self.html(markdown, pictures, formulas=formulas))

    def _link(self, url: str) -> str | None:
        if re.match(r"(?:https?|mailto):", url, re.IGNORECASE):
            return url
        self.lose("links to other pages of this server")
        return None

    def _image(self, url: str, pictures: str) -> str | None:
        path = relative_path(url)
        if path is not None and path not in self.pictures:
            try:
                data = self.files(f"{self.question.path.rpartition('/')[0]}/{path}")
                if data is None:
                    raise RefusedError("missing-image", "There is no such image.")
                name = self._free_name(path.rsplit("/", 1)[-1])
                self.pictures[path] = Picture(name, checked(path, data))
            except RefusedError:
                path = None
        if path is None:
            self.lose("an image that is not there, or may not be taken along")
            return None
        return pictures + self.pictures[path].path

    def _free_name(self, name: str) -> str:
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
        taken = {picture.path for picture in self.pictures.values()}
        return safe if safe not in taken else f"{len(taken)}-{safe}"


def portable(question: Question, files: Files) -> Portable:
    """``question`` taken apart; what no other system knows is counted as lost already."""
    draft = draft_question(question.path, question.source)
    out = Portable(question, decomposed(draft), draft, files)
    if question.claims:
        out.lose("the experiments behind its options")
    if question.described:
        out.lose("the curve that its text describes")
    return out


def losses(questions: Sequence[Portable]) -> tuple[Loss, ...]:
    return tuple(Loss(each.question.id, what) for each in questions for what in each.losses)


def _tex(match: re.Match[str]) -> str:
    left, right = ("\\[", "\\]") if match[1] == "block" else ("\\(", "\\)")
    return f"{left}{match[2]}{right}"


def _plain_code(shown: str, markdown: str) -> str:
    """Code without this server's colours, its language named as other systems read it."""
    blocks = _HIGHLIGHT.findall(shown)
    fences = scan(markdown, front_matter=False).fences if blocks else ()
    names = [re.match(r"[\w+#.-]*", fence.info) for fence in fences]
    known = [name[0] if name else "" for name in names] if len(names) == len(blocks) else []
    languages = iter(known)

    def bare(match: re.Match[str]) -> str:
        code = entities.unescape(re.sub(r"<[^>]*>", "", match[1])).strip("\n")
        language = next(languages, "")
        named = f' class="language-{entities.escape(language)}"' if language else ""
        return f"<pre><code{named}>{entities.escape(code, quote=False)}</code></pre>"

    return _HIGHLIGHT.sub(bare, shown)
