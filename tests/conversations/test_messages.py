"""The chat: reading, saying, marking as read (API.md section 5)."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.utils import timezone

from conversations.models import Conversation, Message
from conversations.services import mark_read, post_system_message
from conversations.words import words
from ondi.tenants.scope import tenant_scope
from support.services import post_message
from tests.factories import MemberFactory, Participant, TenantFactory, actor, make_ticket, reload

pytestmark = pytest.mark.django_db

MISSING = "0197f0a0-0000-7000-8000-000000000011"


@pytest.fixture
def tenant():
    return TenantFactory(allow_customer_close=True)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def ticket(customer, sara):
    return make_ticket(customer, agent=sara)


@pytest.fixture
def portal(api, customer):
    return api.as_(customer)


@pytest.fixture
def workbench(api, sara):
    return api.as_(sara)


def messages(ticket):
    return f"/messaging/conversations/{ticket.conversation_id}/messages"


def say(member, ticket, content="Hello", at=None):
    who = actor(member)
    with tenant_scope(ticket.tenant_id):
        return post_message(actor=who, conversation_id=ticket.conversation_id, content=content, at=at)


class TestPost:
    def test_message_is_said_and_kept(self, portal, workbench, ticket, sara):
        response = workbench.post(messages(ticket), {"content": "We found it.\r\n<b>Today</b>"})

        assert response.status_code == 201
        message = response.json()["data"]["message"]
        assert set(message) == {
            "id", "conversation_id", "sequence", "sender", "message_type", "content", "attachments", "event",
            "created_at",
        }  # fmt: skip
        assert (message["sequence"], message["content"]) == (2, "We found it.\n<b>Today</b>")
        assert message["sender"] == {"id": str(sara.user_id), "name": "Sara Kareem", "role": "agent"}
        shown = portal.get(f"/customer/support/tickets/{ticket.id}").json()["data"]["ticket"]
        assert (shown["waiting_on"], shown["conversation"]["unread_count"]) == ("customer", 1)
        assert shown["conversation"]["last_message"]["sender"]["name"] == "Sara K."
        assert shown["last_activity_at"] == message["created_at"]

    def test_customers_answer_makes_it_the_agents_turn(self, portal, workbench, ticket):
        workbench.post(messages(ticket), {"content": "Hello"})
        assert (
            portal.post(messages(ticket), {"content": "Thanks"}).json()["data"]["message"]["sender"]["name"]
            == "Layla H."
        )

        shown = portal.get(f"/customer/support/tickets/{ticket.id}").json()["data"]["ticket"]
        assert (shown["waiting_on"], shown["conversation"]["unread_count"]) == ("agent", 0)

    @pytest.mark.parametrize(
        ("body", "field", "code"),
        [
            ({}, "content", "required"), ({"content": " "}, "content", "blank"),
            ({"content": "x" * 8001}, "content", "max_length"), ({"content": "\x00"}, "content", "invalid"),
            ({"content": "x", "message_type": "html"}, "message_type", "invalid_choice"),
            ({"content": "x", "message_type": "system"}, "message_type", "invalid_choice"),
            ({"content": "x", "attachments": []}, "attachments", "not_allowed"),
        ],
    )  # fmt: skip
    def test_faulty_message_is_refused(self, portal, ticket, body, field, code):
        response = portal.post(messages(ticket), body)

        assert response.status_code == 400
        assert response.json()["data"]["fields"][field][0]["code"] == code

    def test_support_user_must_claim_first(self, api, tenant, ticket):
        colleague = api.as_(MemberFactory(tenant=tenant, agent=True))

        for body in ({"content": "Hello"}, {}):
            response = colleague.post(messages(ticket), body)
            assert (response.status_code, response.json()["error"]) == (403, "not_a_participant")

    def test_strangers_find_nothing(self, api, tenant, ticket):
        for stranger in (
            MemberFactory(tenant=tenant),
            MemberFactory(agent=True),
            MemberFactory(tenant=tenant, role="agent"),
        ):
            client = api.as_(stranger)
            for response in (client.get(messages(ticket)), client.post(messages(ticket), {"content": "x"})):
                assert (response.status_code, response.json()["error"]) == (404, "conversation_not_found")

    def test_closed_conversation_is_a_conflict(self, portal, workbench, ticket):
        portal.post(f"/customer/support/tickets/{ticket.id}/close")

        for client in (portal, workbench):
            response = client.post(messages(ticket), {"content": "One more thing"})
            assert (response.status_code, response.json()["error"]) == (409, "conversation_closed")

    def test_same_key_says_it_once(self, portal, ticket):
        for _attempt in range(2):
            response = portal.post(messages(ticket), {"content": "Once"}, **{"Idempotency-Key": "k"})
        assert response.headers["Idempotency-Replayed"] == "true"
        assert portal.get(messages(ticket)).json()["data"]["pagination"]["total"] == 2


class TestRead:
    def test_newest_come_first_and_reading_marks_them(self, portal, customer, sara, ticket):
        for number in range(4):
            say(sara, ticket, f"message {number}")

        data = portal.get(messages(ticket), {"limit": 2}).json()["data"]

        assert [message["sequence"] for message in data["messages"]] == [5, 4]
        assert data["pagination"]["total"] == 5
        shown = portal.get(f"/customer/support/tickets/{ticket.id}").json()["data"]["ticket"]
        assert shown["conversation"]["unread_count"] == 0

    def test_reading_an_older_page_marks_no_more_than_it_showed(self, portal, sara, ticket):
        for _number in range(3):
            say(sara, ticket)

        portal.get(messages(ticket), {"page": 2, "limit": 2})

        shown = portal.get(f"/customer/support/tickets/{ticket.id}").json()["data"]["ticket"]
        assert shown["conversation"]["unread_count"] == 2

    def test_after_gives_what_came_since_oldest_first(self, portal, sara, ticket):
        first = portal.get(messages(ticket)).json()["data"]["messages"][0]["id"]
        for number in range(3):
            say(sara, ticket, f"message {number}")

        data = portal.get(messages(ticket), {"after": first, "limit": 2}).json()["data"]

        assert set(data) == {"messages", "has_more"}
        assert [message["sequence"] for message in data["messages"]] == [2, 3]
        assert data["has_more"] is True
        rest = portal.get(messages(ticket), {"after": data["messages"][-1]["id"]}).json()["data"]
        assert ([message["sequence"] for message in rest["messages"]], rest["has_more"]) == ([4], False)
        assert portal.get(messages(ticket), {"after": rest["messages"][-1]["id"]}).json()["data"]["messages"] == []

    def test_before_gives_what_stood_there_newest_first_and_does_not_shift(self, portal, sara, ticket):
        for number in range(4):
            say(sara, ticket, f"message {number}")
        page = portal.get(messages(ticket), {"limit": 2}).json()["data"]["messages"]
        say(sara, ticket, "meanwhile")

        data = portal.get(messages(ticket), {"before": page[-1]["id"], "limit": 2}).json()["data"]

        assert set(data) == {"messages", "has_more"}
        assert [message["sequence"] for message in [*page, *data["messages"]]] == [5, 4, 3, 2], (
            "none twice, none missed"
        )
        assert data["has_more"] is True
        rest = portal.get(messages(ticket), {"before": data["messages"][-1]["id"], "limit": 2}).json()["data"]
        assert ([message["sequence"] for message in rest["messages"]], rest["has_more"]) == ([1], False)
        first = portal.get(messages(ticket), {"before": rest["messages"][-1]["id"]}).json()["data"]
        assert first == {"messages": [], "has_more": False}

    def test_before_marks_no_more_than_it_showed(self, portal, sara, ticket):
        said = [say(sara, ticket) for _number in range(3)]

        portal.get(messages(ticket), {"before": str(said[2].id), "limit": 1})

        shown = portal.get(f"/customer/support/tickets/{ticket.id}").json()["data"]["ticket"]
        assert shown["conversation"]["unread_count"] == 1

    def test_another_conversation_of_the_same_customer_stays_out(self, portal, customer, sara, ticket):
        other = make_ticket(customer, agent=sara)
        for _message in range(3):
            say(sara, other, "of the other")
        first = say(sara, ticket, "of this one").id
        last = say(sara, ticket, "the last of this one").id
        for _message in range(3):
            say(sara, other, "of the other")

        for parameters in ({}, {"after": first}, {"before": last}):
            found = portal.get(messages(ticket), parameters).json()["data"]["messages"]
            assert {message["conversation_id"] for message in found} == {str(ticket.conversation_id)}

    def test_range_includes_its_start_and_not_its_end(self, portal, customer, ticket):
        start = timezone.now() + timedelta(hours=1)
        for minute in range(3):
            say(customer, ticket, at=start + timedelta(minutes=minute))
        between = f"{start.isoformat()},{(start + timedelta(minutes=2)).isoformat()}"

        data = portal.get(messages(ticket), {"timestamp_range": between}).json()["data"]

        assert [message["sequence"] for message in data["messages"]] == [3, 2]
        assert data["pagination"]["total"] == 2

    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({"timestamp_range": "yesterday,today"}, "timestamp_range"),
            ({"timestamp_range": "2026-01-01T00:00:00Z"}, "timestamp_range"),
            ({"timestamp_range": "2026-01-01T00:00:00,2026-01-02T00:00:00"}, "timestamp_range"),
            ({"timestamp_range": "2026-01-02T00:00:00Z,2026-01-01T00:00:00Z"}, "timestamp_range"),
            ({"timestamp_range": "0001-01-01T00:00:00+14:00,2026-01-01T00:00:00Z"}, "timestamp_range"),
            ({"timestamp_range": "2026-01-01T00:00:00Z,9999-12-31T23:59:59Z"}, "timestamp_range"),
            ({"timestamp_range": "1899-12-31T23:59:59Z,2026-01-01T00:00:00Z"}, "timestamp_range"),
            ({"after": "x"}, "after"), ({"after": ""}, "after"), ({"after": "\x00"}, "after"),
            ({"after": MISSING, "page": 1}, "page"), ({"page": 0}, "page"),
            ({"after": MISSING, "timestamp_range": "x"}, "timestamp_range"),
            ({"before": "x"}, "before"), ({"before": ""}, "before"), ({"before": MISSING, "page": 1}, "page"),
            ({"before": MISSING, "timestamp_range": "x"}, "timestamp_range"),
            ({"before": MISSING, "after": MISSING}, "before"), ({"before": MISSING, "limit": 51}, "limit"),
        ],
    )  # fmt: skip
    def test_bad_parameters_are_refused(self, portal, ticket, parameters, field):
        response = portal.get(messages(ticket), parameters)

        assert response.status_code == 400
        assert list(response.json()["data"]["fields"]) == [field]

    def test_message_of_another_conversation_is_not_found(self, portal, customer, ticket):
        other = say(customer, make_ticket(customer))

        for message_id, beside in product((other.id, MISSING), ("after", "before")):
            response = portal.get(messages(ticket), {beside: str(message_id)})
            assert (response.status_code, response.json()["error"]) == (404, "message_not_found")

    def test_support_user_reads_without_taking_part(self, api, tenant, ticket, portal, sara):
        say(sara, ticket)
        reader = api.as_(MemberFactory(tenant=tenant, agent=True))

        data = reader.get(messages(ticket)).json()["data"]

        assert len(data["messages"]) == 2
        assert data["messages"][0]["sender"]["name"] == "Sara Kareem"
        conversation = reader.get(f"/messaging/conversations/{ticket.conversation_id}").json()["data"]["conversation"]
        assert conversation["unread_count"] is None

    @pytest.mark.parametrize(
        ("event", "shown"),
        [
            ({"code": "parcel_weighed", "params": {"grams": 7}}, "parcel_weighed"),
            ({"code": "", "params": {}}, ""), ({"code": 5}, "5"), ({}, ""), ([], ""), ("x", ""),
        ],
    )  # fmt: skip
    def test_unknown_event_is_shown_as_it_stands(self, portal, ticket, event, shown):
        with tenant_scope(ticket.tenant_id):
            message = post_system_message(conversation_id=ticket.conversation_id, code="x", at=timezone.now())
            Message.objects.filter(id=message.id).update(event=event)
            Conversation.objects.filter(id=ticket.conversation_id).update(last_message_event=event)
            assert words(Message.objects.get(id=message.id)) == shown, "the admin's page"

        newest = portal.get(messages(ticket)).json()["data"]["messages"][0]
        conversation = portal.get(f"/messaging/conversations/{ticket.conversation_id}").json()["data"]["conversation"]

        assert (newest["content"], newest["event"], conversation["last_message"]["preview"]) == (shown, event, shown)

    def test_system_message_is_told_in_the_readers_language(self, portal, ticket):
        portal.post(f"/customer/support/tickets/{ticket.id}/close")

        english = portal.get(messages(ticket)).json()["data"]["messages"][0]
        arabic = portal.get(messages(ticket), {"language": "ar"}).json()["data"]["messages"][0]

        assert english["message_type"] == "system"
        assert english["event"] == {"code": "ticket_closed", "params": {}}
        assert (english["content"], arabic["content"]) == ("This ticket was closed.", "تم إغلاق هذه التذكرة.")


def read(part, sequence):
    mark_read(
        tenant_id=part.tenant_id, membership_id=part.membership_id, conversation_id=part.conversation_id,
        sequence=sequence,
    )  # fmt: skip


class TestReadStatus:
    def put(self, client, ticket, message_id):
        path = f"/messaging/conversations/{ticket.conversation_id}/read-status"
        return client.call("PUT", path, parameters={"message_id": str(message_id)})

    def test_marker_moves_forward_and_never_back(self, portal, sara, ticket):
        said = [say(sara, ticket) for _number in range(3)]

        assert self.put(portal, ticket, said[1].id).json()["data"] == {"unread_count": 1}
        assert self.put(portal, ticket, said[0].id).json()["data"] == {"unread_count": 1}
        shown = portal.get(f"/customer/support/tickets/{ticket.id}").json()["data"]["ticket"]
        assert shown["conversation"]["unread_count"] == 1

    def test_marker_that_moved_on_since_it_was_looked_at_stays(self, customer, ticket):
        """Two tabs read at once: the slower one knew an older marker and showed less."""
        with tenant_scope(ticket.tenant_id):
            part = Participant.objects.get(conversation=ticket.conversation_id, membership=customer)
            read(part, 7)
            for sequence in (5, 7, 2):
                read(part, sequence)
                assert reload(part).last_read_sequence == 7

    def test_faults_are_coded(self, api, portal, tenant, customer, ticket):
        foreign = say(customer, make_ticket(customer))
        path = f"/messaging/conversations/{ticket.conversation_id}/read-status"

        assert self.put(portal, ticket, foreign.id).json()["error"] == "message_not_found"
        assert self.put(portal, ticket, "x").status_code == 400
        assert portal.call("PUT", path).json()["data"]["fields"]["message_id"][0]["code"] == "required"
        colleague = api.as_(MemberFactory(tenant=tenant, agent=True))
        assert self.put(colleague, ticket, MISSING).json()["error"] == "not_a_participant"


class TestConversations:
    def test_own_ones_are_listed_with_who_takes_part(self, portal, workbench, ticket, customer, tenant):
        make_ticket(MemberFactory(tenant=tenant))

        for client, names in ((portal, ["Layla H.", "Sara K."]), (workbench, ["Layla Hassan", "Sara Kareem"])):
            data = client.get("/messaging/conversations").json()["data"]
            assert data["pagination"]["total"] == 1
            row = data["conversations"][0]
            assert set(row) == {
                "id", "title", "status", "message_count", "unread_count", "last_message", "type", "ticket_id",
                "created_at", "participants",
            }  # fmt: skip
            assert (row["type"], row["ticket_id"]) == ("support", str(ticket.id))
            assert [part["user"]["name"] for part in row["participants"]] == names
            assert [part["role"] for part in row["participants"]] == ["customer", "member"]

    def test_filters_narrow(self, portal, customer, ticket):
        make_ticket(customer, closed_by=customer)

        def found(**filters):
            return portal.get("/messaging/conversations", filters).json()["data"]["pagination"]["total"]

        assert (found(), found(status="closed"), found(type="support", status="active")) == (2, 1, 1)
        assert portal.get("/messaging/conversations", {"type": "group"}).status_code == 400

    def test_others_are_not_found(self, api, tenant, ticket):
        for conversation_id in (ticket.conversation_id, MISSING):
            response = api.as_(MemberFactory(tenant=tenant)).get(f"/messaging/conversations/{conversation_id}")
            assert (response.status_code, response.json()["error"]) == (404, "conversation_not_found")


class TestParticipants:
    def put(self, client, ticket, action, *people, **fields):
        ids = [str(getattr(person, "user_id", person)) for person in people]
        path = f"/messaging/conversations/{ticket.conversation_id}/participants"
        return client.call("PUT", path, body={"action": action, "user_ids": ids, **fields})

    def statuses(self, response):
        return [(one["status"], one["error"]) for one in response.json()["data"]["results"]]

    def test_colleague_is_added_removed_and_back(self, api, workbench, tenant, ticket):
        yusuf = MemberFactory(tenant=tenant, agent=True)

        steps = [
            ("add", "added"),
            ("add", "unchanged"),
            ("remove", "removed"),
            ("remove", "unchanged"),
            ("add", "added"),
        ]
        for action, expected in steps:
            response = self.put(workbench, ticket, action, yusuf)
            assert (response.status_code, self.statuses(response)) == (200, [(expected, None)])
        assert self.statuses(self.put(workbench, ticket, "update", yusuf, role="admin")) == [("updated", None)]
        assert api.as_(yusuf).post(messages(ticket), {"content": "Hello"}).status_code == 201

    def test_mixed_outcomes_are_207_and_all_failed_is_400(self, workbench, tenant, ticket, customer):
        yusuf, foreign = MemberFactory(tenant=tenant, agent=True), MemberFactory(agent=True)
        no_support_user = MemberFactory(tenant=tenant, role="agent")

        mixed = self.put(workbench, ticket, "add", yusuf, foreign, MISSING, no_support_user)
        failed = self.put(workbench, ticket, "remove", customer, foreign)

        assert mixed.status_code == 207
        assert self.statuses(mixed) == [
            ("added", None), ("failed", "not_found"), ("failed", "not_found"), ("failed", "not_a_support_user"),
        ]  # fmt: skip
        assert failed.status_code == 400
        assert self.statuses(failed) == [("failed", "permission_denied"), ("failed", "not_found")]

    def test_only_the_agent_and_leads_may(self, api, tenant, portal, ticket):
        colleague, lead = MemberFactory(tenant=tenant, agent=True), MemberFactory(tenant=tenant, lead=True)

        assert self.put(api.as_(colleague), ticket, "add", colleague).json()["error"] == "permission_denied"
        assert self.put(portal, ticket, "add", colleague).json()["error"] == "permission_denied"
        assert self.put(api.as_(lead), ticket, "add", lead).status_code == 200
        own = make_ticket(lead)
        assert self.put(api.as_(lead), own, "add", colleague).json()["error"] == "permission_denied"

    @pytest.mark.parametrize(
        "body",
        [
            {}, {"action": "add", "user_ids": []}, {"action": "add", "user_ids": [MISSING] * 51},
            {"action": "promote", "user_ids": [MISSING]}, {"action": "add", "user_ids": ["x"]},
            {"action": "add", "user_ids": [MISSING], "role": "customer"}, {"action": "add", "user_ids": MISSING},
        ],
        ids=lambda body: str(body)[:50],
    )  # fmt: skip
    def test_faulty_bodies_are_refused(self, workbench, ticket, body):
        path = f"/messaging/conversations/{ticket.conversation_id}/participants"
        response = workbench.call("PUT", path, body=body)

        assert (response.status_code, response.json()["error"]) == (400, "validation_error")

    def test_closed_conversation_is_a_conflict(self, workbench, portal, tenant, ticket):
        portal.post(f"/customer/support/tickets/{ticket.id}/close")

        response = self.put(workbench, ticket, "add", MemberFactory(tenant=tenant, agent=True))

        assert (response.status_code, response.json()["error"]) == (409, "conversation_closed")


def test_times_are_utc_with_six_decimals(portal, customer, ticket):
    say(customer, ticket, at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))

    assert portal.get(messages(ticket)).json()["data"]["messages"][0]["created_at"] == "2030-01-02T03:04:05.000000Z"
