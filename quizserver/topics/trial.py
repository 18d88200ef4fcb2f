"""A text that is not on the disk, judged and rendered as if it were: for those who are writing it.

The same parser, checker and renderer as for files; nothing here has rules of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from quizserver.topics.claims import Catalog, claim_problems
from quizserver.topics.model import Problem, Topic
from quizserver.topics.page_file import Page
from quizserver.topics.shelf import Shelf, ordered


@dataclass(frozen=True, slots=True)
class Trial:
    """What a text is worth.

    ``page`` is None when the text could not be served, for one of its ``problems``; ``elsewhere``
    are the problems that it would bring to other files, such as a link that leads nowhere then.
    ``topic`` is its folder as it would be served, None when nothing of it could be.
    """

    path: str
    page: Page | None
    problems: tuple[Problem, ...]
    elsewhere: tuple[Problem, ...]
    topic: Topic | None


def judge(
    shelf: Shelf, path: str, known: Collection[Problem], catalog: Catalog | None = None
) -> Trial:
    """Judge the page at ``path`` on a ``shelf`` that holds the text to be tried.

    ``known`` are the problems there are without it. Without a ``catalog``, claims are not compared
    with their simulations; a simulation that it has not seen may take seconds. Never raises.
    """
    found = shelf.problems()
    folder = path.split("/")[0]
    file = shelf.files.get(path)
    if file is not None and file.draft is not None and catalog is not None:
        files = frozenset(name for name in shelf.listing.files if name.split("/")[0] == folder)
        found.extend(claim_problems([file.draft], files, catalog, shelf.content))
    old = set(known)
    snapshot = shelf.snapshot()
    page: Page | None = None
    if file is not None and file.good is not None and not file.kept:
        site = shelf.site()
        page = file.build(site.topics[folder], site) if path in site.pages else None
    return Trial(
        path=path,
        page=page,
        problems=tuple(ordered(p for p in found if p.path == path)),
        elsewhere=tuple(ordered(p for p in found if p.path != path and p not in old)),
        topic=next((t for t in snapshot.topics.values() if t.folder.name == folder), None),
    )
