"""Subscribers: each at its own place, in order, once; what one fails at is set aside and the others never notice."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from django.utils import timezone

from ondi.common.prepared import insert_rows
from ondi.outbox import subscribers as module
from ondi.outbox.models import Cursor, Event, SetAside
from ondi.outbox.publishing import entry
from ondi.outbox.relay import relay_all
from ondi.outbox.subscribers import PAUSES, subscribe, subscribers, take_turn, try_again
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from support.models import Tag
from tests.factories import TenantFactory
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenants():
    return [TenantFactory(slug=slug) for slug in ("tigris", "zagros")]


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    monkeypatch.setattr(module, "_SUBSCRIBERS", {})


class Taking:
    """A subscriber that writes down what it is given, as tags; and fails at chosen versions."""

    def __init__(self, name, fails_at=()):
        self.fails_at, self.turns = set(fails_at), []
        subscribe(name)(self.take)
        (self.subscriber,) = [one for one in subscribers() if one.name == name]
        take_turn(self.subscriber)  # begins at the head

    def take(self, events):
        self.turns.append([event.version for event in events])
        for event in events:
            Tag.objects.get_or_create(tenant_id=event.tenant_id, name=f"{self.subscriber.name} {event.seq}")
            if event.version in self.fails_at:
                raise ValueError("Layla Hassan is no number")

    def turn(self, **options):
        return take_turn(self.subscriber, **options)


def publish(*versions_of):
    """(tenant, version) each; relayed."""
    for tenant, version in versions_of:
        with tenant_scope(tenant.id):
            insert_rows(entry("ticket.closed", tenant_id=tenant.id, version=version, at=timezone.now()))
    relay_all()


def taken(*tenants):
    with tenant_scope(*(tenant.id for tenant in tenants)):
        return Tag.objects.count()


def aside(*tenants):
    with tenant_scope(*(tenant.id for tenant in tenants)):
        return list(SetAside.objects.order_by("seq").values_list("subscriber", "attempts", "reason"))


def test_it_begins_with_what_happens_from_then_on(tenants):
    publish((tenants[0], 1))
    first = Taking("first")
    publish((tenants[0], 2), (tenants[1], 3))

    assert first.turn() == 2
    assert first.turn() == 0
    assert first.turns == [[2, 3]]
    assert taken(*tenants) == 2


def test_each_has_a_place_of_its_own(tenants):
    first = Taking("first")
    publish((tenants[0], 1))
    second = Taking("second")
    publish((tenants[0], 2))
    first.turn()
    second.turn()

    assert (first.turns, second.turns) == ([[1, 2]], [[2]])


def test_what_it_fails_at_is_set_aside_and_the_rest_is_done(tenants):
    first, second = Taking("first", fails_at=[2]), Taking("second")
    publish((tenants[0], 1), (tenants[1], 2), (tenants[0], 3))

    assert first.turn() == second.turn() == 3
    assert first.turns == [[1, 2, 3], [1], [2], [3]]
    assert second.turns == [[1, 2, 3]]
    assert taken(*tenants) == 5
    assert aside(*tenants) == [("first", 1, "builtins.ValueError")], "its kind, never its words"
    assert first.turn() == 0


def test_it_is_tried_again_after_pauses_that_grow_until_a_person_has_to_look(tenants):
    first = Taking("first", fails_at=[2])
    publish((tenants[0], 2))
    at = timezone.now()
    first.turn(at=at)
    assert try_again(at=at) == 0
    for number, pause in enumerate(PAUSES, start=2):
        at += pause
        assert try_again(at=at) == 1
        assert try_again(at=at) == 0
        assert aside(*tenants) == [("first", number, "builtins.ValueError")]
    assert try_again(at=at + timedelta(days=365)) == 0
    first.fails_at.clear()
    call_command("outbox", "retry", "--all")
    assert try_again() == 1
    assert aside(*tenants) == []
    assert taken(*tenants) == 1


def test_what_recovers_by_itself_needs_nobody(tenants):
    first = Taking("first", fails_at=[2])
    publish((tenants[0], 2))
    first.turn()
    first.fails_at.clear()

    assert try_again(at=timezone.now() + PAUSES[0]) == 1
    assert (aside(*tenants), taken(*tenants)) == ([], 1)


def test_what_somebody_else_saw_to_meanwhile_is_passed_over(tenants):
    first = Taking("first", fails_at=[1, 2])
    publish((tenants[0], 1), (tenants[0], 2))
    first.turn()

    def drop_the_other(events):
        SetAside.objects.exclude(seq=events[0].seq).delete()

    module._SUBSCRIBERS["first"] = module.Subscriber("first", drop_the_other)
    assert try_again(at=timezone.now() + PAUSES[0]) == 2
    assert aside(*tenants) == []


def test_what_nobody_subscribes_to_any_longer_says_so(tenants):
    first = Taking("first", fails_at=[1])
    publish((tenants[0], 1))
    first.turn()
    module._SUBSCRIBERS.clear()

    assert try_again(at=timezone.now() + PAUSES[0]) == 1

    assert aside(*tenants) == [("first", 2, "builtins.LookupError")]


def test_trouble_of_the_database_is_no_fault_of_an_event(tenants):
    first = Taking("first")
    publish((tenants[0], 1))

    def deadlock(events):
        raise OperationalError("deadlock detected")

    with pytest.raises(OperationalError):
        take_turn(module.Subscriber("first", deadlock))
    assert aside(*tenants) == []
    assert take_turn(first.subscriber) == 1


def test_nor_when_it_is_tried_again(tenants, monkeypatch):
    Taking("first", fails_at=[1])
    publish((tenants[0], 1))
    take_turn(subscribers()[0])

    def deadlock(events):
        raise OperationalError("deadlock detected")

    monkeypatch.setitem(module._SUBSCRIBERS, "first", module.Subscriber("first", deadlock))
    with pytest.raises(OperationalError):
        try_again(at=timezone.now() + PAUSES[0])
    assert aside(*tenants) == [("first", 1, "builtins.ValueError")]


def test_two_processes_do_not_take_the_same(tenants):
    first = Taking("first")
    publish((tenants[0], 1))
    with transaction.atomic():
        assert first.turn() == 1
        assert at_once([first.turn]) == [0]
    assert at_once([first.turn]) == [0]
    assert first.turns == [[1]]


def test_a_turn_that_is_cut_off_is_taken_again(tenants):
    first = Taking("first")
    publish((tenants[0], 1))
    with transaction.atomic():
        first.turn()
        transaction.set_rollback(True)

    assert taken(*tenants) == 0
    assert first.turn() == 1
    assert taken(*tenants) == 1


def test_in_a_turn_only_the_tenants_of_its_events_are_in_scope(tenants):
    seen = []
    subscribe("looks")(lambda events: seen.append(set(Tenant.objects.values_list("slug", flat=True))))
    (looks,) = subscribers()
    take_turn(looks)
    publish((tenants[1], 1))
    take_turn(looks)

    assert seen == [{"zagros"}]


def test_it_can_begin_anywhere_again(tenants):
    first = Taking("first")
    publish((tenants[0], 1), (tenants[0], 2))
    first.turn()
    with tenant_scope(tenants[0].id):
        Cursor.objects.filter(subscriber="first").update(seq=Event.objects.earliest("seq").seq)

    assert first.turn() == 1
    assert first.turns == [[1, 2], [2]]


class TestCommand:
    def test_list_retry_and_drop(self, tenants, capsys):
        Taking("first", fails_at=[1, 2])
        publish((tenants[0], 1), (tenants[1], 2))
        take_turn(subscribers()[0])

        call_command("outbox", "list", "--tenant=zagros")
        (line,) = capsys.readouterr().out.splitlines()
        assert "zagros  first  event" in line
        key = line.split()[0]
        call_command("outbox", "drop", key)
        assert len(aside(*tenants)) == 1
        with pytest.raises(CommandError, match="no"):
            call_command("outbox", "drop", key)

    @pytest.mark.parametrize(
        "arguments", [("retry",), ("drop", "x", "--all"), ("retry", "nonsense"), ("list", "--tenant=nowhere")]
    )
    def test_what_names_nothing_is_a_sentence(self, tenants, arguments):
        with pytest.raises(CommandError):
            call_command("outbox", *arguments)
