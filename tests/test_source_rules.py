"""What no module of the program may do, read off its source: run text, forge SQL, reach out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import quizserver

PACKAGE = Path(quizserver.__file__).parent
# The trees of the whole program take seconds and memory: one process parses them, for these tests.
pytestmark = pytest.mark.xdist_group("source")

Nodes = dict[str, list[ast.AST]]
Calls = dict[str, list[tuple[str, ast.Call]]]
Imports = dict[str, set[str]]


def dotted_name(node: ast.expr) -> str:
    """``a.b.c`` of a name or of attributes of one; of anything else only the last attribute."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted_name(node.value)}.{node.attr}"
    return ""


@pytest.fixture(scope="module")
def nodes_of() -> Nodes:
    """Every node of every module, by its path in the package."""
    return {
        path.relative_to(PACKAGE).as_posix(): list(ast.walk(ast.parse(path.read_text("utf-8"))))
        for path in sorted(PACKAGE.rglob("*.py"))
        if "_shipped" not in path.parts
    }


@pytest.fixture(scope="module")
def calls_of(nodes_of: Nodes) -> Calls:
    """Every call of every module, with the name of what is called."""
    return {
        path: [(dotted_name(node.func), node) for node in nodes if isinstance(node, ast.Call)]
        for path, nodes in nodes_of.items()
    }


@pytest.fixture(scope="module")
def imports_of(nodes_of: Nodes) -> Imports:
    """Every module that a module imports, and every name from one."""
    return {
        path: {
            name
            for node in nodes
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [f"{node.module}.{alias.name}" for alias in node.names]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        for path, nodes in nodes_of.items()
    }


def modules_that_import(imports_of: Imports, *names: str) -> set[str]:
    return {
        path
        for path, modules in imports_of.items()
        if any(f"{module}.".startswith(f"{name}.") for module in modules for name in names)
    }


def test_text_is_run_as_code_in_one_place_for_authors_simulations(calls_of: Calls):
    names = [
        (path, name)
        for path, calls in calls_of.items()
        for name, _ in calls
        if name in ("eval", "exec", "builtins.eval", "builtins.exec", "os.popen", "os.system")
    ]
    assert len(names) == 1, names
    assert names[0][0].startswith("lab/")


def test_no_program_is_started_through_a_shell(calls_of: Calls):
    for path, calls in calls_of.items():
        for name, call in calls:
            assert not any(keyword.arg == "shell" for keyword in call.keywords), (path, name)


def test_nothing_is_read_in_a_format_that_can_hold_code(calls_of: Calls, imports_of: Imports):
    """But for the pipes to the reader of pages, which the process started and which runs no code of
    authors."""
    names = ("pickle", "marshal", "shelve", "dill", "joblib", "jsonpickle")
    readers = {"topics/page_reader.py", "topics/page_reader_process.py"}
    assert modules_that_import(imports_of, *names) <= readers
    loaders = {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.load", "np.load"}
    assert not {name for calls in calls_of.values() for name, _ in calls} & loaders


def test_xml_is_read_by_the_parser_that_refuses_entities(imports_of: Imports):
    allowed = {"Element", "SubElement", "ParseError", "TreeBuilder", "tostring", "indent"}
    for path, modules in imports_of.items():
        for module in modules:
            if module.startswith(("xml.", "lxml")):
                assert module.rpartition(".")[2] in allowed, (path, module)


def test_statements_hold_no_text_that_was_put_together(calls_of: Calls):
    """SQL comes from SQLAlchemy's expressions, or is written out; values are parameters.

    Only names of tables, which are constants, may be put into it.
    """
    functions, owners = {"text", "exec_driver_sql", "executescript"}, {"sa", "connection", "cursor"}
    found = 0
    for path, calls in calls_of.items():
        for name, call in calls:
            owner, _, function = name.rpartition(".")
            if function not in functions or owner not in owners:
                continue
            found += 1
            text = call.args[0]
            assert not [node for node in ast.walk(text) if isinstance(node, ast.BinOp)], path
            inside = [
                ast.unparse(n.value) for n in ast.walk(text) if isinstance(n, ast.FormattedValue)
            ]
            is_safe = path in NAMES_TABLES or all(part.isupper() for part in inside)
            assert is_safe, (path, ast.unparse(call))
    assert found


# It copies whole tables, whose names it has from the database itself or from `db/tables.py`.
NAMES_TABLES = {"administration/backup/tables_store.py"}


def test_regular_expressions_take_no_text_but_constants_and_escaped_ones(calls_of: Calls):
    functions = {
        "compile",
        "sub",
        "subn",
        "match",
        "search",
        "fullmatch",
        "findall",
        "finditer",
        "split",
    }
    for path, calls in calls_of.items():
        for name, call in calls:
            if not (name.startswith("re.") and name[3:] in functions and call.args):
                continue
            for node in ast.walk(call.args[0]):
                if isinstance(node, ast.FormattedValue):
                    part = ast.unparse(node.value)
                    constant = part.strip("_").isupper() or part.startswith(("self._", "_"))
                    safe = constant or part.startswith(("re.escape(", "len("))
                    assert safe or part in SAFE_PATTERNS.get(path, ()), (path, ast.unparse(call))


# A placeholder of hex digits, which the module makes itself.
SAFE_PATTERNS = {"topics/render.py": ("placeholder", "formula_token.pattern")}


def test_only_the_supervisor_asks_another_address_and_that_is_its_own_server(
    calls_of: Calls, imports_of: Imports
):
    """The rest talks to its database and its queue, through their drivers."""
    assert modules_that_import(
        imports_of, "urllib.request", "http.client", "requests", "httpx", "aiohttp", "urllib3",
        "smtplib", "ftplib", "imaplib", "telnetlib", "xmlrpc", "ldap", "ldap3",
    ) == set()  # fmt: skip
    connects = {
        path for path, calls in calls_of.items() for n, _ in calls if n.endswith("_connection")
    }
    assert {path for path in connects if "socket" in imports_of[path]} == {"serve.py"}


def test_secrets_come_from_the_systems_random_numbers(imports_of: Imports):
    assert modules_that_import(imports_of, "random", "uuid") == set()
    assert {"classes/join_codes.py", "settings.py"} <= modules_that_import(imports_of, "secrets")


@pytest.mark.parametrize("name", ["md5", "sha1"])
def test_broken_hashes_are_used_for_nothing_but_older_cookies(name: str, nodes_of: Nodes):
    users = {
        path
        for path, nodes in nodes_of.items()
        for node in nodes
        if (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.Constant) and node.value == name)
    }
    assert users == ({"web/security.py"} if name == "sha1" else set())


def test_a_parameter_is_read_from_the_place_where_it_belongs(nodes_of: Nodes, calls_of: Calls):
    """``request.values`` mixes the address with the form; templates are files and no texts."""
    for path, nodes in nodes_of.items():
        for node in nodes:
            assert not (
                isinstance(node, ast.Attribute) and dotted_name(node) == "request.values"
            ), path
        assert not {name for name, _ in calls_of[path]} & {
            "render_template_string", "flask.render_template_string", "Template", "from_string",
        }, path  # fmt: skip


# Formats that are no constant at the call, each looked at: they come from constants of the program.
KNOWN_FORMATS = {
    ("audit/actions.py", "template"),
    ("authoring/confined_training.py", "_ENDED[error.cause]"),
    ("authoring/preview/pages.py", "self.verify_template"),
    ("authoring/preview/views.py", "verify_template"),
    ("classes/matrix/export.py", "name"),
    ("classes/matrix/pages.py", "name"),
    ("classes/roster_pages.py", "success_text if changed else failure_text"),
    ("lab/curve_text.py", "verb"),
    ("lab/file_reading.py", "_ENDED['died']"),
    ("lab/file_reading.py", "_ENDED[ended]"),
    ("lab_views/finding_charts.py", "title"),
    ("web/static_files.py", "link"),
    ("web/static_files.py", "script"),
    ("worker/failures.py", "template"),
    ("accounts/pages.py", "message"),
}


def test_formats_are_constants(calls_of: Calls):
    """What others wrote is put into a text, and is never the text that something is put into."""
    for path, calls in calls_of.items():
        for _name, call in calls:
            function = call.func
            if not isinstance(function, ast.Attribute) or function.attr not in FORMATS:
                continue
            owner = ast.unparse(function.value)
            is_constant = (
                isinstance(function.value, ast.Constant)
                or owner.rpartition(".")[2].isupper()
                or owner.startswith("Markup('")
            )
            assert is_constant or (path, owner) in KNOWN_FORMATS, (path, owner)


FORMATS = ("format", "format_map")


def test_the_log_goes_to_standard_error_alone(calls_of: Calls):
    handlers = {
        (path, name)
        for path, calls in calls_of.items()
        for name, _ in calls
        if name.startswith("logging.") and ("Handler" in name or name == "logging.basicConfig")
    }
    assert {path for path, _ in handlers} == {"server_log.py"}
    assert {name for _, name in handlers} == {"logging.StreamHandler", "logging.basicConfig"}


def test_one_module_opens_sessions(calls_of: Calls):
    """A preview signs its author in for each request, without a session."""
    opens = {
        path
        for path, calls in calls_of.items()
        for name, _ in calls
        if name.endswith(".open_session")
    }
    assert opens == {"accounts/pages.py", "accounts/current_user.py"}
