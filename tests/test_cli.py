"""The command line: helpful help, exit codes, and JSON that programs can rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from quizserver.accounts import sessions_store
from quizserver.accounts import store as accounts_store
from quizserver.accounts.sessions import GuestToken
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.settings import Settings, shipped_folder

COMMANDS = [
    "serve", "worker", "migrate", "new", "preview", "check", "verify", "simulate", "import",
    "export", "user", "audit", "backup", "restore", "rebuild", "prune", "content", "demo",
    "settings",
]  # fmt: skip


def run_command(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env=environment)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_and_explains_itself(command: str):
    assert f"  {command} " in run_command("--help").output
    help_text = run_command(command, "--help").output
    assert help_text.count("\n") > 4


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str):
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    assert f"| `quizserver {command}` |" in readme


def test_there_is_no_command_that_these_tests_do_not_list():
    assert main.list_commands(click.Context(main)) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_says_of_each_command_what_its_own_help_begins_with(command: str):
    loaded = main.get_command(click.Context(main), command)
    assert loaded is not None
    listed = " ".join(run_command("--help").output.split())
    assert f" {command} {loaded.get_short_help_str(limit=300)}" in listed


def test_the_list_of_commands_imports_the_package_of_none():
    """Or ``--help`` and every shell completion would take seconds on a slow machine."""
    code = """
import sys
from click.testing import CliRunner
from quizserver.cli import main
assert CliRunner().invoke(main, ["--help"]).exit_code == 0
print(*sorted(name for name in sys.modules if name.startswith("quizserver.")))
print(*{"flask", "sqlalchemy", "numpy", "pydantic", "torch", "yaml"} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own, libraries = done.stdout.split("\n")[:2]
    assert own.split() == ["quizserver.cli", "quizserver.command_line", "quizserver.settings"]
    assert libraries == ""


def test_settings_lists_every_setting_for_people_and_for_programs():
    rows = json.loads(run_command("settings", "--json").output)
    assert [row["name"] for row in rows] == list(Settings.__dataclass_fields__)
    text = run_command("settings").output
    assert all(row["variable"] in text and row["help"] in text for row in rows)


def test_check_is_silent_about_good_topics(content: Path):
    result = run_command("check", "--content", content, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (
        0,
        {"problems": [], "counts": {"problems": 0, "warnings": 0}},
    )


def test_check_names_file_line_column_and_what_to_do(content: Path):
    bad = content / "numbers" / "bad.md"
    bad.write_text("# Bad\n\n- [ ] One\n- [ ] Two\n")
    result = run_command("check", "--content", content)
    assert result.exit_code == 1
    assert "numbers/bad.md:3:" in result.stdout
    (problem,) = json.loads(run_command("check", bad, "--json").stdout)["problems"]
    assert problem["line"] == 3
    assert set(problem) == {"path", "line", "column", "severity", "code", "message", "hint"}


def test_check_counts_warnings_apart_and_exits_with_1_for_them_only_if_strict(content: Path):
    warned = content / "numbers" / "warned.md"
    warned.write_text("# Warned\n\n- [x] `One`\n- [ ] Two\n")
    result = run_command("check", "--content", content)
    assert result.exit_code == 0
    assert "numbers/warned.md:3:3: warning: Only right options carry code" in result.stdout
    assert result.stderr == "1 warning.\n"
    assert run_command("check", "--strict", "--content", content).exit_code == 1
    report = json.loads(run_command("check", "--json", "--content", content).stdout)
    assert report["counts"] == {"problems": 0, "warnings": 1}
    assert [problem["severity"] for problem in report["problems"]] == ["warning"]


def test_check_of_a_folder_that_is_not_there_says_so(tmp_path: Path):
    result = run_command("check", tmp_path / "nowhere")
    assert result.exit_code != 0
    assert "nowhere" in result.output


@pytest.mark.slow
def test_verify_prints_what_programs_rely_on():
    result = run_command("verify", "strange-loss", "--seeds", "5:9", "--json", "--no-maps")
    report = json.loads(result.stdout)
    (topic,) = report["topics"]
    assert topic["topic"] == "strange-loss"
    assert topic["seeds"] == [5, 6, 7, 8]
    for claim in topic["claims"]:
        always = {
            "question", "option", "arm", "shape", "k", "n", "low", "high", "verdict", "expected",
            "agrees", "nudged", "on_edge",
        }  # fmt: skip
        # of a claim about pairs, about a number, about another series than the first
        assert always <= set(claim) <= always | {"versus", "value", "series"}
        assert 0 <= claim["k"] <= claim["n"] == 4
        assert 0 <= claim["nudged"]["changed"] <= 4
    assert {c["option"] for c in topic["claims"]} >= {"low-rate", "high-rate", None}
    holds = [c["agrees"] and not (c["option"] and c["on_edge"]) for c in topic["claims"]]
    assert result.exit_code == (0 if all(holds) else 1)


@pytest.mark.slow
def test_verify_fails_when_the_key_contradicts_the_evidence(tmp_path: Path):
    shipped = Settings().content / "strange-loss"
    folder = tmp_path / "content" / "strange-loss"
    folder.mkdir(parents=True)
    (folder / "simulation.py").write_text((shipped / "simulation.py").read_text())
    (folder / "q.md").write_text(
        """---
claims:
  - {option: high, arm: high-rate, shape: plateau-then-drop}
  - {option: low, arm: low-rate, shape: plateau-then-drop}
---
# Which one does it?

- [x] Too high {#high}
- [ ] Too low {#low}
"""
    )
    result = run_command(
        "verify", "--content", folder.parent, "--seeds", "0:16", "--json", "--no-maps"
    )
    assert result.exit_code == 1
    claims = {c["option"]: c for c in json.loads(result.stdout)["topics"][0]["claims"]}
    assert (claims["high"]["expected"], claims["high"]["verdict"]) == ("supported", "refuted")
    assert (claims["low"]["expected"], claims["low"]["verdict"]) == ("refuted", "supported")
    assert not claims["high"]["agrees"]
    assert not claims["low"]["agrees"]
    assert not (folder / "evidence.json").exists(), "only --update writes"
    run_command("verify", "--content", folder.parent, "--seeds", "0:1", "--update")
    assert json.loads((folder / "evidence.json").read_text())["topic"] == "strange-loss"


def test_verify_refuses_to_pass_over_a_broken_file(content: Path):
    (content / "numbers" / "bad.md").write_text("# Bad\n\n- [ ] One\n- [ ] Two\n")
    result = run_command("verify", "--content", content)
    assert result.exit_code == 1
    assert "numbers/bad.md:3" in result.stderr


@pytest.mark.slow
def test_simulate_prints_one_curve_a_replica():
    result = run_command(
        "simulate",
        "strange-loss/low-rate",
        "--set",
        "learning_rate=0.5",
        "--seeds",
        "3:5",
        "--json",
    )
    curves = json.loads(result.stdout)
    assert (curves["topic"], curves["arm"], curves["seeds"]) == ("strange-loss", "low-rate", [3, 4])
    assert curves["knobs"]["learning_rate"] == 0.5
    assert len(curves["series"]["loss"]) == 2
    assert all(len(curve) == len(curves["x"]) for curve in curves["series"]["loss"])


def test_users_are_made_listed_changed_and_deleted(tmp_path: Path):
    data = ("user", "--data", tmp_path)

    def user(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(a) for a in (*data, *arguments)], input=text)

    assert user("add", "Ana@example.org", "--password-stdin", text="short\n").exit_code == 1
    added = user("add", "Ana@example.org", "--password-stdin", text="correct horse\n")
    assert added.exit_code == 0, added.output
    repeated = user("add", "ana@example.org", "--password-stdin", text="correct horse\n")
    assert repeated.exit_code == 1
    assert "already" in repeated.stderr
    assert user("role", "ana@example.org", "author").exit_code == 0
    (row,) = json.loads(user("list", "--json").stdout)["users"]
    assert (row["email"], row["role"]) == ("ana@example.org", "author")
    assert user("role", "ana@example.org", "king").exit_code == 2
    assert (
        user("password", "ana@example.org", "--password-stdin", text="other words\n").exit_code == 0
    )
    assert user("delete", "nobody@example.org", "--yes").exit_code == 1
    assert user("delete", "ana@example.org", text="n\n").exit_code == 1
    assert user("delete", "ana@example.org", "--yes").exit_code == 0
    assert json.loads(user("list", "--json").stdout) == {"users": []}


def test_sessions_are_ended_from_the_command_line(tmp_path: Path):
    def user(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(main, ["user", "--data", str(tmp_path), *arguments], input=text)

    for name in ("ana", "bob"):
        user("add", f"{name}@example.org", "--password-stdin", text="correct horse\n")
    database = Database(Settings(data=tmp_path).data_url)
    now = datetime.now(UTC)
    guest = GuestToken.from_token("of a guest")
    with database.write() as session:
        for number, name in enumerate(("ana", "ana", "bob")):
            person = accounts_store.person_by_email(session, f"{name}@example.org")
            assert person is not None
            sessions_store.open_session(session, person.id, f"token {number}", "", now)
        sessions_store.ensure_guest_session(session, guest, "", now)

    def left() -> list[bool]:
        with database.read() as session:
            found = [sessions_store.find_account_session(session, f"token {n}") for n in range(3)]
            assert sessions_store.find_guest_session(session, guest) is not None
        return [each is not None for each in found]

    assert user("sign-out").exit_code == 2
    assert user("sign-out", "ana@example.org", "--everybody").exit_code == 2
    assert user("sign-out", "eve@example.org").exit_code == 1
    assert left() == [True, True, True]
    done = user("sign-out", "Ana@example.org")
    assert (done.exit_code, "2 sessions" in done.output) == (0, True)
    assert left() == [False, False, True]
    assert "1 session ended" in user("sign-out", "--everybody").output
    assert left() == [False, False, False]
    database.dispose()
    logged = run_command("audit", "--data", tmp_path).output
    assert logged.count("Signed out by others") == 2


def test_the_first_admin_is_made_here_and_every_grant_is_logged(tmp_path: Path):
    def user(*arguments: str) -> Result:
        password = "correct horse\n"
        return CliRunner().invoke(
            main, ["user", "--data", str(tmp_path), *arguments], input=password
        )

    added = user("add", "boss@example.org", "--role", "admin", "--password-stdin")
    assert "boss@example.org has a new account as an admin" in added.stdout
    user("add", "ana@example.org", "--password-stdin")
    assert "is now an author, was a learner" in user("role", "ana@example.org", "author").stdout
    assert "is an author already" in user("role", "ana@example.org", "author").stdout
    for refused_arguments in (
        ("role", "boss@example.org", "learner"),
        ("delete", "boss@example.org", "--yes"),
    ):
        result = user(*refused_arguments)
        assert (result.exit_code, "--force" in result.stderr) == (1, True)
    assert user("role", "boss@example.org", "learner", "--force").exit_code == 0
    assert user("delete", "boss@example.org", "--yes").exit_code == 0
    grants = json.loads(user("log", "--json").stdout)["grants"]
    assert all(set(grant) == {"email", "before", "after", "by", "at"} for grant in grants)
    assert [(g["email"], g["before"], g["after"], g["by"]) for g in grants] == [
        ("boss@example.org", "admin", "learner", None),
        ("ana@example.org", "learner", "author", None),
        ("ana@example.org", "no account", "learner", None),
        ("boss@example.org", "no account", "admin", None),
    ]
    lines = user("log").stdout.splitlines()
    assert len(lines) == 4
    events = json.loads(run_command("audit", "--data", tmp_path, "--json").stdout)["events"]
    assert [(e["action"], e["to"], e["source"]) for e in events][:2] == [
        ("account-deleted", "boss@example.org", "cli"),
        ("role-granted", "boss@example.org", "cli"),
    ]
    made = [e for e in events if e["to"] == "boss@example.org"][2:]
    assert [(e["action"], e["detail"]) for e in made] == [("account-added", {"role": "admin"})]
    (newest,) = run_command("audit", "--data", tmp_path, "--limit", "1").stdout.splitlines()
    assert "Account deleted by others\tboss@example.org\tby the server’s command" in newest
    refused = run_command("audit", "--data", tmp_path, "--action", "no-such")
    assert (refused.exit_code, "role-granted" in refused.output) == (2, True)
    assert "ana@example.org\tlearner -> author\tby the command line" in lines[1]


@pytest.mark.parametrize(
    "command",
    [
        ["audit"],
        ["rebuild"],
        ["rebuild", "--dry-run"],
        ["prune"],
        ["backup"],
        ["demo"],
        ["content", "status"],
        ["content", "announce"],
        ["migrate", "--down", "--to", "base"],
        ["user", "list"],
        ["user", "log"],
        ["user", "role", "ana@example.org", "admin"],
        ["user", "password", "ana@example.org", "--password-stdin"],
        ["user", "sign-out", "--everybody"],
        ["user", "delete", "ana@example.org", "--yes"],
    ],
    ids=" ".join,
)
def test_a_wrong_data_folder_is_refused_and_nothing_is_made_in_it(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("QUIZSERVER_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "wrong"
    refused = run_command(*command, "--data", folder)
    assert refused.exit_code == 1, refused.output
    assert refused.stderr == (
        f"quizserver: There is no database at {folder / 'quizserver.sqlite3'}."
        " Name its folder with --data.\n"
    )
    assert not list(tmp_path.iterdir())


def test_an_account_on_a_new_server_says_where_before_it_asks_for_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("QUIZSERVER_DATABASE_URL", raising=False)
    place = tmp_path / "data" / "quizserver.sqlite3"
    add = ["user", "add", "ana@example.org", "--data", str(place.parent)]
    aborted = CliRunner().invoke(main, add, input="")
    assert f"in a new database, {place}.\nPassword" in aborted.output
    assert not place.parent.exists(), "nothing is made before there is a password"
    typed = "correct horse\ncorrect horse\n"
    assert CliRunner().invoke(main, add, input=typed).exit_code == 0
    again = CliRunner().invoke(main, add, input=typed)
    assert f"in the database {place}.\nPassword" in again.output
    url = "postgresql://boss:secret@127.0.0.1:1/none"
    hidden = CliRunner().invoke(main, add, input=typed, env={"QUIZSERVER_DATABASE_URL": url})
    assert "boss:***@127.0.0.1" in hidden.output
    assert "secret" not in hidden.output


def test_data_may_stand_before_and_after_what_user_does(tmp_path: Path):
    add = ("user", "add", "ana@example.org", "--password-stdin", "--data", str(tmp_path))
    assert CliRunner().invoke(main, add, input="correct horse\n").exit_code == 0
    for arguments in (
        ("--data", tmp_path, "list"),
        ("list", "--data", tmp_path),
        ("--data", tmp_path / "other", "list", "--data", tmp_path),
    ):
        assert run_command("user", *arguments).stdout.startswith("ana@example.org\tlearner")


def test_check_takes_a_topic_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    topics = tmp_path / "topics"
    made = run_command("new", "topic", "ropes", "--content", topics)
    assert f"The topic is in {topics / 'ropes'}; a server of" in made.stdout
    (topics / "other").mkdir()
    (topics / "other" / "index.md").write_text("no title")
    assert run_command("check", "ropes", "--content", topics).exit_code == 0
    assert run_command("check", "other", "--content", topics).exit_code == 1
    unknown = run_command("check", "rope", "--content", topics)
    assert (unknown.exit_code, "no such file or folder" in unknown.output) == (1, True)


def test_migrate_goes_up_and_down_and_says_so(tmp_path: Path):
    newest = sorted((shipped_folder("migrations") / "versions").glob("0*.py"))[-1].name[:4]
    assert f"an empty database -> {newest}" in run_command("migrate", "--data", tmp_path).output
    down = run_command("migrate", "--data", tmp_path, "--down", "--to", "base")
    assert f"{newest} -> an empty database" in down.output
    assert run_command("migrate", "--data", tmp_path, "--to", "nonsense").exit_code == 1


@pytest.mark.parametrize("command", [["verify"], ["simulate", "strange-loss/healthy"]])
def test_a_device_that_is_not_there_is_refused_before_anything_is_trained(command: list[str]):
    result = run_command(*command, "--device", "no-such-device")
    assert result.exit_code == 2
    assert "Nothing can be trained on 'no-such-device' here" in result.output
    assert "Use cpu." in result.output
