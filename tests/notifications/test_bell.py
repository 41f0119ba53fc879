"""The bell of the admin: what staff are told, in all their tenants, and marking it as read."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from ondi.tenants.scope import tenant_scope
from ondi.webhooks.notices import FAILING, tell_admins
from ondi.webhooks.services import create_endpoint
from support import services
from support.admin.notifications import COUNTED, ON_SCREEN_FOR
from support.notices import HELD_FOR
from tests.factories import MemberFactory, UserFactory, actor, make_ticket
from tests.notifications.world import World
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/support/ticket/notifications/"


@pytest.fixture
def world():
    return World()


def news(person):
    return workbench(person.user).get(f"{PAGE}news/").json()


def mention(world, ticket=None):
    world.do(services.write_note, world.sara, ticket=ticket, content="@Yusuf Aziz <b>look</b>")
    world.settle()


def test_it_counts_and_names_the_newest(world):
    assert news(world.yusuf) == {"unread": 0, "newest": None, "again_in": None, "drafts": []}
    mention(world)

    told = news(world.yusuf)

    assert told["unread"] == 1
    assert told["newest"]["title"] == f"You were mentioned in ticket #{world.ticket.number}"
    assert told["newest"]["message"] == "Sara Kareem: Where is my lamp?"
    assert told["newest"]["address"] == f"/admin/support/ticket/{world.ticket.id}/change/"
    assert news(world.lead) == {"unread": 0, "newest": None, "again_in": None, "drafts": []}


def test_the_list_leads_to_the_ticket_and_all_can_be_marked(world):
    mention(world)
    browser = workbench(world.yusuf.user)

    page = browser.get(PAGE).content.decode()
    assert f"/admin/support/ticket/{world.ticket.id}/change/" in page
    assert "wb-unread" in page
    browser.post(PAGE, {})

    assert "wb-unread" not in browser.get(PAGE).content.decode()
    assert news(world.yusuf)["unread"] == 0


def test_of_all_tenants_somebody_works_in(world):
    other = World()
    MemberFactory(tenant=other.tenant, agent=True, first_name="Yusuf", last_name="Aziz", user=world.yusuf.user)
    mention(world)
    mention(other)

    assert news(world.yusuf)["unread"] == 2
    workbench(world.yusuf.user).post(PAGE, {})
    assert news(world.yusuf)["unread"] == 0
    assert news(other.yusuf)["unread"] == 1, "a namesake is told as well, and reads their own"


def test_opening_the_ticket_reads_what_tells_of_it(world):
    other = make_ticket(world.customer, agent=world.sara)
    mention(world)
    mention(world, other)
    workbench(world.yusuf.user).get(f"/admin/support/ticket/{world.ticket.id}/change/")

    assert news(world.yusuf)["unread"] == 1


def test_a_page_that_asks_by_itself_reads_nothing(world):
    """Given an open page that nobody looks at, when it shows what is new, then its agent is told all the same."""
    mention(world)
    address = f"/admin/support/ticket/{world.ticket.id}/change/"
    workbench(world.yusuf.user).get(address, headers={"X-Workbench-Poll": "1"})

    assert news(world.yusuf)["unread"] == 1


def test_what_has_been_on_the_open_page_for_a_while_is_read(world):
    mention(world)
    page = f"/admin/support/ticket/{world.ticket.id}/news/"
    workbench(world.yusuf.user).get(page)
    workbench(world.yusuf.user).get(f"{page}?seen=1")
    assert news(world.yusuf)["unread"] == 1, "not looked at, or only just told"
    with time_machine.travel(timezone.now() + ON_SCREEN_FOR):
        answers = [workbench(world.yusuf.user).get(f"{page}?seen=1").json() for _look in range(2)]

        assert [one["has_read"] for one in answers] == [True, False], "so that its bell looks again"
        assert news(world.yusuf)["unread"] == 0


def test_a_page_is_told_when_to_look_for_what_is_held_back(world):
    """Given Yusuf has just left the page of a ticket, when he is mentioned there, then the bell says how long."""
    page = f"/admin/support/ticket/{world.ticket.id}/news/"
    workbench(world.yusuf.user).get(f"{page}?seen=1")
    mention(world)

    told = news(world.yusuf)

    assert (told["unread"], told["newest"]) == (0, None)
    assert 10 < told["again_in"] <= HELD_FOR.total_seconds()
    with time_machine.travel(timezone.now() + timedelta(seconds=told["again_in"] + 0.1)):
        later = news(world.yusuf)
        assert (later["unread"], later["again_in"]) == (1, None)


def test_what_tells_of_a_webhook_leads_to_it(world):
    admin = MemberFactory(tenant=world.tenant, admin=True)
    values = {"url": "https://hooks.example/x", "events": ["*"]}
    with tenant_scope(world.tenant.id):
        endpoint, _secret = create_endpoint(actor=actor(admin), values=values)
        tell_admins(endpoint, FAILING, timezone.now())

    address = news(admin)["newest"]["address"]

    browser = workbench(admin.user)
    assert f'href="{address}"' in browser.get(PAGE).content.decode()
    assert "hooks.example" in browser.get(address).content.decode()


def test_it_counts_no_further_than_it_shows(world, monkeypatch):
    monkeypatch.setattr("support.admin.notifications.COUNTED", 1)
    for _number in range(3):
        mention(world)

    assert news(world.yusuf)["unread"] == 2
    assert COUNTED == 99


def test_the_operator_has_no_bell(world):
    page = workbench(UserFactory(is_superuser=True)).get("/admin/").content.decode()

    assert "data-bell=" not in page
    assert "data-bell=" in workbench(world.sara.user).get("/admin/").content.decode()
