"""Mentions in the admin: whom a note can name, and the queue's tab of tickets that name somebody."""

import re

import pytest
from django.utils import timezone

from ondi.notifications.chores import forget_notifications
from ondi.notifications.models import Notification
from ondi.notifications.services import KEPT
from ondi.tenants.scope import tenant_scope
from support import services
from tests.factories import MemberFactory, UserFactory, make_ticket
from tests.notifications.world import World
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/admin/support/ticket/"


@pytest.fixture
def world():
    return World()


def mention(world, content="@Yusuf Aziz look", *, ticket=None):
    world.do(services.write_note, world.sara, ticket=ticket, content=content)
    world.settle()


def mentioned(person, query=""):
    """The numbers of the tickets in the tab, in its order, and the count that it shows."""
    html = workbench(person.user).get(f"{QUEUE}?tab=mentioned{query}").content.decode()
    (count,) = re.findall(r'Mentioned</bdi> <span class="wb-count">([\d,+]+)<', html)
    return [int(number) for number in re.findall(r"<b>#(\d+)</b>", html)], int(count)


class TestTab:
    def test_has_the_tickets_whose_notes_mention_this_person_and_no_others(self, world):
        others = make_ticket(world.customer, agent=world.sara)
        mention(world)
        mention(world, "@Dana Omar look", ticket=others)

        assert mentioned(world.yusuf) == ([world.ticket.number], 1)
        assert mentioned(world.lead) == ([others.number], 1)
        assert mentioned(world.sara) == ([], 0), "who mentions is not mentioned"

    def test_other_news_of_a_ticket_is_no_mention(self, world):
        world.do(services.assign_ticket, world.lead, assignee_id=world.yusuf.id, reason="Sara is away")
        world.settle()
        assert "support_ticket_assigned" in world.told(world.yusuf)

        assert mentioned(world.yusuf) == ([], 0)

    def test_each_ticket_once_the_newest_mention_first_read_or_closed(self, world):
        first, second = world.ticket, make_ticket(world.customer, agent=world.sara)
        mention(world, ticket=first)
        mention(world, ticket=second)
        assert mentioned(world.yusuf) == ([second.number, first.number], 2)
        mention(world, ticket=first)
        world.do(services.close_ticket, world.sara, ticket=first)
        workbench(world.yusuf.user).get(f"{QUEUE}{first.id}/change/")

        assert mentioned(world.yusuf) == ([first.number, second.number], 2)
        html = workbench(world.yusuf.user).get(f"{QUEUE}?tab=mentioned").content.decode()
        assert "column-status" in html, "it says which of them are closed"

    def test_of_all_tenants_somebody_works_in_and_of_no_other(self, world):
        second, foreign = World(), World()
        of_second = make_ticket(second.customer, agent=second.sara)
        MemberFactory(tenant=second.tenant, agent=True, first_name="Jo", last_name="Aziz", user=world.yusuf.user)
        mention(world)
        mention(second, "@Jo Aziz look", ticket=of_second)
        mention(foreign)

        numbers, count = mentioned(world.yusuf)

        assert (numbers, count) == ([of_second.number, world.ticket.number], 2)
        assert mentioned(foreign.yusuf) == ([foreign.ticket.number], 1)

    def test_a_mention_where_one_works_no_longer_is_not_shown(self, world):
        second = World()
        person = MemberFactory(
            tenant=second.tenant, agent=True, first_name="Jo", last_name="Aziz", user=world.yusuf.user
        )
        mention(second, "@Jo Aziz look")
        assert mentioned(world.yusuf) == ([second.ticket.number], 1)
        with tenant_scope(second.tenant.id):
            type(person).objects.filter(id=person.id).update(ended_at=timezone.now())

        assert mentioned(world.yusuf) == ([], 0)

    def test_is_kept_as_long_as_what_told_of_it(self, world):
        mention(world)
        with tenant_scope(world.tenant.id):
            Notification.objects.update(created_at=timezone.now() - KEPT)

        forget_notifications()

        assert mentioned(world.yusuf) == ([], 0)

    def test_search_and_filters_narrow_it(self, world):
        mention(world)

        assert mentioned(world.yusuf, "&q=lamp")[0] == [world.ticket.number]
        assert mentioned(world.yusuf, "&q=sofa")[0] == []

    def test_the_operator_is_mentioned_nowhere(self, world):
        mention(world)
        operator = UserFactory(is_superuser=True)

        html = workbench(operator).get(f"{QUEUE}?tab=mentioned").content.decode()

        assert "Where is my lamp" not in html
        assert 'Mentioned</bdi> <span class="wb-count">0<' in html


class TestColleagues:
    def offered(self, person, ticket):
        return workbench(person.user).get(f"{QUEUE}{ticket.id}/colleagues/").json()["names"]

    def test_support_users_of_the_tickets_tenant_but_oneself(self, world):
        elsewhere = World()
        MemberFactory(tenant=world.tenant, first_name="Zana", last_name="Noori", role="agent")
        MemberFactory(tenant=elsewhere.tenant, agent=True, first_name="Far", last_name="Away", user=world.sara.user)

        assert self.offered(world.sara, world.ticket) == ["Dana Omar", "Yusuf Aziz"]

    def test_not_who_has_left_or_has_no_name(self, world):
        MemberFactory(tenant=world.tenant, agent=True, first_name="", last_name="")
        with tenant_scope(world.tenant.id):
            type(world.yusuf).objects.filter(id=world.yusuf.id).update(ended_at=timezone.now())

        assert self.offered(world.sara, world.ticket) == ["Dana Omar"]

    def test_a_name_that_two_have_once(self, world):
        MemberFactory(tenant=world.tenant, agent=True, first_name="Yusuf", last_name="Aziz")

        assert self.offered(world.sara, world.ticket) == ["Dana Omar", "Yusuf Aziz"]

    def test_what_is_offered_mentions(self, world):
        for name in self.offered(world.sara, world.ticket):
            mention(world, f"@{name} look")

        assert world.told() == [("Dana", "support_mention"), ("Yusuf", "support_mention")]

    def test_a_note_needs_no_statement_more_until_somebody_writes_one(self, world):
        html = workbench(world.sara.user).get(f"{QUEUE}{world.ticket.id}/change/").content.decode()

        assert f'data-mentions="{QUEUE}{world.ticket.id}/colleagues/"' in html
        assert "Dana Omar" not in html
