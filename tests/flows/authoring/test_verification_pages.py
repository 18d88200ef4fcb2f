"""Claims are verified for authors, and for nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from quizserver.settings import Settings
from tests.flows.authoring.editor_visits import CLAIMING, EDITOR, save_text
from tests.flows.browser_client import Visitor


def test_a_verification_is_nothing_for_anybody_but_authors(
    author: Visitor,
    sign_up_as: Callable[..., Visitor],
    visitor: Visitor,
    content: Path,
    settings: Settings,
):
    """Its verdicts are the key, so nobody else can look at it, download it or stop it."""
    (content / "numbers/simulation.py").write_text("raise RuntimeError('never imported here')\n")
    save_text(author, CLAIMING)
    author.open(EDITOR)
    author.send(f"{EDITOR}/verify")
    assert author.status == 200
    assert "It waits for a worker" in author.text
    run_id = re.search(r"/write/verifications/([0-9a-f]{24})", author.page)
    assert run_id
    learner = sign_up_as("learner")
    for person in (visitor, learner):
        person.open("/")
        token = re.search(r'name="csrf-token" content="([^"]+)"', person.page)
        assert token
        for address in ("", "/events", "?part=1"):
            assert (
                person.client.get(f"/write/verifications/{run_id[1]}{address}").status_code == 404
            )
        stop = person.client.post(
            f"/write/verifications/{run_id[1]}/stop", data={"csrf_token": token[1]}
        )
        assert stop.status_code == 404
    for person in (visitor, learner, author):
        for address in ("", "/events", ".csv", "?replicas=1"):
            assert person.client.get(f"/runs/{run_id[1]}{address}").status_code == 404, address
    author.open(f"/write/verifications/{run_id[1]}")
    author.send("/stop")
    assert "It was stopped" in author.text


def test_a_page_without_claims_is_not_verified_and_says_why(author: Visitor):
    author.open(EDITOR)
    author.send(f"{EDITOR}/verify")
    assert "no claim in this topic" in author.text
