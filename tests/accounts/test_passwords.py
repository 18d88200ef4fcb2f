"""Passwords: hashed with Argon2id, verified for unknown accounts too, and hard to guess."""

from __future__ import annotations

import hashlib
import threading

import pytest
from argon2 import PasswordHasher

from quizserver.accounts import passwords
from quizserver.accounts.model import PASSWORD_MIN, normalise_email, password_fault
from quizserver.accounts.passwords import (
    _DUMMY_HASH,
    hash_password,
    needs_rehash,
    verify_password,
)
from quizserver.accounts.weak_passwords import COMMON_PASSWORDS, is_common_password
from tests.accounts.racing import run_at_once


def test_the_right_password_fits_and_another_does_not():
    hashed = hash_password("correct horse")
    assert verify_password(hashed, "correct horse")
    assert not verify_password(hashed, "correct hors")
    assert hashed != hash_password("correct horse"), "each hash has a salt of its own"


def test_an_unknown_account_has_no_password():
    assert not verify_password(None, "the password of nobody")


def test_a_broken_hash_fits_nothing():
    assert not verify_password("no hash at all", "correct horse")


def test_the_dummy_hash_takes_as_long_as_one_that_is_made_now():
    assert not needs_rehash(_DUMMY_HASH)


def test_the_hash_costs_what_it_should():
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in hash_password("correct horse")


def test_hashes_of_many_requests_run_in_two_threads_at_most(monkeypatch: pytest.MonkeyPatch):
    """A thread that has hashed once keeps 19 MiB."""
    threads: set[int] = set()

    class NotingHasher:
        def hash(self, password: str) -> str:
            threads.add(threading.get_ident())
            return password

        def verify(self, password_hash: str, password: str) -> bool:
            return self.hash(password) == password_hash

    monkeypatch.setattr(passwords, "_HASHER", NotingHasher())
    assert run_at_once(lambda number: hash_password(str(number)), 12) == list(map(str, range(12)))
    assert all(run_at_once(lambda number: verify_password(str(number), str(number)), 12))
    assert 1 <= len(threads) <= 2


def test_a_weaker_hash_needs_a_new_one():
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("correct horse")
    assert needs_rehash(weak)
    assert not needs_rehash(hash_password("correct horse"))


@pytest.mark.parametrize(
    ("typed", "normal_form"),
    [(" Ana@Example.ORG ", "ana@example.org"), ("STRASSE@exämple.org", "strasse@exämple.org")],
)
def test_an_address_is_stored_in_its_normal_form(typed: str, normal_form: str):
    assert normalise_email(typed) == normal_form


@pytest.mark.parametrize("text", ["", "ana", "ana@", "@example.org", "a b@example.org", "a" * 300])
def test_text_that_is_no_address_is_refused_with_a_sentence(text: str):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        normalise_email(text)


def test_the_list_of_common_passwords_is_the_one_that_its_readme_describes():
    content = COMMON_PASSWORDS.read_bytes()
    readme = COMMON_PASSWORDS.with_name("README.md").read_text("utf-8")
    assert hashlib.sha256(content).hexdigest() in readme
    words = content.decode().splitlines()
    assert f"{len(words):,} passwords" in readme
    assert all(len(word) >= PASSWORD_MIN and word == word.lower() for word in words)
    assert all(is_common_password(word) for word in (words[0], words[-1]))


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("1234567", "at least 8"),
        ("x" * 257, "at most 256"),
        ("abababab", "more than two different"),
        ("ana.long.name", "your own address"),
        ("correct horse", None),
        ("密码密码一二三四", None),
        ("x1 " * 85, None),
        ("Password1", "guessed first"),
        ("iloveyou", "guessed first"),
        ("QuizServer-2026!", "words of this site"),
        ("machine learning 1", "words of this site"),
        ("a quiz of my own", None),
        ("machinelearning" * 17 + "x", None),
        ("quizserver" * 25 + "!", "words of this site"),
        ("1234 5678 9876", None),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, fault: str | None):
    message = password_fault(password, "ana.long.name@example.org")
    assert message is None if fault is None else fault in (message or "")
