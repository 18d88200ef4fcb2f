"""A question's fields to the model: judges them, and tells every flaw with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from quizserver.topics.definitions import Definition, find_definitions, needed
from quizserver.topics.front_matter import Checked, QuestionFront, check_front
from quizserver.topics.headings import Name
from quizserver.topics.identity import digest, humanise, is_id, slug
from quizserver.topics.judge import judge, option_id
from quizserver.topics.links import Site, resolve
from quizserver.topics.model import Claim, Option, Question, Sweep
from quizserver.topics.options import Item
from quizserver.topics.parse import QuestionFields, parse_question
from quizserver.topics.references import Reference, reference_flaws, references
from quizserver.topics.render import plain, render, unwrap
from quizserver.topics.sanitise import Rewrite
from quizserver.topics.scan import scan
from quizserver.topics.text import Flaw

DEFAULT_SIMULATION = "simulation"


@dataclass(frozen=True, slots=True)
class Draft:
    """A question's file, judged but not rendered. ``usable`` says whether it can be served."""

    path: str
    text: str
    id: str
    id_place: tuple[int, int]
    fields: QuestionFields
    definitions: tuple[Definition, ...]
    front: Checked[QuestionFront]
    option_ids: tuple[str, ...]
    references: tuple[Reference, ...]
    flaws: tuple[Flaw, ...]

    @property
    def usable(self) -> bool:
        return not any(flaw.fatal for flaw in self.flaws)

    @property
    def simulation(self) -> str | None:
        """The name of the simulation that the question's claims are about."""
        front = self.front.model
        if front is None:
            return None
        return front.simulation or (DEFAULT_SIMULATION if front.claims else None)


def draft_question(path: str, text: str) -> Draft:
    """Judge the text of the question at ``path``. Never raises."""
    definitions, taken = find_definitions(scan(text))
    fields = parse_question(text, taken=taken)
    front = check_front(fields.front, QuestionFront)
    items = fields.task_lists[0].items if fields.task_lists else ()
    option_ids = tuple(option_id(item) for item in items)
    stem = PurePosixPath(path).stem
    given = front.model.id if front.model else None
    place = front.read.place(("id",)) if given else (1, 1)
    identifier = given or (stem if is_id(stem) else slug(stem))
    flaws = [*judge(path, fields, front, option_ids), *reference_flaws(text, definitions)]
    flaws.sort(key=lambda flaw: (flaw.line, flaw.column))
    return Draft(
        path=path,
        text=text,
        id=identifier,
        id_place=place,
        fields=fields,
        definitions=definitions,
        front=front,
        option_ids=option_ids,
        references=tuple(references(text, definitions)),
        flaws=tuple(flaws),
    )


def build_question(draft: Draft, *, topic: str, rewrite: Rewrite) -> Question:
    """Render a usable draft. ``rewrite`` gives links and images their address."""
    front = draft.front.model or QuestionFront()
    fields = draft.fields

    def html(part: str, text: str) -> str:
        whole = "\n\n".join([text, needed(text, draft.definitions)])
        return render(whole, prefix=f"q-{draft.id}-{part}-", rewrite=rewrite)

    def of(*names: Name) -> list[str]:
        return [s.text for s in fields.sections if s.name in names and s.text.strip()]

    items = fields.task_lists[0].items
    options = tuple(
        _option(item, identifier, html(f"o{n}", item.text), _feedback(item, n, html))
        for n, (item, identifier) in enumerate(zip(items, draft.option_ids, strict=True), 1)
    )
    hidden = of(Name.AFTER_OPTIONS, Name.ANSWER, Name.UNKNOWN)
    references = of(Name.REFERENCES)
    return Question(
        id=draft.id,
        topic=topic,
        title=_title(draft),
        stem_html=html("stem", fields.sections[0].text),
        options=options,
        hints_html=tuple(html(f"hint{n}", text) for n, text in enumerate(of(Name.HINT), 1)),
        explanation_html=html("answer", "\n\n".join(hidden)) if hidden else None,
        references_html=html("references", "\n\n".join(references)) if references else None,
        tags=tuple(dict.fromkeys(front.tags)),
        shuffle=front.shuffle,
        simulation=draft.simulation,
        claims=_claims(draft, options),
        described=tuple((point[0], point[1]) for point in front.described),
        version=digest(draft.text),
        source=draft.text,
        path=draft.path,
    )


def reread(question: Question, source: str) -> Question | None:
    """An earlier version of ``question`` from its kept text; None when it can't be read any more.

    Links and images between files point to nothing: the files of that day may be gone.
    """
    draft = draft_question(question.path, source)
    if not draft.usable:
        return None
    apart = Site()

    def rewrite(name: str, url: str) -> str | None:
        return resolve(apart, question.path, name, url).address

    earlier = build_question(draft, topic=question.topic, rewrite=rewrite)
    return replace(earlier, id=question.id)


def _title(draft: Draft) -> str:
    front = draft.front.model
    if front and front.title:
        return front.title
    heading = draft.fields.title
    written = heading.text if heading else ""
    shown = plain(render(written, prefix="", rewrite=lambda _name, _url: None)) if written else ""
    return shown or humanise(PurePosixPath(draft.path).stem)


def _option(item: Item, identifier: str, html: str, feedback: str | None) -> Option:
    right = item.box is not None and item.box.strip().lower() == "x"
    shown = unwrap(html)
    return Option(identifier, shown, plain(shown), right, feedback, item.line)


def _feedback(item: Item, number: int, html: object) -> str | None:
    text = item.feedback_text
    if not text or not text.strip() or not callable(html):
        return None
    return str(html(f"feedback{number}", text))


def _claims(draft: Draft, options: Sequence[Option]) -> tuple[Claim, ...]:
    front = draft.front.model
    right = {option.id: option.right for option in options}
    return tuple(
        Claim(
            option=claim.option,
            arm=claim.arm,
            shape=claim.shape,
            quantifier=claim.quantifier,
            at_least=claim.at_least,
            over=tuple(Sweep(knob, tuple(values)) for knob, values in claim.over.items()),
            expected=claim.expect
            or ("supported" if claim.option is None or right.get(claim.option) else "refuted"),
            line=draft.front.read.place(("claims", index))[0],
            versus=claim.versus,
            series=claim.series,
            value=claim.value,
        )
        for index, claim in enumerate(front.claims if front else ())
    )
