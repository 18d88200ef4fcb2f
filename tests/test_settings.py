"""Settings: every one can be set, is checked, is documented, and reaches child processes."""

from __future__ import annotations

import secrets
import stat
import threading
from dataclasses import fields
from pathlib import Path

import pytest

from quizserver.settings import (
    ENVIRONMENT_PREFIX,
    Settings,
    SettingsError,
    load_settings,
    secret_key,
    setting_rows,
)


def test_without_any_variable_the_defaults_hold():
    assert load_settings({}) == Settings()


def test_a_variable_sets_each_kind_of_setting():
    loaded = load_settings(
        {
            "QUIZSERVER_DATA": "/srv/data",
            "QUIZSERVER_PORT": "9000",
            "QUIZSERVER_HTTPS": "yes",
            "QUIZSERVER_RUN_SECONDS_MAX": "2.5",
            "PATH": "/bin",
        }
    )
    assert loaded.data == Path("/srv/data")
    assert (loaded.port, loaded.https, loaded.run_seconds_max) == (9000, True, 2.5)


def test_an_empty_variable_is_as_good_as_none():
    assert load_settings({"QUIZSERVER_CONTENT": "", "QUIZSERVER_PORT": " "}) == Settings()


def test_a_folder_named_by_a_dot_is_that_folder_and_not_the_shipped_one():
    assert load_settings({}, content=Path()).content == Path()
    assert load_settings({"QUIZSERVER_CONTENT": "."}).content == Path()


def test_a_flag_wins_over_its_variable_and_a_missing_flag_does_not():
    environment = {"QUIZSERVER_PORT": "9000", "QUIZSERVER_HOST": "0.0.0.0"}
    loaded = load_settings(environment, port=7000, host=None)
    assert (loaded.port, loaded.host) == (7000, "0.0.0.0")


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("QUIZSERVER_PORT", "many", "a whole number"),
        ("QUIZSERVER_HTTPS", "perhaps", "0 or 1"),
        ("QUIZSERVER_RUN_SECONDS_MAX", "soon", "a number"),
        ("QUIZSERVER_RUN_REPLICAS_MAX", "0", "at least 1"),
        ("QUIZSERVER_RUN_SECONDS_MAX", "nan", "at least"),
        ("QUIZSERVER_RUN_SECONDS_MAX", "inf", "finite"),
        ("QUIZSERVER_LIMIT_SIGN_UP", "lots", "like 10/minute"),
        ("QUIZSERVER_LIMIT_RUNS", "5/fortnight", "like 10/minute"),
        ("QUIZSERVER_LIMIT_RUNS", "5/minute;", "like 10/minute"),
        ("QUIZSERVER_PROT", "80", "is not a setting"),
        ("QUIZSERVER_PORT", "٨٠٠٠", "a whole number"),
        ("QUIZSERVER_PORT", "8_000", "a whole number"),
        ("QUIZSERVER_RUN_SECONDS_MAX", "１２", "a number"),
        ("QUIZSERVER_LIMIT_RUNS", "٥/minute", "like 10/minute"),
        ("QUIZSERVER_SECRET_KEY", "short and known", "at least 32.*token_urlsafe"),
        ("QUIZSERVER_SECRET_KEY", "x" * 31, "31 characters"),
        ("QUIZSERVER_SECRET_KEY", "changeme" * 4, "random"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(variable: str, text: str, message: str):
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings({variable: text})
    assert variable in str(caught.value)
    assert variable != "QUIZSERVER_SECRET_KEY" or text not in str(caught.value)


def test_the_defaults_of_limits_are_limits_as_they_must_be_written():
    assert load_settings(Settings().to_environment()) == Settings()


@pytest.mark.parametrize(("threads", "streams", "at_once"), [(48, 32, 32), (8, 32, 6), (4, 1, 1)])
def test_live_curves_leave_threads_for_pages(threads: int, streams: int, at_once: int):
    assert Settings(web_threads=threads, streams_max=streams).streams_at_once == at_once


def test_child_processes_read_the_same_settings_from_the_environment():
    settings = load_settings({}, port=1234, data=Path("/x y/z"), https=True, limit_runs="1/second")
    assert load_settings(settings.to_environment()) == settings


def test_every_setting_has_help_and_a_variable_of_its_name():
    assert [row["variable"] for row in setting_rows()] == [
        ENVIRONMENT_PREFIX + field.name.upper() for field in fields(Settings)
    ]
    assert all(len(row["help"]) > 10 for row in setting_rows())


def test_the_readme_documents_no_setting_that_does_not_exist():
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    variables = {row["variable"] for row in setting_rows()}
    mentions = {word.strip("`.,;=()") for word in readme.split() if ENVIRONMENT_PREFIX in word}
    documented = {
        w.split("=")[0].strip("`")
        for w in mentions
        if w.startswith(ENVIRONMENT_PREFIX) and "…" not in w
    }
    assert documented <= variables


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path):
    settings = Settings(data=tmp_path)
    first = secret_key(settings)
    assert secret_key(settings) == first
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_random_key_of_32_characters_is_taken_in_each_usual_spelling():
    for key in (
        secrets.token_hex(16),
        secrets.token_urlsafe(24),
        "gehen Äpfel am Abend über Brücken",
    ):
        assert secret_key(load_settings({"QUIZSERVER_SECRET_KEY": key})) == key


@pytest.mark.parametrize("content", ["", "guessed\n"])
def test_a_key_file_that_was_cut_short_stops_the_start_and_says_what_to_do(
    tmp_path: Path, content: str
):
    (tmp_path / "secret_key").write_text(content)
    with pytest.raises(SettingsError, match=r"backup, or delete it") as caught:
        secret_key(Settings(data=tmp_path))
    assert "guessed" not in str(caught.value)


def test_a_process_waits_for_the_key_that_another_is_writing(tmp_path: Path):
    key = secrets.token_urlsafe(48)
    path = tmp_path / "secret_key"
    path.touch()
    writer = threading.Timer(0.1, path.write_text, [key])
    writer.start()
    assert secret_key(Settings(data=tmp_path)) == key
    writer.join()
