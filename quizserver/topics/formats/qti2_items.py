"""Reads items of QTI 2.0 to 2.2 with one choice interaction; the product's own come back alike."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from quizserver.topics.formats.embedded_images import EmbeddedImages, ImageRelocator
from quizserver.topics.formats.html_to_markdown import html_to_markdown
from quizserver.topics.formats.markdown_source import demote_headings, split_references
from quizserver.topics.formats.model import OptionData, QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.moodle.conventions import WeightedAnswer, options_from_weights
from quizserver.topics.formats.qti_package import RelocatorMaker, inner_html
from quizserver.topics.formats.titles import choose_title
from quizserver.topics.slugs import is_id, slugify

_OWN_IDENTIFIER = re.compile(r"q-(.+)")


def read_item(item: Element, number: int, make_relocator: RelocatorMaker) -> QuestionData:
    """The question of an ``assessmentItem``. Raises UnsupportedQuestionError."""
    title = " ".join(item.get("title", "").split())
    identifier = item.get("identifier", "")
    images = EmbeddedImages(slugify(title or identifier or str(number)))
    relocate = make_relocator(images)
    body = item.find("itemBody")
    interactions = [e for e in item.iter() if str(e.tag).endswith("Interaction")]
    if body is None or [e.tag for e in interactions] != ["choiceInteraction"]:
        kinds = ", ".join(dict.fromkeys(str(e.tag) for e in interactions)) or "no interaction"
        message = f"This item has {kinds}; questions here have one list of options."
        raise UnsupportedQuestionError("unknown-kind", message, "Offer answers to choose from.")
    interaction = interactions[0]
    choices = list(interaction.iter("simpleChoice"))
    feedback, general = _take_feedback(item, {choice.get("identifier", "") for choice in choices})
    notes = ["its rubric"] if item.find(".//rubricBlock") is not None else []
    prompt = interaction.find("prompt")
    question_html = _html_without_interaction(body, interaction)
    if prompt is not None:
        question_html += f"<div>{inner_html(prompt)}</div>"
    options, key_notes = _read_options(item, interaction, choices, feedback, relocate)
    heading, stem = choose_title(title, html_to_markdown(question_html, relocate))
    explanation, references = split_references(
        "\n\n".join(html_to_markdown(html, relocate, sections=True) for html in general)
    )
    own = _OWN_IDENTIFIER.fullmatch(identifier)
    return QuestionData(
        title=heading,
        stem=demote_headings(stem),
        options=options,
        line=number,
        explanation=explanation,
        references=references,
        shuffle=interaction.get("shuffle", "false") == "true",
        id=own[1] if own and is_id(own[1]) else None,
        images=images.by_path,
        notes=(*notes, *key_notes),
    )


def _html_without_interaction(body: Element, interaction: Element) -> str:
    for parent in list(body.iter()):
        for child in list(parent):
            if child is interaction or child.tag in ("rubricBlock", "stylesheet"):
                index = list(parent).index(child)
                parent.remove(child)
                if index:
                    parent[index - 1].tail = (parent[index - 1].tail or "") + (child.tail or "")
                else:
                    parent.text = (parent.text or "") + (child.tail or "")
    return inner_html(body)


def _take_feedback(item: Element, choices: set[str]) -> tuple[dict[str, str], list[str]]:
    """Takes the feedback out of an item: that of each choice, and that of the whole."""
    feedback: dict[str, str] = {}
    general: list[str] = []
    for parent in list(item.iter()):
        for child in list(parent):
            if child.tag not in ("modalFeedback", "feedbackInline", "feedbackBlock"):
                continue
            identifier = child.get("identifier", "")
            html = inner_html(child)
            if identifier in choices and child.get("showHide", "show") == "show":
                feedback[identifier] = f"{feedback.get(identifier, '')}<div>{html}</div>"
            else:
                general.append(html)
            parent.remove(child)
    return feedback, general


def _read_options(
    item: Element,
    interaction: Element,
    choices: list[Element],
    feedback: dict[str, str],
    relocate: ImageRelocator,
) -> tuple[tuple[OptionData, ...], tuple[str, ...]]:
    response = interaction.get("responseIdentifier", "")
    declarations = [d for d in item.iter("responseDeclaration") if d.get("identifier") == response]
    if not declarations:
        message = "This item declares no response for its options."
        raise UnsupportedQuestionError("no-key", message, "Give it a correct response.")
    declaration = declarations[0]
    single = declaration.get("cardinality", "single") == "single"
    right = [(value.text or "").strip() for value in declaration.iterfind("correctResponse/value")]
    if right:
        weights = dict.fromkeys(right, 100.0 if single else 100 / len(right))
    else:
        values = {
            entry.get("mapKey", ""): _read_points(entry.get("mappedValue", "0"))
            for entry in declaration.iterfind("mapping/mapEntry")
        }
        positive = [value for value in values.values() if value > 0]
        best = max(positive, default=0.0) if single else sum(positive)
        weights = {key: 100 * value / best for key, value in values.items()} if best > 0 else {}
    unknown = set(weights) - {choice.get("identifier", "") for choice in choices}
    if unknown and right:
        message = f'The key names "{sorted(unknown)[0][:60]}", which is no option.'
        raise UnsupportedQuestionError("bad-key", message, "Give it a correct response.")
    return options_from_weights(
        [
            WeightedAnswer(
                html_to_markdown(inner_html(choice), relocate),
                weights.get(choice.get("identifier", ""), 0.0 if single or not right else -100.0),
                html_to_markdown(feedback.get(choice.get("identifier", ""), ""), relocate),
            )
            for choice in choices
        ],
        single=single,
    )


def _read_points(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        message = f'"{text[:40]}" is no number of points.'
        raise UnsupportedQuestionError("bad-key", message, "Write a number.") from None
