"""Prepares a served question for export: its texts, its images, and what cannot be exported."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from quizserver.topics.formats.escape import escape_line_start, escape_one_line
from quizserver.topics.formats.images import check_image_data, safe_relative_path
from quizserver.topics.formats.markdown_source import extract_question_data
from quizserver.topics.formats.model import (
    ImageFile,
    ImageLoader,
    Omission,
    QuestionData,
    UnsupportedQuestionError,
)
from quizserver.topics.line_kinds import FencedBlock
from quizserver.topics.markdown import scan_markdown
from quizserver.topics.model import Question
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.render import render_slice, unwrap_paragraph

_HIGHLIGHT = re.compile(r'<div class="highlight"><pre>(.*?)</pre></div>', re.DOTALL)
_MATH = re.compile(r'<math display="(\w+)" alttext="([^"]*)">.*?</math>', re.DOTALL)
_AROUND_MATH = re.compile(r'<span class="(?:formula|unbroken)">(.*?)</span>', re.DOTALL)
_LANGUAGE = re.compile(r"^[\w+#.-]*")
_BACKREF = re.compile(r'(?:&nbsp;|\s)*<a class="footnote-backref"[^>]*>.*?</a>')
_PAGE_ATTRIBUTES = re.compile(r' (?:decoding="async"|loading="lazy"|rel="noopener noreferrer")')


@dataclass
class ExportedQuestion:
    """A question to be exported. Rendering its texts collects ``images`` and ``omissions``."""

    question: Question
    data: QuestionData
    parsed: ParsedQuestion
    load_image: ImageLoader
    images: dict[str, ImageFile] = field(default_factory=dict)
    omissions: list[str] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        """The stem, or the title of a question without one."""
        return (
            self.data.stem
            or escape_line_start(self.data.title)
            or escape_one_line(self.question.title)
        )

    def general_feedback(self, references_heading: str) -> str:
        """The explanation, then the references below a heading."""
        references = self.data.references
        section = f"{references_heading}\n\n{references}" if references else ""
        return "\n\n".join(text for text in (self.data.explanation, section) if text)

    def add_omission(self, omission: str) -> None:
        if omission not in self.omissions:
            self.omissions.append(omission)

    def render_html(self, markdown: str, image_prefix: str, *, as_tex: bool = True) -> str:
        """Renders one text to safe HTML, its images at ``image_prefix`` + their name.

        Formulas are TeX between ``\\(`` and ``\\)`` for MathJax, or MathML without ``as_tex``.
        """

        def rewrite_url(name: str, url: str) -> str | None:
            return (
                self._rewrite_image(url, image_prefix) if name == "src" else self._rewrite_link(url)
            )

        source = scan_markdown(markdown, front_matter=False)
        content = source.slice_lines(0, len(source.lines))
        rendered = _BACKREF.sub("", render_slice(content, prefix="", rewrite=rewrite_url))
        rendered = _plain_code(_AROUND_MATH.sub(r"\1", rendered), source.fences)
        rendered = _PAGE_ATTRIBUTES.sub("", rendered)
        return _MATH.sub(_tex_formula, rendered) if as_tex else rendered

    def render_inline(self, markdown: str, image_prefix: str, *, as_tex: bool = True) -> str:
        return unwrap_paragraph(self.render_html(markdown, image_prefix, as_tex=as_tex))

    def _rewrite_link(self, url: str) -> str | None:
        if re.match(r"(?:https?|mailto):", url, re.IGNORECASE):
            return url
        self.add_omission("links to other pages of this server")
        return None

    def _rewrite_image(self, url: str, image_prefix: str) -> str | None:
        path = safe_relative_path(url)
        if path is not None and path not in self.images:
            try:
                data = self.load_image(f"{self.question.path.rpartition('/')[0]}/{path}")
                if data is None:
                    raise UnsupportedQuestionError("missing-image", "There is no such image.")
                name = self._free_name(path.rsplit("/", 1)[-1])
                self.images[path] = ImageFile(name, check_image_data(path, data))
            except UnsupportedQuestionError:
                path = None
        if path is None:
            self.add_omission("an image that is not there, or may not be taken along")
            return None
        return image_prefix + self.images[path].path

    def _free_name(self, name: str) -> str:
        safe_name = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
        taken_names = {image.path for image in self.images.values()}
        return safe_name if safe_name not in taken_names else f"{len(taken_names)}-{safe_name}"


def prepare_question(question: Question, load_image: ImageLoader) -> ExportedQuestion:
    """Takes ``question`` apart, and notes what no other system can hold."""
    parsed = question.parsed
    exported = ExportedQuestion(question, extract_question_data(parsed), parsed, load_image)
    if question.claims:
        exported.add_omission("the experiments behind its options")
    if question.described_curve:
        exported.add_omission("the curve that its text describes")
    return exported


def collect_omissions(questions: Sequence[ExportedQuestion]) -> tuple[Omission, ...]:
    return tuple(
        Omission(exported.question.id, what)
        for exported in questions
        for what in exported.omissions
    )


def _tex_formula(match: re.Match[str]) -> str:
    left, right = ("\\[", "\\]") if match[1] == "block" else ("\\(", "\\)")
    return f"{left}{match[2]}{right}"


def _plain_code(rendered: str, fences: Sequence[FencedBlock]) -> str:
    """Replaces highlighted code by plain code with the language in its class."""
    is_fenced = len(fences) == len(_HIGHLIGHT.findall(rendered))
    languages = iter([_LANGUAGE.findall(fence.info)[0] for fence in fences] if is_fenced else [])

    def plain_block(match: re.Match[str]) -> str:
        code = entities.unescape(re.sub(r"<[^>]*>", "", match[1])).strip("\n")
        language = next(languages, "")
        class_attribute = f' class="language-{entities.escape(language)}"' if language else ""
        return f"<pre><code{class_attribute}>{entities.escape(code, quote=False)}</code></pre>"

    return _HIGHLIGHT.sub(plain_block, rendered)
