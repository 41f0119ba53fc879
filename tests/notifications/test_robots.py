"""Nothing but a person's message, an opening, a closing or a reopening mails a customer; robots make no mail more.

Staff are mailed of a customer's message, of a ticket that is given to them or taken from them, and of a mention: each
of these a colleague did.
"""

from base64 import b64encode
from collections import Counter
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from conversations.events import TEXTS
from deliveries.services import upsert_deliveries
from ondi.files.checking import check_due
from ondi.notifications import mails
from ondi.notifications.dispatches import DUE, push_due
from ondi.notifications.gathering import gather_mails
from ondi.notifications.mails import send_due
from ondi.notifications.models import Dispatch, Mail
from ondi.notifications.preferences import change_preferences
from ondi.notifications.types import Channel, When, types_for
from ondi.outbox.models import Event
from ondi.outbox.publishing import kinds
from ondi.tenants.scope import tenant_scope
from support import services
from support.fixes.final import EraseCustomer
from support.models import Tag
from support.publishing import PERSON_ERASED, SLA_BREACHED, SLA_MET, SLA_WARNING
from support.services.clocks import keep_clocks
from support.subscribers import OF_SYSTEM_MESSAGE
from support.workers import attend
from tests.factories import DeliveryFactory, MemberFactory, actor, make_file, make_promise, make_ticket
from tests.notifications.mail_server import mail_server
from tests.notifications.robots import ROBOTS, answer
from tests.notifications.test_mails import Pages, configure
from tests.notifications.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
RECEIVERS, ROUNDS = 100, 2
# What a provider says that a robot's answer, or a server's, was.
REPORTS = (
    "AutoResponder", "ChallengeVerification", "AddressChange", "SoftBounce", "HardBounce", "Transient", "DnsError",
    "SpamComplaint", "SpamNotification", "VirusNotification", "Unsubscribe", "Blocked", "Unknown",
)  # fmt: skip


@pytest.fixture
def server(settings):
    with mail_server(settings) as running:
        yield running


@pytest.fixture
def world():
    return World()


def let_time_pass(world, hours):
    """What the work process does for mails, an hour after the other."""
    for hour in range(1, hours + 1):
        at = timezone.now() + hour * HOUR
        world.settle()
        push_due(at=at)
        while gather_mails(at=at) + send_due(at=at):
            pass


def to_customers(server, people):
    found = Counter(str(mail["To"]) for mail in server.mails)
    return {one.email: found[one.email] for one in people}


class TestRobots:
    def test_a_hundred_that_answer_everything_get_not_one_mail_more(self, world, server, settings):
        settings.ANYMAIL, settings.ROOT_URLCONF = {"WEBHOOK_SECRET": "a:secret"}, Pages
        configure(world, reply_to="desk@tigris.example")
        people = [world.customer, *(MemberFactory(tenant=world.tenant) for _number in range(RECEIVERS - 1))]
        tickets = [world.ticket, *(make_ticket(one, agent=world.sara) for one in people[1:])]
        for ticket in tickets:
            world.say(world.sara, ticket=ticket)
        let_time_pass(world, 1)
        assert to_customers(server, people) == {one.email: 1 for one in people}
        answered, own = 0, len(server.mails)

        for _round in range(ROUNDS):
            for place, (mail, sender) in enumerate(list(zip(server.mails, server.senders, strict=True))[:own]):
                robot = ROBOTS[place % len(ROBOTS)]
                answered += answer(robot, mail, sender, settings.EMAIL_PORT)
                report(world, mail["To"], REPORTS[place % len(REPORTS)])
                hand_in(mail, robot)
            let_time_pass(world, 5)

        assert answered == ROUNDS * RECEIVERS * 2, "to where the mail came from, and to where it wants answers"
        answers = server.mails[own:]
        assert len(answers) == answered, "all arrived, and no mail of ours among them"
        assert set(server.senders[:own]) == {"support@localhost"}
        with tenant_scope(world.tenant.id):
            assert Mail.objects.count() == own
            assert not Dispatch.objects.filter(channel="email", state__in=["waiting", "in_mail"]).exists()
        (reachable,) = (
            place for place, one in enumerate(people) if one.email == server.mails[0]["To"]
        )  # AutoResponder
        world.say(world.sara, ticket=tickets[reachable])
        let_time_pass(world, 1)
        assert server.mails[-1]["To"] == people[reachable].email, "a person's message is mailed still"

    def test_each_mail_says_what_keeps_robots_quiet(self, world, server):
        world.say(world.sara)
        let_time_pass(world, 1)
        (mail,) = server.mails

        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["X-Auto-Response-Suppress"] == "All"
        assert mail["List-Unsubscribe"] is not None
        assert mail["Return-Path"] is mail["Disposition-Notification-To"] is mail["Return-Receipt-To"] is None


def report(world, address, kind):
    """As a provider tells of a mail, through its own door."""
    said = {
        "RecordType": "SpamComplaint" if kind == "SpamComplaint" else "Bounce", "Type": kind, "Email": str(address),
        "ID": 1, "TypeCode": 1, "MessageID": "x", "Metadata": {"tenant": str(world.tenant.id)},
        "BouncedAt": "2026-11-26T10:00:00Z",
    }  # fmt: skip
    assert provider("tracking", said).status_code == 200


def hand_in(mail, robot):
    """A provider that takes answers in hands them over: nobody is there to take them."""
    headers = [{"Name": "Return-Path", "Value": f"<{mail['To']}>"}]
    said = {"RecordType": "Inbound", "Headers": headers, "RawEmail": robot(mail).decode("ascii", "replace")}
    assert provider("inbound", said).status_code == 200


def provider(page, said):
    knows = {"authorization": f"Basic {b64encode(b'a:secret').decode()}"}
    return Client().post(f"/mail-events/postmark/{page}/", said, "application/json", headers=knows)


def open_for_them(world):
    with tenant_scope(world.tenant.id):
        services.open_ticket_on_behalf(
            actor=actor(world.sara), customer_id=world.customer.id, subject="x", message="x", priority="medium"
        )


def close(world):
    world.do(services.close_ticket, world.sara)


def close_and_reopen(world):
    close(world)
    world.settle()
    world.do(services.reopen_ticket, world.sara)


def claim(world):
    world.do(services.release_ticket, world.sara)
    world.do(services.claim_ticket, world.yusuf)


def snooze_and_wake(world):
    snooze(world)
    world.do(services.snooze_ticket, world.sara, until=None)


def snooze(world):
    world.do(services.snooze_ticket, world.sara, until=timezone.now() + timedelta(days=1))


def tag(world):
    with tenant_scope(world.tenant.id):
        one = Tag.objects.create(tenant=world.tenant, name="late")
    world.do(services.change_tags, world.sara, add=[one.id], remove=[])


def link(world):
    delivery = DeliveryFactory(tenant=world.tenant, customer=world.customer)
    world.do(services.change_link, world.sara, delivery_id=delivery.id, order_id=None)


def add_participant(world):
    with tenant_scope(world.tenant.id):
        services.change_participants(
            actor=actor(world.sara), conversation_id=world.ticket.conversation_id, action="add",
            user_ids=[world.yusuf.user_id],
        )  # fmt: skip


def redact(world):
    with tenant_scope(world.tenant.id):
        first = world.ticket.conversation.messages.order_by("sequence").first()
    world.do(services.redact_ticket_message, world.lead, message_id=first.id)


def redact_note(world):
    with tenant_scope(world.tenant.id):
        note = services.write_note(actor=actor(world.sara), ticket_id=world.ticket.id, content="A secret")
    world.do(services.redact_ticket_note, world.lead, note_id=note.id)


def send_a_file(world):
    file = make_file(world.sara, state="checking")
    with tenant_scope(world.tenant.id):
        services.post_message(
            actor=actor(world.sara), conversation_id=world.ticket.conversation_id, content="Look",
            attachment_ids=[file.id],
        )  # fmt: skip
    assert check_due() == 1


def erase(world):
    with tenant_scope(world.tenant.id):
        fix = EraseCustomer(world.tenant.id, customer=world.customer)
        for item in list(fix.items()):
            fix.apply(item, at=timezone.now())


def deliver(world):
    """Of which the conversation of its ticket tells."""
    delivery = DeliveryFactory(tenant=world.tenant, customer=world.customer, external_id="d-1")
    make_ticket(world.customer, agent=world.sara, delivery=delivery)
    with tenant_scope(world.tenant.id):
        upsert_deliveries(tenant_id=world.tenant.id, wanted=[{"external_id": "d-1", "status": "delivered"}])


def push(world):
    world.say(world.sara)
    world.settle()
    push_due()


def due_soon(world):
    promise(world, timedelta(minutes=50))


def overdue(world):
    promise(world, timedelta(minutes=61))


def in_time(world):
    promise(world, timedelta(minutes=1))
    world.say(world.sara)
    with tenant_scope(world.tenant.id):
        keep_clocks(tenant_id=world.tenant.id, tickets={world.ticket.id: None}, at=timezone.now())


def promise(world, later):
    """Within an hour; told of what became of it so much later."""
    make_promise(world.ticket, next_response=60, first_response=60)
    attend(at=timezone.now() + later)


CUSTOMER, STAFF, NOBODY = "the customer", "a colleague", None
# Each kind that is published: how it comes about, and who is mailed of it who wants all mails there are.
KINDS = {
    "message.created": (lambda world: world.say(world.sara), CUSTOMER),
    "ticket.opened": (open_for_them, CUSTOMER),
    "ticket.closed": (close, CUSTOMER),
    "ticket.reopened": (close_and_reopen, CUSTOMER),
    "ticket.assigned": (lambda world: world.do(services.assign_ticket, world.sara, assignee_id=world.yusuf.id), STAFF),
    "ticket.taken_over": (lambda world: world.do(services.take_over_ticket, world.yusuf, reason="x"), STAFF),
    "note.created": (lambda world: world.do(services.write_note, world.sara, content="@Yusuf Aziz, look"), STAFF),
    "ticket.claimed": (claim, NOBODY),
    "ticket.released": (lambda world: world.do(services.release_ticket, world.sara), NOBODY),
    "ticket.priority_changed": (
        lambda world: world.do(services.change_priority, world.sara, priority="urgent"),
        NOBODY,
    ),
    "ticket.link_changed": (link, NOBODY),
    "ticket.snoozed": (snooze, NOBODY),
    "ticket.unsnoozed": (snooze_and_wake, NOBODY),
    "ticket.tags_changed": (tag, NOBODY),
    "ticket.participants_changed": (add_participant, NOBODY),
    "message.redacted": (redact, NOBODY),
    "note.redacted": (redact_note, NOBODY),
    "attachment.checked": (send_a_file, CUSTOMER),  # of the answer that it came with
    "delivery.changed": (deliver, NOBODY),
    SLA_WARNING: (due_soon, STAFF),
    SLA_BREACHED: (overdue, STAFF),
    SLA_MET: (in_time, CUSTOMER),  # of the answer that met it
    PERSON_ERASED: (erase, NOBODY),
    DUE: (push, CUSTOMER),  # of the message before it
}
# A mail that is about no event: somebody asked for it.
ASKED_FOR = {"invitation", "password_reset", "sender_code"}


class TestWhatMails:
    def test_each_kind_that_is_published_says_here_whom_it_mails(self):
        assert KINDS.keys() == kinds()
        assert mails._WRITERS.keys() == {"notifications", *ASKED_FOR}

    @pytest.mark.parametrize("kind", KINDS)
    def test_who_wants_all_mails_gets_one_of_these_and_none_of_others(self, world, server, kind):
        cause, whom = KINDS[kind]
        people = (world.customer, world.sara, world.yusuf, world.lead)
        for one in people:
            want_all(world, one)
        began = timezone.now()
        cause(world)
        world.settle()
        assert kind in published(world, began)
        let_time_pass(world, 6)

        mailed = {CUSTOMER: [world.customer.email], NOBODY: []}
        if whom is STAFF:
            assert len(server.mails) == 1
            assert server.mails[0]["To"] in {world.sara.email, world.yusuf.email}
        else:
            times = 2 if kind == "ticket.reopened" else 1  # the closing before it too
            assert {str(mail["To"]) for mail in server.mails} == set(mailed[whom])
            assert len(server.mails) <= times

    @pytest.mark.parametrize("code", sorted(TEXTS.keys() - OF_SYSTEM_MESSAGE.keys()))
    def test_what_a_conversation_says_by_itself_mails_nobody(self, world, server, code):
        delivery = DeliveryFactory(tenant=world.tenant, customer=world.customer)
        make_ticket(world.customer, agent=world.sara, delivery=delivery)
        want_all(world, world.customer)
        with tenant_scope(world.tenant.id):
            services.note_delivery(tenant_id=world.tenant.id, delivery_id=delivery.id, code=code, at=timezone.now())
        began = timezone.now() - HOUR
        world.settle()
        assert "message.created" in published(world, began)
        let_time_pass(world, 3)

        assert server.mails == []

    def test_what_answers_a_customer_by_itself_mails_nobody(self, world, server):
        configure(world, acknowledgement_html={"en": "<p>We have your ticket.</p>"})
        want_all(world, world.customer)
        make_ticket(world.customer)
        let_time_pass(world, 3)

        assert server.mails == []


def want_all(world, person):
    """All by mail, at once, that may be mailed to them at all."""
    wanted = {
        kind.name: {"email": "now"} for kind in types_for(person.role) if When.NOW in kind.allowed_of(Channel.EMAIL)
    }
    with tenant_scope(world.tenant.id):
        change_preferences(actor=actor(person), changes={"types": wanted})


def published(world, since):
    with tenant_scope(world.tenant.id):
        return set(Event.objects.filter(at__gte=since).values_list("kind", flat=True))
