"""Screens as people use them: what matters first, one click to what comes next, and words where there is nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.tenants.scope import tenant_scope
from orders.models import OrderItem
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
NO_SUCH = "No such thing"


@pytest.fixture
def tenant():
    return TenantFactory(name="Tigris", time_zone="Asia/Baghdad")


@pytest.fixture
def agent(tenant):
    return workbench(MemberFactory(tenant=tenant, agent=True).user)


@pytest.fixture
def bystander(tenant):
    """Staff who neither see tickets nor manage anything."""
    return workbench(MemberFactory(tenant=tenant, role="agent").user)


@pytest.fixture
def admin_person(tenant):
    return MemberFactory(tenant=tenant, admin=True)


@pytest.fixture
def layla(tenant):
    return MemberFactory(
        tenant=tenant, first_name="Layla", last_name="Hassan", phone="+964 770 123", email="l@x.example"
    )


def page_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def top_of(page):
    """What stands above the folded fields."""
    return page[page.index("wb-item-top") : page.index("<fieldset")]


class TestAnOrder:
    def test_says_what_it_is_about_and_leads_on(self, tenant, agent, layla):
        order = OrderFactory(tenant=tenant, customer=layla, number="TI-7", total_amount="12.50", currency="IQD")
        ticket = make_ticket(layla, order=order)
        with tenant_scope(tenant.id):
            OrderItem.objects.create(tenant=tenant, order=order, position=1, name="Lamp", quantity=2)
        top = top_of(page_of(agent, f"/admin/orders/order/{order.id}/change/"))

        for said in ("TI-7", "12.50 IQD", "2 × Lamp", "Layla Hassan", "tel:%2B964%20770%20123"):
            assert said in top
        assert f"/admin/support/ticket/{ticket.id}/change/" in top
        assert f"/admin/support/ticket/phone/?order={order.id}" in top

    def test_shows_no_phone_to_who_does_not_know_the_customer(self, tenant, bystander, layla):
        order = OrderFactory(tenant=tenant, customer=layla)
        page = page_of(bystander, f"/admin/orders/order/{order.id}/change/")

        assert "Layla Hassan" in top_of(page)
        assert "770" not in page
        assert "/phone/?order" not in page


def test_a_delivery_says_that_it_is_late(tenant, agent, layla):
    delivery = DeliveryFactory(tenant=tenant, customer=layla, promised_at=timezone.now() - timedelta(hours=3))
    top = top_of(page_of(agent, f"/admin/deliveries/delivery/{delivery.id}/change/"))

    assert "3 hours late" in top.replace("\xa0", " ")
    assert f"/admin/support/ticket/phone/?delivery={delivery.id}" in top


def test_a_customer_comes_with_tickets_first_and_fields_last(tenant, agent, layla):
    order = OrderFactory(tenant=tenant, customer=layla)
    ticket = make_ticket(layla, delivery=DeliveryFactory(tenant=tenant, customer=layla))
    page = page_of(agent, f"/admin/accounts/membership/{layla.id}/change/")
    top = top_of(page)

    places = [f"phone/?customer={layla.id}", f"ticket/{ticket.id}/change", f"order/{order.id}/change"]
    assert [top.index(place) for place in places] == sorted(top.index(place) for place in places)
    assert "<details>" in page[page.index("<fieldset") :]


def test_a_colleague_has_the_form_open_and_no_orders(tenant, admin_person, layla):
    colleague = MemberFactory(tenant=tenant, lead=True)
    page = page_of(workbench(admin_person.user), f"/admin/accounts/membership/{colleague.id}/change/")

    assert "<details><summary>" not in page[page.index("<fieldset") :]
    assert "New ticket for this customer" not in page
