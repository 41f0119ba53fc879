"""The hot statements find their rows by an index, in its order, and sort nothing but a page."""

import json

import pytest
from django.db import connection

from ondi.accounts.models import User
from ondi.tenants.scope import tenant_scope
from support import reads
from support.models import Ticket
from tests import plans
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    tenant = TenantFactory()
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    return actor(customer), actor(agent), make_ticket(customer)


@pytest.fixture
def by_index(people):
    """With a handful of rows PostgreSQL reads and sorts everything; here only where it must."""
    with tenant_scope(people[0].tenant_id), connection.cursor() as cursor:
        for kind in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{kind} = off")
        yield


def test_hot_statements_read_no_table_whole_and_sort_nothing_but_a_page(people, by_index):
    assert {name: faults for name, faults in plans.faults(*people).items() if faults} == {}


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (Ticket.objects.order_by("subject"), "sorts by support_ticket.subject"),
        (User.objects.filter(is_active=False).order_by(), "reads accounts_user whole"),
    ],
)
def test_what_no_index_helps_is_noticed(people, by_index, rows, fault):
    assert fault in plans.faults_in(json.loads(rows.all().explain(format="json"))[0]["Plan"], "such")


def test_one_plan_is_made_for_all_values_and_kept(people):
    customer, _agent, _ticket = people
    with tenant_scope(customer.tenant_id):
        for start in range(7):
            reads.OWN_PAGE.rows(customer, start=start, limit=20)

    with connection.cursor() as cursor:
        cursor.execute("SELECT max(generic_plans) >= 7, sum(custom_plans) FROM pg_prepared_statements")
        assert cursor.fetchall() == [(True, 0)]
