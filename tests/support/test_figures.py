"""Numbers that stay: what a day counted is not another number on the next."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from ondi.accounts.actors import Actor
from ondi.tenants.scope import tenant_scope
from support.models import TicketEvent
from support.services import close_ticket, reopen_ticket
from support.statistics import dashboard_statistics
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def sara(tenant):
    return actor(MemberFactory(tenant=tenant, agent=True))


def closed_by_day(tenant, *, now=NOON, zone="UTC", days=3):
    with tenant_scope(tenant.id):
        workbench = dashboard_statistics(tenant_ids=[tenant.id], days=days, zone=ZoneInfo(zone), now=now)
    assert workbench.now.closed == sum(day.closed for day in workbench.days)
    return [day.closed for day in workbench.days]


def new_ticket(tenant):
    return make_ticket(MemberFactory(tenant=tenant), at=NOON - 5 * DAY)


@pytest.mark.parametrize("again", [False, True])
def test_day_that_is_past_keeps_its_closings_when_a_ticket_is_reopened(tenant, sara, again):
    ticket = new_ticket(tenant)
    with tenant_scope(tenant.id):
        close_ticket(actor=sara, ticket_id=ticket.id, at=NOON - DAY)
    assert closed_by_day(tenant) == [0, 1, 0]

    with tenant_scope(tenant.id):
        reopen_ticket(actor=sara, ticket_id=ticket.id, at=NOON - timedelta(hours=2))
        if again:
            close_ticket(actor=sara, ticket_id=ticket.id, at=NOON - timedelta(hours=1))

    assert closed_by_day(tenant) == [0, 1, int(again)]


def test_closing_a_closed_ticket_is_none(tenant, sara):
    ticket = new_ticket(tenant)
    with tenant_scope(tenant.id):
        for hours in (3, 2):
            close_ticket(actor=sara, ticket_id=ticket.id, at=NOON - timedelta(hours=hours))

    assert closed_by_day(tenant) == [0, 0, 1]


def test_closings_of_data_fixes_stay_too(tenant):
    ticket = new_ticket(tenant)
    with tenant_scope(tenant.id):
        fix = Actor.system(tenant.id, "fix")
        close_ticket(actor=fix, ticket_id=ticket.id, announce=False, at=NOON - DAY)
        reopen_ticket(actor=fix, ticket_id=ticket.id, announce=False, at=NOON)

    assert closed_by_day(tenant) == [0, 1, 0]


def test_days_are_those_of_the_zone_and_the_period_has_its_first_whole(tenant, sara):
    midnight = datetime(2026, 3, 8, tzinfo=UTC)  # 03:00 in Baghdad
    for minutes in (-30, 30):
        ticket = new_ticket(tenant)
        with tenant_scope(tenant.id):
            close_ticket(actor=sara, ticket_id=ticket.id, at=midnight + timedelta(minutes=minutes))

    assert closed_by_day(tenant) == [1, 0, 0]
    assert closed_by_day(tenant, zone="Asia/Baghdad") == [2, 0, 0]


def test_no_other_tenants_closings_are_counted(tenant, sara):
    with tenant_scope(tenant.id):
        close_ticket(actor=sara, ticket_id=new_ticket(tenant).id, at=NOON)

    other = TenantFactory()

    with tenant_scope(tenant.id, other.id):
        workbench = dashboard_statistics(tenant_ids=[other.id], days=3, zone=ZoneInfo("UTC"), now=NOON)
    assert workbench.now.closed == 0


def test_closings_are_counted_from_their_index_alone(tenant):
    with tenant_scope(tenant.id), connection.cursor() as cursor:
        for kind in ("seqscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{kind} = off")
        counted = TicketEvent.objects.in_tenants([tenant.id]).closings().filter(created_at__gte=NOON)
        plan = counted.values("created_at").order_by().explain()

    assert "support_event_closings" in plan
    assert "Filter" not in plan.replace("(InitPlan", "")
