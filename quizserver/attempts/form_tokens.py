"""The two codes in a question's form: the signed moment at which it was first shown, and a code
for the version of the question that hides the version.

The server stores neither. A hint or an error page repeats the moment that the form came with; the
page opened again gets a new one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer

from quizserver.topics.model import Question

ELAPSED_SECONDS_MAX = 24 * 3600
"""Seconds: a form open for longer says nothing of how long its answer took."""


@dataclass(frozen=True, slots=True)
class FormTokens:
    """``secret`` is the server's key."""

    secret: str

    def sign_opened_at(self, visitor: str, question: str, number: int, moment: float) -> str:
        """Signs a ``moment`` (Unix time in s, kept to a tenth) for one visitor and one attempt."""
        signer = self._opened_at_signer(visitor, question, number)
        return signer.sign(f"{10 * moment:.0f}").decode()

    def read_opened_at(self, visitor: str, question: str, number: int, token: str) -> float | None:
        """The moment in ``token``; None when it was not signed here for this very attempt."""
        try:
            tenths = self._opened_at_signer(visitor, question, number).unsign(token)
        except BadSignature:
            return None
        return int(tenths) / 10

    def _opened_at_signer(self, visitor: str, question: str, number: int) -> Signer:
        # In the salt and not in the message: the visitor's token must not be readable in the page.
        return Signer(
            self.secret,
            salt=f"opened-at\0{visitor}\0{question}\0{number}",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )

    def version_code(self, question: Question, visitor: str) -> str:
        """A code for what the question asks and is graded by, that only the server can compute.

        The graded version itself is a digest of the text with its key: with few options, somebody
        could try every key until the digest fits.
        """
        message = f"{visitor}\0{question.id}\0{question.graded_version}".encode()
        return hmac.new(self.secret.encode(), message, "sha256").hexdigest()[:32]

    def is_version_code(self, code: str, question: Question, visitor: str) -> bool:
        return hmac.compare_digest(code.encode(), self.version_code(question, visitor).encode())


def elapsed_seconds(opened_at: float | None, now: float) -> float | None:
    """Seconds from ``opened_at`` to ``now`` (Unix times in s), to a tenth.

    None when the start is unknown, more than a second ahead, or ``ELAPSED_SECONDS_MAX`` ago.
    """
    if opened_at is None:
        return None
    elapsed = round(now - opened_at, 1)
    return max(0.0, elapsed) if -1 <= elapsed <= ELAPSED_SECONDS_MAX else None
