"""Actions: one table below every door; the admin shows what is in it, and the agents' API offers it."""

from datetime import timedelta

import pytest
from django.urls import get_resolver
from django.utils import timezone

from ondi.tenants.scope import tenant_scope
from support.actions import ACTIONS, actions_open_to
from support.admin.buttons import BUTTONS
from support.models import Tag, TicketEvent, TicketNote
from support.services import close_ticket
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, actor, make_ticket, reload
from tests.registry.routes import ACTION_ROWS

pytestmark = pytest.mark.django_db
QUEUE = "/messaging/support/tickets"


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def lead(tenant):
    return MemberFactory(tenant=tenant, lead=True)


@pytest.fixture
def do(api):
    """Do an action as somebody: status and body."""

    def post(member, ticket, word, body=None):
        answer = api.as_(member).post(f"{QUEUE}/{ticket.id}/{word}", body)
        return answer.status_code, answer.json()

    return post


def refused(answer, status, error):
    assert (answer[0], answer[1]["error"]) == (status, error), answer
    return answer[1].get("data")


def fields(answer):
    return [*refused(answer, 400, "validation_error")["fields"]]


# Actions without a call of their own, by the state of the ticket: who is offered them.
NOT_CALLED = {"reply": ("holder colleague lead", ""), "redact": ("lead", "lead")}


def test_every_action_has_a_button_a_call_or_a_place_of_its_own():
    routes = {str(one.pattern).rsplit("/", 1)[-1] for one in get_resolver().url_patterns[-1].url_patterns}
    words = {action.operation.path for action in ACTIONS.values() if action.operation}

    assert words <= routes
    assert set(ACTIONS) == ACTION_ROWS.keys() | NOT_CALLED, "an action has its row in tests/registry/routes.py"
    assert set(BUTTONS) < set(ACTIONS)
    assert {name for name in ACTIONS if name not in BUTTONS} == {"note", "reply", "redact"}, (
        "the composer and the thread"
    )


@pytest.mark.parametrize("who", ["customer", "holder", "colleague", "lead"])
def test_what_is_open_to_whom(customer, sara, yusuf, lead, who):
    ticket = make_ticket(customer, agent=sara)
    person = actor({"customer": customer, "holder": sara, "colleague": yusuf, "lead": lead}[who])
    offered = NOT_CALLED | {name: (row.while_open, row.while_closed) for name, row in ACTION_ROWS.items()}
    while_open, while_closed = (
        {name for name, people in offered.items() if who in people[state].split()} for state in (0, 1)
    )

    assert actions_open_to(reload(ticket), person) == while_open, "ACTION_ROWS says to whom an action is open"
    with tenant_scope(ticket.tenant_id):
        close_ticket(actor=actor(sara), ticket_id=ticket.id)
    assert actions_open_to(reload(ticket), person) == while_closed, "ACTION_ROWS says to whom an action is open"


class TestAssign:
    def test_mine_goes_to_a_colleague_without_a_reason(self, do, customer, sara, yusuf):
        ticket = make_ticket(customer, agent=sara)

        status, body = do(sara, ticket, "assign", {"user_id": str(yusuf.user_id)})

        assert (status, body["data"]["ticket"]["assigned_to_user"]["id"]) == (200, str(yusuf.user_id))

    def test_a_colleagues_is_handed_on_by_leads_who_say_why(self, do, customer, sara, yusuf, lead):
        ticket = make_ticket(customer, agent=sara)
        to_yusuf = {"user_id": str(yusuf.user_id)}

        refused(do(yusuf, ticket, "assign", to_yusuf), 403, "permission_denied")
        assert fields(do(lead, ticket, "assign", to_yusuf)) == ["reason"]
        assert reload(ticket).assignee_id == sara.id
        assert do(lead, ticket, "assign", {**to_yusuf, "reason": "Sara is ill"})[0] == 200
        with tenant_scope(ticket.tenant_id):
            assert [note.content for note in TicketNote.objects.filter(ticket=ticket)] == ["Sara is ill"]

    @pytest.mark.parametrize("who", ["customer", "foreign", "nobody", "nonsense"])
    def test_only_to_a_support_user_of_the_tenant(self, do, customer, sara, who):
        ticket = make_ticket(customer, agent=sara)
        user_id = {
            "customer": str(customer.user_id), "foreign": str(MemberFactory(agent=True).user_id),
            "nobody": "00000000-0000-7000-8000-000000000000", "nonsense": "x",
        }[who]  # fmt: skip

        assert fields(do(sara, ticket, "assign", {"user_id": user_id})) == ["user_id"]


class TestTags:
    def test_by_name_whatever_the_capitals(self, do, tenant, customer, sara):
        ticket = make_ticket(customer)
        with tenant_scope(tenant.id):
            for name in ("VIP", "late"):
                Tag.objects.create(tenant=tenant, name=name)

        assert do(sara, ticket, "tags", {"add": ["vip", "Late"]})[1]["data"]["ticket"]["tags"] == ["VIP", "late"]
        assert do(sara, ticket, "tags", {"remove": ["LATE"]})[1]["data"]["ticket"]["tags"] == ["VIP"]

    @pytest.mark.parametrize("body", [{"add": ["nowhere"]}, {"add": "late"}, {"add": [""]}, {"add": [None]}])
    def test_unknown_and_malformed_names_change_nothing(self, do, customer, sara, body):
        ticket = make_ticket(customer)

        assert fields(do(sara, ticket, "tags", body))[0].startswith("add")
        assert reload(ticket).version == ticket.version


class TestSnooze:
    def test_until_a_moment_and_awake_again(self, do, customer, sara):
        ticket, until = make_ticket(customer), timezone.now() + timedelta(days=1)

        assert do(sara, ticket, "snooze", {"until": until.isoformat()})[1]["data"]["ticket"]["snoozed_until"]
        assert do(sara, ticket, "snooze", {"until": None})[1]["data"]["ticket"]["snoozed_until"] is None

    @pytest.mark.parametrize("days", [-1, 400])
    def test_within_a_year(self, do, customer, sara, days):
        until = (timezone.now() + timedelta(days=days)).isoformat()

        assert fields(do(sara, make_ticket(customer), "snooze", {"until": until})) == ["until"]


class TestLink:
    def test_to_an_order_or_delivery_of_its_customer(self, do, customer, sara):
        ticket = make_ticket(customer)
        parcel = DeliveryFactory(tenant=customer.tenant, customer=customer)
        foreign = DeliveryFactory(tenant=customer.tenant, customer=MemberFactory(tenant=customer.tenant))

        assert do(sara, ticket, "change-link", {"related_delivery_id": str(parcel.id)})[0] == 200
        assert reload(ticket).delivery_id == parcel.id
        refused(do(sara, ticket, "change-link", {"related_delivery_id": str(foreign.id)}), 404, "delivery_not_found")
        held = make_ticket(customer)
        data = refused(do(sara, held, "change-link", {"related_delivery_id": str(parcel.id)}), 409,
                       "support_ticket_already_open_for_related")  # fmt: skip
        assert data["existing_ticket_id"] == str(ticket.id)
        assert do(sara, ticket, "change-link", {"related_delivery_id": None})[0] == 200
        assert reload(ticket).delivery_id is None

    def test_nothing_said_unties_nothing(self, do, customer, sara):
        order = OrderFactory(tenant=customer.tenant, customer=customer)
        ticket = make_ticket(customer, order=order)

        assert set(fields(do(sara, ticket, "change-link", {}))) == {"related_order_id", "related_delivery_id"}
        assert reload(ticket).order_id == order.id


class TestVersions:
    @pytest.mark.parametrize(
        ("word", "body"),
        [("priority", {"priority": "urgent"}), ("tags", {"add": []}), ("snooze", {"until": None}), ("close", {}),
         ("change-link", {"related_delivery_id": None}), ("assign", {"user_id": None})],
    )  # fmt: skip
    def test_an_older_picture_is_a_conflict_that_shows_the_newer(self, do, customer, sara, yusuf, word, body):
        ticket = make_ticket(customer, agent=sara)
        body = {**body, "user_id": str(yusuf.user_id)} if word == "assign" else body

        data = refused(do(sara, ticket, word, {**body, "version": 1}), 409, "ticket_changed")

        assert (data["ticket"]["id"], data["ticket"]["version"]) == (str(ticket.id), reload(ticket).version)
        assert do(sara, ticket, word, {**body, "version": data["ticket"]["version"]})[0] == 200

    @pytest.mark.parametrize("version", ["1", -1, 1.5, True, 10**30, "9" * 5000])
    def test_a_version_that_is_none(self, do, customer, sara, version):
        assert fields(do(sara, make_ticket(customer), "close", {"version": version})) == ["version"]


class TestNotesAndHistory:
    def test_written_and_read_newest_first(self, do, api, customer, sara):
        ticket = make_ticket(customer)
        for content in ("one", "two"):
            status, body = do(sara, ticket, "note", {"content": content})
            assert (status, body["data"]["note"]["content"]) == (201, content)

        notes = api.as_(sara).get(f"{QUEUE}/{ticket.id}/notes").json()["data"]
        assert [note["content"] for note in notes["notes"]] == ["two", "one"]
        assert notes["notes"][0]["author"]["id"] == str(sara.user_id)
        history = api.as_(sara).get(f"{QUEUE}/{ticket.id}/events", {"limit": 1}).json()["data"]
        assert (history["events"][0]["kind"], history["pagination"]["total"]) == ("opened", 1)

    def test_its_own_customer_sees_neither_and_writes_none(self, do, api, sara):
        own = make_ticket(sara)

        refused(do(sara, own, "note", {"content": "x"}), 403, "permission_denied")
        for page in ("notes", "events"):
            answer = api.as_(sara).get(f"{QUEUE}/{own.id}/{page}")
            assert (answer.status_code, answer.json()["error"]) == (403, "permission_denied")

    @pytest.mark.parametrize("content", ["", "   ", "x" * 8001, None, 7])
    def test_a_note_that_says_nothing_is_none(self, do, customer, sara, content):
        assert fields(do(sara, make_ticket(customer), "note", {"content": content})) == ["content"]


@pytest.mark.parametrize("word", ["assign", "priority", "tags", "snooze", "change-link", "note", "take-over"])
def test_right_and_path_come_before_the_body(do, customer, sara, word):
    ticket = make_ticket(customer)

    refused(do(customer, ticket, word, {}), 403, "not_a_support_user")
    refused(do(sara, make_ticket(MemberFactory()), word, {}), 404, "ticket_not_found")
    refused(do(sara, make_ticket(sara), word, {}), 403, "permission_denied")
    assert do(sara, ticket, word, {})[0] == 400
    with tenant_scope(ticket.tenant_id):
        assert TicketEvent.objects.filter(ticket=ticket).count() == 1
