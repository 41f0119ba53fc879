"""Conditions of the code and of its functions that another wall hides, each looked at by itself."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from conversations.models import Conversation
from deliveries.api.batches import take_deliveries, take_orders
from deliveries.importing.rows import ImportRow
from deliveries.importing.upsert import Importer
from deliveries.models import Delivery
from ondi.accounts.entering import enter_staff
from ondi.accounts.models import Membership
from ondi.accounts.services import end_membership
from ondi.api.pagination import Page
from ondi.outbox.relay import relay_all
from ondi.tenants.models import Tenant
from ondi.tenants.scope import set_scope, tenant_scope
from orders.models import Order
from support.changes import tenant_changes
from support.models import Ticket
from support.reads import FOUND, QUEUE, queue_page
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

WORD = "unmistakable"


@pytest.fixture
def tenants():
    return TenantFactory(), TenantFactory()


def test_rows_are_found_by_external_id_within_their_tenant(tenants):
    for tenant in tenants:
        for external_id in ("same", "another"):
            OrderFactory(tenant=tenant, external_id=external_id)
            DeliveryFactory(tenant=tenant, external_id=external_id)

    with tenant_scope(*(tenant.id for tenant in tenants)):
        for model in (Order, Delivery):
            assert [row.tenant_id for row in model.objects.with_external_ids(tenants[0].id, ["same"])] == [
                tenants[0].id
            ]


def test_a_feed_holds_the_events_and_the_position_of_its_tenant(tenants):
    own, other = tenants
    make_ticket(MemberFactory(tenant=own))
    for _ticket in range(3):
        make_ticket(MemberFactory(tenant=other))
    relay_all()

    with tenant_scope(own.id, other.id):
        found = tenant_changes(own.id, 0, 200)
        assert {event.tenant_id for event in found.events} == {own.id}
        assert tenant_changes(own.id, None, 200).next_position == found.next_position == 2


def test_what_is_taken_in_is_compared_with_its_own_tenants_rows(tenants):
    """The other one's rows are newer, hold every number and address, and are left alone."""
    own, other = tenants
    now = timezone.now()
    twin = {"tenant": other, "external_id": "same", "source_updated_at": now}
    them = MemberFactory(**twin, email="same@example.org")
    order = OrderFactory(**twin, customer=them, number="same")
    parcel = DeliveryFactory(**twin, customer=them, order=order, delivery_code=7)
    told = {"external_id": "same", "customer": {"external_id": "same", "email": "same@example.org"},
            "source_updated_at": (now - timedelta(days=1)).isoformat(), "status": "pending"}  # fmt: skip
    row = ImportRow(2, {"external_id": "new", "email": "same@example.org"},
                    {"external_id": "new", "number": "same 2", "status": "pending"}, is_guest=True)  # fmt: skip
    clashing = ImportRow(3, row.customer, {**row.order, "number": "same"}, {"external_id": "new", "delivery_code": 7})

    with tenant_scope(own.id, other.id):
        before = [list(model.objects.filter(tenant=other).values()) for model in (Membership, Order, Delivery)]
        OrderFactory(tenant=other, external_id="new", number="other")
        importer = Importer(own.id)
        assert importer.acceptable([clashing]) == [clashing]
        assert importer.changes([row])[2][1]["order external_id"] == "new"
        assert importer.write([row]) == {2: "created"}
        first = take_orders(
            own.id, [{**told, "order_number": "same", "payment_status": "paid", "placed_at": now.isoformat()}]
        )
        second = take_deliveries(own.id, [{**told, "delivery_code": 7, "order_external_id": "same"}])
        assert [result["status"] for result in (*first, *second)] == ["created", "created"]
        assert Delivery.objects.get(tenant=own).order_id not in (None, order.id)
        assert before == [list(model.objects.filter(pk=kept.pk).values())
                          for model, kept in ((Membership, them), (Order, order), (Delivery, parcel))]  # fmt: skip


def test_staff_of_two_tenants_read_these_two(tenants):
    third = TenantFactory()
    for tenant in (*tenants, third):
        make_ticket(MemberFactory(tenant=tenant))

    with tenant_scope(*(tenant.id for tenant in (*tenants, third))):
        found = Ticket.objects.in_tenants([tenant.id for tenant in tenants]).values_list("tenant_id", flat=True)
        assert set(found) == {tenant.id for tenant in tenants}


def test_conversations_are_those_of_one_tenant(tenants):
    for tenant in tenants:
        make_ticket(MemberFactory(tenant=tenant))
    agent = actor(MemberFactory(tenant=tenants[0], agent=True))

    with tenant_scope(*(tenant.id for tenant in tenants)):
        assert Conversation.objects.readable_by(agent).count() == 1


@pytest.mark.parametrize("wanted", [{}, {"search": "Help"}])
def test_queue_is_that_of_one_tenant(tenants, wanted):
    tickets = [make_ticket(MemberFactory(tenant=tenant), subject="Help") for tenant in tenants]
    agent = actor(MemberFactory(tenant=tenants[0], agent=True))
    open_counts = {"unassigned": 1, "mine": 0, "all": 1}

    with tenant_scope(*(tenant.id for tenant in tenants)):
        rows, total, counts = queue_page(agent, Page(1, 20), wanted)
        assert ([row.id for row in rows], total, counts) == ([tickets[0].id], 1, open_counts)
        keys = (FOUND if wanted else QUEUE).rows(agent, limit=20, **wanted)
        assert [key.id for key in keys] == [tickets[0].id]
        assert queue_page(agent, Page(2, 20), wanted) == ([], 1, open_counts)


@pytest.mark.parametrize("end", ["customer", "suspended"])
def test_staff_enter_no_tenant_they_are_no_staff_of_or_that_is_suspended(tenants, end):
    own, other = tenants
    person = MemberFactory(tenant=own, agent=True).user
    MemberFactory(tenant=other, agent=True)
    MemberFactory(tenant=other, user=person, role="customer" if end == "customer" else "agent")
    if end == "suspended":
        with tenant_scope(other.id):
            Tenant.objects.filter(id=other.id).update(status="suspended")

    with tenant_scope():
        entered = enter_staff(person.id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('ondi.tenants', true)")
            scope = cursor.fetchone()[0]

    assert [found.tenant_id for found in entered] == [own.id]
    assert scope == str(own.id), "and no other tenant's rows are in reach"


def test_a_login_that_is_switched_off_has_no_tenant_in_reach(tenants):
    person = MemberFactory(tenant=tenants[0], agent=True).user
    person.is_active = False
    person.save()

    with tenant_scope():
        assert enter_staff(person.id) == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('ondi.tenants', true)")
            assert cursor.fetchone()[0] == ""


def test_whoever_left_has_no_tenant_in_reach(tenants):
    own, other = tenants
    person = MemberFactory(tenant=own, agent=True).user
    with tenant_scope(other.id):
        end_membership(membership=MemberFactory(tenant=other, user=person, role="agent"))

    with tenant_scope():
        assert [found.tenant_id for found in enter_staff(person.id)] == [own.id]
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('ondi.tenants', true)")
            assert cursor.fetchone()[0] == str(own.id)


@pytest.mark.parametrize("branch", ["subject", "message", "order", "name", "mail", "number", "delivery"])
def test_each_branch_of_the_search_keeps_to_the_scope(tenants, branch):
    found = []
    for tenant in tenants:
        customer = MemberFactory(
            tenant=tenant, first_name=WORD if branch == "name" else "Layla",
            user__email=f"{WORD if branch == 'mail' else 'x'}@{tenant.slug}.example",
        )  # fmt: skip
        order = OrderFactory(tenant=tenant, customer=customer, number=WORD if branch == "order" else "A-1")
        delivery = DeliveryFactory(
            tenant=tenant, customer=customer, delivery_code=4711 if branch == "delivery" else 1000
        )
        texts = {"subject": WORD if branch == "subject" else "x", "message": WORD if branch == "message" else "x"}
        ticket = make_ticket(customer, **texts, **({"order": order} if branch == "order" else {"delivery": delivery}))
        found.append(ticket.conversation_id)
    term = {"number": "#1", "delivery": "4711"}.get(branch, WORD)

    for tenant, expected in zip(tenants, found, strict=True):
        with tenant_scope(), connection.cursor() as cursor:
            set_scope([tenant.id])
            cursor.execute("SELECT ondi_search_conversations(%s)", [term])
            assert cursor.fetchone() == ([expected],), "the function alone, without any filter behind it"


@pytest.mark.parametrize("branch", ["name", "mail", "phone", "external_id"])
def test_each_branch_of_the_search_for_people_keeps_to_the_scope(tenants, branch):
    people = [
        MemberFactory(
            tenant=tenant, first_name="77 047 11" if branch == "name" else "Layla", last_name="",
            email=f"{'7704711' if branch == 'mail' else 'x'}@{tenant.slug}.example",
            phone="+964 770 4711" if branch == "phone" else "",
            external_id="7704711" if branch == "external_id" else None,
        )
        for tenant in tenants
    ]  # fmt: skip

    for tenant, person in zip(tenants, people, strict=True):
        with tenant_scope(), connection.cursor() as cursor:
            set_scope([tenant.id])
            cursor.execute("SELECT ondi_search_people(%s)", ["7704711"])
            assert cursor.fetchone() == ([person.id],), "the function alone, without any filter behind it"


def test_a_row_is_not_moved_to_another_tenant_by_a_form(tenants):
    admin = MemberFactory(tenant=tenants[0], admin=True)
    MemberFactory(tenant=tenants[1], user=admin.user, role="admin")
    person = MemberFactory(tenant=tenants[0], first_name="Layla")
    form = {
        "tenant": str(tenants[1].id), "first_name": "Changed", "last_name": "x", "phone": "", "language": "en",
        "external_id": "", "role": "customer", "ended_at_0": "", "ended_at_1": "",
    }  # fmt: skip

    answer = workbench(admin.user).post(f"/admin/accounts/membership/{person.id}/change/", form)

    assert answer.status_code == 302
    with tenant_scope(tenants[0].id):
        kept = type(person).objects.get(pk=person.pk)
    assert (kept.first_name, kept.tenant_id) == ("Changed", tenants[0].id)
