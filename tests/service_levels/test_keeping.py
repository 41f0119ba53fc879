"""Clocks as they are kept: by the subscriber, by time alone, and by a change of policies."""

from datetime import timedelta

import pytest

from deliveries.services import upsert_deliveries
from ondi.outbox.models import Event
from ondi.tenants.scope import tenant_scope
from support import services
from support.models import Calendar, CalendarVersion, TicketClock, TicketTerms
from support.vocabulary import Cause, Metric
from support.workers import attend
from tests.factories import DeliveryFactory, reload
from tests.service_levels.world import HOUR, MINUTE, MONDAY, OFFICE, Shop

pytestmark = pytest.mark.django_db(transaction=True)
FIRST, NEXT, RESOLUTION = Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.RESOLUTION


@pytest.fixture
def shop():
    return Shop()


def published(shop, *kinds):
    with tenant_scope(shop.tenant.id):
        found = Event.objects.filter(kind__in=[f"sla.{kind}" for kind in kinds]).order_by("seq")
        return [(one.kind[4:], one.data["after"]["metric"]) for one in found]


def test_an_opened_ticket_is_promised_what_the_first_policy_that_fits_says(shop):
    shop.policy(name="Urgent", first=15, match={"priority": ["urgent"]})
    shop.policy(name="All", position=2, first=60, resolution=480)

    ticket, urgent = shop.open(), shop.open(priority="urgent")

    assert shop.shown(ticket) == [("first_response", "running", HOUR), ("resolution", "running", 8 * HOUR)]
    assert shop.shown(urgent) == [("first_response", "running", 15 * MINUTE)]
    assert (reload(ticket).due_at, reload(ticket).reply_due_at) == (MONDAY + HOUR, MONDAY + HOUR)


def test_where_nothing_is_promised_nothing_is_kept(shop):
    ticket = shop.open()
    shop.say(shop.sara, ticket)

    with tenant_scope(shop.tenant.id):
        assert (TicketTerms.objects.count(), TicketClock.objects.count()) == (0, 0)
    assert reload(ticket).attend_at is None


def test_an_answer_meets_the_first_and_the_customers_next_message_begins_another(shop):
    shop.policy(first=60, next=30)
    ticket = shop.open()
    shop.at += 20 * MINUTE
    shop.say(shop.sara, ticket)
    shop.at += 20 * MINUTE
    shop.say(shop.layla, ticket)
    shop.at += MINUTE
    shop.say(shop.layla, ticket)

    assert shop.shown(ticket) == [("first_response", "met", HOUR), ("next_response", "running", 70 * MINUTE)]
    assert published(shop, "met", "breached") == [("met", "first_response")]


def test_a_customer_who_writes_again_before_the_first_answer_begins_nothing(shop):
    shop.policy(first=60, next=5)
    ticket = shop.open()
    shop.at += 10 * MINUTE
    shop.say(shop.layla, ticket)

    assert shop.shown(ticket) == [("first_response", "running", HOUR)]


def test_the_resolution_pauses_while_the_customer_is_asked(shop):
    shop.policy(resolution=60)
    ticket = shop.open()
    shop.at += 20 * MINUTE
    shop.say(shop.sara, ticket)
    assert shop.shown(ticket) == [("resolution", "paused", None)]
    shop.wait(5 * HOUR)
    shop.say(shop.layla, ticket)

    assert shop.shown(ticket) == [("resolution", "running", 5 * HOUR + HOUR)]
    assert shop.clocks(ticket)[RESOLUTION].consumed == 20 * MINUTE


def test_only_open_hours_count(shop):
    shop.at = MONDAY + timedelta(hours=7, minutes=30)  # half past four
    shop.policy(shop.calendar(OFFICE), first=60)
    ticket = shop.open()

    assert shop.shown(ticket) == [("first_response", "running", timedelta(days=1, minutes=30))]


def test_another_priority_brings_another_promise_and_the_time_used_stays(shop):
    shop.policy(name="Urgent", first=30, match={"priority": ["urgent"]})
    shop.policy(name="All", position=2, first=120)
    ticket = shop.open()
    shop.at += 20 * MINUTE
    shop.do(services.change_priority, ticket, priority="urgent")

    assert shop.shown(ticket) == [("first_response", "running", 30 * MINUTE)]


def test_a_target_that_is_used_up_already_is_due_at_once_and_missed_by_what_brought_it(shop):
    """Given minutes on the road and hours once delivered, when it goes back on the road, the delivery is to blame."""
    delivery = DeliveryFactory(tenant=shop.tenant, customer=shop.layla, external_id="d-1", status="delivered")
    shop.policy(name="Road", first=10, match={"delivery_status": ["in_transit"]})
    shop.policy(name="Delivered", position=2, first=240)
    ticket = shop.open(delivery=delivery)
    shop.at += 30 * MINUTE
    with tenant_scope(shop.tenant.id), shop.frozen():
        upsert_deliveries(tenant_id=shop.tenant.id, wanted=[{"external_id": "d-1", "status": "in_transit"}])
    shop.settle()
    shop.wait(MINUTE)

    clock = shop.clocks(ticket)[FIRST]
    assert (clock.outcome, clock.due_at, clock.spoiled_by) == ("missed", MONDAY + 30 * MINUTE, "delivery")
    shop.at += HOUR
    with tenant_scope(shop.tenant.id), shop.frozen():
        upsert_deliveries(tenant_id=shop.tenant.id, wanted=[{"external_id": "d-1", "status": "delivered"}])
    shop.settle()
    assert shop.clocks(ticket)[FIRST].outcome == "missed", "what was missed stays missed"


def test_a_delivery_that_gets_late_brings_its_promise_by_time_alone(shop):
    delivery = DeliveryFactory(
        tenant=shop.tenant, customer=shop.layla, status="in_transit", promised_at=MONDAY + 2 * HOUR
    )
    shop.policy(name="Late", first=150, match={"is_late": True})
    shop.policy(name="All", position=2, first=600)
    ticket = shop.open(delivery=delivery)
    assert shop.shown(ticket) == [("first_response", "running", 10 * HOUR)]

    shop.wait(2 * HOUR + MINUTE)

    assert shop.shown(ticket) == [("first_response", "running", 150 * MINUTE)]
    with tenant_scope(shop.tenant.id):
        assert TicketTerms.objects.get(cause="delivery").created_at - MONDAY - 2 * HOUR < MINUTE


def test_what_is_promised_nothing_until_its_delivery_is_late_is_promised_something_then(shop):
    """Given the only promise is for late ones, when time alone makes one late, then it holds from that moment."""
    delivery = DeliveryFactory(
        tenant=shop.tenant, customer=shop.layla, status="in_transit", promised_at=MONDAY + 2 * HOUR
    )
    shop.policy(name="Late", match={"is_late": True}, first=30)
    ticket, without = shop.open(delivery=delivery), shop.open()
    shop.wait(2 * HOUR + MINUTE)

    assert shop.clocks(ticket)[FIRST].due_at - MONDAY - 2 * HOUR - 30 * MINUTE < MINUTE
    assert shop.shown(without) == []


def test_a_delivery_that_is_promised_for_an_earlier_time_is_late_from_then(shop):
    """Given one promised for six, when it is promised for ten at noon, then it is late now and not at six."""
    shop.policy(name="Late", match={"is_late": True}, first=30)
    delivery = DeliveryFactory(
        tenant=shop.tenant, customer=shop.layla, external_id="d-1", status="in_transit", promised_at=MONDAY + 9 * HOUR
    )
    ticket = shop.open(delivery=delivery)
    shop.wait(3 * HOUR)
    assert shop.shown(ticket) == []
    with tenant_scope(shop.tenant.id), shop.frozen():
        upsert_deliveries(tenant_id=shop.tenant.id, wanted=[{"external_id": "d-1", "promised_at": MONDAY + HOUR}])
    shop.settle()

    assert shop.shown(ticket) == [("first_response", "running", 3 * HOUR + 30 * MINUTE)]


@pytest.mark.parametrize(("pauses", "due"), [(True, 4 * HOUR), (False, HOUR)])
def test_a_snoozed_ticket_pauses_where_its_policy_says_so_and_goes_on_by_itself(shop, pauses, due):
    shop.policy(first=60, snoozed=pauses)
    ticket = shop.open()
    shop.do(services.snooze_ticket, ticket, until=MONDAY + 3 * HOUR)
    assert shop.shown(ticket)[0][1] == ("paused" if pauses else "running")

    shop.wait(3 * HOUR + MINUTE)

    assert shop.shown(ticket) == [("first_response", "running" if pauses else "missed", due)]


def test_a_customer_who_writes_ends_the_pause(shop):
    shop.policy(first=60, snoozed=True)
    ticket = shop.open()
    shop.do(services.snooze_ticket, ticket, until=MONDAY + 3 * HOUR)
    shop.wait(HOUR)
    shop.say(shop.layla, ticket)

    assert shop.shown(ticket) == [("first_response", "running", 2 * HOUR)]


def test_warned_and_missed_once_each_however_often_one_looks(shop):
    shop.policy(first=100, warn=80)
    ticket = shop.open()
    for _look in range(5):
        shop.wait(30 * MINUTE)

    assert published(shop, "warning", "breached") == [("warning", "first_response"), ("breached", "first_response")]
    shop.say(shop.sara, ticket)
    assert published(shop, "met") == []
    assert shop.shown(ticket) == [("first_response", "missed", 100 * MINUTE)]


def test_nobody_is_warned_of_what_was_answered(shop):
    shop.policy(first=100, warn=80)
    ticket = shop.open()
    shop.at += 79 * MINUTE
    shop.say(shop.sara, ticket)
    shop.wait(HOUR)

    assert published(shop, "warning", "breached") == []


def test_a_closed_ticket_owes_nothing_and_reopened_it_owes_an_answer_and_the_rest(shop):
    shop.policy(first=60, next=30, resolution=120)
    ticket = shop.open()
    shop.at += 20 * MINUTE
    shop.do(services.close_ticket, ticket)
    assert [one[:2] for one in shop.shown(ticket)] == [("first_response", "cancelled"), ("resolution", "met")]
    assert (reload(ticket).due_at, reload(ticket).attend_at) == (None, None)
    shop.wait(10 * HOUR)
    shop.do(services.reopen_ticket, ticket)

    now = 10 * HOUR + 20 * MINUTE
    assert shop.shown(ticket)[1:] == [
        ("next_response", "running", now + 30 * MINUTE),
        ("resolution", "met", 2 * HOUR),
        ("resolution", "running", now + 100 * MINUTE),
    ]


def test_a_policy_that_changes_moves_open_tickets_and_leaves_what_is_over(shop):
    policy = shop.policy(calendar := shop.calendar(), first=60, resolution=600)
    waits, answered = shop.open(), shop.open()
    shop.at += 10 * MINUTE
    shop.say(shop.sara, answered)
    shop.at += 10 * MINUTE
    shop.policy(calendar, policy=policy, first=30, resolution=600)

    assert shop.shown(waits)[0] == ("first_response", "running", 30 * MINUTE)
    assert shop.shown(answered)[0] == ("first_response", "met", HOUR)


def test_a_policy_that_is_off_promises_nothing_any_more(shop):
    policy = shop.policy(calendar := shop.calendar(), first=60)
    ticket = shop.open()
    shop.at += 10 * MINUTE
    shop.policy(calendar, policy=policy, first=60, is_active=False)
    shop.wait(5 * HOUR)

    assert shop.shown(ticket) == [("first_response", "paused", None)]
    assert published(shop, "warning", "breached") == []
    assert reload(ticket).due_at is None


def test_a_calendar_that_changes_counts_for_what_is_promised_from_then(shop):
    calendar = shop.calendar()
    shop.policy(calendar, first=60)
    before = shop.open()
    shop.calendar([[[780, 1020]]] * 7, calendar_id=calendar.id)
    after = shop.open()

    assert shop.shown(before) == [("first_response", "running", HOUR)]
    assert shop.shown(after) == [("first_response", "running", 5 * HOUR)]


def test_what_is_given_twice_is_counted_once(shop):
    """Given the subscriber takes the same events again, then nothing is kept or told twice."""
    from ondi.outbox.models import Cursor

    shop.policy(first=60)
    ticket = shop.open()
    shop.say(shop.sara, ticket)
    shop.at += MINUTE
    Cursor.objects.filter(pk="clocks").update(seq=0)
    shop.settle()

    assert shop.shown(ticket) == [("first_response", "met", HOUR)]
    assert published(shop, "met") == [("met", "first_response")]
    with tenant_scope(shop.tenant.id):
        assert TicketTerms.objects.count() == 1


def test_what_many_of_one_tenant_wait_for_does_not_hold_up_anothers(shop):
    """Given four of a shop that were due before the one of another, when ten are looked at, then that is among them."""
    other = Shop()
    shop.policy(first=60)
    other.policy(first=60)
    for _each in range(4):
        shop.open()
    other.at += MINUTE
    late = other.open()
    at = MONDAY + 3 * HOUR

    assert attend(at=at, most=10) == 3
    assert other.shown(late) == [("first_response", "missed", 61 * MINUTE)]


def test_a_ticket_that_cannot_be_kept_holds_up_no_other_and_is_looked_at_again(shop):
    """Given one of two is promised hours nobody can read, when a policy changes, then the other has its new time."""
    policy = shop.policy(calendar := shop.calendar(), first=60)
    broken, whole = shop.open(), shop.open()
    with tenant_scope(shop.tenant.id):
        terms = TicketTerms.objects.get(ticket=broken)
        nowhere = CalendarVersion.objects.create(
            tenant=shop.tenant, calendar=Calendar.objects.create(tenant=shop.tenant, name="Nowhere"), number=1,
            time_zone="Mars/Olympus_Mons", days=OFFICE, created_at=shop.at,
        )  # fmt: skip
        TicketTerms.objects.create(
            tenant=shop.tenant, ticket=broken, policy_version=terms.policy_version, calendar_version=nowhere,
            cause=Cause.CALENDAR, created_at=shop.at,
        )  # fmt: skip
    shop.policy(calendar, policy=policy, first=30)

    assert shop.shown(whole) == [("first_response", "running", 30 * MINUTE)]
    assert reload(broken).attend_at == shop.at + HOUR


def test_a_purged_ticket_takes_its_clocks_along(shop):
    from django.db import connection

    shop.policy(first=60)
    ticket = shop.open()
    shop.do(services.close_ticket, ticket)
    with tenant_scope(shop.tenant.id), connection.cursor() as cursor:
        cursor.execute("SELECT ondi_purge_tickets(%s)", [[ticket.id]])
        assert (TicketTerms.objects.count(), TicketClock.objects.count()) == (0, 0)


class TestTheExamplesOfTheDocument:
    """`docs/agents.md`, "Promised times"."""

    @pytest.fixture
    def shop(self):
        """On Monday, 23 November, at nine in Berlin."""
        shop = Shop(MONDAY - HOUR, time_zone="Europe/Berlin")
        shop.hours = shop.calendar(OFFICE, zone="Europe/Berlin")
        return shop

    def test_a_weekend(self, shop):
        shop.policy(shop.hours, first=120)
        shop.at += timedelta(days=4, hours=7)
        ticket = shop.open()

        assert shop.clocks(ticket)[FIRST].due_at == MONDAY - HOUR + timedelta(days=7, hours=1)

    def test_a_pause(self, shop):
        shop.policy(shop.hours, resolution=480)
        ticket = shop.open()
        shop.at += 2 * HOUR
        shop.say(shop.sara, ticket)
        assert shop.clocks(ticket)[RESOLUTION].consumed == 2 * HOUR
        shop.at += timedelta(days=2, hours=4)
        shop.say(shop.layla, ticket)

        assert shop.clocks(ticket)[RESOLUTION].due_at == MONDAY - HOUR + timedelta(days=3, hours=4)

    def test_on_the_road(self, shop):
        delivery = DeliveryFactory(tenant=shop.tenant, customer=shop.layla, external_id="d-1", status="pending")
        shop.policy(shop.hours, name="Road", first=30, match={"delivery_status": ["in_transit"]})
        shop.policy(shop.hours, name="Else", position=2, first=240)
        shop.at += timedelta(days=1, hours=1)
        opened = shop.at
        ticket = shop.open(delivery=delivery)
        assert shop.clocks(ticket)[FIRST].due_at == opened + 4 * HOUR
        shop.at += 40 * MINUTE
        with tenant_scope(shop.tenant.id), shop.frozen():
            upsert_deliveries(tenant_id=shop.tenant.id, wanted=[{"external_id": "d-1", "status": "in_transit"}])
        shop.settle()
        shop.wait(MINUTE)

        clock = shop.clocks(ticket)[FIRST]
        assert (clock.due_at, clock.outcome, clock.spoiled_by) == (opened + 40 * MINUTE, "missed", "delivery")
