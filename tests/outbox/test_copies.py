"""A program of the tenant reads tickets and messages with its key, and keeps a copy by the feed (API.md, section 7)."""

from itertools import pairwise

import pytest
from django.core.management import call_command

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Scope
from ondi.outbox.relay import relay_all
from ondi.tenants.scope import tenant_scope
from support import services
from support.models import Tag, Ticket
from support.services import post_message
from tests.client import ApiClient
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
TICKETS, CHANGES = "/integrations/tickets", "/integrations/changes"


@pytest.fixture
def program(tenant):
    with tenant_scope(tenant.id):
        scopes = [Scope.TICKETS_READ, Scope.CHANGES_READ]
        return ApiClient(**{"X-API-Key": issue_api_key(tenant_id=tenant.id, name="copy", scopes=scopes)[1]})


@pytest.fixture
def layla(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan", external_id="c-1")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, first_name="Sara", last_name="Kareem", agent=True)


def do(service, who, **details):
    with tenant_scope(who.tenant_id):
        return service(actor=actor(who), **details)


def data_of(program, path, expected=200, **query):
    answer = program.get(path, query)
    assert answer.status_code == expected, answer.content
    return answer.json()["data"] if expected == 200 else answer.json()


def refused(program, path, expected=400, **query):
    answer = data_of(program, path, expected, **query)
    if expected != 400:
        return answer["error"]
    return {name: [fault["code"] for fault in faults] for name, faults in answer["data"]["fields"].items()}


class TestTickets:
    def test_a_ticket_is_as_agents_read_it_with_the_outsides_ids(self, tenant, program, layla, sara):
        parcel = DeliveryFactory(tenant=tenant, customer=layla, external_id="d-1")
        ticket = make_ticket(layla, delivery=parcel, agent=sara)
        do(services.write_note, sara, ticket_id=ticket.id, content="careful with her")

        copy = data_of(program, f"{TICKETS}/{ticket.id}")["ticket"]

        path = f"/messaging/support/tickets/{ticket.id}"
        seen = ApiClient().as_(sara).get(path).json()["data"]["ticket"]
        own = {
            "can_close": False,
            "can_reopen": False,
            "can_reply": False,
            "requester": {"id": str(layla.user_id), "external_id": "c-1"},
        }
        outside = {"order_external_id": None, "delivery_external_id": "d-1"}
        unread = {"conversation": {**seen["conversation"], "unread_count": None}}
        assert copy == {**seen, **own, **outside, **unread}
        assert copy["assigned_to_user"]["name"] == "Sara Kareem"
        assert copy["participants"][0]["user"]["name"] == "Layla Hassan"
        assert "careful" not in str(copy)

    def test_an_orders_ticket_names_the_order(self, tenant, program, layla):
        order = OrderFactory(tenant=tenant, customer=layla, external_id="o-1")
        ticket = make_ticket(layla, order=order)

        assert data_of(program, f"{TICKETS}/{ticket.id}")["ticket"]["order_external_id"] == "o-1"

    def test_all_are_read_page_by_page_the_oldest_first(self, program, layla):
        tickets = [str(make_ticket(layla).id) for _ticket in range(7)]

        found, after, more = [], {}, True
        while more:
            page = data_of(program, TICKETS, limit=3, **after)
            found += [ticket["id"] for ticket in page["tickets"]]
            after, more = {"after": found[-1]}, page["has_more"]

        assert found == tickets
        assert data_of(program, TICKETS, after=found[-1]) == {"tickets": [], "has_more": False}

    def test_by_ids_those_that_exist(self, program, layla):
        tickets = [str(make_ticket(layla).id) for _ticket in range(3)]
        foreign = str(make_ticket(MemberFactory(tenant=TenantFactory())).id)
        unknown = "0197f0a0-0000-7000-8000-000000000001"

        found = data_of(program, TICKETS, ids=",".join([tickets[2], foreign, tickets[0], unknown, tickets[0]]))

        assert [ticket["id"] for ticket in found["tickets"]] == [tickets[0], tickets[2]]
        assert found["has_more"] is False

    def test_what_cannot_be_meant_is_refused(self, program, layla):
        key = str(make_ticket(layla).id)

        assert refused(program, TICKETS, ids="") == {"ids": ["required"]}
        assert refused(program, TICKETS, ids="17") == {"ids": ["invalid"]}
        assert refused(program, TICKETS, ids=f"{key},") == {"ids": ["invalid"]}
        assert refused(program, TICKETS, ids=",".join([key] * 51)) == {"ids": ["max_length"]}
        assert refused(program, TICKETS, ids=key, after=key, limit=3) == {
            "after": ["not_allowed"], "limit": ["not_allowed"],
        }  # fmt: skip
        assert refused(program, TICKETS, after="x") == {"after": ["invalid"]}
        assert refused(program, TICKETS, limit=0) == {"limit": ["min_value"]}
        assert refused(program, TICKETS, limit=51) == {"limit": ["max_value"]}
        assert refused(program, f"{TICKETS}/{layla.id}", 404) == "ticket_not_found"
        assert refused(program, f"{TICKETS}/{layla.id}/messages", 404) == "ticket_not_found"

    def test_somebody_erased_is_nobody(self, tenant, program, layla):
        ticket = make_ticket(layla, message="My name is Layla")
        call_command("erase_customer", "--tenant", tenant.slug, "--customer", "c-1", "--apply")

        copy = data_of(program, f"{TICKETS}/{ticket.id}")["ticket"]
        said = data_of(program, f"{TICKETS}/{ticket.id}/messages")

        assert copy["requester"] == {"id": None, "external_id": None}
        assert not any(word in str((copy, said)) for word in ("Layla", "c-1"))


class TestMessages:
    def test_both_ways_and_nothing_is_marked_as_read(self, program, layla, sara):
        ticket = make_ticket(layla, agent=sara)
        for number in range(6):
            do(post_message, (layla, sara)[number % 2], conversation_id=ticket.conversation_id, content=f"{number}")
        path = f"{TICKETS}/{ticket.id}/messages"
        unread = ApiClient().as_(layla).get(f"/messaging/conversations/{ticket.conversation_id}").json()

        newest = data_of(program, path, limit=4)
        earlier = data_of(program, path, before=newest["messages"][-1]["id"])
        first = earlier["messages"][-1]["id"]
        later = data_of(program, path, after=first, limit=50)

        whole = [*newest["messages"], *earlier["messages"]]
        assert (newest["has_more"], earlier["has_more"], later["has_more"]) == (True, False, False)
        assert all(one["sequence"] - other["sequence"] == 1 for one, other in pairwise(whole))
        assert later["messages"] == whole[-2::-1]
        assert whole[0]["sender"]["name"] == "Sara Kareem"
        assert ApiClient().as_(layla).get(f"/messaging/conversations/{ticket.conversation_id}").json() == unread

    def test_a_message_of_elsewhere_is_none_of_it(self, program, layla):
        ticket, other = make_ticket(layla), make_ticket(layla)
        path = f"{TICKETS}/{ticket.id}/messages"
        elsewhere = data_of(program, f"{TICKETS}/{other.id}/messages")["messages"][0]["id"]

        assert refused(program, path, 404, after=elsewhere) == "message_not_found"
        assert refused(program, path, before=elsewhere, after=elsewhere) == {"before": ["not_allowed"]}
        assert refused(program, path, before="") == {"before": ["required"]}


class Copy:
    """A program that knows the feed and its key, and nothing else of us."""

    def __init__(self, program):
        self.program, self.tickets, self.messages = program, {}, {}
        self.position = data_of(program, CHANGES)["next_position"]
        after, more = {}, True
        while more:
            page = data_of(program, TICKETS, limit=2, **after)
            self._keep(page["tickets"])
            after, more = {"after": page["tickets"][-1]["id"]} if page["tickets"] else {}, page["has_more"]

    def follow(self):
        more = True
        while more:
            page = data_of(self.program, CHANGES, after=self.position, limit=5)
            changed = {change["data"]["ticket_id"] for change in page["changes"]} - {None}
            if changed:
                self._keep(data_of(self.program, TICKETS, ids=",".join(changed))["tickets"])
            self.position, more = page["next_position"], page["has_more"]

    def _keep(self, tickets):
        for ticket in tickets:
            self.tickets[ticket["id"]] = ticket
            self.messages[ticket["id"]] = data_of(self.program, f"{TICKETS}/{ticket['id']}/messages", limit=50)


def test_a_copy_kept_by_the_feed_is_what_stands_here(tenant, program, layla, sara):
    """Given a program that read all, when all that can happen happens and it follows, then its copy is the truth."""
    lead = MemberFactory(tenant=tenant, lead=True)
    parcel = DeliveryFactory(tenant=tenant, customer=layla, external_id="d-1")
    before = [make_ticket(layla, delivery=parcel), make_ticket(layla), make_ticket(layla, agent=sara)]
    relay_all()
    copy = Copy(program)
    with tenant_scope(tenant.id):
        tag = Tag.objects.create(tenant=tenant, name="late")

    first, second, third = (ticket.id for ticket in before)
    do(services.claim_ticket, sara, ticket_id=first)
    said = do(post_message, sara, conversation_id=before[0].conversation_id, content="a secret")
    do(services.change_priority, sara, ticket_id=first, priority="high")
    do(services.change_tags, sara, ticket_id=first, add=[tag.id])
    do(services.change_link, sara, ticket_id=first)
    do(services.redact_ticket_message, lead, ticket_id=first, message_id=said.id)
    do(services.close_ticket, sara, ticket_id=second)
    do(services.take_over_ticket, lead, ticket_id=third, reason="Sara is away")
    make_ticket(layla)
    relay_all()
    copy.follow()

    now = Copy(program)
    assert (copy.tickets, copy.messages, len(copy.tickets)) == (now.tickets, now.messages, 4)
    assert "a secret" not in str(copy.messages)
    with tenant_scope(tenant.id):
        truth = {str(one.id): (one.status, one.priority, one.version) for one in Ticket.objects.all()}
    assert {key: (one["status"], one["priority"], one["version"]) for key, one in copy.tickets.items()} == truth
