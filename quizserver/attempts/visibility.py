"""What each address of the site asks of the state of a question: one table of all of them.

Whether a question is open, tried or revealed to a learner is in ``reveals``; ``access`` and the
pages of questions keep what stands here, and a test walks all addresses in every state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from quizserver.runs.access import PARTS_OF_ARMS, Part

Asked: TypeAlias = Literal["nothing", "own", "staff"] | tuple[Part, ...]
"""What an address asks for before it gives something of a key away.

"nothing": it never does. "own": it shows of each question what the state of that question allows.
"staff": the right to write or to teach, whatever the questions' states are. Parts of a simulation:
the state that ``part_state`` names, of one of the questions that rest on it.
"""

ASKED: Mapping[str, Asked] = {
    "attempts.question": "own",
    "attempts.answer": "own",
    "attempts.reveal": "own",
    "attempts.file": "own",
    "attempts.evidence": "own",
    "progress.home": "own",
    "progress.topic": "own",
    "progress.progress": "own",
    "accounts.data": "own",
    "runs.list_own_runs": "own",
    "runs.start": ("run", "map"),
    "runs.lay_out_map": ("map",),
    "runs.show_run": ("run", "map"),
    "runs.stream_events": ("run", "map"),
    "runs.stop_run": ("run", "map"),
    "runs.download_csv": ("run", "map"),
    "runs.recorded": ("recorded",),
    "runs.arm": ("recorded",),
    "runs.bench": ("map",),
    "runs.maps": ("map",),
    "runs.source": ("source",),
    "plans.show_plan": ("plan",),
    "plans.note_use": ("plan",),
    "reports.form": "nothing",
    "reports.send": "nothing",
    "plans.kernel": "nothing",
    "static_files": "nothing",
    "health.alive": "nothing",
    "health.healthz": "nothing",
    "health.ready": "nothing",
    **dict.fromkeys(
        (
            "accounts.account", "accounts.delete", "accounts.forget", "accounts.password",
            "accounts.sessions", "accounts.sign_in", "accounts.sign_out", "accounts.sign_up",
            "classes.classes", "classes.join", "classes.join_any", "classes.leave",
            "classes.overview", "classes.rename_me",
        ),
        "nothing",
    ),
    **dict.fromkeys(
        (
            "classes.add_instructor", "classes.change_code", "classes.choose_reveal",
            "classes.choose_topics", "classes.delete", "classes.new", "classes.remove",
            "classes.rename", "classes.roster", "classes.settings", "classes.step_down",
            "classes.take_back", "items.as_csv", "items.as_json", "items.items", "items.question",
            "items.teach", "matrix.attempts", "matrix.attempts_csv", "matrix.attempts_json",
            "matrix.learner", "matrix.matrix", "matrix.matrix_csv", "matrix.matrix_json",
            "matrix.window", "authoring.check", "authoring.conflict", "authoring.delete",
            "authoring.discard", "authoring.do_delete", "authoring.do_discard",
            "authoring.editor", "authoring.history", "authoring.image", "authoring.image_file",
            "authoring.index", "authoring.new_file", "authoring.new_topic", "authoring.restore",
            "authoring.close_report", "authoring.reopen_report", "authoring.reports",
            "authoring.save", "authoring.settle", "authoring.verification",
            "authoring.verification_events", "authoring.verification_stop", "authoring.verify",
            "authoring.version", "audit.csv", "audit.log", "machines.list", "roles.grant",
            "roles.log", "roles.people", "roles.person",
        ),
        "staff",
    ),
}  # fmt: skip
"""By endpoint. ``classes.overview`` shows a learner standings, which are "nothing" of a key."""


def part_state(part: Part) -> Literal["tried", "revealed"]:
    """The state from which on a part of a simulation is open, for the arms that it offers."""
    return "tried" if part in PARTS_OF_ARMS else "revealed"
