"""Short forms of `make chaos` and `make soak`: the same programs with smaller numbers."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from ondi.common import connections as bounded
from tests.reliability.relay import Relay

ROOT = Path(__file__).resolve().parents[2]


def run(module, *arguments, **settings):
    """The program in a process of its own, with a database of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "DJANGO", "DEBUG"))}
    command = [sys.executable, "-m", f"tests.reliability.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**kept, **settings}, capture_output=True, text=True, check=False)


def test_killed_data_fixes_go_on_and_end_the_same():
    done = run("fixes", FIX_KILLS="2", FIX_TICKETS="40", FIX_COMMANDS="close_stale_tickets import_orders")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" yes\n") == 2


def test_killed_workers_lose_and_double_nothing():
    done = run("chaos", "workers killed", CHAOS_KILLS="1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "workers killed: held" in done.stdout


def test_a_stopped_database_is_coded_503_and_comes_back_by_itself():
    done = run("chaos", "database restarted", CHAOS_STOPS="1", CHAOS_AWAY="2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "'coded 503'" in done.stdout


def test_mails_wait_for_a_server_that_is_away_and_come_once():
    done = run(
        "chaos",
        "mail server away",
        CHAOS_MAILS="60",
        CHAOS_MAIL_KILLS="2",
        CHAOS_MAIL_STEP="0.1",
        CHAOS_MAIL_IDLE="0.5",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "mail server away: held" in done.stdout


def test_programs_that_fail_are_told_by_workers_that_are_killed():
    done = run(
        "chaos",
        "programs called",
        CHAOS_CALLS="150",
        CHAOS_CALL_KILLS="2",
        CHAOS_CALL_STOPS="1",
        CHAOS_CALL_TENANTS="3",
        CHAOS_CALL_HASTE="100",
        CHAOS_CALL_IDLE="0.5",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "programs called: held" in done.stdout


def test_a_copy_is_kept_by_webhooks_through_kills_and_an_hour_of_absence():
    sizes = {"COPY_TICKETS": "20", "COPY_KILLS": "1", "COPY_PROGRAM_KILLS": "1", "COPY_STEP": "0", "COPY_WORKERS": "1"}

    done = run("chaos", "copy kept", **sizes)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "copy kept: held" in done.stdout


def test_files_are_whole_though_processes_are_killed():
    done = run("chaos", "files killed", CHAOS_FILE_KILLS="2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "files killed: held" in done.stdout


def test_what_is_due_is_told_of_once_though_work_processes_are_killed():
    done = run("chaos", "clocks killed", CHAOS_CLOCK_KILLS="3", CHAOS_CLOCK_TICKETS="9", CHAOS_CLOCK_BEGINS="10")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "clocks killed: held" in done.stdout


def test_answers_that_wait_are_sent_once_though_work_processes_are_killed():
    done = run("chaos", "answers killed", CHAOS_DRAFT_KILLS="3", CHAOS_DRAFTS="10")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers killed: held" in done.stdout


def test_mixed_load_and_the_create_race_against_the_served_product():
    done = run("soak", SOAK_SECONDS="6", SOAK_CLIENTS="6", SOAK_ROUNDS="2", SOAK_RACERS="50")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers                  {201: 2, 409: 98}" in done.stdout


@pytest.mark.django_db(transaction=True)
def test_a_silent_database_is_given_up(owner, monkeypatch):
    """Packets vanish: the server's own timeouts do not help, the connection's does."""
    monkeypatch.setattr(bounded, "ANSWER_WITHIN", 0.5)
    relay, name = Relay(), connections["default"].settings_dict["NAME"]
    connection = bounded.BoundedConnection.connect(dbname=name, user="ondi", host="127.0.0.1", port=relay.port)
    assert connection.execute("SELECT 1").fetchone() == (1,)
    relay.swallows.set()

    start = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="no answer"):
        connection.execute("SELECT 1")

    assert time.monotonic() - start < 10
    assert connection.closed
