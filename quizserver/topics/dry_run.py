"""A text that is not on the disk, judged and rendered as if it were: for those who are writing it.

The same parser, checker and renderer as for files; nothing here has rules of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from quizserver.topics.claim_checks import SimulationDescriber, check_simulation_use
from quizserver.topics.model import Diagnostic, Topic
from quizserver.topics.page_file import RenderedPage
from quizserver.topics.workspace import Workspace, sorted_diagnostics


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a text is worth.

    ``page`` is None when the text could not be served, for one of its ``problems``; ``elsewhere``
    are the problems that it would bring to other files, such as a link that leads nowhere then.
    ``topic`` is its folder as it would be served, None when nothing of it could be.
    """

    path: str
    page: RenderedPage | None
    diagnostics: tuple[Diagnostic, ...]
    elsewhere: tuple[Diagnostic, ...]
    topic: Topic | None


def dry_run_page(
    workspace: Workspace,
    path: str,
    earlier: Collection[Diagnostic],
    describer: SimulationDescriber | None = None,
) -> DryRun:
    """Judge the page at ``path`` on a ``shelf`` that holds the text to be tried.

    ``known`` are the problems there are without it. Without a ``catalog``, claims are not compared
    with their simulations; a simulation that it has not seen may take seconds. Never raises.
    """
    diagnostics = workspace.diagnostics()
    folder = path.split("/")[0]
    file = workspace.files.get(path)
    if file is not None and file.parsed is not None and describer is not None:
        files = frozenset(
            file_path for file_path in workspace.listing.files if file_path.split("/")[0] == folder
        )
        diagnostics.extend(check_simulation_use([file.parsed], files, describer, workspace.content))
    earlier_set = set(earlier)
    snapshot = workspace.build_snapshot()
    page: RenderedPage | None = None
    if file is not None and file.last_good is not None and not file.is_stale:
        site_map = workspace.site_map()
        page = (
            file.render_page(site_map.topic_ids[folder], site_map)
            if path in site_map.page_urls
            else None
        )
    return DryRun(
        path=path,
        page=page,
        diagnostics=tuple(sorted_diagnostics(d for d in diagnostics if d.path == path)),
        elsewhere=tuple(
            sorted_diagnostics(d for d in diagnostics if d.path != path and d not in earlier_set)
        ),
        topic=snapshot.topic_in_folder(folder),
    )
