"""Every setting of the server: its name, default, help, and the environment variable that sets it.

A setting ``run_seconds_max`` is read from ``QUIZSERVER_RUN_SECONDS_MAX``; a command-line flag of
the same name wins over the environment. Nothing is read at import.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "QUIZSERVER_"
CANNOT_START = 78
"""The exit code of a web process that has said why it can't start: starting it again would not help
(sysexits.h calls it EX_CONFIG)."""
SECRET_KEY_VARIABLE = f"{ENVIRONMENT_PREFIX}SECRET_KEY"
RATE_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = rf"[1-9][0-9]{{0,6}}/({'|'.join(RATE_SECONDS)})"
SECRET_KEY_LENGTH_MIN = 32
"""Characters: whoever guesses the key can write every cookie."""
SECRET_KEY_VARIETY_MIN = 8
"""Different characters in a key; a random one of that length has twice as many."""
_KEY_RECIPE = "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
SHIPPED_ROOT = Path(__file__).parent / "_shipped"
CHECKOUT_ROOT = Path(__file__).parent.parent


class SettingsError(ValueError):
    """A setting has a value that can't be used; the message names it and says which values can."""


def shipped_folder(name: str) -> Path:
    """The shipped folder ``name``: in the wheel, or beside the package in a checkout."""
    packaged = SHIPPED_ROOT / name
    return packaged if packaged.is_dir() else CHECKOUT_ROOT / name


def _setting_field(default: Any, help: str, *, low: float | None = None) -> Any:
    return dataclass_field(default=default, metadata={"help": help, "low": low})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server. Sizes and times carry their unit in their name or help."""

    data: Path = _setting_field(Path("var"), "folder for the databases and the secret key")
    content: Path = _setting_field(
        shipped_folder("content"),
        "folder of topics; unless set, those that come along with quizserver",
    )
    host: str = _setting_field("127.0.0.1", "address to listen on")
    port: int = _setting_field(8000, "port to listen on; 0 picks a free one", low=0)
    database_url: str = _setting_field(
        "",
        "where to keep what people did, such as postgresql://user:password@host/name; empty means"
        " SQLite in the data folder",
    )
    runs_url: str = _setting_field(
        "",
        "where to keep runs and their curves; empty means the PostgreSQL of DATABASE_URL, or SQLite"
        " in the data folder",
    )
    queue_url: str = _setting_field(
        "",
        "queue of runs, such as redis://host or postgresql://host/name; empty means the PostgreSQL"
        " of DATABASE_URL, or SQLite in the data folder",
    )
    secret_key: str = _setting_field(
        "",
        f"key that signs sessions, {SECRET_KEY_LENGTH_MIN} random characters or more; empty means"
        " one made once and kept in the data folder",
    )
    https: bool = _setting_field(
        False, "the site is reached through HTTPS: cookies are Secure and HSTS is sent"
    )
    hsts_subdomains: bool = _setting_field(
        True,
        "HSTS binds the names below the site's name too; 0 where one of them has no HTTPS",
    )
    proxies: int = _setting_field(
        0, "reverse proxies in front whose X-Forwarded-For and -Proto are trusted", low=0
    )
    web_processes: int = _setting_field(
        1, "web processes; more than one wants PostgreSQL, as SQLite has one writer", low=1
    )
    web_threads: int = _setting_field(
        48, "threads of a web process; each open live curve holds one", low=4
    )
    streams_max: int = _setting_field(
        32,
        "live curves open at once in a web process; they get three quarters of its threads at most",
        low=1,
    )
    streams_per_visitor: int = _setting_field(
        4, "live curves that one visitor may have open", low=1
    )
    workers: int = _setting_field(0, "simulation workers; 0 means one for each core", low=0)
    kernel: str = _setting_field(
        "",
        "the training kernel: x86-64-v2, -v3, -v4, aarch64, riscv64 (native ones) or wasm; empty"
        " means the best that this machine can run",
    )
    run_seconds_max: float = _setting_field(120.0, "seconds after which a run is ended", low=0.1)
    map_seconds_max: float = _setting_field(
        600.0, "seconds after which a phase map that somebody asked for is ended", low=0.1
    )
    verify_seconds_max: float = _setting_field(
        1800.0, "seconds after which a verification that an author asked for is ended", low=0.1
    )
    run_memory_mb: int = _setting_field(2048, "MiB of memory that one run may use", low=64)
    run_replicas_max: int = _setting_field(64, "replicas that one run may train", low=1)
    runs_waiting_max: int = _setting_field(64, "runs that may wait for a worker", low=1)
    runs_per_visitor: int = _setting_field(2, "runs of one visitor that run or wait at once", low=1)
    runs_kept_mb: int = _setting_field(512, "MiB of finished runs that are kept", low=1)
    keep_guests_days: int = _setting_field(
        0,
        "days for which guests who do nothing more are kept, with their answers; 0 keeps them for"
        " ever, as it does whoever is in a class",
        low=0,
    )
    keep_runs_days: int = _setting_field(
        0,
        "days for which runs that nobody looks at are kept; 0 leaves it to RUNS_KEPT_MB alone",
        low=0,
    )
    keep_sessions_days: int = _setting_field(
        0,
        "days after which an account is signed out in a browser that is not used; 0 never does so,"
        " and guests keep theirs as long as KEEP_GUESTS_DAYS keeps them",
        low=0,
    )
    keep_log_days: int = _setting_field(
        0, "days for which the log of what was done to others is kept; 0 keeps it for ever", low=0
    )
    body_kb: int = _setting_field(256, "KiB that a request may send", low=16)
    upload_kb: int = _setting_field(
        4096, "KiB that an image which an author sends may have", low=16
    )
    limit_sign_in_account: str = _setting_field(
        "10/minute;60/hour",
        "wrong passwords at one account from one client address, or in one browser that it knows",
    )
    limit_sign_in_client: str = _setting_field(
        "100/minute;600/hour",
        "sign-ins from one client address, right or wrong; a classroom may share it",
    )
    limit_sign_up: str = _setting_field(
        "60/hour", "sign-ups from one client address, those with an address that is taken included"
    )
    limit_join_client: str = _setting_field(
        "60/minute;600/hour", "wrong join codes from one client address; a classroom may share it"
    )
    limit_answers_client: str = _setting_field(
        "1200/minute", "answers from one client address; a classroom may share it"
    )
    limit_reports_client: str = _setting_field(
        "60/hour",
        "reports that something is wrong with a question, from one client address or account",
    )
    limit_runs: str = _setting_field("60/minute", "runs asked for by one visitor")
    limit_runs_client: str = _setting_field(
        "600/minute", "runs asked for from one client address; a classroom may share it"
    )
    limit_plans: str = _setting_field(
        "180/minute", "plans for training in the browser asked for by one visitor"
    )
    limit_plans_client: str = _setting_field(
        "1800/minute", "such plans asked for from one client address"
    )
    content_poll_seconds: float = _setting_field(
        0.5, "seconds between looks for changed topic files", low=0.05
    )

    @property
    def data_url(self) -> str:
        """SQLAlchemy URL of the database of accounts, answers, classes and drafts."""
        return self.database_url or f"sqlite:///{self.data / 'quizserver.sqlite3'}"

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the database of runs, which can be computed again."""
        return self.runs_url or self._postgresql_url or f"sqlite:///{self.data / 'runs.sqlite3'}"

    @property
    def broker_url(self) -> str:
        """URL of the queue between the web processes and the workers."""
        return self.queue_url or self._postgresql_url or f"sqlite:///{self.data / 'queue.sqlite3'}"

    @property
    def _postgresql_url(self) -> str:
        return self.database_url if self.database_url.startswith("postgres") else ""

    @property
    def streams_at_once(self) -> int:
        """How many live curves a web process serves at once: some threads stay free for pages."""
        return min(self.streams_max, self.web_threads * 3 // 4)

    @property
    def worker_count(self) -> int:
        return self.workers or max(1, os.cpu_count() or 1)

    def to_environment(self) -> dict[str, str]:
        """These settings as environment variables, so that a child process reads the same ones."""
        return {
            ENVIRONMENT_PREFIX + f.name.upper(): _setting_text(getattr(self, f.name))
            for f in fields(self)
        }


def load_settings(environ: Mapping[str, str], **flags: Any) -> Settings:
    """Settings from the environment, with the flags that are not None on top.

    Raises SettingsError for an unknown ``QUIZSERVER_`` variable or a value that can't be used.
    """
    fields_by_name = {f.name: f for f in fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or not text.strip():
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name not in fields_by_name:
            raise SettingsError(
                f"{variable} is not a setting. `quizserver settings` lists them all."
            )
        values[name] = _parse_setting(variable, text, fields_by_name[name].default)
    values |= {name: value for name, value in flags.items() if value is not None}
    for name, value in values.items():
        minimum = fields_by_name[name].metadata["low"]
        if minimum is not None and not value >= minimum:
            raise SettingsError(
                f"{ENVIRONMENT_PREFIX}{name.upper()} is {value}; it must be at least {minimum:g}."
            )
        if value == math.inf:
            raise SettingsError(
                f"{ENVIRONMENT_PREFIX}{name.upper()} is {value}; it must be a finite number."
            )
        if name.startswith("limit_") and not re.fullmatch(f"{_RATE}(;{_RATE})*", value):
            raise SettingsError(
                f"{ENVIRONMENT_PREFIX}{name.upper()} is {value!r}; it must be like 10/minute or"
                " 10/minute;60/hour."
            )
    settings = replace(Settings(), **values)
    if settings.secret_key:
        _check_secret_key(settings.secret_key, SECRET_KEY_VARIABLE, _KEY_RECIPE)
    return settings


def setting_rows() -> list[dict[str, str]]:
    """One row a setting: name, variable, default, help. For the command line and the docs."""
    return [
        {
            "name": f.name,
            "variable": ENVIRONMENT_PREFIX + f.name.upper(),
            "default": _setting_text(f.default),
            "help": f.metadata["help"],
        }
        for f in fields(Settings)
    ]


def secret_key(settings: Settings) -> str:
    """The key that signs sessions: the setting, or one made once and kept in the data folder.

    Raises SettingsError when the key could be guessed, OSError when the folder can't be used.
    """
    if settings.secret_key:
        _check_secret_key(settings.secret_key, SECRET_KEY_VARIABLE, _KEY_RECIPE)
        return settings.secret_key
    path = settings.data / "secret_key"
    try:
        # O_EXCL: of two processes that start together one makes the key and the other reads it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key_file(path)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return _read_key_file(path)


def stored_secret_key(settings: Settings) -> str | None:
    """The key that ``secret_key`` would return, for a copy; None where none was made yet.

    Raises OSError when it can't be read.
    """
    if settings.secret_key:
        return settings.secret_key
    try:
        return (settings.data / "secret_key").read_text("ascii", "replace").strip() or None
    except FileNotFoundError:
        return None


def _read_key_file(path: Path) -> str:
    deadline = time.monotonic() + 1
    # Between another process's making the file and its writing the key, the file is empty.
    while not (key := path.read_text("ascii", "replace").strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    advice = "Bring it back from a backup, or delete it: a new one is made, and everybody signs in"
    _check_secret_key(key, f"The key in {path}", f"{advice} again.")
    return key


def _check_secret_key(key: str, where: str, advice: str) -> None:
    """Raises SettingsError when the key could be guessed. The message does not repeat the key."""
    if len(key) < SECRET_KEY_LENGTH_MIN:
        count = f"{len(key)} character{'' if len(key) == 1 else 's'}"
        raise SettingsError(
            f"{where} has {count}; it must have at least {SECRET_KEY_LENGTH_MIN}. {advice}"
        )
    if len(set(key)) < SECRET_KEY_VARIETY_MIN:
        raise SettingsError(f"{where} repeats a few characters; it must be random. {advice}")


def _setting_text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def _parse_setting(variable: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.strip().lower()
            ]
        if not isinstance(default, str | Path) and (not text.isascii() or "_" in text):
            raise ValueError(text)  # ``int`` and ``float`` take the digits of every script
        return type(default)(text)
    except (KeyError, ValueError):
        kind = {bool: "0 or 1", int: "a whole number", float: "a number"}[type(default)]
        raise SettingsError(f"{variable} is {text!r}; it must be {kind}.") from None
