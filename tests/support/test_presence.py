"""Keeping who has which ticket open, as the stream asks for it."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ondi.streaming.rule import Viewing
from ondi.tenants.scope import tenant_scope
from support.models import TicketViewer
from support.querysets import PRESENCE
from support.services import keep_presence
from tests.factories import MemberFactory, TenantFactory, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def ticket(tenant):
    return make_ticket(MemberFactory(tenant=tenant))


@pytest.fixture
def people(tenant):
    return [MemberFactory(tenant=tenant, agent=True) for _one in range(3)]


def page(ticket, person):
    return Viewing(ticket.tenant_id, ticket.id, person and person.id)


def asked(opened, left=None):
    """What it finds, and the statements of it but for the scope."""
    with CaptureQueriesContext(connection) as queries:
        found = keep_presence(opened, left or {})
    said = [query["sql"] for query in queries.captured_queries]
    return found, [sql for sql in said if "set_config" not in sql and "SAVEPOINT" not in sql]


def test_all_are_noted_in_one_statement_and_who_came_is_notified_once(ticket, people):
    agent = MemberFactory(agent=True)
    foreign = make_ticket(MemberFactory(tenant=agent.tenant))
    opened = [*(page(ticket, person) for person in people), page(foreign, agent)]

    found, statements = asked(opened)
    assert ["INSERT" in sql for sql in statements] == [True, False]
    assert "pg_notify" in statements[1]
    assert found == {
        (ticket.tenant_id, ticket.id): {person.id for person in people},
        (foreign.tenant_id, foreign.id): {agent.id},
    }

    again, statements = asked(opened)
    assert (again, len(statements)) == (found, 1)


def test_who_was_there_too_long_ago_has_come_again(ticket, people):
    asked([page(ticket, people[0])])

    with time_machine.travel(timezone.now() + PRESENCE + timedelta(seconds=1)):
        found, statements = asked([page(ticket, people[1])])
        assert found == {(ticket.tenant_id, ticket.id): {people[1].id}}
        found, statements = asked([page(ticket, people[0])])
        assert found == {(ticket.tenant_id, ticket.id): {people[0].id, people[1].id}}
        assert len(statements) == 2


def test_who_left_is_forgotten_unless_noted_since(ticket, people):
    first, second, stays = (page(ticket, person) for person in people)
    asked([first, second, stays])
    since = timezone.now()
    asked([second])

    found, statements = asked([stays], {first: since, second: since})

    assert found == {(ticket.tenant_id, ticket.id): {people[1].id, people[2].id}}
    assert "DELETE" in statements[1]
    with tenant_scope(ticket.tenant_id):
        assert set(TicketViewer.objects.values_list("membership_id", flat=True)) == {people[1].id, people[2].id}


def test_who_is_at_another_ticket_is_not_here(tenant, ticket, people):
    asked([page(make_ticket(MemberFactory(tenant=tenant)), people[0])])

    found, _statements = asked([page(ticket, people[1])])

    assert found == {(ticket.tenant_id, ticket.id): {people[1].id}}


def test_who_is_nobody_there_sees_who_is(ticket, people):
    asked([page(ticket, people[0])])

    found, statements = asked([page(ticket, None)])

    assert found == {(ticket.tenant_id, ticket.id): {people[0].id}}
    assert len(statements) == 1


def test_a_ticket_and_a_person_of_different_tenants_are_passed_over(ticket, people):
    """Given a page that cannot be, when it is noted beside others, then they are noted and it is not."""
    foreign = make_ticket(MemberFactory())
    crossed = [
        Viewing(ticket.tenant_id, foreign.id, people[0].id),
        Viewing(foreign.tenant_id, foreign.id, people[0].id),
        Viewing(foreign.tenant_id, ticket.id, people[0].id),
    ]

    found, _statements = asked([*crossed, page(ticket, people[1])])

    assert found == {(ticket.tenant_id, ticket.id): {people[1].id}}


def test_who_left_the_tenant_is_noted_no_more(ticket, people):
    with tenant_scope(ticket.tenant_id):
        people[0].ended_at = timezone.now()
        people[0].save()

    assert asked([page(ticket, people[0])])[0] == {}
