"""What agents do with a ticket beyond taking it: answer, note, assign, sort, snooze, relink, redact, phone."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from conversations.errors import MessageNotFound
from conversations.models import Conversation, Message, Participant
from ondi.accounts.services import end_membership
from ondi.common.errors import InvalidInput, PermissionDenied
from ondi.files.models import StoredFile
from ondi.tenants.scope import tenant_scope
from support import policies, services
from support.errors import (
    AssigneeNotASupportUser,
    CustomerNotFound,
    DeliveryNotFound,
    NotASupportUser,
    NoteNotFound,
    OrderNotFound,
    TagNotFound,
    TicketAlreadyOpenForRelated,
    TicketChanged,
    TicketClosed,
    TicketNotFound,
)
from support.models import CannedReply, Tag, Ticket, TicketEvent, TicketNote, TicketTag
from support.placeholders import filled, unknown_placeholders
from support.services import Seen, post_message
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    actor,
    make_file,
    make_ticket,
    reload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara")


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Yusuf")


@pytest.fixture
def lead(tenant):
    return MemberFactory(tenant=tenant, lead=True)


@pytest.fixture
def viewer(tenant):
    return MemberFactory(tenant=tenant, viewer=True)


@pytest.fixture
def ticket(customer):
    return make_ticket(customer)


def action(service, member, ticket, **details):
    who = actor(member)
    with tenant_scope(ticket.tenant_id):
        return service(actor=who, ticket_id=ticket.id, **details)


def say(member, ticket, content="Hello?"):
    who = actor(member)
    with tenant_scope(ticket.tenant_id):
        return post_message(actor=who, conversation_id=ticket.conversation_id, content=content)


def events(ticket):
    with tenant_scope(ticket.tenant_id):
        return list(TicketEvent.objects.of(ticket))


def kinds(ticket):
    return [event.kind for event in events(ticket)]


def texts(ticket):
    with tenant_scope(ticket.tenant_id):
        found = Message.objects.filter(conversation=ticket.conversation_id).order_by("sequence")
        return [message.content or message.event["code"] for message in found]


def seen(ticket):
    now = reload(ticket)
    with tenant_scope(ticket.tenant_id):
        count = Conversation.objects.get(id=now.conversation_id).message_count
    return Seen(last_sequence=count, assignee_id=now.assignee_id, status=now.status)


class TestReply:
    def test_first_answer_takes_the_ticket(self, ticket, sara):
        action(services.reply_to_ticket, sara, ticket, content="On its way.")

        now = reload(ticket)
        assert (now.assignee_id, now.waiting_on) == (sara.id, "customer")
        assert now.first_response_at is not None
        assert texts(ticket) == ["It has not come.", "On its way."]
        assert kinds(ticket) == ["opened", "claimed"]

    def test_answer_at_a_colleagues_ticket_joins_the_conversation(self, ticket, sara, yusuf):
        action(services.claim_ticket, sara, ticket)

        action(services.reply_to_ticket, yusuf, ticket, content="I can help.")

        assert reload(ticket).assignee_id == sara.id
        assert kinds(ticket) == ["opened", "claimed", "participant_added"]

    def test_send_and_close_is_one_action(self, ticket, sara):
        action(services.reply_to_ticket, sara, ticket, content="Done.", close=True)

        assert reload(ticket).status == "closed"
        assert texts(ticket) == ["It has not come.", "Done.", "ticket_closed"]

    @pytest.mark.parametrize("meanwhile", ["customer writes", "colleague takes it", "somebody closes it"])
    def test_nothing_is_sent_when_something_changed(self, ticket, customer, sara, lead, meanwhile):
        before = seen(ticket)
        if meanwhile == "customer writes":
            say(customer, ticket)
        elif meanwhile == "colleague takes it":
            action(services.claim_ticket, lead, ticket)
        else:
            action(services.close_ticket, lead, ticket)
        said = texts(ticket)

        with pytest.raises(TicketChanged):
            action(services.reply_to_ticket, sara, ticket, content="Crossed.", seen=before)

        assert texts(ticket) == said

    def test_second_send_goes_through(self, ticket, customer, sara):
        say(customer, ticket)

        action(services.reply_to_ticket, sara, ticket, content="Seen it.", seen=seen(ticket))

        assert texts(ticket)[-1] == "Seen it."

    def test_tag_and_note_of_a_colleague_never_block_it(self, tenant, ticket, sara, yusuf):
        before = seen(ticket)
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="courier")
        action(services.change_tags, yusuf, ticket, add=[tag.id])
        action(services.write_note, yusuf, ticket, content="Called the courier.")
        action(services.change_priority, yusuf, ticket, priority="high")

        action(services.reply_to_ticket, sara, ticket, content="Not blocked.", seen=before)

        assert texts(ticket)[-1] == "Not blocked."

    def test_closed_ticket_takes_no_answer(self, ticket, sara):
        action(services.close_ticket, sara, ticket)

        with pytest.raises(TicketClosed):
            action(services.reply_to_ticket, sara, ticket, content="Too late.", seen=seen(ticket))

    def test_who_may_not(self, ticket, customer, viewer, sara):
        own = make_ticket(sara)
        for member, which, refusal in (
            (customer, ticket, NotASupportUser), (viewer, ticket, TicketNotFound), (sara, own, PermissionDenied),
        ):  # fmt: skip
            with pytest.raises(refusal):
                action(services.reply_to_ticket, member, which, content="No.")
            with pytest.raises(refusal):
                action(services.write_note, member, which, content="No.")


class TestNotes:
    def test_note_changes_nobodys_turn(self, ticket, sara):
        action(services.write_note, sara, ticket, content="Called the courier.")

        now = reload(ticket)
        assert (now.waiting_on, now.assignee_id, now.version) == ("agent", None, ticket.version + 1)
        with tenant_scope(ticket.tenant_id):
            assert TicketNote.objects.get().content == "Called the courier."

    def test_closed_tickets_take_notes(self, ticket, sara):
        action(services.close_ticket, sara, ticket)

        assert action(services.write_note, sara, ticket, content="Refunded.").author_id == sara.id


class TestAssigning:
    def test_colleague_has_it_and_takes_part(self, ticket, sara, yusuf):
        action(services.claim_ticket, sara, ticket)

        action(services.assign_ticket, sara, ticket, assignee_id=yusuf.id)

        assert reload(ticket).assignee_id == yusuf.id
        assert events(ticket)[-1].before == {"assignee": str(sara.id)}
        assert events(ticket)[-1].after == {"assignee": str(yusuf.id)}
        with tenant_scope(ticket.tenant_id):
            present = Participant.objects.present().filter(conversation=ticket.conversation_id)
            assert {part.membership_id for part in present} == {ticket.requester_id, yusuf.id}

    def test_a_colleagues_ticket_is_for_leads(self, ticket, sara, yusuf, lead):
        action(services.claim_ticket, sara, ticket)

        with pytest.raises(PermissionDenied):
            action(services.assign_ticket, yusuf, ticket, assignee_id=yusuf.id)
        with pytest.raises(InvalidInput):
            action(services.assign_ticket, lead, ticket, assignee_id=yusuf.id)
        action(services.assign_ticket, lead, ticket, assignee_id=yusuf.id, reason="Sara is ill")

        assert reload(ticket).assignee_id == yusuf.id

    def test_only_support_users_get_tickets(self, tenant, ticket, sara, customer, viewer):
        gone = MemberFactory(tenant=tenant, agent=True)
        with tenant_scope(tenant.id):
            end_membership(membership=gone)
        foreign = MemberFactory(agent=True)

        for person in (customer, viewer, gone, foreign):
            with pytest.raises(AssigneeNotASupportUser):
                action(services.assign_ticket, sara, ticket, assignee_id=person.id)
        assert reload(ticket).assignee_id is None

    def test_nobody_gets_their_own_ticket(self, sara, yusuf):
        own = make_ticket(yusuf)

        with pytest.raises(PermissionDenied):
            action(services.assign_ticket, sara, own, assignee_id=yusuf.id)

    def test_the_rule_itself_refuses_who_is_not_at_the_workbench(self, ticket, customer, sara):
        """The service asks whether they may handle it first; a flag or a door asks this rule alone."""
        refusal = policies.assigning_refusal(reload(ticket), actor(customer), sara.id)

        assert isinstance(refusal, NotASupportUser)

    def test_the_rule_of_closing_refuses_other_customers(self, tenant, ticket):
        """The service does not find the ticket for them; a flag or a door asks this rule alone."""
        refusal = policies.closing_refusal(reload(ticket), actor(MemberFactory(tenant=tenant)))

        assert isinstance(refusal, NotASupportUser)

    def test_the_rule_of_redaction_refuses_leads_their_own_ticket(self, lead):
        refusal = policies.redaction_refusal(make_ticket(lead), actor(lead))

        assert isinstance(refusal, PermissionDenied)

    def test_same_agent_again_changes_nothing(self, ticket, sara):
        action(services.claim_ticket, sara, ticket)
        version = reload(ticket).version

        action(services.assign_ticket, sara, ticket, assignee_id=sara.id)

        assert reload(ticket).version == version


class TestChanges:
    def test_priority(self, ticket, sara):
        action(services.change_priority, sara, ticket, priority="urgent")
        action(services.change_priority, sara, ticket, priority="urgent")

        assert reload(ticket).priority == "urgent"
        assert kinds(ticket) == ["opened", "priority_changed"]
        assert (events(ticket)[-1].before, events(ticket)[-1].after) == ({"priority": "medium"}, {"priority": "urgent"})

    def test_tags_come_and_go(self, tenant, ticket, sara):
        with tenant_scope(tenant.id):
            courier, refund = (Tag.objects.create(tenant=tenant, name=name) for name in ("courier", "refund"))
        action(services.change_tags, sara, ticket, add=[courier.id, refund.id])
        action(services.change_tags, sara, ticket, add=[courier.id], remove=[refund.id])

        with tenant_scope(tenant.id):
            assert [tag.tag_id for tag in TicketTag.objects.all()] == [courier.id]
        assert sorted(kinds(ticket)) == ["opened", "tag_added", "tag_added", "tag_removed"]

    def test_foreign_tag_is_none(self, ticket, sara):
        other = TenantFactory()
        with tenant_scope(other.id):
            tag = Tag.objects.create(tenant=other, name="foreign")

        with pytest.raises(TagNotFound):
            action(services.change_tags, sara, ticket, add=[tag.id])

    def test_later_leaves_the_queue_and_the_customer_brings_it_back(self, ticket, customer, sara):
        until = timezone.now() + timedelta(days=1)
        action(services.snooze_ticket, sara, ticket, until=until)
        assert reload(ticket).snoozed_until == until
        who = actor(sara)
        with tenant_scope(ticket.tenant_id):
            assert not Ticket.objects.next_for(who, timezone.now()).exists()
            assert Ticket.objects.next_for(who, until).exists()

        say(customer, ticket)

        assert reload(ticket).snoozed_until is None
        assert kinds(ticket) == ["opened", "put_off"]

    def test_the_same_moment_again_is_no_change(self, ticket, sara):
        until = timezone.now() + timedelta(days=1)
        once, again = (action(services.snooze_ticket, sara, ticket, until=until) for _time in range(2))

        assert again.version == once.version
        assert kinds(ticket) == ["opened", "put_off"]

    def test_later_is_not_in_the_past(self, ticket, sara):
        with pytest.raises(InvalidInput):
            action(services.snooze_ticket, sara, ticket, until=timezone.now() - timedelta(seconds=1))

    def test_link_moves_to_another_item_of_the_customer(self, tenant, customer, sara):
        first, second = (DeliveryFactory(tenant=tenant, customer=customer) for _number in range(2))
        ticket = make_ticket(customer, delivery=first)

        action(services.change_link, sara, ticket, delivery_id=second.id)

        assert reload(ticket).delivery_id == second.id
        assert events(ticket)[-1].before == {"delivery": str(first.id), "order": None}
        make_ticket(customer, delivery=first)

    def test_link_conflict_names_the_ticket_in_the_way(self, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        holder, other = make_ticket(customer, delivery=delivery), make_ticket(customer)

        with pytest.raises(TicketAlreadyOpenForRelated) as refusal:
            action(services.change_link, sara, other, delivery_id=delivery.id)

        assert refusal.value.data["existing_ticket_id"] == str(holder.id)
        assert reload(other).delivery_id is None

    def test_items_of_others_and_of_the_wrong_sort_are_refused(self, tenant, customer, ticket, sara):
        strange = DeliveryFactory(tenant=tenant)
        order = OrderFactory(tenant=tenant, customer=customer)

        with pytest.raises(DeliveryNotFound):
            action(services.change_link, sara, ticket, delivery_id=strange.id)
        with pytest.raises(InvalidInput):
            action(services.change_link, sara, ticket, order_id=order.id)
        bought = make_ticket(customer, order=order)
        with pytest.raises(OrderNotFound):
            action(services.change_link, sara, bought, order_id=OrderFactory(tenant=tenant).id)

    CHANGES = (
        (services.change_priority, {"priority": "low"}),
        (services.snooze_ticket, {"until": timezone.now() + timedelta(days=400)}),
        (services.change_link, {}),
        (services.change_tags, {}),
        (services.assign_ticket, {"assignee_id": "sara"}),
    )

    @pytest.mark.parametrize(("change", "details"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
    def test_who_may_not(self, ticket, customer, viewer, sara, change, details):
        details = {name: sara.id if value == "sara" else value for name, value in details.items()}
        own = make_ticket(sara)
        for member, which, refusal in (
            (customer, ticket, NotASupportUser), (viewer, ticket, TicketNotFound), (sara, own, PermissionDenied),
        ):  # fmt: skip
            with pytest.raises(refusal):
                action(change, member, which, **details)
        action(services.close_ticket, sara, ticket)
        with pytest.raises(TicketClosed):
            action(change, sara, ticket, **details)

    @pytest.mark.parametrize(
        ("change", "details"),
        [*(row for row in CHANGES if row[0] is not services.change_tags), (services.close_ticket, {})],
        ids=lambda value: getattr(value, "__name__", ""),
    )
    def test_older_picture_overwrites_nothing(self, ticket, customer, sara, yusuf, change, details):
        details = {name: yusuf.id if value == "sara" else value for name, value in details.items()}
        shown = reload(ticket).version
        action(services.change_priority, yusuf, ticket, priority="urgent")

        with pytest.raises(TicketChanged):
            action(change, sara, ticket, version=shown, **details)

        now = reload(ticket)
        assert (now.version, now.priority, now.status) == (shown + 1, "urgent", "open")


class TestRedaction:
    SECRET = "4111 1111 1111 1111"

    def test_text_is_gone_everywhere(self, api, customer, ticket, sara, lead):
        message_id = self.post(api, customer, ticket)

        action(services.redact_ticket_message, lead, ticket, message_id=UUID(message_id))

        row = api.as_(customer).get(f"/messaging/conversations/{ticket.conversation_id}/messages").json()
        assert row["data"]["messages"][0]["content"] == "This message was removed."
        assert self.SECRET not in str(api.as_(customer).get("/customer/support/tickets").json())
        assert api.as_(sara).get("/messaging/support/tickets?search=4111").json()["data"]["pagination"]["total"] == 0
        assert (events(ticket)[-1].kind, events(ticket)[-1].after) == ("message_redacted", {"message": message_id})

    def test_kept_answer_tells_it_no_more(self, api, customer, ticket, lead):
        message_id = self.post(api, customer, ticket)

        action(services.redact_ticket_message, lead, ticket, message_id=UUID(message_id))

        again = self.post(api, customer, ticket, whole=True)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert self.SECRET not in str(again.json())

    def test_twice_is_once(self, api, customer, ticket, lead):
        message_id = UUID(self.post(api, customer, ticket))
        for _time in range(2):
            action(services.redact_ticket_message, lead, ticket, message_id=message_id)

        assert kinds(ticket).count("message_redacted") == 1

    def test_older_message_leaves_the_summary_alone(self, customer, ticket, lead):
        first = say(customer, ticket, "first")
        say(customer, ticket, "second")

        action(services.redact_ticket_message, lead, ticket, message_id=first.id)

        with tenant_scope(ticket.tenant_id):
            assert Conversation.objects.get(id=ticket.conversation_id).last_message_preview == "second"

    def test_only_leads_and_only_messages_of_the_ticket(self, customer, ticket, sara, lead):
        message = say(customer, ticket)
        elsewhere = say(customer, make_ticket(customer))

        with pytest.raises(PermissionDenied):
            action(services.redact_ticket_message, sara, ticket, message_id=message.id)
        with pytest.raises(MessageNotFound):
            action(services.redact_ticket_message, lead, ticket, message_id=elsewhere.id)

    def test_a_note_is_gone_for_all_colleagues_with_its_files(self, api, ticket, sara, lead):
        file = make_file(sara, file_name="card.txt")
        note = action(services.write_note, sara, ticket, content=self.SECRET, attachment_ids=[file.id])
        version = reload(ticket).version

        for _time in range(2):
            action(services.redact_ticket_note, lead, ticket, note_id=note.id)

        (shown,) = api.as_(sara).get(f"/messaging/support/tickets/{ticket.id}/notes").json()["data"]["notes"]
        assert (shown["content"], shown["attachments"]) == ("This note was removed.", [])
        assert (events(ticket)[-1].kind, events(ticket)[-1].after) == ("note_redacted", {"note": str(note.id)})
        assert (kinds(ticket).count("note_redacted"), reload(ticket).version) == (1, version + 1)
        with tenant_scope(ticket.tenant_id):
            assert StoredFile.objects.get(id=file.id).state == "removed"

    def test_only_leads_and_only_notes_of_the_ticket(self, customer, ticket, sara, lead):
        note = action(services.write_note, sara, ticket, content="x")
        elsewhere = action(services.write_note, sara, make_ticket(customer), content="x")

        with pytest.raises(PermissionDenied):
            action(services.redact_ticket_note, sara, ticket, note_id=note.id)
        with pytest.raises(NoteNotFound):
            action(services.redact_ticket_note, lead, ticket, note_id=elsewhere.id)

    def post(self, api, customer, ticket, whole=False):
        answer = api.as_(customer).post(
            f"/messaging/conversations/{ticket.conversation_id}/messages",
            {"content": f"My card: {self.SECRET}"},
            **{"Idempotency-Key": "card"},
        )
        return answer if whole else answer.json()["data"]["message"]["id"]


class TestPhoneCall:
    def call(self, member, customer, **details):
        who = actor(member)
        details = {"subject": "Late", "message": "It is late.", "priority": "high", **details}
        with tenant_scope(member.tenant_id):
            return services.open_ticket_on_behalf(actor=who, customer_id=customer.id, **details)

    def test_ticket_is_the_customers_and_the_agents_to_work_on(self, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)

        ticket = self.call(sara, customer, delivery_id=delivery.id)

        assert (ticket.requester_id, ticket.assignee_id, ticket.source) == (customer.id, sara.id, "phone")
        assert [(event.kind, event.actor_id) for event in events(ticket)] == [("opened", sara.id), ("claimed", sara.id)]

    def test_about_an_order(self, tenant, customer, sara):
        order = OrderFactory(tenant=tenant, customer=customer)

        assert self.call(sara, customer, order_id=order.id).source == "phone"

    def test_item_in_use_names_the_ticket(self, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        holder = make_ticket(customer, delivery=delivery)

        with pytest.raises(TicketAlreadyOpenForRelated) as refusal:
            self.call(sara, customer, delivery_id=delivery.id)

        assert refusal.value.data["existing_ticket_id"] == str(holder.id)

    def test_switched_off_chat_is_no_hindrance(self, sara):
        tenant = TenantFactory(support_chat_enabled=False)
        agent, caller = MemberFactory(tenant=tenant, agent=True), MemberFactory(tenant=tenant)

        assert self.call(agent, caller).number == 1

    def test_strangers_are_no_customers(self, tenant, sara, customer, viewer):
        for person in (MemberFactory(), sara):
            with pytest.raises(CustomerNotFound):
                self.call(sara, person)
        for member in (customer, viewer):
            with pytest.raises(NotASupportUser):
                self.call(member, customer)


class TestCannedReplies:
    def test_placeholders_are_filled_and_the_rest_stays_visible(self, tenant, customer):
        ticket = make_ticket(customer, delivery=DeliveryFactory(tenant=tenant, customer=customer, delivery_code=77))
        with tenant_scope(tenant.id):
            text = filled("Dear {customer_first_name}, #{delivery_code} {order_number} {password}", reload(ticket))

        assert text == "Dear Layla, #77 {order_number} {password}"
        assert unknown_placeholders("{customer_first_name} {password} {0}") == ["password"]

    def test_customers_language_first(self, tenant, sara):
        with tenant_scope(tenant.id):
            for shortcut, language in (("bye", "en"), ("hello", "en"), ("hello", "ar"), ("shukran", "ar")):
                CannedReply.objects.create(tenant=tenant, shortcut=shortcut, language=language, content="x")
            found = CannedReply.objects.for_language(actor(sara), ["ar", "en"])

        assert [(reply.shortcut, reply.language) for reply in found] == [
            ("bye", "en"), ("hello", "ar"), ("shukran", "ar"),
        ]  # fmt: skip
