"""Processes beside the web's say that they live; a check tells whether one is well, and why not."""

import socket
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ondi.outbox.beats import STUCK_AFTER, Beat, trouble_here
from ondi.outbox.checks import processes_are_there
from ondi.outbox.chores import forget_processes
from ondi.outbox.models import Process
from ondi.version import VERSION

pytestmark = pytest.mark.django_db


@pytest.fixture
def notified(tmp_path, monkeypatch):
    """What systemd would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def heard():
            try:
                return listening.recv(100).decode()
            except BlockingIOError:
                return ""

        yield heard


@pytest.mark.parametrize("kind", ["work", "stream"])
def test_who_says_nothing_is_not_well(kind, capsys):
    with pytest.raises(CommandError, match=f"no {kind} process on this machine has said anything for 30 s."):
        call_command(kind, "--check")

    Beat(kind).tell({})

    call_command(kind, "--check")
    assert capsys.readouterr().out == f"{kind}: well.\n"
    (told,) = Process.objects.all()
    assert (told.kind, told.host, told.version) == (kind, socket.gethostname(), VERSION)


def test_the_deploy_check_names_what_does_not_run():
    Beat("work").tell({})
    (warning,) = processes_are_there()
    assert "Start manage.py stream." in warning.msg
    Beat("stream").tell({})
    assert processes_are_there() == []


def test_one_row_a_process_that_goes_when_it_ends():
    beat = Beat("work")
    for _time in range(3):
        beat.tell({"relay": time.time()})
    assert Process.objects.count() == 1
    beat.end()
    assert Process.objects.count() == 0


def test_what_was_said_long_ago_or_elsewhere_is_no_word_of_this_one():
    Beat("work").tell({})
    Process.objects.update(beat_at=timezone.now() - timedelta(seconds=31))
    assert "has said anything" in trouble_here("work")
    Process.objects.update(beat_at=timezone.now(), host="elsewhere")
    assert "has said anything" in trouble_here("work")


def test_a_part_that_comes_round_no_more_is_named_and_systemd_hears_nothing(notified):
    now = time.time()
    beat = Beat("work")
    beat.tell({"relay": now, "chores": now})
    assert notified() == "READY=1\nWATCHDOG=1"

    beat.tell({"relay": now, "chores": now - STUCK_AFTER - 1})

    assert notified() == ""
    assert trouble_here("work") == "the work process lives, but has been stuck for 15 minutes at: chores."
    Beat("work").tell({"relay": now})
    assert trouble_here("work") == "", "another one is well"


def test_systemd_that_went_away_ends_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    Beat("stream").tell({})


def test_those_that_were_killed_are_forgotten_after_a_day():
    for _time in range(2):
        Beat("work").tell({})
    first = Process.objects.first()
    Process.objects.filter(id=first.id).update(beat_at=timezone.now() - timedelta(hours=25))
    assert forget_processes() == 1
    assert Process.objects.count() == 1
