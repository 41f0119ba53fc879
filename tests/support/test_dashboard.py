"""The dashboard: every number leads to the tickets it counts, and is compared with the period before."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
import time_machine

from ondi.tenants.scope import tenant_scope
from support.admin.dashboard import Change, grown, more_or_fewer, points, sooner_or_later
from support.services import claim_ticket, close_ticket, post_message, reopen_ticket, snooze_ticket
from support.statistics import dashboard_statistics
from tests.factories import MemberFactory, OrderFactory, TenantFactory, actor, make_promise, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NUMBER = re.compile(r'<a [^>]*href="(/admin/support/ticket/\?[^"]+)"[^>]*>(.*?)</a>', re.DOTALL)


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True)


def opened(tenant, *, ago, answered=None, closed=None, by=None, **fields):
    """A ticket opened so long before noon, answered and closed so long after that."""
    at = NOON - ago
    ticket = make_ticket(MemberFactory(tenant=tenant), at=at, **fields)
    with tenant_scope(tenant.id):
        if by:
            claim_ticket(actor=actor(by), ticket_id=ticket.id, at=at)
        if answered is not None:
            words = {"conversation_id": ticket.conversation_id, "content": "We look.", "at": at + answered}
            post_message(actor=actor(by), **words)
        if closed is not None:
            close_ticket(actor=actor(by), ticket_id=ticket.id, at=at + closed)
    return ticket


def a_fortnight(tenant, sara, yusuf):
    """Tickets of every kind in two weeks."""
    customer = MemberFactory(tenant=tenant)
    opened(tenant, ago=2 * HOUR, priority="urgent")
    opened(tenant, ago=3 * HOUR, by=sara, answered=HOUR, priority="low")
    opened(tenant, ago=2 * DAY, by=sara, answered=2 * HOUR, closed=3 * HOUR)
    opened(tenant, ago=3 * DAY, by=yusuf, answered=HOUR, closed=DAY)
    opened(tenant, ago=4 * DAY, by=yusuf)
    opened(tenant, ago=8 * DAY, by=yusuf, answered=3 * HOUR, closed=7 * DAY)
    opened(tenant, ago=9 * DAY, by=sara, answered=4 * HOUR, closed=5 * HOUR)
    opened(tenant, ago=40 * DAY, by=sara, closed=39 * DAY)
    make_ticket(customer, order=OrderFactory(tenant=tenant, customer=customer), at=NOON - 5 * DAY)
    snoozed = opened(tenant, ago=DAY)
    back = opened(tenant, ago=6 * DAY, by=sara, closed=HOUR)
    with tenant_scope(tenant.id):
        snooze_ticket(actor=actor(sara), ticket_id=snoozed.id, until=NOON + DAY, at=NOON)
        reopen_ticket(actor=actor(sara), ticket_id=back.id, at=NOON - HOUR)
    for ticket in (snoozed, back):
        make_promise(ticket, first_response=60, resolution=480)


def numbers_of(page):
    """Address and number of every link to a list that shows one: its own, or of how many tickets it tells."""
    links = [(unescape(address), inside) for address, inside in NUMBER.findall(page)]
    for address, inside in links:
        number = re.search(r"<b>(\d+)</b>", inside) or re.search(r"(\d+) tickets?</small>", inside)
        if number:
            yield address, int(number.group(1))


def shown_in(client, address):
    return client.get(address).content.decode().count('name="_selected_action"')


@pytest.mark.parametrize("days", [1, 7, 30])
def test_every_number_leads_to_as_many_tickets(tenant, sara, yusuf, days):
    with time_machine.travel(NOON, tick=False):
        a_fortnight(tenant, sara, yusuf)
        client = workbench(sara.user)
        found = list(numbers_of(client.get(f"/admin/?days={days}").content.decode()))

        assert {address: shown_in(client, address) for address, _number in found} == dict(found)
    asked = {address.partition("?")[2].partition("=")[0] for address, _number in found}
    assert asked >= {"tab", "period"}
    assert sum(number for _address, number in found) > 20, "they are no zeros only"


def test_numbers_of_one_of_several_tenants_lead_to_its_own_tickets_in_its_own_days(tenant, sara, yusuf):
    """Given an agent of two tenants in two zones, whose days begin at different times."""
    other = TenantFactory(time_zone="Pacific/Auckland")
    sara_there = MemberFactory(tenant=other, agent=True, user=sara.user)
    with time_machine.travel(NOON, tick=False):
        a_fortnight(tenant, sara, yusuf)
        opened(other, ago=2 * HOUR, by=sara_there)
        opened(other, ago=20 * HOUR)
        opened(other, ago=30 * HOUR, by=sara_there, answered=HOUR, closed=2 * HOUR)
        client = workbench(sara.user)
        for query in (f"days=1&tenant={other.id}", f"days=7&tenant={tenant.id}", "days=7"):
            found = list(numbers_of(client.get(f"/admin/?{query}").content.decode()))
            assert {address: shown_in(client, address) for address, _number in found} == dict(found), query


def test_a_ticket_that_was_closed_twice_stands_in_the_list_once(tenant, sara):
    ticket = opened(tenant, ago=5 * DAY, by=sara, closed=HOUR)
    with tenant_scope(tenant.id):
        reopen_ticket(actor=actor(sara), ticket_id=ticket.id, at=NOON - 3 * DAY)
        close_ticket(actor=actor(sara), ticket_id=ticket.id, at=NOON - DAY)

    with time_machine.travel(NOON, tick=False):
        assert shown_in(workbench(sara.user), "/admin/support/ticket/?period=closed.7") == 1


def test_the_chip_says_what_the_list_is_narrowed_by_and_other_values_narrow_nothing(tenant, sara):
    opened(tenant, ago=DAY)
    client = workbench(sara.user)
    with time_machine.travel(NOON, tick=False):
        said = [
            client.get(f"/admin/support/ticket/?period={value}").content.decode()
            for value in ("opened.1", "closed.30", "answered.2026-03-09")
        ]
        assert "Period: opened, today" in said[0]
        assert "Period: closed, the last 30 days" in said[1]
        assert "Period: opened and answered, 9 March 2026" in said[2]
        for value in ("", "opened", "opened.8", "moved.7", "opened.2026-13-01", "opened.9999-12-31", "closed.x.7"):
            assert shown_in(client, f"/admin/support/ticket/?period={value}") == 1, value


def figures(tenant, days=7, zone="UTC", now=NOON):
    with tenant_scope(tenant.id):
        return dashboard_statistics(tenant_ids=[tenant.id], days=days, zone=ZoneInfo(zone), now=now)


def test_the_period_before_is_told_as_it_stood_then(tenant, sara):
    """Given a ticket opened in it and closed later, when it is compared, then nothing of today counts in it."""
    opened(tenant, ago=8 * DAY, by=sara, answered=HOUR, closed=7 * DAY)
    opened(tenant, ago=9 * DAY, by=sara, answered=3 * HOUR, closed=5 * HOUR)

    before = figures(tenant).before

    assert (before.opened, before.closed) == (2, 1)
    assert before.first_response.median == 2 * 3600
    assert (before.resolution.median, before.resolution.number) == (5 * 3600, 1)


@pytest.mark.parametrize(("ago", "counted"), [
    (7 * DAY - HOUR, (0, 0)), (7 * DAY + HOUR, (0, 1)), (13 * DAY, (0, 1)), (14 * DAY, (0, 0)), (6 * DAY, (1, 0)),
])  # fmt: skip
def test_the_period_before_ends_at_the_same_time_of_its_last_day(tenant, ago, counted):
    """At noon the half of today is compared with the first half of that day; the other half is in neither."""
    opened(tenant, ago=ago)

    found = figures(tenant)

    assert (found.now.opened, found.before.opened) == counted


def test_changes_are_said_in_words_and_judged():
    assert more_or_fewer(5, 3) == Change("▲", "2 more than before")
    assert more_or_fewer(5, 3, is_good=True) == Change("▲", "2 more than before", "good")
    assert more_or_fewer(1, 3, is_good=True) == Change("▼", "2 fewer than before", "bad")
    assert more_or_fewer(3, 3, is_good=True) == Change("=", "as many as before")
    assert sooner_or_later(3600, 7200) == Change("▼", "1 h 0 min sooner than before", "good")
    assert sooner_or_later(7200, 3600) == Change("▲", "1 h 0 min later than before", "bad")
    assert sooner_or_later(60, 61) == Change("=", "as soon as before")
    assert sooner_or_later(None, 61) is None
    assert points(90, 95) == Change("▼", "5 points fewer than before", "bad")
    assert grown(-2) == Change("▼", "2 more closed than opened", "good")


def test_a_change_is_told_by_sign_and_word_beside_its_color(tenant, sara):
    opened(tenant, ago=DAY, by=sara, answered=HOUR)
    opened(tenant, ago=8 * DAY, by=sara, answered=2 * HOUR)

    with time_machine.travel(NOON, tick=False):
        page = workbench(sara.user).get("/admin/?days=7").content.decode()

    assert (
        '<small class="wb-change wb-good"><span aria-hidden="true">▼</span> 1 h 0 min sooner than before · better'
        in page
    )
    assert "Compared with the 7 days before, up to this time of day." in page


def test_a_tenant_without_tickets_is_told_where_they_come_from(tenant, sara):
    page = workbench(sara.user).get("/admin/").content.decode()

    assert "There are no tickets yet." in page
    assert "wb-chart" not in page


def test_a_period_without_tickets_says_so(tenant, sara):
    opened(tenant, ago=3 * DAY)

    with time_machine.travel(NOON, tick=False):
        page = workbench(sara.user).get("/admin/?days=1").content.decode()

    assert "Nothing was opened or closed in this period." in page
    assert "wb-chart" not in page
