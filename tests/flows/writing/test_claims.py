"""Claims are verified for authors, and for nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from quizserver.settings import Settings
from tests.flows.browser_client import Visitor
from tests.flows.writing.desk import CLAIMING, EDITOR, write


def test_a_verification_is_nothing_for_anybody_but_authors(
    author: Visitor,
    join: Callable[..., Visitor],
    visitor: Visitor,
    content: Path,
    settings: Settings,
):
    """What it tells is the key, so it is no run that can be looked at, downloaded or stopped."""
    (content / "numbers/simulation.py").write_text("raise RuntimeError('never imported here')\n")
    write(author, CLAIMING)
    author.send(f"{EDITOR}/verify") if author.open(EDITOR) else None
    assert author.status == 200
    assert "It waits for a worker" in author.text
    run_id = re.search(r"/write/verifications/([0-9a-f]{24})", author.page)
    assert run_id
    learner = join("learner")
    for who in (visitor, learner):
        who.open("/")
        token = re.search(r'name="csrf-token" content="([^"]+)"', who.page)
        assert token
        for address in ("", "/events", "?part=1"):
            assert who.client.get(f"/write/verifications/{run_id[1]}{address}").status_code == 404
        stop = who.client.post(
            f"/write/verifications/{run_id[1]}/stop", data={"csrf_token": token[1]}
        )
        assert stop.status_code == 404
    for who in (visitor, learner, author):
        for address in ("", "/events", ".csv", "?replicas=1"):
            assert who.client.get(f"/runs/{run_id[1]}{address}").status_code == 404, address
    author.open(f"/write/verifications/{run_id[1]}")
    author.send("/stop")
    assert "It was stopped" in author.text


def test_a_page_without_claims_is_not_verified_and_says_why(author: Visitor):
    author.open(EDITOR)
    author.send(f"{EDITOR}/verify")
    assert "no claim in this topic" in author.text
