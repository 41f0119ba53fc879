"""A customer opens their closed ticket again: by the call, and by writing into its conversation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.accounts.services import update_member
from ondi.common.errors import ServiceUnavailable
from ondi.files.models import StoredFile
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from support.fixes.doctor import examine
from support.models import Ticket, TicketEvent
from support.services import close_ticket, reopen_ticket
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    Message,
    OrderFactory,
    TenantFactory,
    actor,
    make_file,
    make_ticket,
    reload,
)

pytestmark = pytest.mark.django_db

TICKETS = "/customer/support/tickets"


@pytest.fixture
def tenant():
    return TenantFactory(customer_reopen_days=7)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def portal(api, customer):
    return api.as_(customer)


@pytest.fixture
def ticket(customer, sara):
    return make_ticket(customer, agent=sara, closed_by=sara)


def closed_before(customer, sara, ago, **fields):
    now = timezone.now()
    ticket = make_ticket(customer, at=now - ago - timedelta(hours=1), **fields)
    with tenant_scope(customer.tenant_id):
        close_ticket(actor=actor(sara), ticket_id=ticket.id, at=now - ago)
    return ticket


def reopen(client, ticket, body=None, **headers):
    return client.post(f"{TICKETS}/{ticket.id}/reopen", body, **headers)


def say(client, ticket, body=None):
    path = f"/messaging/conversations/{ticket.conversation_id}/messages"
    return client.post(path, body or {"content": "Still nothing"})


def refused(response):
    return response.status_code, response.json()["error"]


def faults(response):
    assert response.status_code == 400
    return {name: [one["code"] for one in found] for name, found in response.json()["data"]["fields"].items()}


def said_in(ticket):
    """Who said what in its conversation, from the beginning."""
    with tenant_scope(ticket.tenant_id):
        rows = Message.objects.filter(conversation=ticket.conversation_id).order_by("sequence")
        return [(one.sender_role, one.content or (one.event or {}).get("code", "")) for one in rows]


def history(ticket):
    with tenant_scope(ticket.tenant_id):
        return [(one.kind, one.actor_id) for one in TicketEvent.objects.of(ticket)]


SAID = ("customer", "It has not come.")
CLOSED, REOPENED = ("system", "ticket_closed"), ("system", "ticket_reopened")


class TestCall:
    def test_ticket_and_words_are_one_step(self, portal, ticket, customer, sara):
        before = timezone.now()

        response = reopen(portal, ticket, {"message": "Still nothing"})

        data, now = response.json()["data"]["ticket"], reload(ticket)
        assert response.status_code == 200
        assert (data["status"], data["conversation"]["status"], data["closed_at"]) == ("open", "active", None)
        assert (data["waiting_on"], data["can_reopen"], data["can_reply"]) == ("agent", False, True)
        assert (data["conversation"]["unread_count"], data["assigned_to_user"]["name"]) == (0, "Sara K.")
        assert {"delivery", "order"} <= set(data), "the detail form"
        assert said_in(ticket) == [SAID, CLOSED, REOPENED, ("customer", "Still nothing")]
        assert history(ticket)[-1] == ("reopened", customer.id)
        assert (now.assignee_id, now.closed_by_id, now.version) == (sara.id, None, ticket.version + 2)
        assert before <= now.waiting_since == now.last_activity_at

    def test_doctor_finds_nothing_in_what_it_leaves(self, portal, ticket, tenant):
        reopen(portal, ticket, {"message": "Still nothing"})

        assert examine(tenant.slug, tenant.id) == []

    @pytest.mark.parametrize("body", [None, {}, {"attachment_ids": []}], ids=repr)
    def test_words_may_be_left_out(self, portal, ticket, body):
        assert reopen(portal, ticket, body).status_code == 200
        assert said_in(ticket) == [SAID, CLOSED, REOPENED]

    @pytest.mark.parametrize("words", [{}, {"message": ""}], ids=repr)
    def test_files_need_no_words(self, portal, ticket, customer, words):
        file = make_file(customer)

        assert reopen(portal, ticket, {"attachment_ids": [str(file.id)], **words}).status_code == 200

        assert said_in(ticket)[-1] == ("customer", "")
        with tenant_scope(ticket.tenant_id):
            sent = Message.objects.get(conversation=ticket.conversation_id, sequence=4)
            assert StoredFile.objects.get(pk=file.pk).parent_id == sent.id

    def test_open_ticket_stays_and_nothing_is_said(self, portal, customer):
        ticket = make_ticket(customer)
        body = {"message": "Hello?", "attachment_ids": [str(make_file(customer).id)]}

        response = reopen(portal, ticket, body)

        assert (response.status_code, response.json()["data"]["ticket"]["status"]) == (200, "open")
        assert (said_in(ticket), reload(ticket).version) == ([SAID], ticket.version)

    def test_sent_again_it_changes_nothing(self, portal, ticket):
        first = reopen(portal, ticket, {"message": "Still nothing"})

        assert reopen(portal, ticket, {"message": "Still nothing"}).json() == first.json()

    def test_agent_who_is_no_support_user_any_more_loses_it(self, portal, ticket, sara):
        with tenant_scope(ticket.tenant_id):
            update_member(membership=sara, is_support_user=False)

        assert reopen(portal, ticket).json()["data"]["ticket"]["assigned_to_user"] is None

    def test_chat_that_is_switched_off_concerns_new_tickets_alone(self, portal, ticket, tenant):
        with tenant_scope(tenant.id):
            PortalSettings.objects.update(values={"customer_reopen_days": 7, "support_chat_enabled": False})

        assert reopen(portal, ticket).status_code == 200

    @pytest.mark.parametrize("door", ["/customer/support/tickets", "/messaging/support/tickets"])
    def test_support_user_is_customer_of_their_own_ticket(self, api, tenant, sara, door):
        yusuf = MemberFactory(tenant=tenant, agent=True)
        ticket, late = make_ticket(yusuf, closed_by=sara), closed_before(yusuf, sara, timedelta(days=8))
        client = api.as_(yusuf)

        shown = client.get(f"{door}/{ticket.id}").json()["data"]["ticket"]
        answers = [client.post(f"{door}/{one.id}/reopen") for one in (ticket, late)]

        assert shown["can_reopen"] is True
        assert answers[0].json()["data"]["ticket"]["status"] == "open"
        assert refused(answers[1]) == (403, "customer_reopen_disabled")


class TestRefusals:
    def test_days_count_from_closing(self, portal, customer, sara):
        in_time = closed_before(customer, sara, timedelta(days=7, minutes=-1))
        too_late = closed_before(customer, sara, timedelta(days=7, minutes=1))

        assert reopen(portal, in_time).status_code == 200
        assert refused(reopen(portal, too_late, {"message": "x"})) == (403, "customer_reopen_disabled")
        assert said_in(too_late) == [SAID, CLOSED]

    def test_the_last_moment_counts(self, customer, ticket):
        ends = ticket.closed_at + timedelta(days=7)
        with tenant_scope(ticket.tenant_id):
            assert reopen_ticket(actor=actor(customer), ticket_id=ticket.id, at=ends).is_open

    @pytest.mark.parametrize("state", ["open", "closed"])
    def test_nobody_may_where_it_is_off(self, api, state):
        tenant = TenantFactory()
        customer, sara = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
        ticket = make_ticket(customer, closed_by=sara if state == "closed" else None)

        assert refused(reopen(api.as_(customer), ticket)) == (403, "customer_reopen_disabled")
        assert reload(ticket).status == state

    def test_a_clock_that_goes_ahead_opens_nothing_where_it_is_off(self, api):
        tenant = TenantFactory()
        customer, sara = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
        ticket = closed_before(customer, sara, timedelta(seconds=-10))

        assert refused(reopen(api.as_(customer), ticket)) == (403, "customer_reopen_disabled")

    def test_what_is_not_theirs_is_not_found(self, api, tenant, ticket, sara):
        for other in (MemberFactory(tenant=tenant), sara, MemberFactory(tenant=TenantFactory(customer_reopen_days=7))):
            assert refused(reopen(api.as_(other), ticket, {"message": " "})) == (404, "ticket_not_found")
        assert not reload(ticket).is_open

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ({"message": ""}, {"message": ["blank"]}),
            ({"message": " \u200b"}, {"message": ["blank"]}),
            ({"message": "x" * 8001}, {"message": ["max_length"]}),
            ({"message": "\x00"}, {"message": ["invalid"]}),
            ({"message": 5}, {"message": ["invalid"]}),
            ({"message": None}, {"message": ["null"]}),
            ({"attachment_ids": ["x"]}, {"attachment_ids.0": ["invalid"]}),
            ({"attachments": []}, {"attachments": ["not_allowed"]}),
            ([], {"non_field_errors": ["invalid"]}),
        ],
        ids=lambda part: str(part)[:30],
    )
    def test_faulty_bodies_change_nothing(self, portal, ticket, body, fault):
        assert faults(reopen(portal, ticket, body)) == fault
        assert not reload(ticket).is_open

    def test_as_long_as_a_message_may_be(self, portal, ticket):
        assert reopen(portal, ticket, {"message": "x" * 8000}).status_code == 200

    def test_who_may_not_is_told_before_what_is_wrong_with_the_body(self, portal, customer, sara):
        late = closed_before(customer, sara, timedelta(days=8))
        body = {"message": "", "attachment_ids": [str(late.id)]}

        assert refused(reopen(portal, late, body)) == (403, "customer_reopen_disabled")
        assert refused(reopen(portal, late, {"attachment_ids": [str(late.id)]})) == (403, "customer_reopen_disabled")
        assert refused(reopen(portal, late, body, **{"Idempotency-Key": "a b"})) == (403, "customer_reopen_disabled")

    @pytest.mark.parametrize("factory", [DeliveryFactory, OrderFactory])
    def test_item_that_another_ticket_holds_is_the_conflict(self, portal, tenant, customer, sara, factory):
        about = {"delivery" if factory is DeliveryFactory else "order": factory(tenant=tenant, customer=customer)}
        ticket = make_ticket(customer, closed_by=sara, **about)
        held = make_ticket(customer, **about)

        response = reopen(portal, ticket, {"message": "Still nothing"})

        assert refused(response) == (409, "support_ticket_already_open_for_related")
        assert response.json()["data"] == {
            "existing_ticket_id": str(held.id), "existing_conversation_id": str(held.conversation_id),
        }  # fmt: skip
        assert (said_in(ticket)[1:], reload(ticket).version) == ([CLOSED], ticket.version)

    def test_holder_that_is_somebody_elses_is_not_named(self, portal, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        ticket = make_ticket(customer, delivery=delivery, closed_by=sara)
        with tenant_scope(tenant.id):
            delivery.customer = MemberFactory(tenant=tenant)
            delivery.save()
        make_ticket(delivery.customer, delivery=delivery)

        response = reopen(portal, ticket)

        assert refused(response) == (409, "support_ticket_already_open_for_related")
        assert "data" not in response.json()

    def test_faults_of_files_come_before_the_conflict_and_undo_all(self, portal, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        held, free = make_ticket(customer, delivery=delivery, closed_by=sara), make_ticket(customer, closed_by=sara)
        make_ticket(customer, delivery=delivery)
        foreign, waiting = make_file(sara), make_file(customer, state="waiting")

        for ticket in (held, free):
            response = reopen(portal, ticket, {"message": "x", "attachment_ids": [str(foreign.id)]})
            assert refused(response) == (404, "attachment_not_found")
        response = reopen(portal, free, {"message": "x", "attachment_ids": [str(waiting.id)]})
        assert refused(response) == (409, "attachment_not_uploaded")
        assert not reload(free).is_open


class TestRepeated:
    KEY = {"Idempotency-Key": "once"}

    def test_same_key_is_the_first_answer_again(self, portal, ticket):
        first, again = (reopen(portal, ticket, {"message": "Still nothing"}, **self.KEY) for _time in range(2))

        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert again.json() == first.json()
        assert said_in(ticket)[2:] == [REOPENED, ("customer", "Still nothing")]
        assert refused(reopen(portal, ticket, {"message": "Other"}, **self.KEY)) == (422, "idempotency_key_reused")


class TestFromTheChat:
    def test_message_opens_the_ticket_and_is_posted(self, portal, ticket, customer, sara):
        response = say(portal, ticket)

        message, now = response.json()["data"]["message"], reload(ticket)
        assert (response.status_code, message["content"], message["sequence"]) == (201, "Still nothing", 4)
        assert said_in(ticket) == [SAID, CLOSED, REOPENED, ("customer", "Still nothing")]
        assert (now.status, now.waiting_on, now.assignee_id) == ("open", "agent", sara.id)
        assert history(ticket)[-1] == ("reopened", customer.id)

    def test_with_files_and_its_key(self, portal, ticket, customer):
        path = f"/messaging/conversations/{ticket.conversation_id}/messages"
        body = {"attachment_ids": [str(make_file(customer).id)]}

        first, again = (portal.post(path, body, **{"Idempotency-Key": "once"}) for _time in range(2))

        assert (first.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert len(said_in(ticket)) == 4

    def test_late_off_or_held_it_is_closed_as_ever(self, api, portal, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        held = make_ticket(customer, delivery=delivery, closed_by=sara)
        make_ticket(customer, delivery=delivery)
        late = closed_before(customer, sara, timedelta(days=8))
        elsewhere = TenantFactory()
        theirs = MemberFactory(tenant=elsewhere)
        off = make_ticket(theirs, closed_by=MemberFactory(tenant=elsewhere, agent=True))

        for client, ticket in ((portal, held), (portal, late), (api.as_(theirs), off)):
            assert refused(say(client, ticket)) == (409, "conversation_closed")
            assert said_in(ticket) == [SAID, CLOSED]

    def test_message_of_staff_opens_nothing(self, api, ticket, sara):
        assert refused(say(api.as_(sara), ticket)) == (409, "conversation_closed")
        assert not reload(ticket).is_open

    def test_support_users_message_opens_their_own(self, api, tenant, sara):
        yusuf = MemberFactory(tenant=tenant, agent=True)
        ticket = make_ticket(yusuf, closed_by=sara)

        assert say(api.as_(yusuf), ticket).json()["data"]["message"]["sender"]["role"] == "customer"
        assert reload(ticket).is_open

    def test_foreign_file_undoes_the_opening(self, portal, ticket, sara):
        body = {"content": "See", "attachment_ids": [str(make_file(sara).id)]}

        assert refused(say(portal, ticket, body)) == (404, "attachment_not_found")
        assert not reload(ticket).is_open


class TestShown:
    def test_lists_say_who_can_reopen(self, api, portal, ticket, customer, sara):
        late = closed_before(customer, sara, timedelta(days=8))
        opened = make_ticket(customer)

        own = portal.get(TICKETS).json()["data"]["tickets"]
        queue = api.as_(sara).get("/messaging/support/tickets").json()["data"]["tickets"]

        def shown(rows):
            return {row["id"]: (row["can_reopen"], row["can_reply"]) for row in rows}

        assert shown(own) == {str(ticket.id): (True, True), str(late.id): (False, False), str(opened.id): (False, True)}
        assert shown(queue) == {
            str(ticket.id): (True, False), str(late.id): (True, False), str(opened.id): (False, False),
        }  # fmt: skip

    def test_portals_are_told_for_how_long(self, portal):
        data = portal.get("/customer/delivery/portal-settings").json()["data"]

        assert data["support_ticket_settings"]["customer_reopen_days"] == 7


def test_an_item_that_is_taken_again_and_again_is_given_up_on(customer, sara, tenant, monkeypatch):
    delivery = DeliveryFactory(tenant=tenant, customer=customer)
    ticket = make_ticket(customer, delivery=delivery, closed_by=sara)
    make_ticket(customer, delivery=delivery)
    looked = []
    monkeypatch.setattr("support.services.lifecycle.refuse_if_item_is_held", lambda *asked: looked.append(asked))

    with tenant_scope(tenant.id), pytest.raises(ServiceUnavailable):
        reopen_ticket(actor=actor(customer), ticket_id=ticket.id)

    assert (len(looked), reload(ticket).is_open) == (3, False)


def test_one_that_was_closed_meanwhile_holds_nothing(customer, sara, tenant, monkeypatch):
    """The holder is gone between the conflict and the look at who it was: tried again."""
    delivery = DeliveryFactory(tenant=tenant, customer=customer)
    ticket = make_ticket(customer, delivery=delivery, closed_by=sara)
    holder, looked = make_ticket(customer, delivery=delivery), []

    def closed_meanwhile(_ticket, _actor):
        looked.append(close_ticket(actor=actor(sara), ticket_id=holder.id))

    monkeypatch.setattr("support.services.lifecycle.refuse_if_item_is_held", closed_meanwhile)
    with tenant_scope(tenant.id):
        reopen_ticket(actor=actor(customer), ticket_id=ticket.id)

        assert (Ticket.objects.get(pk=ticket.pk).version, len(looked)) == (ticket.version + 1, 1)
