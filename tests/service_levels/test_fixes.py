"""Clocks that are wrong are named and computed anew; a calendar's newest hours are brought to what runs, and undone."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from ondi.outbox.models import Event
from ondi.tenants.scope import tenant_scope
from support import services
from support.models import Calendar, Policy, Ticket, TicketClock, TicketTerms
from tests.factories import actor, reload
from tests.service_levels.world import HOUR, MINUTE, MONDAY, Shop

pytestmark = pytest.mark.django_db(transaction=True)
MORNINGS = [[[540, 720]]] * 7


@pytest.fixture
def shop():
    shop = Shop(slug="tigris")
    shop.policy(shop.calendar(name="Hours"), first=240, resolution=600)
    return shop


def run(shop, command, *arguments):
    out = io.StringIO()
    with shop.frozen():
        try:
            call_command(command, *arguments, "--tenant=tigris", "--json", stdout=out, stderr=io.StringIO())
        except CommandError:
            if not out.getvalue():
                raise
    return json.loads(out.getvalue())


def findings(shop):
    return {one["finding"]: one["count"] for one in run(shop, "doctor")}


DAMAGES = {
    "an outcome": lambda: TicketClock.objects.filter(metric="first_response").update(
        outcome="met", decided_at=MONDAY, ended_at=MONDAY, running_since=None
    ),
    "a due time": lambda: TicketClock.objects.filter(metric="resolution").update(due_at=MONDAY),
    "the time used": lambda: TicketClock.objects.filter(metric="resolution").update(consumed=timedelta(hours=1)),
    "the ticket's due time": lambda: Ticket.objects.update(due_at=None),
    "when it wants a look": lambda: Ticket.objects.update(attend_at=None),
    "a clock that is gone": lambda: TicketClock.objects.filter(metric="resolution").delete(),
    "a clock too many": lambda: TicketClock.objects.filter(metric="resolution").update(metric="next_response"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_wrong_clocks_are_named_and_computed_anew_without_telling_anybody(shop, damage):
    ticket = shop.open()
    shop.wait(15 * MINUTE)
    right = shop.shown(ticket), reload(ticket).due_at, reload(ticket).attend_at
    assert findings(shop) == {}
    with tenant_scope(shop.tenant.id):
        DAMAGES[damage]()
        before = Event.objects.count()

    assert findings(shop) == {"clocks": 1}
    done = run(shop, "repair", "--finding=clocks", "--apply")

    assert done[0]["changed"] == 1
    assert findings(shop) == {}
    assert (shop.shown(ticket), reload(ticket).due_at, reload(ticket).attend_at) == right
    with tenant_scope(shop.tenant.id):
        assert Event.objects.count() == before


def test_what_the_work_process_may_be_about_to_do_is_no_finding(shop):
    shop.open()
    shop.wait(200 * MINUTE)  # warned
    shop.at += 45 * MINUTE  # due five minutes ago, and not looked at
    assert findings(shop) == {}
    shop.at += 10 * MINUTE
    assert findings(shop) == {"clocks": 1}


def test_a_calendar_reaches_what_runs_by_plan_apply_and_undo(shop):
    """Given mornings only, when they are applied at ten, then the hour used stays, and an undo brings all back."""
    with tenant_scope(shop.tenant.id):
        calendar = Calendar.objects.get()
    ticket, closed = shop.open(), shop.open()
    shop.at += HOUR
    shop.do(services.close_ticket, closed)
    before, frozen = shop.shown(ticket), shop.shown(closed)
    shop.calendar(MORNINGS, calendar_id=calendar.id)

    plan = run(shop, "apply_calendar", "--calendar=Hours")
    assert (plan[0]["dry_run"], plan[0]["count"]) == (True, 1)
    assert shop.shown(ticket) == before
    done = run(shop, "apply_calendar", "--calendar=Hours", "--apply")

    assert shop.shown(ticket)[0] == ("first_response", "running", timedelta(days=1, hours=1))
    assert shop.clocks(ticket)["first_response"].consumed == HOUR
    assert shop.shown(closed) == frozen
    assert run(shop, "apply_calendar", "--calendar=Hours", "--apply")[0]["changed"] == 0
    shop.at += 15 * MINUTE
    assert findings(shop) == {}

    with shop.frozen():
        call_command("data_fixes", "undo", done[0]["run"], stdout=io.StringIO())
    assert shop.shown(ticket) == before
    with tenant_scope(shop.tenant.id):
        assert not TicketTerms.objects.filter(cause="calendar").exists()
    assert findings(shop) == {}


def test_what_a_calendars_hours_bring_is_what_the_history_says_of_every_ticket(shop):
    """Given one that waits, is paused, snoozed, missed, due just now, answered a moment ago, or on its second answer.

    When new hours are applied, then each thing is told once, and all is as computed anew; undone too.
    """
    with tenant_scope(shop.tenant.id):
        calendar, promise = Calendar.objects.get(), Policy.objects.get()
    shop.policy(calendar, policy=promise, first=240, next=120, resolution=600, snoozed=True)
    missed = shop.open()
    shop.wait(40 * MINUTE)
    due_soon = shop.open()
    shop.wait(3 * HOUR)
    waits, paused, snoozed, again, answered = (shop.open() for _each in range(5))
    shop.wait(15 * MINUTE)
    shop.say(shop.sara, paused)
    shop.say(shop.sara, again)
    shop.do(services.snooze_ticket, snoozed, until=shop.at + 50 * HOUR, version=reload(snoozed).version)
    shop.wait(10 * MINUTE)
    shop.say(shop.layla, again)
    shop.say(shop.sara, missed)
    shop.say(shop.layla, missed)
    shop.calendar(MORNINGS, calendar_id=calendar.id)
    shop.at += 40 * MINUTE  # one is due meanwhile, and not looked at
    with tenant_scope(shop.tenant.id), shop.frozen():
        services.claim_ticket(actor=actor(shop.sara), ticket_id=answered.id)
        services.post_message(
            actor=actor(shop.sara), conversation_id=answered.conversation_id, content="Not taken up yet"
        )

    done = run(shop, "apply_calendar", "--calendar=Hours", "--apply")
    assert done[0]["changed"] == 7
    shop.settle()
    with tenant_scope(shop.tenant.id):
        events = Event.objects.filter(kind__startswith="sla.")
        told = [(one.subject_id, one.kind, one.data["after"]["metric"]) for one in events]
    assert len(told) == len(set(told)) > 2
    every = [missed, due_soon, waits, paused, snoozed, again, answered]
    kept = [shop.shown(one) for one in every]
    assert [one[:2] for one in kept[1]] == [("first_response", "missed"), ("resolution", "running")]
    shop.at += 11 * MINUTE
    assert findings(shop) == {}

    with shop.frozen():
        call_command("data_fixes", "undo", done[0]["run"], stdout=io.StringIO())
    assert findings(shop) == {}


def test_a_calendars_hours_reach_a_ticket_of_which_no_clock_runs_now(shop):
    """Given an answered ticket that owes nothing, when new hours are applied, then its next answer is owed by them."""
    with tenant_scope(shop.tenant.id):
        calendar, promise = Calendar.objects.get(), Policy.objects.get()
    shop.policy(calendar, policy=promise, first=240, next=120)
    ticket = shop.open()
    shop.say(shop.sara, ticket)
    shop.calendar(MORNINGS, calendar_id=calendar.id)

    assert run(shop, "apply_calendar", "--calendar=Hours", "--apply")[0]["changed"] == 1
    shop.at += 4 * HOUR  # one in the afternoon
    shop.say(shop.layla, ticket)

    assert shop.clocks(ticket)["next_response"].due_at - MONDAY == timedelta(days=1, hours=2)
    assert run(shop, "apply_calendar", "--calendar=Hours")[0]["count"] == 0


def test_an_unknown_calendar_is_one_sentence(shop):
    with pytest.raises(CommandError, match="There is no calendar 'Nights' in this tenant"):
        call_command("apply_calendar", "--tenant=tigris", "--calendar=Nights")
