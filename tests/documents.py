"""The documents as a reader uses them: their commands, typed into one shell, page after page.

bash reads them as written. The programs they name are functions that ask this process, which makes the calls with the
test client, runs `manage.py` in place, and checks only the form of what cannot be run here (`FORM_ONLY`). A program
that is not named here is not found, so no command is skipped.
"""

import argparse
import contextlib
import io
import re
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click import ClickException
from django.core.management import CommandError, get_commands, load_command_class
from django.core.management.base import CommandParser
from django.utils.module_loading import import_string
from granian.cli import cli as granian_cli

from ondi import command_line
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Scope
from ondi.files.links import PREFIX
from ondi.outbox.relay import relay_all
from ondi.tenants.scope import find_tenants, tenant_scope
from tests.client import ApiClient
from tests.files.links import follow

ROOT = Path(command_line.__file__).parents[1]
# In the order in which a reader would go through them; those that stand in no order have no commands to run.
PAGES = ("README.md", "docs/portals.md", "docs/agents.md", "docs/operators.md", "docs/deploying.md")
DOCUMENTS = (*PAGES, "docs/speed.md", "docs/internals.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md")
SERVER = "http://127.0.0.1:8000"
LONGEST = 120  # seconds

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
TOOLS = ("cat", "date", "python3")  # what every machine of a reader has
# Programs whose commands are only checked by their form, and why.
FORM_ONLY = {
    "psql": "as a superuser; every start of the private PostgreSQL runs ondi/roles.sql",
    "pip": "from a registry; `make test` itself installs these requirements",
    "granian": "serves until it is ended; the tests of reliability start it",
    "deploy/backup.sh": "needs a server of one's own; tests/platform/test_backup.py drills it",
    "deploy/restore.sh": "as deploy/backup.sh",
    "install": "as root; tests/platform/test_deployment.py looks at what is put there",
    "systemctl": "as install, and starts the same units",
}
# Commands of `manage.py` whose arguments are only parsed, and why.
PARSED_ONLY = {
    "work": "runs until it is ended: tests/outbox/test_work.py",
    "stream": "runs until it is ended: tests/streaming",
    "collectstatic": "copies files for a server",
}
# The shell begins with this. A call is its words, counted, each ended by NUL; the answer is a code, a line end, a text.
BEGINNING = r"""
set -eu -o pipefail
ask() {{
  local line code
  exec {{line}}<>/dev/tcp/127.0.0.1/{port}
  printf '%s\0' $# "$@" >&$line
  read -r code <&$line
  cat <&$line
  exec {{line}}>&-
  return $code
}}
for program in {programs}; do eval "function $program {{ ask $program \"\$@\"; }}"; done
"""

Answer = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Block:
    place: str
    language: str
    text: str


def blocks(page: str, text: str | None = None) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = (ROOT / page).read_text() if text is None else text
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(f"{page}:{line}", found["language"], textwrap.dedent(found["text"]))


def spans(page: str) -> list[str]:
    """What stands between single backticks, also where a line ends in it."""
    paragraphs = FENCE.sub("", (ROOT / page).read_text()).split("\n\n")
    return [" ".join(span.split()) for text in paragraphs for span in re.findall(r"`([^`]+)`", text)]


def parser_of(command: str) -> CommandParser:
    return load_command_class(get_commands()[command], command).create_parser("manage.py", command)


def refusal_of(command: str, arguments: list[str]) -> str:
    """Why the command does not take these arguments; nothing where it does."""
    if command not in get_commands():
        return f"there is no command {command}"
    try:
        parser_of(command).parse_args(arguments)
    except CommandError as error:
        return str(error)
    return ""


def targets() -> set[str]:
    """What `make` can be asked for."""
    return set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))


class Reader:
    """Types the blocks; `faults` names each command that did not do what it should. Works in the current folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.place, self.said = "", ""
        self.faults: list[str] = []
        self.done: list[str] = []
        self.programs: dict[str, Callable[[list[str]], Answer]] = {
            "at": self._at, "curl": self._curl, "make": self._make, "python": self._python,
            ".venv/bin/python": self._python, "psql": self._psql, "pip": self._pip, "granian": self._granian,
            "deploy/backup.sh": self._script, "deploy/restore.sh": self._script,
            "install": self._install, "systemctl": lambda _arguments: (0, "", ""),
        }  # fmt: skip

    def read(self, found: list[Block]) -> None:
        script = "".join(f"at {one.place}\n{one.text}\n" for one in found)
        with socket.create_server(("127.0.0.1", 0)) as door:
            beginning = BEGINNING.format(port=door.getsockname()[1], programs=" ".join(self.programs))
            (self.folder / "script").write_text(beginning + script)
            self._prepare()
            door.settimeout(0.05)
            environment = {"PATH": str(self.folder / "bin"), "HOME": str(self.folder), "LANG": "C.UTF-8"}
            with subprocess.Popen(
                [shutil.which("bash") or "bash", "script"], cwd=self.folder, env=environment, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(self.folder / "errors").open("w"),
            ) as shell:  # fmt: skip
                self._serve(door, shell)
        if shell.returncode:
            errors = (self.folder / "errors").read_text()
            self.faults.append(f"{self.place}: the shell ended with {shell.returncode}: {errors[-2000:]}")

    def _prepare(self) -> None:
        (self.folder / "bin").mkdir()
        for name in TOOLS:
            program = sys.executable if name == "python3" else shutil.which(name)
            (self.folder / "bin" / name).symlink_to(Path(program or name).resolve())
        for name in ("deliveries", "ondi", "requirements.txt"):
            (self.folder / name).symlink_to(ROOT / name)

    def _serve(self, door: socket.socket, shell: subprocess.Popen[str]) -> None:
        waited = 0.0
        while shell.poll() is None:
            try:
                line, _address = door.accept()
            except TimeoutError:
                waited += 0.05
                if waited > LONGEST:
                    shell.kill()
                continue
            with line:
                program, *arguments = _words(line)
                code, out, err = self.programs[program](arguments)
                if code:
                    self.faults.append(f"{self.place}: {program} {' '.join(arguments)[:200]}: {err[-2000:] or code}")
                elif program != "at":
                    self.done.append(" ".join([program, *arguments[:2]]))
                line.sendall(f"{code}\n{out}".encode())

    def _at(self, arguments: list[str]) -> Answer:
        (self.place,) = arguments
        return 0, "", ""

    def _curl(self, arguments: list[str]) -> Answer:
        parser = argparse.ArgumentParser(prog="curl", add_help=False, exit_on_error=False)
        parser.add_argument("-s", action="store_true", required=True)
        parser.add_argument("-X", dest="method")
        parser.add_argument("-H", dest="headers", action="append", default=[])
        parser.add_argument("-d", dest="body")
        parser.add_argument("-T", dest="file")
        parser.add_argument("address")
        try:
            call = parser.parse_args(arguments)
        except (argparse.ArgumentError, SystemExit) as error:
            return 2, "", str(error)
        headers = dict(header.split(": ", 1) for header in call.headers)
        if call.file and urlsplit(call.address).path.startswith(PREFIX):
            sent = follow(call.address, "PUT", (self.folder / call.file).read_bytes(), **headers)
            return 0 if sent.status == 200 else 22, sent.body.decode(), f"{sent.status} {sent.body.decode()}"
        if not call.address.startswith(f"{SERVER}/"):
            return 6, "", f"no server at {call.address}"
        if headers.get("X-API-Key") == "od_…":
            headers["X-API-Key"] = self.api_key
        kind = headers.pop("Content-Type", "application/x-www-form-urlencoded")
        answer = ApiClient().call(
            call.method or ("GET" if call.body is None else "POST"), call.address.removeprefix(SERVER),
            raw=(call.body or "").encode(), content_type=kind, **headers,
        )  # fmt: skip
        relay_all()  # as the work process would, a moment later
        text = answer.content.decode()
        is_done = answer.status_code < 400 and '"rejected"' not in text
        return (0, text, "") if is_done else (22, text, f"{answer.status_code} {text}")

    @cached_property
    def api_key(self) -> str:
        tenant_id = find_tenants("tigris")["tigris"]
        with tenant_scope(tenant_id):
            return issue_api_key(tenant_id=tenant_id, name="docs", scopes=list(Scope))[1]

    def _python(self, arguments: list[str]) -> Answer:
        if arguments[:1] != ["manage.py"]:
            return 2, "", "only manage.py is run so"
        known = {"PLAN": r"plan (\w+)", "RUN": r"run ([0-9a-f-]{36})"}
        given = [self._filled_in(known[one]) if one in known else one for one in arguments[1:]]
        if wrong := refusal_of(given[0], given[1:]):
            return 2, "", wrong
        if given[0] in PARSED_ONLY:
            return 0, "", ""
        self.monkeypatch.setattr("sys.stdin", io.StringIO("a rather good secret\n"))
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            code = command_line.run(["manage.py", *given])
        self.said += out.getvalue()
        return code, out.getvalue(), err.getvalue() + (out.getvalue() if code else "")

    def _filled_in(self, pattern: str) -> str:
        """What the reader copies from what was shown last."""
        return (["nothing was shown", *re.findall(pattern, self.said)])[-1]

    def _make(self, arguments: list[str]) -> Answer:
        unknown = set(arguments) - targets()
        return int(not arguments or bool(unknown)), "", f"no targets: {unknown}"

    def _psql(self, arguments: list[str]) -> Answer:
        return self._files([value for name, value in pairwise(arguments) if name == "-f"])

    def _pip(self, arguments: list[str]) -> Answer:
        return self._files(arguments[2:]) if arguments[:2] == ["install", "-r"] else (2, "", "only install -r")

    def _install(self, arguments: list[str]) -> Answer:
        return self._files([name for name in arguments if name.startswith("deploy/")])

    def _files(self, names: list[str]) -> Answer:
        gone = [name for name in names if not (ROOT / name).is_file()]
        return int(bool(gone)), "", f"no such file: {gone}"

    def _granian(self, arguments: list[str]) -> Answer:
        try:
            served = granian_cli.make_context("granian", arguments).params["app"]
            import_string(served.replace(":", "."))
        except (ClickException, ImportError) as error:
            return 2, "", str(error)
        return 0, "", ""

    def _script(self, arguments: list[str]) -> Answer:
        return (0, "", "") if len(arguments) == 1 else (2, "", "it takes one file")


def _words(line: socket.socket) -> list[str]:
    text = b""
    while text.count(b"\0") < 1 or text.count(b"\0") <= int(text.partition(b"\0")[0]):
        text += line.recv(65536)
    return text.decode().split("\0")[1:-1]
