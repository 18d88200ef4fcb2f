"""Learners of a soak: each answers the same questions again and again, and remembers what was
acknowledged, so that the database can be held to it at the end."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.soak.questions import QUESTIONS
from tests.serve.server import HttpClient, field_value

# A form whose answer was lost on the way is sent again now and then, as impatient people do.
REPEATED_SHARE = 0.3
PAUSE_SECONDS = 0.05
TIMEOUT_SECONDS = 40.0

UNREACHABLE = (OSError, http.client.HTTPException)


@dataclass(frozen=True, order=True)
class Submission:
    """One filled form: the idempotency key of an attempt, but for the person."""

    question: str
    number: int


@dataclass
class Tally:
    """What all learners together met; ``statuses`` counts answers to posted forms."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    statuses: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)

    def count(self, status: str) -> None:
        with self.lock:
            self.statuses[status] += 1

    def report(self, sentence: str) -> None:
        with self.lock:
            if len(self.unexpected) < 50:
                self.unexpected.append(sentence)


class Learner(threading.Thread):
    """A guest at one of the hosts, ``urls``; when one does not answer, the next is tried."""

    def __init__(self, name: str, urls: Sequence[str], tally: Tally, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.client = HttpClient(urls[0])
        self.acknowledged: set[Submission] = set()
        self.in_doubt: set[Submission] = set()
        self.is_stopping = threading.Event()
        self._urls = urls
        self._tally = tally
        self._random = random.Random(seed)

    def run(self) -> None:
        while not self.is_stopping.is_set():
            try:
                self._answer_once()
            except UNREACHABLE:
                self._tally.count("no answer")
                self.client.url = self._random.choice(self._urls)
                time.sleep(0.2)
            time.sleep(PAUSE_SECONDS)

    def _answer_once(self) -> None:
        question = self._random.choice(list(QUESTIONS))
        path = f"/questions/{question}"
        status, page = self._request(f"{path}?again=1")
        if status != 200:
            return
        names = ("csrf_token", "version", "number")
        fields = [(name, field_value(page, name)) for name in names]
        fields.append(("option", self._random.choice(QUESTIONS[question])))
        submission = Submission(question, int(dict(fields)["number"]))
        times = 2 if self._random.random() < REPEATED_SHARE else 1
        for _ in range(times):
            self._submit(f"{path}/answer", fields, submission)

    def _submit(self, path: str, fields: list[tuple[str, str]], submission: Submission) -> None:
        if submission not in self.acknowledged:
            self.in_doubt.add(submission)
        status, _ = self._request(path, urllib.parse.urlencode(fields).encode())
        self._tally.count(str(status))
        if status == 200:  # the redirect to the result was followed
            self.acknowledged.add(submission)
            self.in_doubt.discard(submission)
        elif status in {409, 422, 503}:
            # A refusal keeps nothing; but a form that was sent before may have been kept.
            pass

    def _request(self, path: str, body: bytes | None = None) -> tuple[int, str]:
        try:
            with self.client.open(path, body, TIMEOUT_SECONDS) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            if error.code >= 500 and error.code != 503:
                self._tally.report(f"{self.name}: {error.code} at {path}")
            return error.code, text

    def stored_attempts(self, url: str) -> list[dict[str, Any]]:
        """What the server has of this learner, by the download of their own data."""
        self.client.url = url
        return list(json.loads(self.client.get("/account/data.json")).get("attempts", []))
