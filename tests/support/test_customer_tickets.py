"""The customer's calls, as API.md sections 3 and 9 have them."""

import pytest

from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from support.models import Ticket, TicketEvent
from tests.factories import (
    Conversation,
    DeliveryFactory,
    MemberFactory,
    Message,
    OrderFactory,
    TenantFactory,
    actor,
    make_ticket,
    reload,
)

pytestmark = pytest.mark.django_db

TICKETS = "/customer/support/tickets"
TICKET_KEYS = {
    "id", "number", "subject", "status", "priority", "source", "related_delivery_id", "related_order_id",
    "conversation", "assigned_to_user", "waiting_on", "can_close", "can_reopen", "can_reply", "created_at",
    "updated_at", "last_activity_at", "closed_at", "expected_reply_by",
}  # fmt: skip
DETAIL_KEYS = TICKET_KEYS | {"delivery", "order"}


@pytest.fixture
def tenant():
    return TenantFactory(allow_customer_close=True)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan")


@pytest.fixture
def portal(api, customer):
    return api.as_(customer)


def body(**fields):
    return {"subject": "Delivery delayed", "message": "My delivery is delayed, please help", **fields}


def count(tenant, model=Ticket):
    with tenant_scope(tenant.id):
        return model.objects.count()


class TestCreateFromCustomerPortal:
    def test_ticket_is_opened_when_delivery_is_own(self, portal, tenant, customer):
        delivery = DeliveryFactory(tenant=tenant, customer=customer, from_address="Karrada", to_address="Mansour")

        response = portal.post(TICKETS, body(related_delivery_id=str(delivery.id), priority="high"))

        assert response.status_code == 201
        answer = response.json()
        assert answer["success"] is True
        ticket = answer["data"]["ticket"]
        assert set(ticket) == DETAIL_KEYS
        assert ticket["number"] == 1
        assert (ticket["status"], ticket["priority"], ticket["source"]) == ("open", "high", "customer_portal")
        assert ticket["related_delivery_id"] == str(delivery.id)
        assert ticket["waiting_on"] == "agent"
        assert ticket["order"] is None
        assert ticket["delivery"] == {
            "id": str(delivery.id), "delivery_code": delivery.delivery_code, "status": "pending", "from": "Karrada",
            "to": "Mansour", "promised_at": None, "delivered_at": None, "order_id": None,
        }  # fmt: skip
        conversation = ticket["conversation"]
        assert conversation["title"] == "Delivery delayed"
        assert (conversation["message_count"], conversation["unread_count"]) == (1, 0)
        assert conversation["last_message"]["sender"] == {
            "id": str(customer.user_id), "name": "Layla H.", "role": "customer",
        }  # fmt: skip
        assert conversation["last_message"]["preview"] == "My delivery is delayed, please help"
        assert ticket["created_at"].endswith("Z")
        assert len(ticket["created_at"]) == len("2026-11-23T09:30:00.000000Z")

    def test_ticket_is_opened_when_no_item_is_linked(self, portal):
        first = portal.post(TICKETS, body())
        second = portal.post(TICKETS, body(related_delivery_id=None, related_order_id=None))

        assert [first.status_code, second.status_code] == [201, 201]
        assert second.json()["data"]["ticket"]["number"] == 2

    def test_conflict_names_ticket_when_delivery_has_an_open_one(self, portal, tenant, customer):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        first = portal.post(TICKETS, body(related_delivery_id=str(delivery.id))).json()["data"]["ticket"]

        response = portal.post(TICKETS, body(related_delivery_id=str(delivery.id)))

        assert response.status_code == 409
        assert response.json() == {
            "success": False,
            "message": "A support ticket is already open for this item",
            "error": "support_ticket_already_open_for_related",
            "data": {
                "existing_ticket_id": first["id"],
                "existing_conversation_id": first["conversation"]["id"],
            },
        }
        assert count(tenant) == count(tenant, TicketEvent) == count(tenant, Message) == 1

    def test_conflict_names_nothing_when_item_changed_hands(self, portal, tenant, customer):
        delivery = DeliveryFactory(tenant=tenant)
        make_ticket(delivery.customer, delivery=delivery)
        with tenant_scope(tenant.id):
            delivery.customer = customer
            delivery.save()

        response = portal.post(TICKETS, body(related_delivery_id=str(delivery.id)))

        assert response.status_code == 409
        assert "data" not in response.json()

    def test_item_is_free_again_when_ticket_is_closed(self, portal, tenant, customer):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        make_ticket(customer, delivery=delivery, closed_by=customer)

        assert portal.post(TICKETS, body(related_delivery_id=str(delivery.id))).status_code == 201

    def test_order_and_its_delivery_are_different_items(self, portal, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer)
        delivery = DeliveryFactory(tenant=tenant, customer=customer, order=order)

        assert portal.post(TICKETS, body(related_delivery_id=str(delivery.id))).status_code == 201
        about_order = body(source="storefront", related_order_id=str(order.id))
        assert portal.post(TICKETS, about_order).status_code == 201

    @pytest.mark.parametrize("whose", ["a neighbour", "another tenant", "nobody"])
    def test_delivery_is_not_found_when_not_own(self, portal, tenant, whose):
        delivery_id = {
            "a neighbour": lambda: DeliveryFactory(tenant=tenant).id,
            "another tenant": lambda: DeliveryFactory().id,
            "nobody": lambda: "0197f0a0-0000-7000-8000-000000000011",
        }[whose]()

        response = portal.post(TICKETS, body(related_delivery_id=str(delivery_id)))

        assert (response.status_code, response.json()["error"]) == (404, "delivery_not_found")
        assert count(tenant) == 0

    def test_order_is_refused(self, portal, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer)

        response = portal.post(TICKETS, body(related_order_id=str(order.id)))

        assert response.status_code == 400
        assert [fault["code"] for fault in response.json()["data"]["fields"]["related_order_id"]] == ["not_allowed"]

    def test_read_only_fields_are_ignored(self, portal, tenant, customer):
        other = MemberFactory(tenant=tenant, agent=True)
        extras = {"status": "closed", "tenant": "x", "assigned_to": str(other.user_id), "number": 77, "requester": "me"}

        ticket = portal.post(TICKETS, body(**extras)).json()["data"]["ticket"]

        assert (ticket["status"], ticket["number"], ticket["assigned_to_user"]) == ("open", 1, None)

    def test_numbers_have_no_gap_when_a_create_was_refused(self, portal, tenant, customer):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        for _attempt in range(3):
            portal.post(TICKETS, body(related_delivery_id=str(delivery.id)))

        assert portal.post(TICKETS, body()).json()["data"]["ticket"]["number"] == 2


class TestCreateFromStorefront:
    def test_title_and_message_carry_the_order_number(self, portal, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer, number="TI-77", total_amount="49.90", item_count=2)

        response = portal.post(TICKETS, body(source="storefront", related_order_id=str(order.id)))

        ticket = response.json()["data"]["ticket"]
        assert response.status_code == 201
        assert ticket["subject"] == "Delivery delayed"
        assert ticket["conversation"]["title"] == "TI-77: Delivery delayed"
        assert ticket["conversation"]["last_message"]["preview"] == "[TI-77] My delivery is delayed, please help"
        assert ticket["delivery"] is None
        assert set(ticket["order"]) == {
            "id", "order_number", "status", "payment_status", "currency", "total_amount", "item_count", "placed_at",
        }  # fmt: skip
        assert (ticket["order"]["order_number"], ticket["order"]["total_amount"]) == ("TI-77", "49.90")

    def test_lengths_count_what_was_sent(self, portal, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer, number="N" * 64)

        response = portal.post(
            TICKETS, body(source="storefront", related_order_id=str(order.id), subject="s" * 200, message="م" * 8000)
        )

        assert response.status_code == 201

    def test_order_is_required(self, portal):
        response = portal.post(TICKETS, body(source="storefront"))

        assert response.status_code == 400
        assert response.json()["data"]["fields"]["related_order_id"][0]["code"] == "required"

    def test_delivery_is_refused(self, portal, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer)
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        links = {"related_order_id": str(order.id), "related_delivery_id": str(delivery.id)}

        response = portal.post(TICKETS, body(source="storefront", **links))

        assert response.status_code == 400
        assert response.json()["data"]["fields"]["related_delivery_id"][0]["code"] == "not_allowed"

    @pytest.mark.parametrize("whose", ["a neighbour", "another tenant"])
    def test_order_is_not_found_when_not_own(self, portal, tenant, whose):
        order = OrderFactory(tenant=tenant) if whose == "a neighbour" else OrderFactory()

        response = portal.post(TICKETS, body(source="storefront", related_order_id=str(order.id)))

        assert (response.status_code, response.json()["error"]) == (404, "order_not_found")

    def test_conflict_names_ticket_when_order_has_an_open_one(self, portal, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer)
        ticket = make_ticket(customer, order=order)

        response = portal.post(TICKETS, body(source="storefront", related_order_id=str(order.id)))

        assert response.status_code == 409
        assert response.json()["data"]["existing_ticket_id"] == str(ticket.id)


class TestTenantSettings:
    def test_chat_disabled_wins_over_a_bad_body(self, api):
        tenant = TenantFactory(support_chat_enabled=False)
        portal = api.as_(MemberFactory(tenant=tenant))

        response = portal.post(TICKETS, {})

        assert (response.status_code, response.json()["error"]) == (403, "support_chat_disabled")

    def test_existing_tickets_go_on_when_chat_is_disabled(self, api, tenant, customer):
        ticket = make_ticket(customer)
        with tenant_scope(tenant.id):
            PortalSettings.objects.filter(tenant=tenant).update(
                values={"allow_customer_close": True, "support_chat_enabled": False}
            )
        portal = api.as_(customer)

        assert portal.get(f"{TICKETS}/{ticket.id}").status_code == 200
        assert portal.post(f"{TICKETS}/{ticket.id}/close").status_code == 200

    def test_priority_above_the_tenants_limit_is_refused(self, api):
        portal = api.as_(MemberFactory(tenant=TenantFactory(max_customer_priority="high")))

        refused = portal.post(TICKETS, body(priority="urgent"))

        assert refused.status_code == 400
        assert refused.json()["data"]["fields"]["priority"][0]["code"] == "invalid_choice"
        assert portal.post(TICKETS, body(priority="high")).status_code == 201

    def test_acknowledgement_is_posted_in_the_creators_language(self, api):
        texts = {"en": "<p>Hello<script>alert(1)</script></p>", "ar": "<p>أهلاً &amp; سهلاً</p>"}
        tenant = TenantFactory(acknowledgement_html=texts)
        arabic = MemberFactory(tenant=tenant, language="ar")

        conversation = api.as_(arabic).post(TICKETS, body()).json()["data"]["ticket"]["conversation"]

        assert (conversation["message_count"], conversation["unread_count"]) == (2, 1)
        assert conversation["last_message"]["message_type"] == "html"
        assert conversation["last_message"]["sender"]["role"] == "system"
        assert conversation["last_message"]["preview"] == "أهلاً & سهلاً"

    def test_acknowledgement_is_sanitised_when_stored(self, api):
        tenant = TenantFactory(acknowledgement_html={"en": "<p onclick=x()>Hello<script>alert(1)</script></p>"})
        api.as_(MemberFactory(tenant=tenant)).post(TICKETS, body())

        with tenant_scope(tenant.id):
            assert Message.objects.get(message_type="html").content == "<p>Hello</p>"


class TestList:
    def test_own_tickets_come_newest_activity_first(self, portal, tenant, customer):
        tickets = [make_ticket(customer) for _number in range(3)]
        make_ticket(MemberFactory(tenant=tenant))

        data = portal.get(TICKETS).json()["data"]

        assert [ticket["id"] for ticket in data["tickets"]] == [str(ticket.id) for ticket in reversed(tickets)]
        assert set(data["tickets"][0]) == TICKET_KEYS
        assert data["pagination"] == {
            "page": 1, "limit": 20, "total": 3, "total_pages": 1, "has_next_page": False, "has_previous_page": False,
        }  # fmt: skip

    def test_pages_follow_each_other(self, portal, customer):
        for _number in range(5):
            make_ticket(customer)

        second = portal.get(TICKETS, {"page": 2, "limit": 2}).json()["data"]
        past = portal.get(TICKETS, {"page": 9, "limit": 2}).json()["data"]

        assert len(second["tickets"]) == 2
        assert second["pagination"] == {
            "page": 2, "limit": 2, "total": 5, "total_pages": 3, "has_next_page": True, "has_previous_page": True,
        }  # fmt: skip
        assert past["tickets"] == []
        assert (past["pagination"]["total"], past["pagination"]["has_next_page"]) == (5, False)

    def test_filters_narrow_the_list(self, portal, tenant, customer):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        order = OrderFactory(tenant=tenant, customer=customer)
        about_delivery = make_ticket(customer, delivery=delivery)
        about_order = make_ticket(customer, order=order)
        closed = make_ticket(customer, closed_by=customer)

        def found(**filters):
            return {ticket["id"] for ticket in portal.get(TICKETS, filters).json()["data"]["tickets"]}

        assert found(source="storefront") == {str(about_order.id)}
        assert found(status="closed") == {str(closed.id)}
        assert found(related_delivery_id=str(delivery.id)) == {str(about_delivery.id)}
        assert found(related_order_id=str(order.id), status="open") == {str(about_order.id)}
        assert found(source="restaurant") == set()
        assert len(found(source="", status="", unknown="x")) == 3

    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ("page=0", "page"), ("page=-1", "page"), ("page=abc", "page"), ("page=", "page"), ("page=1&page=2", "page"),
            ("page=1.5", "page"), ("page=10001", "page"), ("page=201&limit=50", "page"), ("page=%00", "page"),
            ("limit=0", "limit"), ("limit=51", "limit"), ("limit=abc", "limit"), ("limit=", "limit"),
            ("limit=1&limit=1", "limit"), ("page=99999999999999999999", "page"), ("limit=٥", "limit"),
            ("status=maybe", "status"), ("source=email", "source"), ("related_order_id=1", "related_order_id"),
            ("related_delivery_id=%00", "related_delivery_id"),
        ],
    )  # fmt: skip
    def test_bad_parameters_are_refused(self, portal, parameters, field):
        response = portal.get(f"{TICKETS}?{parameters}")

        assert response.status_code == 400
        assert response.json()["error"] == "validation_error"
        assert list(response.json()["data"]["fields"]) == [field]

    def test_no_next_page_where_it_would_pass_the_limit(self, portal):
        data = portal.get(TICKETS, {"page": 200, "limit": 50}).json()["data"]

        assert data["pagination"]["has_next_page"] is False

    def test_closed_ticket_shows_what_happened_in_the_readers_language(self, api, customer):
        make_ticket(customer, closed_by=customer)

        tickets = api.as_(customer).get(TICKETS, {"language": "ar"}).json()["data"]["tickets"]

        assert tickets[0]["conversation"]["last_message"]["preview"] == "تم إغلاق هذه التذكرة."

    def test_conversation_without_a_last_message_says_so(self, portal, customer):
        ticket = make_ticket(customer)
        with tenant_scope(ticket.tenant_id):
            Conversation.objects.update(last_message=None)

        (row,) = portal.get(TICKETS).json()["data"]["tickets"]

        assert row["conversation"]["last_message"] is None


class TestRetrieve:
    def test_ticket_shows_assignee_by_short_name(self, portal, tenant, customer):
        agent = MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")
        ticket = make_ticket(customer, agent=agent)

        data = portal.get(f"{TICKETS}/{ticket.id}").json()["data"]["ticket"]

        assert set(data) == DETAIL_KEYS
        assert data["assigned_to_user"] == {"id": str(agent.user_id), "name": "Sara K."}

    def test_item_is_hidden_when_it_changed_hands(self, portal, tenant, customer):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        ticket = make_ticket(customer, delivery=delivery)
        with tenant_scope(tenant.id):
            delivery.customer = MemberFactory(tenant=tenant)
            delivery.save()

        data = portal.get(f"{TICKETS}/{ticket.id}").json()["data"]["ticket"]

        assert data["related_delivery_id"] == str(delivery.id)
        assert data["delivery"] is None

    def test_order_is_hidden_when_it_changed_hands(self, portal, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer)
        ticket = make_ticket(customer, order=order)
        assert portal.get(f"{TICKETS}/{ticket.id}").json()["data"]["ticket"]["order"]["id"] == str(order.id)
        with tenant_scope(tenant.id):
            order.customer = MemberFactory(tenant=tenant)
            order.save()

        data = portal.get(f"{TICKETS}/{ticket.id}").json()["data"]["ticket"]

        assert (data["related_order_id"], data["order"]) == (str(order.id), None)

    def test_foreign_and_missing_tickets_are_the_same_bytes(self, portal, tenant):
        foreign = make_ticket(MemberFactory())
        neighbours = make_ticket(MemberFactory(tenant=tenant))
        missing = "0197f0a0-0000-7000-8000-000000000011"

        answers = [portal.get(f"{TICKETS}/{found}") for found in (foreign.id, neighbours.id, missing)]

        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["error"] == "ticket_not_found"

    def test_malformed_id_is_not_found(self, portal):
        for malformed in ("1", "xyz", "0197f0a000007000800000000000001", "{0197f0a0-0000-7000-8000-000000000011}"):
            response = portal.get(f"{TICKETS}/{malformed}")
            assert (response.status_code, response.json()["error"]) == (404, "not_found")

    def test_erased_people_have_no_name_and_no_id(self, portal, tenant, customer):
        agent = MemberFactory(tenant=tenant, agent=True)
        ticket = make_ticket(customer, agent=agent)
        with tenant_scope(tenant.id):
            agent.erased_at = ticket.created_at
            agent.save()

        data = portal.get(f"{TICKETS}/{ticket.id}").json()["data"]["ticket"]

        assert data["assigned_to_user"] == {"id": None, "name": "Deleted user"}

    def test_nameless_agent_is_called_support(self, portal, tenant, customer):
        ticket = make_ticket(customer, agent=MemberFactory(tenant=tenant, agent=True, first_name="", last_name=""))

        assert portal.get(f"{TICKETS}/{ticket.id}").json()["data"]["ticket"]["assigned_to_user"]["name"] == "Support"


class TestClose:
    def test_ticket_and_conversation_are_closed(self, portal, customer, tenant):
        ticket = make_ticket(customer)

        response = portal.post(f"{TICKETS}/{ticket.id}/close")

        data = response.json()["data"]["ticket"]
        assert response.status_code == 200
        assert (data["status"], data["conversation"]["status"]) == ("closed", "closed")
        assert (data["waiting_on"], data["can_close"], data["can_reply"]) == (None, False, False)
        assert data["closed_at"] == data["last_activity_at"]
        assert data["conversation"]["unread_count"] == 0
        assert reload(ticket).closed_by_id == customer.id
        with tenant_scope(tenant.id):
            assert [event.kind for event in TicketEvent.objects.of(ticket)] == ["opened", "closed"]

    def test_repeat_changes_nothing(self, portal, customer):
        ticket = make_ticket(customer)
        first = portal.post(f"{TICKETS}/{ticket.id}/close")

        second = portal.post(f"{TICKETS}/{ticket.id}/close")

        assert second.status_code == 200
        assert second.json()["data"] == first.json()["data"]

    @pytest.mark.parametrize("state", ["open", "closed"])
    def test_closing_is_refused_when_the_tenant_does_not_allow_it(self, api, state):
        tenant = TenantFactory(allow_customer_close=False)
        customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
        ticket = make_ticket(customer, closed_by=agent if state == "closed" else None)

        response = api.as_(customer).post(f"{TICKETS}/{ticket.id}/close")

        assert (response.status_code, response.json()["error"]) == (403, "customer_close_disabled")
        assert reload(ticket).status == state

    def test_foreign_ticket_is_not_found_before_anything_else(self, api):
        tenant = TenantFactory(allow_customer_close=False)
        ticket = make_ticket(MemberFactory(tenant=tenant))

        response = api.as_(MemberFactory(tenant=tenant)).post(f"{TICKETS}/{ticket.id}/close")

        assert (response.status_code, response.json()["error"]) == (404, "ticket_not_found")

    def test_support_user_cannot_use_the_customers_door_for_others(self, api, tenant, customer):
        ticket = make_ticket(customer)

        response = api.as_(MemberFactory(tenant=tenant, agent=True)).post(f"{TICKETS}/{ticket.id}/close")

        assert response.status_code == 404
        assert reload(ticket).is_open


class TestSummary:
    def test_counts_open_tickets_and_unread_messages(self, portal, tenant, customer):
        agent = MemberFactory(tenant=tenant, agent=True)
        make_ticket(customer)
        make_ticket(customer, closed_by=agent)
        make_ticket(MemberFactory(tenant=tenant))

        assert portal.get("/customer/support/summary").json()["data"] == {"open_tickets": 1, "unread_messages": 1}

    def test_is_zero_without_tickets(self, portal):
        assert portal.get("/customer/support/summary").json()["data"] == {"open_tickets": 0, "unread_messages": 0}


def test_support_user_is_customer_of_their_own_ticket(api, tenant):
    agent = MemberFactory(tenant=tenant, agent=True)
    ticket = api.as_(agent).post(TICKETS, body()).json()["data"]["ticket"]

    assert ticket["conversation"]["last_message"]["sender"]["role"] == "customer"
    assert actor(agent).is_support_user
