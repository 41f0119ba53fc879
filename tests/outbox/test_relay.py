"""The relay: numbers without gaps, nothing lost, nothing twice, each subject's order kept, whatever happens."""

import threading

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from ondi.common.prepared import insert_rows
from ondi.outbox.models import Event, Position
from ondi.outbox.publishing import entry
from ondi.outbox.relay import relay, relay_all
from ondi.tenants.scope import tenant_scope
from tests.factories import TenantFactory
from tests.races import at_once
from tests.reliability import events

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "ticket.closed"


@pytest.fixture
def tenants():
    return [TenantFactory() for _number in range(2)]


def publish(tenant, *versions, subject=None):
    with tenant_scope(tenant.id):
        insert_rows(
            *(entry(KIND, tenant_id=tenant.id, subject_id=subject, version=one, at=timezone.now()) for one in versions)
        )


def events_of(tenant):
    with tenant_scope(tenant.id):
        return list(Event.objects.order_by("seq").values_list("position", "version"))


def test_positions_are_dense_in_each_tenant_and_seq_over_all(tenants):
    here, there = tenants
    publish(here, 1, 2)
    publish(there, 3)
    publish(here, 4)
    assert relay_all() == 4
    publish(there, 5)
    assert relay_all() == 1

    assert events_of(here) == [(1, 1), (2, 2), (3, 4)]
    assert events_of(there) == [(1, 3), (2, 5)]
    with tenant_scope(here.id, there.id):
        numbers = list(Event.objects.order_by("seq").values_list("seq", flat=True))
        assert numbers == list(range(numbers[0], numbers[0] + 5))
        assert dict(Position.objects.values_list("tenant_id", "position")) == {here.id: 3, there.id: 2}


def test_nothing_is_there_of_what_was_taken_back(tenants):
    with transaction.atomic():
        publish(tenants[0], 1)
        transaction.set_rollback(True)
    publish(tenants[0], 2)

    relay_all()

    assert events_of(tenants[0]) == [(1, 2)]


def test_with_nothing_to_take_nothing_is_written(tenants, owner):
    relay_all()
    before = owner().execute("SELECT xmin::text, seq FROM outbox_head").fetchone()

    assert relay() == 0
    assert owner().execute("SELECT xmin::text, seq FROM outbox_head").fetchone() == before


def test_a_second_relay_stands_aside_until_the_first_is_done(tenants):
    publish(tenants[0], 1)
    with transaction.atomic():
        assert relay() == 1
        assert at_once([relay]) == [None]
    assert at_once([relay]) == [0]


def test_a_relay_that_dies_in_its_turn_leaves_everything(tenants):
    publish(tenants[0], 1, 2)
    with transaction.atomic():
        assert relay() == 2
        transaction.set_rollback(True)

    assert events_of(tenants[0]) == []
    assert relay_all() == 2
    assert events_of(tenants[0]) == [(1, 1), (2, 2)]


def test_a_transaction_that_sleeps_holds_up_nobody_else(tenants):
    """Its entry has the lowest number and comes last."""
    slept, woken = threading.Event(), threading.Event()

    def sleeper():
        with transaction.atomic():
            publish(tenants[0], 1)
            slept.set()
            woken.wait(20)
        connections.close_all()

    asleep = threading.Thread(target=sleeper)
    asleep.start()
    slept.wait(20)
    publish(tenants[0], 2)
    assert relay_all() == 1
    woken.set()
    asleep.join()

    assert relay_all() == 1
    assert events_of(tenants[0]) == [(1, 2), (2, 1)]


def test_listeners_are_told_once_a_turn(tenants, owner):
    with psycopg.connect(owner().info.dsn, password=owner().info.password, autocommit=True) as listening:
        listening.execute("LISTEN ondi_events")
        publish(tenants[0], 1, 2, 3)
        relay_all()
        told = [one.payload for one in listening.notifies(timeout=5, stop_after=1)]
        told += [one.payload for one in listening.notifies(timeout=0.2)]

    assert told == [str(owner().execute("SELECT seq FROM outbox_head").fetchone()[0])]


def test_the_application_can_add_entries_and_nothing_else(tenants):
    for statement in (
        "SELECT * FROM outbox_entry",
        "UPDATE outbox_entry SET kind = 'x'",
        "DELETE FROM outbox_entry",
        "INSERT INTO outbox_entry (id, tenant_id, kind, data, is_silent, cause, at) "
        "OVERRIDING SYSTEM VALUE SELECT 1, NULL, 'x', '{}', false, '', now() FROM outbox_entry",
        "INSERT INTO outbox_event (seq) VALUES (1)",
        "DELETE FROM outbox_event",
        "UPDATE outbox_position SET position = 1",
        "SELECT * FROM outbox_head",
    ):
        with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
            cursor.execute(statement)


def test_nobody_publishes_in_another_tenant(tenants):
    here, there = tenants
    with pytest.raises(Exception, match="row-level security"), tenant_scope(here.id):
        insert_rows(entry(KIND, tenant_id=there.id, at=timezone.now()))


@pytest.mark.race
def test_64_writers_of_20_subjects_while_two_relays_work(owner):
    """At length, with kills: `make chaos`."""
    database = owner()
    subjects = events.make_subjects(database, [TenantFactory().id for _number in range(3)], 20)
    over = threading.Event()

    def keep_relaying():
        while not over.is_set():
            if not relay():
                over.wait(0.005)
        connections.close_all()

    relays = [threading.Thread(target=keep_relaying) for _number in range(2)]
    for one in relays:
        one.start()
    try:
        written = events.write(
            lambda: psycopg.connect(database.info.dsn, password=database.info.password, autocommit=True),
            subjects, writers=64, changes=25, longest_sleep=0.01,
        )  # fmt: skip
    finally:
        over.set()
        for one in relays:
            one.join()
        database.execute("DROP TABLE ledger_subject")
    relay_all()

    assert written.number > 1_000
    assert written.taken_back > 50
    assert events.faults_of(database, written) == []
