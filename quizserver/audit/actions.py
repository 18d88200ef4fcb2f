"""What the audit log records: the code of each action, and how people read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

ActionCode = Literal[
    "role-granted",
    "account-added",
    "account-deleted",
    "password-set",
    "sessions-ended",
    "instructor-added",
    "instructor-removed",
    "class-deleted",
    "class-reveal-changed",
    "content-published",
    "content-reverted",
    "content-deleted",
    "content-announced",
    "key-first-seen",
    "key-changed",
    "backup-made",
    "database-restored",
    "summaries-rebuilt",
    "data-pruned",
]


@dataclass(frozen=True, slots=True)
class ActionText:
    """How a page names an action. ``summary`` is filled from the event's detail by its names."""

    label: str
    summary: str = ""


ACTION_TEXTS: Mapping[str, ActionText] = {
    "role-granted": ActionText("Role granted", "{before} → {after}"),
    "account-added": ActionText("Account made by others", "as {role}"),
    "account-deleted": ActionText("Account deleted by others"),
    "password-set": ActionText("Password set by others"),
    "sessions-ended": ActionText("Signed out by others", "{count} sessions"),
    "instructor-added": ActionText("Instructor of a class added"),
    "instructor-removed": ActionText("Instructor of a class removed"),
    "class-deleted": ActionText("Class deleted", "{members} members"),
    "class-reveal-changed": ActionText("When a class shows answers", "{before} → {after}"),
    "content-published": ActionText("Page published"),
    "content-reverted": ActionText("Earlier page brought back"),
    "content-deleted": ActionText("Page deleted"),
    "content-announced": ActionText("Content made current", "{files} files"),
    "key-first-seen": ActionText("First start with this log", "secret key {fingerprint}"),
    "key-changed": ActionText("Secret key changed", "{before} → {fingerprint}"),
    "backup-made": ActionText("Backup made", "{rows} rows, {files} files"),
    "database-restored": ActionText("Backup restored", "{rows} rows, {files} files"),
    "summaries-rebuilt": ActionText("Summaries rebuilt", "{written} of {checked} were wrong"),
    "data-pruned": ActionText("Old data deleted", "{counts}"),
}
assert ACTION_TEXTS.keys() == set(get_args(ActionCode))


def action_label(action: str) -> str:
    """The action in words; of one that this version does not know, its code."""
    return ACTION_TEXTS[action].label if action in ACTION_TEXTS else action


def detail_summary(action: str, detail: Mapping[str, Any]) -> str:
    """What the detail of an event says, in a few words; "" when it adds nothing for people."""
    template = ACTION_TEXTS[action].summary if action in ACTION_TEXTS else None
    if template is not None:
        try:
            return template.format_map({name: _value_text(value) for name, value in detail.items()})
        except KeyError:
            pass  # another version of quizserver wrote the event
    return ", ".join(f"{name}: {_value_text(value)}" for name, value in detail.items())


def _value_text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_value_text(number)} {name}" for name, number in value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value)
