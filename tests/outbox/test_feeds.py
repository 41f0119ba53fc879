"""The change feeds of API.md, section 13: in order, none skipped, each sees what is theirs, and bad input is coded."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from deliveries.services import upsert_deliveries
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Scope
from ondi.outbox.relay import relay_all
from ondi.tenants.scope import tenant_scope
from support import services
from support.models import Tag
from support.services import post_message
from tests.client import ApiClient
from tests.factories import DeliveryFactory, MemberFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
OWN, ALL = "/messaging/changes", "/integrations/changes"


class World:
    def __init__(self, tenant):
        self.tenant = tenant
        self.customer, self.other = (MemberFactory(tenant=tenant, external_id=name) for name in ("c-1", "c-2"))
        self.sara = MemberFactory(tenant=tenant, agent=True)
        self.parcel = DeliveryFactory(tenant=tenant, customer=self.customer, external_id="d-1", status="in_transit")

    def key(self, *scopes):
        with tenant_scope(self.tenant.id):
            return ApiClient(**{"X-API-Key": issue_api_key(tenant_id=self.tenant.id, name="feed", scopes=scopes)[1]})

    def do(self, service, ticket, who, **details):
        with tenant_scope(self.tenant.id):
            return service(actor=actor(who), ticket_id=ticket.id, **details)

    def say(self, ticket, who, content="x"):
        with tenant_scope(self.tenant.id):
            return post_message(actor=actor(who), conversation_id=ticket.conversation_id, content=content)


@pytest.fixture
def world():
    return World(TenantFactory())


def asked(api, path, expected=200, **query):
    answer = api.get(path, query)
    assert answer.status_code == expected, answer.content
    return answer.json()["data"] if expected == 200 else answer.json()


def events(data):
    return [change["event"] for change in data["changes"]]


def a_day_in_the_life(world):
    """One ticket through everything, and one of somebody else."""
    ticket = make_ticket(world.customer, delivery=world.parcel)
    world.do(services.claim_ticket, ticket, world.sara)
    world.say(ticket, world.sara)
    world.do(services.change_priority, ticket, world.sara, priority="high")
    with tenant_scope(world.tenant.id):
        tag = Tag.objects.create(tenant=world.tenant, name="late")
    world.do(services.change_tags, ticket, world.sara, add=[tag.id])
    world.do(services.write_note, ticket, world.sara, content="careful")
    until = timezone.now() + timedelta(hours=1)
    world.do(services.snooze_ticket, ticket, world.sara, until=until)
    world.do(services.snooze_ticket, ticket, world.sara, until=None)
    with tenant_scope(world.tenant.id):
        upsert_deliveries(tenant_id=world.tenant.id, wanted=[{"external_id": "d-1", "status": "delivered"}])
    world.do(services.close_ticket, ticket, world.sara)
    world.do(services.reopen_ticket, ticket, world.sara)
    world.do(services.change_link, ticket, world.sara)
    make_ticket(world.other)
    relay_all()
    return ticket


TOLD = [
    "ticket.opened", "message.created", "ticket.claimed", "message.created", "ticket.priority_changed",
    "ticket.tags_changed", "note.created", "ticket.snoozed", "ticket.unsnoozed", "delivery.changed", "message.created",
    "ticket.closed", "message.created", "ticket.reopened", "message.created", "ticket.link_changed", "ticket.opened",
    "message.created",
]  # fmt: skip


class TestOrderAndPositions:
    def test_without_a_position_nothing_but_the_position_now(self, world):
        a_day_in_the_life(world)

        assert asked(world.key(Scope.CHANGES_READ), ALL) == {
            "changes": [], "next_position": len(TOLD), "has_more": False,
        }  # fmt: skip

    @pytest.mark.parametrize("limit", [1, 2, 7, 200])
    def test_page_by_page_all_of_it_comes_once_in_order(self, world, limit):
        a_day_in_the_life(world)
        api, position, found = world.key(Scope.CHANGES_READ), 0, []
        while True:
            data = asked(api, ALL, after=position, limit=limit)
            found += data["changes"]
            assert len(data["changes"]) <= limit
            position = data["next_position"]
            if not data["has_more"]:
                break

        assert [change["event"] for change in found] == TOLD
        assert [change["data"]["position"] for change in found] == list(range(1, len(TOLD) + 1))
        assert asked(api, ALL, after=position) == {"changes": [], "next_position": position, "has_more": False}

    def test_of_one_ticket_versions_never_go_back(self, world):
        ticket = a_day_in_the_life(world)
        data = asked(world.key(Scope.CHANGES_READ), ALL, after=0)

        versions = [one["data"]["version"] for one in data["changes"] if one["data"]["ticket_id"] == str(ticket.id)]
        assert versions == sorted(versions)
        assert versions[0] == 1
        assert len(set(versions)) >= 10


class TestWhatIsSaid:
    def test_a_tenants_program_is_told_ids_and_codes(self, world):
        ticket = a_day_in_the_life(world)
        changes = asked(world.key(Scope.CHANGES_READ), ALL, after=0)["changes"]

        claimed = changes[2]
        assert claimed == {
            "event": "ticket.claimed",
            "timestamp": claimed["timestamp"],
            "data": {
                "position": 3, "ticket_id": str(ticket.id), "ticket_number": ticket.number,
                "conversation_id": str(ticket.conversation_id), "message_id": None,
                "actor_id": str(world.sara.user_id), "requester_id": str(world.customer.user_id),
                "requester_external_id": "c-1", "order_external_id": None, "delivery_external_id": None,
                "version": 2, "before": {"assignee": None}, "after": {"assignee": str(world.sara.user_id)},
            },
        }  # fmt: skip
        (moved,) = [change["data"] for change in changes if change["event"] == "delivery.changed"]
        assert (moved["delivery_external_id"], moved["ticket_id"], moved["version"]) == ("d-1", None, None)
        assert (moved["before"], moved["after"]) == ({"status": "in_transit"}, {"status": "delivered"})

    def test_a_support_user_is_told_of_the_whole_workbench(self, world):
        a_day_in_the_life(world)

        data = asked(ApiClient().as_(world.sara), OWN, after=0)
        assert events(data) == TOLD
        assert set(data["changes"][0]) == {"position", "event", "data"}
        assert set(data["changes"][0]["data"]) == {
            "ticket_id", "ticket_number", "conversation_id", "message_id", "version",
        }  # fmt: skip

    def test_a_customer_is_told_of_their_own_and_never_of_the_workbenches_work(self, world):
        a_day_in_the_life(world)

        assert events(asked(ApiClient().as_(world.customer), OWN, after=0)) == [
            "ticket.opened", "message.created", "ticket.assigned", "message.created", "ticket.priority_changed",
            "delivery.changed", "message.created", "ticket.closed", "message.created", "ticket.reopened",
            "message.created", "ticket.link_changed",
        ]  # fmt: skip
        assert events(asked(ApiClient().as_(world.other), OWN, after=0)) == ["ticket.opened", "message.created"]

    def test_a_support_user_is_the_customer_of_their_own_ticket(self, world):
        yusuf = MemberFactory(tenant=world.tenant, agent=True)
        ticket = make_ticket(yusuf)
        world.do(services.claim_ticket, ticket, world.sara)
        world.do(services.write_note, ticket, world.sara, content="between us")
        relay_all()

        assert events(asked(ApiClient().as_(yusuf), OWN, after=0)) == [
            "ticket.opened",
            "message.created",
            "ticket.assigned",
        ]
        assert "note.created" in events(asked(ApiClient().as_(world.sara), OWN, after=0))

    def test_nobody_is_told_of_another_tenant(self, world):
        a_day_in_the_life(world)
        elsewhere = World(TenantFactory())

        assert asked(elsewhere.key(Scope.CHANGES_READ), ALL, after=0)["changes"] == []
        assert asked(ApiClient().as_(elsewhere.sara), OWN, after=0)["changes"] == []


class TestBadInput:
    @pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "٣", "9" * 19, "1e3", "0x1", "99"])
    def test_a_position_that_is_none_is_a_400_on_after(self, world, after):
        for api, path in ((world.key(Scope.CHANGES_READ), ALL), (ApiClient().as_(world.customer), OWN)):
            body = asked(api, path, expected=400, after=after)
            assert (body["error"], [*body["data"]["fields"]]) == ("validation_error", ["after"])

    @pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "9" * 30])
    def test_a_limit_that_is_none_is_a_400_on_limit(self, world, limit):
        body = asked(world.key(Scope.CHANGES_READ), ALL, expected=400, after="0", limit=limit)
        assert [*body["data"]["fields"]] == ["limit"]

    def test_twice_the_same_parameter(self, world):
        answer = ApiClient().as_(world.customer).get(f"{OWN}?after=0&after=0")
        assert answer.status_code == 400

    @pytest.mark.parametrize(("path", "kept"), [(OWN, timedelta(hours=24)), (ALL, timedelta(days=30))])
    def test_older_than_is_kept_is_gone(self, world, path, kept):
        make_ticket(world.customer)
        relay_all()
        for ahead, status in ((kept - timedelta(minutes=1), 200), (kept + timedelta(minutes=1), 410)):
            with time_machine.travel(timezone.now() + ahead):
                api = world.key(Scope.CHANGES_READ) if path == ALL else ApiClient().as_(world.customer)
                answer = api.get(path, {"after": "0"})
                assert answer.status_code == status
                assert api.get(path, {"after": "2"}).status_code == 200, "who has all of it misses nothing"
        assert answer.json()["error"] == "position_expired"

    def test_a_key_opens_what_it_is_for(self, world):
        assert asked(world.key(Scope.CATALOGUE_WRITE), ALL, expected=403)["error"] == "permission_denied"
        orders = world.key(Scope.CHANGES_READ).call("PUT", "/integrations/orders", body={"orders": []})
        assert (orders.status_code, orders.json()["error"]) == (403, "permission_denied")
        assert ApiClient(**{"X-API-Key": "od_nonsense"}).get(ALL).json()["error"] == "api_key_invalid"
