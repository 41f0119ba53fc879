"""Every command of ours with what nobody should give it: one sentence and an exit code, and never a traceback."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.db import connections

from ondi import command_line
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support.models import Calendar
from tests.conftest import owner_connection
from tests.deliveries.test_import_orders import OLIST
from tests.factories import MemberFactory, TenantFactory, make_promise, make_ticket

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
ROOT = Path(command_line.__file__).parents[1]

TENANT, FAR = "--tenant=tigris", "9" * 11
LONG = "x" * 300 + "@example.org"
NUMBERS = ("-1", "0", "1.5", "", "x", FAR, "9" * 5000, "١٢")
FILES = ("NOWHERE", "FOLDER", "BINARY", "EMPTY")
MOMENTS = ("nonsense", "9999-12-31T23:59:59-14:00", "0001-01-01", "10000-01-01", "", FAR)
# By command: arguments that are all right, and for each what else somebody might give in its place.
COMMANDS = {
    "close_stale_tickets": (["--days=7", TENANT], {"--days": NUMBERS}),
    "purge_closed_tickets": (["--older-than=7", TENANT], {"--older-than": NUMBERS}),
    "reopen_tickets": (["--from=FILE", TENANT], {"--from": FILES}),
    "reassign_tickets": (["--from=agent", "--to-queue", TENANT], {"--from": ("nobody", str(new_id()), "x" * 5000)}),
    "relink_tickets": (["--from=FILE", TENANT], {"--from": FILES}),
    "redact_messages": (["--from=FILE", TENANT], {"--from": (*FILES, "FILE")}),
    "repair": (["--finding=summary_count", TENANT], {"--finding": ("nonsense", "", "x" * 5000)}),
    "import_orders": (["FILE", f"--map={OLIST}", TENANT], {"FILE": FILES, "--map": FILES}),
    "erase_customer": (["--customer=c1", TENANT], {"--customer": ("nobody", "", str(new_id()), "x" * 5000)}),
    "export_customer": (["--customer=c1", "--out=NEW", TENANT],
                        {"--customer": ("nobody", str(new_id())), "--out": ("FOLDER", "NOWHERE/x.zip", "FILE")}),
    "apply_calendar": (["--calendar=Hours", TENANT], {"--calendar": ("Nights", "", "x" * 5000)}),
    "doctor": ([TENANT], {}),
    "data_fixes": (["list", TENANT], {"list": ("show", "undo", "nonsense")}),
    "seed_demo": (["--force", "--json=NEW"], {"--json": ("FOLDER", "NOWHERE/x.json"), "--force": ("--json=NEW",)}),
    "create_tenant": (["zagros", "--name=Zagros"],
                      {"zagros": ("Bad Slug", "", "x" * 5000, "tigris"), "--name": ("", "x" * 5000),
                       "--time-zone": ("Mars/Olympus", "../../etc/passwd", "/etc/passwd", ""),
                       "--currency": ("x" * 5000, ""), "--language": ("xx",)}),
    "create_operator": (["operator@example.org"], {"operator@example.org": ("nonsense", "", LONG)}),
    "set_login": (["--customer=c1", "--email=new@example.org", TENANT],
                  {"--customer": ("nobody", ""), "--email": ("nonsense", LONG)}),
    "reset_second_factor": (["agent@example.org"], {"agent@example.org": ("nobody@example.org", "", "x" * 5000)}),
    "clear_expired": ([], {}),
    "outbox": (["list", TENANT], {"list": ("retry", "drop", "nonsense"), TENANT: ("--tenant=nowhere", "--tenant=")}),
    "outgoing": (["status"], {"status": ("nonsense", "--channel=fax")}),
    "sender_domain": (
        ["allow", "shop.example", TENANT],
        {
            "allow": ("withdraw", "nonsense"), "shop.example": ("", "no domain", "x" * 5000),
            TENANT: ("--tenant=nowhere", "--tenant="),
        },
    ),
    "shell": (["-c", "print(1)", TENANT], {}),
    "dbshell": ([TENANT, "--", "-c", "SELECT 1"], {}),
    "migrate": (["support", "--plan"], {"support": ("nonsense",), "--plan": ("9999_nonsense",)}),
}  # fmt: skip
# What every data fix takes besides.
BESIDES = {"--limit": NUMBERS, "--batch-size": NUMBERS, "--max-errors": [text for text in NUMBERS if text != "0"]}
FIXES = {
    "close_stale_tickets", "reopen_tickets", "reassign_tickets", "relink_tickets", "redact_messages", "repair",
    "import_orders", "erase_customer", "purge_closed_tickets", "apply_calendar",
}  # fmt: skip


@pytest.fixture
def world(tmp_path):
    """A tenant with somebody in it, and files to name."""
    tenant = TenantFactory(slug="tigris")
    MemberFactory(tenant=tenant, agent=True, external_id="agent")
    make_promise(make_ticket(MemberFactory(tenant=tenant, external_id="c1")), first_response=60)
    with tenant_scope(tenant.id):
        Calendar.objects.update(name="Hours")
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "BINARY").write_bytes(b"\xff\xfe\x00" + bytes(range(256)))
    (tmp_path / "EMPTY").write_bytes(b"")
    (tmp_path / "FILE").write_text("ticket,item,message\nnonsense,nonsense,nonsense\n")
    return tmp_path


class Refusing(io.StringIO):
    """Standard output whose reader went away."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.fixture
def run(monkeypatch):
    """Run a command in this process; exit code, output and errors."""

    def run_command(*arguments, out=None):
        monkeypatch.setattr("sys.stdin", io.StringIO("a rather good secret\n"))
        told, said = io.StringIO(), out or io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            code = command_line.run(["manage.py", *arguments])
        return code, "" if out else said.getvalue(), told.getvalue()

    yield run_command
    connections["owner"].close()


def named(world, arguments):
    """With the files' real names in."""
    return [
        f"{head}{equals}{world / name}" if name.split("/")[0] in {"FILE", "NEW", *FILES} else argument
        for argument in arguments
        for head, equals, name in [argument.rpartition("=")]
    ]


def hostile(command):
    good, others = COMMANDS[command]
    if command in FIXES:
        others = {**others, **BESIDES}
    for name, values in others.items():
        for value in values:
            option = f"{name}={value}" if name.startswith("--") and not value.startswith("--") else value
            kept = [argument for argument in good if argument.split("=")[0] != name]
            place = next((i for i, argument in enumerate(good) if argument.split("=")[0] == name), len(kept))
            yield [*kept[:place], option, *kept[place:]]
    for argument in good:
        yield [one if one != argument else f"{argument}\0" for one in good]
    if TENANT in good:
        for slug in ("nowhere", "", "x" * 5000, "tigris'--"):
            yield [one if one != TENANT else f"--tenant={slug}" for one in good]
    yield ["--nonsense", *good]


def ours():
    return {name for name, app in get_commands().items() if isinstance(app, str) and app.startswith(command_line.OURS)}


def test_every_command_of_ours_is_tried_here():
    # These run until they are ended: tests/outbox/test_work.py, tests/streaming.
    assert {*COMMANDS, "work", "stream"} == ours()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_hostile_arguments_are_refused_in_a_sentence(run, world, command):
    for arguments in hostile(command):
        code, said, told = run(command, *named(world, arguments))

        shown = [argument[:80] for argument in arguments]
        assert code not in (0, None), shown
        assert "Traceback" not in said + told, shown
        assert "Run it with --traceback" not in told, (shown, told)
        assert len(told.strip().splitlines()[-1]) > 10, (shown, told)


@pytest.mark.parametrize(
    "between", [("2026-01-02", "2026-01-01"), ("2026-01-01", "2026-01-01"), *((one, "2026-01-01") for one in MOMENTS)]
)
@pytest.mark.parametrize("command", ["reopen_tickets", "redact_messages"])
def test_moments_have_an_order_and_an_end(run, world, command, between):
    which = "--closed-by=agent" if command == "reopen_tickets" else "--event=delivery_cancelled"

    code, _said, told = run(command, which, TENANT, "--between", *between)

    assert code in (1, 2)
    assert "--between" in told


def test_moments_without_a_zone_are_the_tenants(run, world, owner):
    owner().execute("UPDATE tenants_tenant SET time_zone = 'Asia/Baghdad'")
    for between, code in (
        (("2026-01-01T12:00+03:00", "2026-01-01T12:01"), 0),
        (("2026-01-01T12:00+03:00", "2026-01-01T12:00"), 1),
    ):
        assert run("reopen_tickets", "--closed-by=agent", TENANT, "--between", *between)[0] == code


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"shell", "dbshell", "seed_demo"}))
def test_nobody_reads_what_it_says(run, world, command):
    code, _said, told = run(command, *named(world, COMMANDS[command][0]), out=Refusing())

    assert code in (0, 1, command_line.NOBODY_READS)
    assert "Traceback" not in told


@pytest.fixture
def unmigrated():
    """The application's connection to a database with nothing in it."""
    application, owner = connections["default"], owner_connection()
    name = application.settings_dict["NAME"]
    bare = f"{name}_bare"

    def switch(to):
        application.close()
        application.close_pool()
        application.settings_dict["NAME"] = to

    def drop():
        while owner.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [bare]).fetchone() != (0,):
            pass  # a connection of the pool on its way out
        owner.execute(f'DROP DATABASE IF EXISTS "{bare}"')

    drop()
    owner.execute(f'CREATE DATABASE "{bare}" TEMPLATE template0')
    switch(bare)
    yield
    switch(name)
    drop()


def test_a_database_that_was_not_migrated_is_a_sentence(run, unmigrated, tmp_path):
    for command in sorted(set(COMMANDS) - {"shell", "dbshell", "migrate"}):
        code, said, told = run(command, *named(tmp_path, COMMANDS[command][0]))

        assert code == 1, command
        assert "un manage.py migrate first." in told, command
        assert "Traceback" not in said + told, command


class TestProcess:
    """A real process, whose streams are really closed."""

    HELP = (sys.executable, "manage.py", "help", "--commands")

    def run(self, command, **streams):
        environment = {**os.environ, "DEBUG": "true"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=not streams, text=True, check=False,
                              **streams)  # fmt: skip

    def test_reader_that_goes_away(self):
        done = self.run(["sh", "-c", f"exec 3>&1; {{ {' '.join(self.HELP)}; echo $? >&3; }} | true"])
        told = "error: nobody reads the output any more; it stopped there.\n"
        assert (done.stdout, done.stderr) in (("0\n", ""), (f"{command_line.NOBODY_READS}\n", told))

    def test_streams_that_are_closed(self):
        done = self.run(["sh", "-c", f"{' '.join(self.HELP)} 0<&- 1>&- 2>&-"])
        assert (done.returncode, done.stderr) == (0, "")

    def test_full_disk(self):
        with Path("/dev/full").open("w") as full:
            done = self.run(self.HELP, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr


def test_interrupted_is_a_sentence(run):
    class Interrupted(io.StringIO):
        def write(self, text):
            raise KeyboardInterrupt

    assert run("data_fixes", "list", "--json", out=Interrupted())[0] == 130


def test_what_somebody_wrote_themselves_has_its_traceback(run, world):
    with pytest.raises(ZeroDivisionError):
        run("shell", "--no-imports", "-c", "1 / 0")
