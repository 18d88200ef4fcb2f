"""Checks and renders a page as it would be with an author's unsaved text.

Uses the same parser, checker and renderer as for files, and has no rules of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from quizserver.topics.model import Diagnostic, ProblemCount, Topic, count_problems, first_problems
from quizserver.topics.page_file import RenderedPage
from quizserver.topics.simulation_links import ClaimChecker
from quizserver.topics.workspace import Workspace, sorted_diagnostics


@dataclass(frozen=True, slots=True)
class DryRun:
    """The page as it would be served, and the problems that the text would cause.

    ``page`` is None when the text could not be served, for one of its ``diagnostics``;
    ``elsewhere`` are those that it would cause in other files, such as a link that leads nowhere
    then. ``topic`` is its folder as it would be served, None when nothing of it could be.
    """

    path: str
    page: RenderedPage | None
    diagnostics: tuple[Diagnostic, ...]
    elsewhere: tuple[Diagnostic, ...]
    topic: Topic | None

    @property
    def count(self) -> ProblemCount:
        """How many problems and warnings the text has."""
        return count_problems(self.diagnostics)


def dry_run_page(
    workspace: Workspace,
    path: str,
    earlier: Collection[Diagnostic],
    claim_checker: ClaimChecker | None = None,
) -> DryRun:
    """Checks and renders the page at ``path`` in a ``workspace`` that holds the text to be tried.

    ``earlier`` are the problems there are without it. Without a ``claim_checker``, claims are not
    compared with their simulations; one may take seconds for a simulation that it has not seen.
    Never raises.
    """
    snapshot = workspace.build_snapshot()
    diagnostics = list(snapshot.diagnostics)
    folder = path.split("/")[0]
    file = workspace.files.get(path)
    if file is not None and file.parsed is not None and claim_checker is not None:
        files = frozenset(
            file_path for file_path in workspace.listing.files if file_path.split("/")[0] == folder
        )
        # What is wrong with a simulation is no doing of the text: the page has a problem of its own
        # where it names that simulation, whenever somebody looks.
        of_claims = claim_checker([file.parsed], files, workspace.content)
        diagnostics.extend(d for d in of_claims if d.path == path)
    earlier_set = set(earlier)
    page: RenderedPage | None = None
    if file is not None and not workspace.is_stale(path):
        page = workspace.rendered_pages(workspace.site_map()).get(path)
    return DryRun(
        path=path,
        page=page,
        diagnostics=tuple(
            first_problems(sorted_diagnostics(d for d in diagnostics if d.path == path))
        ),
        elsewhere=tuple(
            sorted_diagnostics(d for d in diagnostics if d.path != path and d not in earlier_set)
        ),
        topic=snapshot.topic_in_folder(folder),
    )
