"""Somebody with other rights in each of their tenants has those of each there, and nowhere else."""

import pytest

from ondi.tenants.scope import tenant_scope
from support.models import Tag
from tests.factories import MemberFactory, OrderFactory, TenantFactory, UserFactory, make_ticket, reload
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, QUEUE = "/admin/accounts/membership/", "/admin/support/ticket/"


@pytest.fixture
def nora():
    return UserFactory()


@pytest.fixture
def works(nora):
    """Where she is a support user; the first of her tenants, which come by name."""
    return MemberFactory(tenant=TenantFactory(name="Akkad"), user=nora, agent=True).tenant


@pytest.fixture
def looks(nora):
    """Where she sees the tickets and works on none."""
    return MemberFactory(tenant=TenantFactory(name="Babil"), user=nora, viewer=True).tenant


@pytest.fixture
def manages(nora):
    """Where she has the people and settings, and sees no ticket."""
    return MemberFactory(tenant=TenantFactory(name="Cizre"), user=nora, admin=True).tenant


@pytest.fixture
def browser(nora, works):
    return workbench(nora)


def told(response):
    return [str(message) for message in response.wsgi_request._messages]


def test_she_invites_the_people_she_manages(browser, works, manages):
    theirs, hers = (MemberFactory(tenant=where, agent=True, waiting=True, last_name=where.name)
                    for where in (works, manages))  # fmt: skip

    answer = browser.post(PEOPLE, {"action": "invite_again", "_selected_action": [theirs.id, hers.id]})

    (words,) = told(answer)
    assert "Cizre" in words


def test_the_queue_knows_nothing_of_the_tenant_she_only_manages(browser, manages):
    make_ticket(MemberFactory(tenant=manages))
    with tenant_scope(manages.id):
        tag = Tag.objects.create(tenant=manages, name="courier")

    page = browser.get(f"{QUEUE}?tab=open")

    columns, html = page.context["cl"].list_display, page.content.decode()
    assert "tenant" not in columns, "she serves one"
    assert str(manages.id) not in html, "no filter by it"
    assert str(tag.id) not in html, "nor by its tags"


def test_next_ticket_is_none_of_the_tenant_she_looks_at(browser, looks):
    ticket = make_ticket(MemberFactory(tenant=looks))

    answer = browser.post(f"{QUEUE}next/")

    assert told(answer) == ["No ticket is waiting."]
    assert reload(ticket).assignee_id is None


def test_an_order_is_called_about_where_she_works(browser, works, looks):
    def leads_to_the_phone(tenant):
        order = OrderFactory(tenant=tenant)
        return f"{QUEUE}phone/?order=" in browser.get(f"/admin/orders/order/{order.id}/change/").content.decode()

    assert leads_to_the_phone(works)
    assert not leads_to_the_phone(looks)


def test_who_calls_is_a_customer_of_where_she_works(browser, works, looks):
    here, there = (MemberFactory(tenant=where, first_name="Layla") for where in (works, looks))

    found = browser.get(f"{QUEUE}phone/?q=layla").content.decode()

    assert f"?customer={here.id}" in found
    assert str(there.id) not in found
    assert "Who is calling?" in browser.get(f"{QUEUE}phone/?customer={there.id}").content.decode()


def test_who_only_looks_is_offered_no_work(nora, looks):
    html = workbench(nora).get(f"{QUEUE}?tab=open").content.decode()

    assert 'form="wb-claim"' not in html
    assert 'value="me"' not in html, "nothing is theirs to filter by"
