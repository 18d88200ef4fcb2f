"""The list of all topics with their pages, those that only exist as drafts included. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from quizserver.authoring.files import PlaceError, place
from quizserver.authoring.store import DraftLine
from quizserver.topics.assets import is_image
from quizserver.topics.folder import is_lesson, is_page
from quizserver.topics.model import Snapshot

Url = Callable[..., str]


@dataclass(frozen=True, slots=True)
class DraftRow:
    mine: bool
    email: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page of a topic. ``url`` is None when it can't be edited here, and ``why`` says why."""

    name: str
    title: str
    kind: str
    url: str | None
    why: str | None
    live: bool
    problems: int
    drafts: Sequence[DraftRow]


@dataclass(frozen=True, slots=True)
class TopicRow:
    folder: str
    title: str
    address: str | None
    rows: Sequence[PageRow]
    images: Sequence[str] = ()
    simulations: Sequence[str] = ()


def topic_rows(
    snapshot: Snapshot,
    files: Iterable[str],
    drafts: Iterable[DraftLine],
    person_id: int,
    url: Url,
) -> list[TopicRow]:
    """Every topic with its pages and images, those that only exist as drafts included.

    ``files`` are the paths of all files of the content folder. Other authors' drafts are told of,
    and not opened.
    """
    titles = {q.path: q.title for q in snapshot.questions.values()}
    titles |= {t.lesson.path: t.lesson.title for t in snapshot.topics.values() if t.lesson}
    by_path: dict[str, list[DraftRow]] = {}
    for line in drafts:
        row = DraftRow(line.person_id == person_id, line.email, line.updated_at)
        by_path.setdefault(line.path, []).append(row)
    there = {path for path in files if path.count("/") == 1}
    pages = {path for path in there if is_page(path)}
    mine = {path for path, rows in by_path.items() if any(row.mine for row in rows)}
    served = {topic.folder.name: topic for topic in snapshot.topics.values()}
    rows = []
    for folder in sorted({path.split("/")[0] for path in pages | mine}):
        topic = served.get(folder)
        inside = sorted(p for p in pages | mine if p.split("/")[0] == folder)
        inside.sort(key=lambda path: not is_lesson(path))
        images = sorted(p.split("/")[1] for p in there if p.split("/")[0] == folder and is_image(p))
        rows.append(
            TopicRow(
                folder=folder,
                title=topic.title if topic else folder,
                address=url("progress.topic", topic=topic.id) if topic else None,
                rows=[
                    _row(p, titles.get(p), p in pages, snapshot, by_path.get(p, ()), url)
                    for p in inside
                ],
                images=images,
                simulations=sorted(topic.simulations) if topic else (),
            )
        )
    return rows


def _row(
    path: str,
    title: str | None,
    live: bool,
    snapshot: Snapshot,
    drafts: Sequence[DraftRow],
    url: Url,
) -> PageRow:
    folder, name = path.split("/")
    address, why = None, None
    try:
        place(folder, name)
        address = url("authoring.editor", topic=folder, name=name)
    except PlaceError as error:
        why = str(error)
    return PageRow(
        name=name,
        title=title or name,
        kind="lesson" if is_lesson(path) else "question",
        url=address,
        why=why,
        live=live,
        problems=sum(problem.path == path for problem in snapshot.problems),
        drafts=drafts,
    )
