"""Claim, take over, release, close, reopen, and whose turn it is: the rules, whoever calls."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from conversations.models import Participant
from conversations.services import leave_conversation
from ondi.accounts.actors import Actor
from ondi.accounts.services import disable_login, end_membership, update_member
from ondi.common.errors import InvalidInput, PermissionDenied
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support import services
from support.errors import (
    CustomerReopenDisabled,
    NotASupportUser,
    SupportChatDisabled,
    TicketAlreadyAssigned,
    TicketAlreadyOpenForRelated,
    TicketClosed,
    TicketNotAssignedToYou,
    TicketNotFound,
)
from support.models import TicketEvent, TicketNote
from support.services import post_message
from support.services.shared import person_of
from support.services.undoing import note_undo
from support.vocabulary import EventKind
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket, reload

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True)


def action(service, member, ticket, **details):
    who = actor(member)
    with tenant_scope(ticket.tenant_id):
        return service(actor=who, ticket_id=ticket.id, **details)


def events(ticket):
    with tenant_scope(ticket.tenant_id):
        return [event.kind for event in TicketEvent.objects.of(ticket)]


def present(ticket):
    with tenant_scope(ticket.tenant_id):
        found = Participant.objects.present().filter(conversation_id=ticket.conversation_id)
        return {participant.membership_id for participant in found}


class TestClaim:
    def test_claimer_is_assignee_and_takes_part(self, customer, sara):
        ticket = make_ticket(customer)

        action(services.claim_ticket, sara, ticket)

        assert reload(ticket).assignee_id == sara.id
        assert present(ticket) == {customer.id, sara.id}
        assert events(ticket) == ["opened", "claimed"]

    def test_repeat_changes_nothing(self, customer, sara):
        ticket = make_ticket(customer, agent=sara)
        before = reload(ticket).version

        action(services.claim_ticket, sara, ticket)

        assert (reload(ticket).version, events(ticket)) == (before, ["opened", "claimed"])

    def test_colleague_is_named(self, customer, sara, yusuf):
        ticket = make_ticket(customer, agent=sara)

        with pytest.raises(TicketAlreadyAssigned) as refusal:
            action(services.claim_ticket, yusuf, ticket)

        assert refusal.value.data == {"assigned_to_user": {"id": str(sara.user_id), "name": "Sara Kareem"}}

    def test_own_ticket_is_refused(self, sara):
        ticket = make_ticket(sara)

        with pytest.raises(PermissionDenied):
            action(services.claim_ticket, sara, ticket)

    def test_closed_ticket_is_refused(self, customer, sara, yusuf):
        ticket = make_ticket(customer, closed_by=yusuf)

        for service in (services.claim_ticket, services.release_ticket):
            with pytest.raises(TicketClosed):
                action(service, sara, ticket)
        with pytest.raises(TicketClosed):
            action(services.take_over_ticket, sara, ticket, reason="x")

    def test_agent_who_is_no_support_user_sees_nothing(self, tenant, customer):
        ticket = make_ticket(customer)

        with pytest.raises(TicketNotFound):
            action(services.claim_ticket, MemberFactory(tenant=tenant, role="agent"), ticket)

    def test_customer_may_not(self, customer):
        with pytest.raises(NotASupportUser):
            action(services.claim_ticket, customer, make_ticket(customer))


class TestTakeOver:
    def test_colleague_leaves_and_the_reason_is_a_note(self, customer, sara, yusuf):
        ticket = make_ticket(customer, agent=sara)

        action(services.take_over_ticket, yusuf, ticket, reason="Sara is away")

        assert reload(ticket).assignee_id == yusuf.id
        assert present(ticket) == {customer.id, yusuf.id}
        assert events(ticket) == ["opened", "claimed", "taken_over"]
        with tenant_scope(ticket.tenant_id):
            assert TicketNote.objects.of(ticket).get().content == "Sara is away"
            event = TicketEvent.objects.of(ticket).last()
        assert (event.before, event.after) == ({"assignee": str(sara.id)}, {"assignee": str(yusuf.id)})

    def test_unassigned_ticket_is_claimed(self, customer, sara):
        ticket = make_ticket(customer)

        action(services.take_over_ticket, sara, ticket, reason="nobody has it")

        assert events(ticket) == ["opened", "claimed"]

    def test_ones_own_stays_as_it_is(self, customer, sara):
        ticket = make_ticket(customer, agent=sara)

        action(services.take_over_ticket, sara, ticket, reason="by mistake")

        assert reload(ticket).version == ticket.version
        with tenant_scope(ticket.tenant_id):
            assert not TicketNote.objects.of(ticket).exists()


class TestRelease:
    def test_ticket_goes_back_to_the_queue(self, customer, sara):
        ticket = make_ticket(customer, agent=sara)

        action(services.release_ticket, sara, ticket)

        assert reload(ticket).assignee_id is None
        assert present(ticket) == {customer.id}
        assert events(ticket)[-1] == "released"

    def test_anothers_is_refused(self, customer, sara, yusuf):
        with pytest.raises(TicketNotAssignedToYou):
            action(services.release_ticket, yusuf, make_ticket(customer, agent=sara))

    def test_nobodys_stays_as_it_is_for_the_system(self, customer):
        ticket = make_ticket(customer)

        with tenant_scope(ticket.tenant_id):
            services.release_ticket(actor=Actor.system(ticket.tenant_id, "fix"), ticket_id=ticket.id)

        assert (reload(ticket).version, events(ticket)) == (ticket.version, ["opened"])


class TestReopen:
    def test_ticket_waits_on_the_agent_from_now_and_keeps_them(self, customer, sara):
        ticket = make_ticket(customer, agent=sara, closed_by=sara)
        at = timezone.now()

        action(services.reopen_ticket, sara, ticket, at=at)

        now = reload(ticket)
        assert (now.status, now.waiting_on, now.waiting_since) == ("open", "agent", at)
        assert (now.assignee_id, now.closed_at, now.closed_by_id) == (sara.id, None, None)
        assert events(ticket)[-1] == "reopened"

    def test_agent_who_left_the_workbench_loses_it(self, tenant, customer, sara, yusuf):
        ticket = make_ticket(customer, agent=sara, closed_by=sara)
        with tenant_scope(tenant.id):
            update_member(membership=sara, is_support_user=False)

        action(services.reopen_ticket, yusuf, ticket)

        assert reload(ticket).assignee_id is None

    def test_taken_item_is_a_conflict_and_nothing_changes(self, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        first = make_ticket(customer, delivery=delivery, closed_by=sara)
        second = make_ticket(customer, delivery=delivery)

        with pytest.raises(TicketAlreadyOpenForRelated) as refusal:
            action(services.reopen_ticket, sara, first)

        assert refusal.value.data["existing_ticket_id"] == str(second.id)
        assert reload(first).status == "closed"

    def test_customer_of_the_ticket_may_not_where_their_tenant_does_not_let_them(self, sara, yusuf):
        ticket = make_ticket(sara, closed_by=yusuf)

        with pytest.raises(CustomerReopenDisabled):
            action(services.reopen_ticket, sara, ticket)

    def test_open_ticket_stays(self, customer, sara):
        ticket = make_ticket(customer)
        action(services.reopen_ticket, sara, ticket)
        assert events(ticket) == ["opened"]

    def test_what_else_the_database_refuses_is_no_success(self, customer, sara, monkeypatch):
        def refuse(*_given):
            raise IntegrityError

        ticket = make_ticket(customer, closed_by=sara)
        monkeypatch.setattr("support.services.lifecycle.save_ticket", refuse)

        with pytest.raises(IntegrityError):
            action(services.reopen_ticket, sara, ticket)


class TestTurn:
    def say(self, member, ticket, at):
        who = actor(member)
        with tenant_scope(ticket.tenant_id):
            post_message(actor=who, conversation_id=ticket.conversation_id, content="Hello", at=at)
        return reload(ticket)

    def test_first_unanswered_message_counts(self, customer, sara):
        start = timezone.now()
        ticket = make_ticket(customer, agent=sara, at=start - timedelta(hours=1))

        still_waiting = self.say(customer, ticket, start)
        assert (still_waiting.waiting_on, still_waiting.waiting_since) == ("agent", start - timedelta(hours=1))
        answered = self.say(sara, ticket, start + timedelta(minutes=1))
        assert (answered.waiting_on, answered.first_response_at) == ("customer", start + timedelta(minutes=1))
        again = self.say(customer, ticket, start + timedelta(minutes=2))
        assert (again.waiting_on, again.waiting_since) == ("agent", start + timedelta(minutes=2))
        assert again.last_activity_at == start + timedelta(minutes=2)
        assert self.say(sara, ticket, start + timedelta(minutes=9)).first_response_at == answered.first_response_at


def test_what_became_of_a_delivery_is_news_of_its_ticket(customer):
    delivery, at = DeliveryFactory(tenant=customer.tenant, customer=customer), timezone.now() + timedelta(hours=1)
    ticket = make_ticket(customer, delivery=delivery)

    with tenant_scope(ticket.tenant_id):
        services.note_delivery(tenant_id=ticket.tenant_id, delivery_id=delivery.id, code="delivery_returned", at=at)

    now = reload(ticket)
    assert (now.last_activity_at, now.version) == (at, ticket.version + 1)
    assert (now.waiting_on, now.waiting_since) == (ticket.waiting_on, ticket.waiting_since)


class TestPeopleLeaving:
    @pytest.mark.parametrize("how", ["support role", "membership", "account"])
    def test_open_tickets_go_back_to_the_queue(self, tenant, customer, sara, yusuf, how):
        mine, closed = make_ticket(customer, agent=sara), make_ticket(customer, agent=sara, closed_by=sara)
        others = make_ticket(customer, agent=yusuf)

        with tenant_scope(tenant.id):
            if how == "membership":
                end_membership(membership=sara)
            elif how == "account":
                disable_login(user=sara.user)
            else:
                update_member(membership=sara, is_support_user=False)

        assert reload(mine).assignee_id is None
        assert reload(closed).assignee_id == sara.id
        assert reload(others).assignee_id == yusuf.id
        assert events(mine)[-1] == "released"
        assert present(mine) == {customer.id}


def test_opening_is_refused_by_the_service_itself():
    """Whatever door forgot to ask: chat switched off, or a platform operator, who is no person of the tenant."""
    closed = TenantFactory(support_chat_enabled=False)
    with pytest.raises(SupportChatDisabled):
        make_ticket(MemberFactory(tenant=closed))

    operator = replace(actor(MemberFactory(tenant=TenantFactory())), membership_id=None)
    opening = {"subject": "x", "message": "x", "priority": "low", "source": "customer_portal"}
    with pytest.raises(PermissionDenied), tenant_scope(operator.tenant_id):
        services.open_ticket(actor=operator, **opening)


def test_which_items_go_with_a_source_is_asked_by_the_service_itself(customer):
    order = OrderFactory(tenant=customer.tenant, customer=customer)

    with pytest.raises(InvalidInput) as refused:
        make_ticket(customer, order=order, source="customer_portal")

    assert refused.value.fields == {"related_order_id": ["not_allowed"]}


def test_undone_is_a_change_of_the_tickets_that_are_there_still(customer):
    undone, other = make_ticket(customer), make_ticket(customer)
    fix, at = Actor.system(customer.tenant_id, "fix"), timezone.now()

    with tenant_scope(customer.tenant_id):
        note_undo(actor=fix, ticket_ids=[undone.id], kind=EventKind.REOPENED, at=at)
        note_undo(actor=fix, ticket_ids=[new_id()], kind=EventKind.REOPENED, at=at)

    assert reload(undone).version == undone.version + 1
    assert reload(other).version == other.version


def test_what_needs_a_person_fails_aloud_without_one(tenant):
    """No rule lets it come so far; else a ticket would be nobody's where it says that it was claimed."""
    with pytest.raises(AssertionError):
        person_of(Actor.system(tenant.id, "fix"))


def test_highest_priority_is_asked_of_customers_only_and_by_the_service_itself():
    """Whatever door forgot to ask; staff open at any priority for somebody on the phone."""
    modest = TenantFactory(max_customer_priority="medium")
    customer, agent = MemberFactory(tenant=modest), actor(MemberFactory(tenant=modest, agent=True))

    with pytest.raises(InvalidInput) as refused:
        make_ticket(customer, priority="high")
    with tenant_scope(modest.id):
        opening = {"subject": "x", "message": "x", "priority": "urgent"}
        ticket = services.open_ticket_on_behalf(actor=agent, customer_id=customer.id, **opening)

    assert refused.value.fields == {"priority": ["invalid_choice"]}
    assert ticket.priority == "urgent"


def test_next_is_for_support_users(tenant, customer):
    make_ticket(customer)
    who = actor(MemberFactory(tenant=tenant, role="agent"))

    with pytest.raises(NotASupportUser), tenant_scope(tenant.id):
        services.claim_next_ticket(actor=who)


def test_the_customer_of_a_conversation_never_leaves_it(customer):
    ticket = make_ticket(customer)
    whose = {"tenant_id": ticket.tenant_id, "conversation_id": ticket.conversation_id}

    with tenant_scope(ticket.tenant_id):
        leave_conversation(**whose, membership_id=customer.id, at=timezone.now())
        assert Participant.objects.get(**whose).left_at is None
