"""The demo: three weeks of a support that lives, and nothing in it contradicts the rules."""

import io
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction

from ondi.files.checking import check_due
from ondi.files.models import State, StoredFile
from ondi.notifications.models import Notification
from ondi.outbox.models import Event
from ondi.outbox.relay import relay
from ondi.tenants.scope import find_tenants, tenant_scope
from support.management.commands.seed_demo import seed
from support.models import CannedReply, Policy, Ticket, TicketClock, TicketNote, TicketTag
from support.services.clocks import hours_of
from support.vocabulary import Outcome, TicketSource

pytestmark = pytest.mark.django_db(transaction=True)
WEDNESDAY = datetime(2026, 3, 11, 9, 30, tzinfo=UTC)
SATURDAY = WEDNESDAY + timedelta(days=3)


def doctors_words():
    said = io.StringIO()
    call_command("doctor", stdout=said)
    return said.getvalue()


@pytest.mark.parametrize("now", [WEDNESDAY, SATURDAY])
def test_a_story_of_three_weeks_in_which_nothing_contradicts_itself(now):
    """Given a day of work or of rest, then it has a bit of everything, and the doctor is content."""
    begun = time.process_time()
    with time_machine.travel(now, tick=False):
        call_command("seed_demo", "--force", stdout=io.StringIO())
        taken = time.process_time() - begun
        while check_due():  # as the work process does
            pass
        assert "all as it has to be" in doctors_words()

    assert taken < 15, "seconds of a processor; people wait for it"
    tenant_id = find_tenants("tigris")["tigris"]
    with tenant_scope(tenant_id):
        tickets = list(Ticket.objects.order_by("number"))
        assert [ticket.created_at for ticket in tickets] == sorted(ticket.created_at for ticket in tickets)
        assert now - tickets[0].created_at > timedelta(days=18)
        assert {ticket.source for ticket in tickets} >= {
            TicketSource.PHONE, TicketSource.STOREFRONT, TicketSource.CUSTOMER_PORTAL,
        }  # fmt: skip
        told = Counter(TicketClock.objects.values_list("outcome", flat=True))
        assert told[Outcome.MET] > told[Outcome.MISSED] > 3
        assert TicketClock.objects.exclude(warned_at=None).exists()
        assert Ticket.objects.snoozed(now).exists()
        assert Ticket.objects.open().unassigned().exists()
        loads = Counter(Ticket.objects.closed().values_list("assignee__first_name", flat=True))
        assert loads["Sara"] > loads["Omar"] > 0
        assert TicketNote.objects.exists()
        assert TicketTag.objects.values("tag").distinct().count() >= 5
        assert set(StoredFile.objects.values_list("state", flat=True)) == {State.READY}
        assert {"en", "ar", "ku"} == set(CannedReply.objects.values_list("language", flat=True))


def test_agents_of_the_past_worked_in_open_hours():
    seed(now=SATURDAY)

    with tenant_scope(find_tenants("tigris")["tigris"]):
        office = hours_of(Policy.objects.get(name="Everybody else").versions.get().calendar.versions.get())
        past = Ticket.objects.closed().filter(requester__external_id__contains="writer")
        closings = past.values_list("closed_at", flat=True)
        assert len(closings) > 50
        assert [
            at for at in closings if not office.between(at - timedelta(minutes=1), at + timedelta(minutes=20))
        ] == []


def test_the_same_moment_tells_the_same_story():
    def told():
        with transaction.atomic():
            seed(now=SATURDAY)
            with tenant_scope(find_tenants("zagros")["zagros"]):
                shown = (
                    "subject",
                    "requester__last_name",
                    "assignee__last_name",
                    "created_at",
                    "closed_at",
                    "priority",
                )
                found = list(Ticket.objects.order_by("number").values_list(*shown))
            transaction.set_rollback(True)
        return found

    assert told() == told()


def test_nobody_is_told_of_the_past():
    call_command("seed_demo", "--force", stdout=io.StringIO())

    with tenant_scope(*find_tenants().values()):
        assert not Notification.objects.exists()
        assert Event.objects.exists(), "the feed has it"
    assert relay() == 0, "all of it is there already where subscribers begin"
