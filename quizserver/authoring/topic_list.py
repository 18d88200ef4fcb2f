"""The rows of the list of pages: every topic with its files and drafts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quizserver.authoring.files import NotEditableError, page_ref
from quizserver.authoring.store import DraftSummary
from quizserver.topics.assets import is_image
from quizserver.topics.folder import is_lesson, is_page
from quizserver.topics.model import ProblemCount, Snapshot, count_problems

Url = Callable[..., str]


@dataclass(frozen=True, slots=True)
class DraftRow:
    mine: bool
    email: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page of a topic. When it can't be edited here, ``read_only_reason`` says why.

    ``open_reports`` is how many reports of learners about its question are open, and
    ``reports_url`` where they are read, None where there are none.
    """

    name: str
    title: str
    kind: str
    url: str | None
    read_only_reason: str | None
    published: bool
    count: ProblemCount
    drafts: Sequence[DraftRow]
    open_reports: int = 0
    reports_url: str | None = None


@dataclass(frozen=True, slots=True)
class EditableTopicRow:
    folder: str
    title: str
    learner_url: str | None
    pages: Sequence[PageRow]
    images: Sequence[str] = ()
    simulations: Sequence[str] = ()


def editable_topic_rows(
    snapshot: Snapshot,
    paths: Iterable[str],
    drafts: Iterable[DraftSummary],
    person_id: int,
    url: Url,
    *,
    open_reports: Mapping[str, int],
) -> list[EditableTopicRow]:
    """Every topic with its pages and images, those that only exist as drafts included.

    ``paths`` are the paths of all files of the content folder; ``open_reports`` is how many reports
    of learners are open, by question. Drafts of other authors are listed,
    but link to nothing.
    """
    titles = {q.path: q.title for q in snapshot.questions.values()}
    question_ids = {q.path: q.id for q in snapshot.questions.values()}
    titles |= {t.lesson.path: t.lesson.title for t in snapshot.topics.values() if t.lesson}
    drafts_by_path: dict[str, list[DraftRow]] = {}
    for draft in drafts:
        row = DraftRow(draft.person_id == person_id, draft.email, draft.updated_at)
        drafts_by_path.setdefault(draft.path, []).append(row)
    topic_files = {path for path in paths if path.count("/") == 1}
    page_paths = {path for path in topic_files if is_page(path)}
    own_paths = {path for path, rows in drafts_by_path.items() if any(row.mine for row in rows)}
    topics = {topic.folder.name: topic for topic in snapshot.topics.values()}
    rows = []
    for folder in sorted({path.split("/")[0] for path in page_paths | own_paths}):
        topic = topics.get(folder)
        listed_paths = sorted(p for p in page_paths | own_paths if p.split("/")[0] == folder)
        listed_paths.sort(key=lambda path: not is_lesson(path))
        images = sorted(
            p.split("/")[1] for p in topic_files if p.split("/")[0] == folder and is_image(p)
        )
        rows.append(
            EditableTopicRow(
                folder=folder,
                title=topic.title if topic else folder,
                learner_url=url("progress.topic", topic=topic.id) if topic else None,
                pages=[
                    _page_row(
                        path,
                        titles.get(path),
                        published=path in page_paths,
                        snapshot=snapshot,
                        drafts=drafts_by_path.get(path, ()),
                        question_id=question_ids.get(path),
                        open_reports=open_reports,
                        url=url,
                    )
                    for path in listed_paths
                ],
                images=images,
                simulations=sorted(topic.simulations) if topic else (),
            )
        )
    return rows


def _page_row(
    path: str,
    title: str | None,
    *,
    published: bool,
    snapshot: Snapshot,
    drafts: Sequence[DraftRow],
    question_id: str | None,
    open_reports: Mapping[str, int],
    url: Url,
) -> PageRow:
    folder, name = path.split("/")
    editor_link, read_only_reason = None, None
    try:
        page_ref(folder, name)
        editor_link = url("authoring.editor", topic=folder, name=name)
    except NotEditableError as error:
        read_only_reason = str(error)
    report_count = open_reports.get(question_id, 0) if question_id is not None else 0
    return PageRow(
        name=name,
        title=title or name,
        kind="lesson" if is_lesson(path) else "question",
        url=editor_link,
        read_only_reason=read_only_reason,
        published=published,
        count=count_problems(d for d in snapshot.diagnostics if d.path == path),
        drafts=drafts,
        open_reports=report_count,
        reports_url=url("authoring.reports", question=question_id) if report_count else None,
    )
