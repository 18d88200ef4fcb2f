"""Reads items of QTI 1.2 with one list of options, as Canvas and Common Cartridges hold them."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from quizserver.topics.formats.embedded_images import EmbeddedImages, ImageRelocator
from quizserver.topics.formats.escape import escape_one_line
from quizserver.topics.formats.html_to_markdown import html_to_markdown
from quizserver.topics.formats.markdown_source import demote_headings, split_references
from quizserver.topics.formats.model import OptionData, QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.moodle.auto_format import auto_format_to_markdown
from quizserver.topics.formats.moodle.conventions import WeightedAnswer, options_from_weights
from quizserver.topics.formats.option_texts import NAMES_OTHERS
from quizserver.topics.formats.qti_package import RelocatorMaker
from quizserver.topics.formats.titles import choose_title
from quizserver.topics.slugs import hex_digest, slugify

_NO_TITLE = re.compile(r"(?:question|item|quiz)?\W*\d*", re.IGNORECASE)
_COMBINED_FEEDBACK = "the feedback for right and wrong answers as a whole"
_KEY_ELEMENTS = {"conditionvar", "varequal", "and", "or", "not", "other", "unanswered"}


def read_item(item: Element, number: int, make_relocator: RelocatorMaker) -> QuestionData:
    """The question of an ``item``. Raises UnsupportedQuestionError."""
    presentation = item.find("presentation")
    responses = [
        e for e in item.iter() if str(e.tag).startswith("response_") and e.tag != "response_label"
    ]
    if presentation is None or [e.tag for e in responses] != ["response_lid"]:
        message = "This item has no single list of options; questions here have one."
        raise UnsupportedQuestionError("unknown-kind", message, "Offer answers to choose from.")
    response = responses[0]
    title = " ".join(item.get("title", "").split())
    title = "" if _NO_TITLE.fullmatch(title) else title
    images = EmbeddedImages(slugify(title or hex_digest("".join(presentation.itertext()))))
    relocate = make_relocator(images)
    labels = list(response.iter("response_label"))
    inside = {id(e) for label in labels for e in label.iter()}
    materials = [e for e in presentation.iter("material") if id(e) not in inside]
    question = "\n\n".join(_material_markdown(material, relocate) for material in materials)
    feedback = {e.get("ident", ""): e for e in item.iter("itemfeedback")}
    by_option, general, notes = _sort_feedback(item, feedback)
    options, key_notes = _read_options(item, response, labels, by_option, relocate)
    explanation, references = split_references(
        "\n\n".join(_element_markdown(element, relocate, sections=True) for element in general)
    )
    heading, stem = choose_title(title, question)
    choices = response.find("render_choice")
    fixed = choices is not None and choices.get("shuffle", "").lower() == "no"
    return QuestionData(
        title=heading,
        stem=demote_headings(stem),
        options=options,
        line=number,
        explanation=demote_headings(explanation),
        references=references,
        shuffle=not fixed and not any(NAMES_OTHERS.search(o.text.strip()) for o in options),
        images=images.by_path,
        notes=(*notes, *key_notes),
    )


def _element_markdown(element: Element, relocate: ImageRelocator, *, sections: bool = False) -> str:
    texts = (
        _material_markdown(material, relocate, sections=sections)
        for material in element.iter("material")
    )
    return "\n\n".join(text for text in texts if text)


def _material_markdown(
    material: Element, relocate: ImageRelocator, *, sections: bool = False
) -> str:
    texts: list[str] = []
    for part in material:
        text = "".join(part.itertext())
        if part.tag in ("mattext", "matemtext"):
            if part.get("texttype", "text/plain").lower() in ("text/html", "text/xhtml"):
                texts.append(html_to_markdown(text, relocate, sections=sections))
            else:
                texts.append(auto_format_to_markdown(text, relocate))
        elif part.tag == "matimage" and part.get("uri"):
            path = relocate(part.get("uri", ""))
            texts.append(f"![{escape_one_line(part.get('label', '') or text)}]({path})")
        elif part.tag in ("mataudio", "matvideo", "matapplet", "matapplication"):
            message = "This question holds sound, film or a program; only images come along."
            raise UnsupportedQuestionError("media", message, "Put it on the web, and link to it.")
    return "\n\n".join(text for text in texts if text)


def _sort_feedback(
    item: Element, feedback: dict[str, Element]
) -> tuple[dict[str, Element], list[Element], list[str]]:
    """The feedback of each option, that of the question, and notes on what is left behind."""
    by_option: dict[str, Element] = {}
    general: list[Element] = []
    notes: list[str] = []
    for condition in item.iter("respcondition"):
        chosen = _positive_choices(condition)
        scores = bool(_score(condition))
        for link in condition.iter("displayfeedback"):
            reference = link.get("linkrefid", "")
            element = feedback.get(reference)
            if element is None or not "".join(element.itertext()).strip():
                continue
            if len(chosen) == 1 and reference != "correct_fb":
                by_option[chosen[0]] = element
            elif (
                condition.find("conditionvar/other") is not None
                and not scores
                and ("incorrect" not in reference)
            ):
                general.append(element)
            elif _COMBINED_FEEDBACK not in notes:
                notes.append(_COMBINED_FEEDBACK)
    return by_option, general, notes


def _positive_choices(condition: Element) -> list[str]:
    negated = {id(e) for negation in condition.iter("not") for e in negation.iter("varequal")}
    return [(e.text or "").strip() for e in condition.iter("varequal") if id(e) not in negated]


def _score(condition: Element) -> float:
    """How many points a condition gives."""
    total = 0.0
    for setvar in condition.iter("setvar"):
        try:
            value = float((setvar.text or "0").strip())
        except ValueError:
            value = 0.0
        if setvar.get("action", "Set").lower() in ("set", "add"):
            total += value
        elif setvar.get("action", "").lower() == "subtract":
            total -= value
    return total


def _read_options(
    item: Element,
    response: Element,
    labels: list[Element],
    feedback: dict[str, Element],
    relocate: ImageRelocator,
) -> tuple[tuple[OptionData, ...], tuple[str, ...]]:
    single = response.get("rcardinality", "Single").lower() != "multiple"
    scoring = [c for c in item.iter("respcondition") if _score(c) != 0]
    for condition in scoring:
        variables = condition.find("conditionvar")
        strange = (
            {str(e.tag) for e in variables.iter()} - _KEY_ELEMENTS
            if variables is not None
            else {"no condition"}
        )
        if strange:
            message = f"The key of this question uses {sorted(strange)[0]}."
            raise UnsupportedQuestionError("bad-key", message, "Mark the right options alone.")
    weights = _weights(scoring, single=single)
    idents = [label.get("ident", "") for label in labels]
    unknown = set(weights) - set(idents)
    if unknown:
        message = f'The key names "{sorted(unknown)[0][:60]}", which is no option.'
        raise UnsupportedQuestionError("bad-key", message, "Mark the right options.")
    exact = not single and len(scoring) == 1
    return options_from_weights(
        [
            WeightedAnswer(
                _element_markdown(label, relocate),
                weights.get(ident, -100.0 if exact else 0.0),
                _element_markdown(feedback[ident], relocate) if ident in feedback else "",
            )
            for ident, label in zip(idents, labels, strict=True)
        ],
        single=single,
    )


def _weights(scoring: list[Element], *, single: bool) -> dict[str, float]:
    """The percentage of the score that each option earns."""
    if not single:
        if any(condition.find(".//or") is not None for condition in scoring):
            message = "Any one of several right answers is enough; here all must be chosen."
            raise UnsupportedQuestionError("any-of-several", message, "Keep one of them.")
        # Sets of options that earn a part of the score may hold wrong ones.
        best_score = max(map(_score, scoring), default=0.0)
        best_sets = [_positive_choices(c) for c in scoring if _score(c) == best_score]
        if len(best_sets) == 1:
            return dict.fromkeys(best_sets[0], 100 / max(len(best_sets[0]), 1))
        if any(len(_positive_choices(condition)) > 1 for condition in scoring):
            message = "Several sets of options earn the whole score."
            raise UnsupportedQuestionError("any-of-several", message, "Keep one of them.")
    points: dict[str, float] = {}
    for condition in scoring:
        for ident in _positive_choices(condition):
            points[ident] = points.get(ident, 0.0) + _score(condition)
    positive = [value for value in points.values() if value > 0]
    best = max(positive, default=0.0) if single else sum(positive)
    return {ident: 100 * value / best for ident, value in points.items()} if best else {}
