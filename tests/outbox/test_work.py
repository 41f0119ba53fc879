"""`manage.py work`: a process that goes on whatever happens, and its chores."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from ondi.common.prepared import insert_rows
from ondi.outbox import chores, work
from ondi.outbox.chores import EVENTS_KEPT, every, forget_events, next_due
from ondi.outbox.models import Event
from ondi.outbox.publishing import entry
from ondi.outbox.relay import relay_all
from ondi.tenants.scope import tenant_scope
from tests.factories import TenantFactory
from tests.races import at_once
from tests.reliability.product import children_of

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


def publish(tenant, *versions):
    with tenant_scope(tenant.id):
        insert_rows(*(entry("ticket.closed", tenant_id=tenant.id, version=one, at=timezone.now()) for one in versions))


def events(tenant):
    with tenant_scope(tenant.id):
        return list(Event.objects.order_by("position").values_list("version", flat=True))


class TestChores:
    @pytest.fixture(autouse=True)
    def none(self, monkeypatch):
        monkeypatch.setattr(chores, "_CHORES", {})

    def test_one_is_begun_once_in_its_time_by_one_process(self):
        every(timedelta(hours=1), "sweep")(lambda: None)
        at = timezone.now()

        assert sorted(chore is not None for chore in at_once([lambda: next_due(at=at)] * 4)) == [False] * 3 + [True]
        assert next_due(at=at + timedelta(minutes=59)) is None
        assert next_due(at=at + timedelta(hours=1)).name == "sweep"

    def test_events_are_kept_for_their_time(self):
        tenant = TenantFactory()
        publish(tenant, 1, 2)
        relay_all()

        assert forget_events() == 0
        with time_machine.travel(timezone.now() + EVENTS_KEPT + timedelta(minutes=1)):
            assert forget_events() == 2
        assert events(tenant) == []


def test_trouble_is_waited_out(monkeypatch):
    tenant, broken = TenantFactory(), threading.Event()
    really = work.relay

    def relay():
        if not broken.is_set():
            broken.set()
            raise OSError("the line is cut")
        return really()

    monkeypatch.setattr(work, "relay", relay)
    publish(tenant, 1)
    running = work.Work()
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        wait_for(lambda: events(tenant) == [1])
    finally:
        running.stop()
        thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_works_until_it_is_told_to_end(number):
    tenant = TenantFactory()
    publish(tenant, 1)
    process = start()
    try:
        wait_for(lambda: events(tenant) == [1])
        process.send_signal(number)
        assert process.wait(20) == 0
    finally:
        process.kill()


def test_killed_anywhere_it_loses_and_doubles_nothing():
    tenant = TenantFactory()
    for kill in range(4):
        process = start()
        for version in range(kill * 50, kill * 50 + 50):
            publish(tenant, version)
        wait_for(lambda kill=kill: len(events(tenant)) > kill * 50)
        process.kill()
        process.wait()
    relay_all()

    assert events(tenant) == list(range(200))


class TestBesideTheServer:
    """`ondi.beside` keeps it running for `make serve`."""

    @pytest.fixture
    def keeper(self):
        process = start("-m", "ondi.beside")
        yield process
        process.kill()
        process.wait()

    def test_a_worker_that_dies_is_started_again(self, keeper):
        tenant = TenantFactory()
        publish(tenant, 1)
        wait_for(lambda: events(tenant) == [1])
        (worker,) = children_of(keeper.pid)
        os.kill(worker, signal.SIGKILL)
        publish(tenant, 2)

        wait_for(lambda: events(tenant) == [1, 2])
        assert children_of(keeper.pid) != [worker]

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_it_ends_with_its_keeper_however_that_ends(self, keeper, number):
        tenant = TenantFactory()
        publish(tenant, 1)
        wait_for(lambda: events(tenant) == [1])
        (worker,) = children_of(keeper.pid)
        keeper.send_signal(number)
        keeper.wait(20)

        wait_for(lambda: not Path(f"/proc/{worker}").exists())

    def test_a_keeper_that_is_told_twice_still_waits_for_it(self, keeper):
        tenant = TenantFactory()
        publish(tenant, 1)
        wait_for(lambda: events(tenant) == [1])
        (worker,) = children_of(keeper.pid)
        os.kill(worker, signal.SIGSTOP)
        for _time in range(2):
            keeper.terminate()
            with pytest.raises(subprocess.TimeoutExpired):
                keeper.wait(0.5)
        os.kill(worker, signal.SIGCONT)

        assert keeper.wait(20) == 0
        assert not Path(f"/proc/{worker}").exists()


def start(*command, stderr=subprocess.DEVNULL, **more):
    """`manage.py work`, or another program, on the database of the tests. `more`: settings from the environment."""
    given = connections["default"].get_connection_params()
    login = quote(given["user"], "") + (f":{quote(given['password'], '')}" if given.get("password") else "")
    place = quote(str(given.get("host", "")), "") + (f":{given['port']}" if given.get("port") else "")
    url = f"postgres://{login}@{place}/{given['dbname']}"
    environment = {**os.environ, "DEBUG": "true", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "ondi.settings"}
    environment |= more
    arguments = [sys.executable, *(command or ("manage.py", "work"))]
    return subprocess.Popen(arguments, cwd=ROOT, env=environment, stderr=stderr)


def wait_for(is_so):
    over = threading.Event()
    for _look in range(400):
        if is_so():
            return
        over.wait(0.05)
    raise AssertionError("it does not come")
