"""The database's wall, without any help of the code."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ondi.accounts.models import Membership
from ondi.tenants.scope import set_scope, tenant_scope
from orders.models import Order
from support.models import Ticket, TicketEvent
from tests.factories import MemberFactory, OrderFactory, TenantFactory, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenants():
    return TenantFactory(), TenantFactory()


def test_nothing_is_seen_without_a_scope(tenants):
    make_ticket(MemberFactory(tenant=tenants[0]))

    assert not Ticket.objects.exists()
    assert not Membership.objects.exists()


def test_only_the_scopes_tenants_are_seen(tenants):
    for tenant in tenants:
        OrderFactory(tenant=tenant)

    with tenant_scope(tenants[0].id):
        assert {order.tenant_id for order in Order.objects.all()} == {tenants[0].id}
        assert Order.objects.filter(tenant=tenants[1]).update(number="stolen") == 0
        assert Order.objects.filter(tenant=tenants[1]).delete()[0] == 0
    with tenant_scope(*(tenant.id for tenant in tenants)):
        assert Order.objects.count() == 2


def test_rows_of_another_tenant_cannot_be_written(tenants):
    customer = MemberFactory(tenant=tenants[1])

    with pytest.raises(DatabaseError, match="row-level security"), tenant_scope(tenants[0].id):
        Order.objects.create(tenant=tenants[1], customer=customer, number="x")


def test_links_cannot_lead_into_another_tenant(tenants):
    stranger = MemberFactory(tenant=tenants[1])

    with pytest.raises(IntegrityError, match="in_tenant"), tenant_scope(*(tenant.id for tenant in tenants)):
        Order.objects.create(tenant=tenants[0], customer=stranger, number="x")


def test_scope_ends_with_its_transaction(tenants):
    OrderFactory(tenant=tenants[0])

    with transaction.atomic():
        set_scope([tenants[0].id])
        assert Order.objects.count() == 1
    assert Order.objects.count() == 0


def test_inner_scope_gives_the_outer_one_back(tenants):
    for tenant in tenants:
        OrderFactory(tenant=tenant)

    with tenant_scope(tenants[0].id):
        with tenant_scope(tenants[1].id):
            assert Order.objects.get().tenant_id == tenants[1].id
        assert Order.objects.get().tenant_id == tenants[0].id


def test_history_can_only_grow(tenants):
    ticket = make_ticket(MemberFactory(tenant=tenants[0]))

    for change in (TicketEvent.objects.update, TicketEvent.objects.all()._raw_delete):
        arguments = {"kind": "closed"} if change == TicketEvent.objects.update else {"using": "default"}
        with pytest.raises(DatabaseError, match="permission denied"), tenant_scope(ticket.tenant_id):
            change(**arguments)


def test_application_cannot_change_the_schema():
    for statement in (
        "ALTER TABLE support_ticket DISABLE ROW LEVEL SECURITY", "DROP POLICY app ON support_ticket",
        "TRUNCATE support_ticket", "CREATE TABLE mine (id int)", "SET ROLE ondi_owner", "SET row_security = off; "
        "SELECT * FROM support_ticket", "ALTER TABLE support_ticket NO FORCE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON support_ticket USING (true)", "ALTER POLICY app ON support_ticket USING (true)",
        "ALTER TABLE support_ticket OWNER TO ondi", "ALTER TABLE support_ticket DISABLE TRIGGER ALL",
        "SET session_replication_role = replica", "SET SESSION AUTHORIZATION ondi_owner", "DROP TABLE support_ticket",
        "GRANT ondi_owner TO ondi", "ALTER ROLE ondi BYPASSRLS", "CREATE SCHEMA mine",
        "CREATE OR REPLACE FUNCTION ondi_login(uuid) RETURNS TABLE (id uuid, slug text, name text) "
        "LANGUAGE sql AS 'SELECT NULL::uuid, NULL, NULL'",
        "ALTER FUNCTION ondi_search_conversations(text) SECURITY INVOKER",
        "COPY support_ticket TO PROGRAM 'true'", "SELECT pg_read_file('/etc/passwd')", "CREATE EXTENSION dblink",
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_requests_leave_no_scope_behind(api, tenants):
    portal = api.as_(MemberFactory(tenant=tenants[0]))
    portal.get("/customer/support/tickets")
    portal.get("/customer/support/tickets/x")

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('ondi.tenants', true)")
        assert cursor.fetchone()[0] in (None, "")
