"""What each service locks, in order: taking a line away that locks or holds is noticed here.

Looked at is what it sends to PostgreSQL, with nobody in its way; what others then see is `test_races.py`.
"""

import importlib
import inspect
import pkgutil
import re
from datetime import date, timedelta
from functools import partial

import pytest
from django.conf import settings as product
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import services as thread
from deliveries import services as of_deliveries
from ondi.accounts import credentials, invitations
from ondi.accounts import services as people
from ondi.accounts.actors import Actor
from ondi.accounts.links import Purpose, make_link
from ondi.common.ids import new_id
from ondi.datafixes.images import rows_in
from ondi.files import arriving
from ondi.files import services as files
from ondi.files.checking import Checked, record
from ondi.files.examining import Verdict
from ondi.files.models import Parent
from ondi.notifications.models import SenderCode
from ondi.notifications.sender_addresses import allow_domain
from ondi.notifications.texts import Text
from ondi.notifications.types import Channel
from ondi.streaming.rule import Viewing
from ondi.tenants.scope import tenant_scope
from ondi.webhooks import services as hooks
from orders import services as of_orders
from support import drafts, macros, services
from support.actions import ACTIONS, Kind
from support.fixes.final import EraseCustomer
from support.fixes.tickets import Reassign
from support.models import Calendar, CalendarVersion, Macro, Policy, SavedView, Ticket, TicketNote
from support.queue import saving
from support.services import clocks, hours, promises, shared, undoing
from support.settings import services as settings
from support.settings import texts
from support.vocabulary import EventKind
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    Message,
    OrderFactory,
    Participant,
    TenantFactory,
    actor,
    make_file,
    make_promise,
    make_ticket,
    make_webhook,
)
from tests.registry.routes import ACTION_ROWS, asked_of

pytestmark = pytest.mark.django_db
TEN = timedelta(seconds=10)
SHORT = {
    "tenants_portalsettings": "settings", "accounts_user": "login", "accounts_membership": "member",
    "orders_order": "order", "deliveries_delivery": "delivery", "support_ticket": "ticket",
    "conversations_conversation": "thread", "conversations_participant": "part", "conversations_message": "message",
    "support_ticketcounter": "counter", "webhooks_endpoint": "webhook", "webhooks_delivery": "sent",
    "files_storedfile": "file", "support_calendar": "calendar", "support_draft": "draft",
}  # fmt: skip
STATEMENT = re.compile(
    r'FROM "(?P<held>\w+)".* FOR (?:NO KEY )?UPDATE|(?<!FOR )(?<!DO )(?<!KEY )\bUPDATE "?(?P<changed>[a-z_]+)"?'
    r'|INTO (?P<counted>support_ticketcounter)|FROM (?P<imaged>\w+) AS t WHERE.* FOR NO KEY UPDATE OF t'
)  # fmt: skip


def locks_of(call):
    """The tables whose rows a call locks, in the order it first does: `!` by looking at them, else by changing them.

    What is rolled back to a savepoint is let go.
    """
    with CaptureQueriesContext(connection) as captured:
        call()
    found, held_at = {}, {}
    for query in captured.captured_queries:
        if savepoint := re.match(r"(ROLLBACK TO )?SAVEPOINT (\S+)", query["sql"]):
            found = held_at[savepoint[2]] if savepoint[1] else found
            held_at[savepoint[2]] = dict(found)
        for match in STATEMENT.finditer(query["sql"]):
            held = match["held"] or match["imaged"]
            table = held or match["changed"] or match["counted"]
            if table in SHORT:
                found.setdefault(SHORT[table], "!" if held else "")
    return " ".join(name + mark for name, mark in found.items())


class World:
    """A tenant with a ticket in each state, and everybody who does something to them."""

    def __init__(self):
        self.tenant = TenantFactory(allow_customer_close=True, customer_reopen_days=7)
        self.customer = MemberFactory(tenant=self.tenant, external_id="customer")
        self.sara, self.yusuf = (MemberFactory(tenant=self.tenant, agent=True) for _agent in range(2))
        self.lead = MemberFactory(tenant=self.tenant, lead=True)
        self.admin = MemberFactory(tenant=self.tenant, admin=True)
        self.order = OrderFactory(tenant=self.tenant, customer=self.customer, external_id="order")
        self.parcel = DeliveryFactory(tenant=self.tenant, customer=self.customer, external_id="parcel")
        self.free = make_ticket(self.customer)
        self.mine = make_ticket(self.customer, agent=self.sara, delivery=self.parcel)
        self.his = make_ticket(self.customer, agent=self.yusuf)
        self.closed = make_ticket(self.customer, agent=self.yusuf, closed_by=self.yusuf)
        with tenant_scope(self.tenant.id):
            self.message = Message.objects.get(conversation=self.mine.conversation_id, sequence=1)
            self.note = TicketNote.objects.create(
                tenant=self.tenant, ticket=self.mine, author=self.sara, content="x", created_at=timezone.now()
            )
            self.part = Participant.objects.get(conversation=self.mine.conversation_id, membership=self.sara)

    def of(self, service, ticket, who=None, **details):
        return lambda: service(actor=actor(who or self.sara), ticket_id=ticket.id, **details)

    def system(self):
        return Actor.system(self.tenant.id, "fix")

    def said(self):
        return Message(tenant_id=self.tenant.id, conversation_id=self.mine.conversation_id, sender_id=self.customer.id,
                       sender_role="customer", created_at=timezone.now())  # fmt: skip

    def watching(self):
        page, gone = (Viewing(self.tenant.id, self.mine.id, one.id) for one in (self.sara, self.yusuf))
        return services.keep_presence([page], {gone: timezone.now()})

    def promised(self, service, **details):
        """An hour ago, and nothing was looked at since."""
        make_promise(self.mine, first_response=60)
        return partial(service, tenant_id=self.tenant.id, at=timezone.now() + timedelta(hours=1), **details)

    def newer_hours(self, service):
        """An hour ago, and nothing was looked at since: what is due meanwhile is told."""
        former = CalendarVersion.objects.get(id=make_promise(self.mine, first_response=60).calendar_version_id)
        newer = CalendarVersion.objects.create(
            tenant_id=former.tenant_id, calendar_id=former.calendar_id, number=former.number + 1, time_zone="UTC",
            days=[[[0, 720]]] * 7, created_at=timezone.now(),
        )  # fmt: skip
        at = timezone.now() + timedelta(hours=1)
        return partial(service, tenant_id=self.tenant.id, ticket_ids=[self.mine.id], hours=newer, at=at)

    def macro(self, *steps, **more):
        found = Macro.objects.create(tenant_id=self.tenant.id, name=str(new_id()), steps=steps)
        details = {"actor": actor(self.sara), "ticket_id": self.free.id, "macro_id": found.id}
        return partial(macros.use_macro, use=new_id(), **details, **more)

    def used_macro(self, **more):
        """Handed to a colleague, answered and closed; what takes it back."""
        handed = {"action": "assign", "values": {"assignee_id": str(self.yusuf.id)}}
        said, closed = {"action": "reply", "values": {"content": "x"}}, {"action": "close", "values": {}}
        return self.macro(said, handed, closed, **more)()

    def another_macro(self):
        """While one waits: that is done first."""
        self.used_macro(wait=TEN)
        return self.macro({"action": "note", "values": {"content": "x"}}, wait=TEN)

    def hours(self, service):
        calendar = CalendarVersion.objects.get(id=make_promise(self.mine, first_response=60).calendar_version_id)
        return partial(
            service, actor=actor(self.admin), calendar_id=calendar.calendar_id, name="Hours", time_zone="UTC",
            days=[[[0, 60]]] * 7, exceptions={},
        )  # fmt: skip

    def prepared(self, call):
        make_promise(self.mine, first_response=60)
        return call

    def closing(self):
        calendar = Calendar.objects.get()
        return promises.close_on(actor=actor(self.admin), calendar_id=calendar.id, days={date(2026, 12, 25): "x"})

    def policy(self):
        policy = Policy.objects.get()
        return promises.save_policy(actor=actor(self.admin), policy=policy, version=policy.versions.get())

    def later(self, content="x"):
        return drafts.send_later(actor=actor(self.sara), ticket_id=self.his.id, wait=timedelta(seconds=10),
                                   writing=drafts.Writing("reply", content))  # fmt: skip

    def sent_after_another(self):
        return self.later("y")

    def waiting(self, service, **details):
        self.later()
        return self.of(service, self.his, **details)

    def due(self, service):
        draft = self.later()
        return partial(service, draft_id=draft.id, tenant_id=self.tenant.id, at=draft.send_at)

    def with_view(self, service, **details):
        kept = {"audience": "own", "owner": self.sara, "name": "Urgent", "query": "tab=mine&priority=urgent"}
        view = SavedView.objects.create(tenant=self.tenant, position=1, **kept)
        return partial(service, actor=actor(self.sara), view_id=view.id, **details)

    def quietly(self, service, **details):
        return lambda: service(tenant_id=self.tenant.id, at=timezone.now(), **details)


HELD_AND_GIVEN = "member! ticket! part!"
# (module, service): what it locks, and a call of it.
LOCKS = {
    (services, "claim_next_ticket"): (
        HELD_AND_GIVEN, lambda w: lambda: services.claim_next_ticket(actor=actor(w.sara)),
    ),
    (clocks, "keep_clocks"): ("ticket", lambda w: w.promised(clocks.keep_clocks, tickets={w.mine.id: None})),
    (clocks, "recompute_clocks"): ("ticket", lambda w: w.promised(clocks.recompute_clocks, ticket_ids=[w.mine.id])),
    (hours, "bring_hours"): ("ticket", lambda w: w.newer_hours(hours.bring_hours)),
    (promises, "save_calendar"): ("calendar!", lambda w: w.hours(promises.save_calendar)),
    (promises, "close_on"): ("calendar!", lambda w: w.prepared(w.closing)),
    (promises, "save_policy"): ("", lambda w: w.prepared(w.policy)),
    (services, "offboard_agent"): ("ticket! part", lambda w: lambda: services.offboard_agent(membership=w.sara)),
    (services, "open_ticket"): (
        "counter", lambda w: lambda: services.open_ticket(
            actor=actor(w.customer), subject="x", message="x", priority="low", source="customer_portal"),
    ),
    (services, "open_ticket_on_behalf"): (
        "member! counter ticket part!", lambda w: lambda: services.open_ticket_on_behalf(
            actor=actor(w.sara), customer_id=w.customer.id, subject="x", message="x", priority="low"),
    ),
    (services, "add_customer"): (
        "member!", lambda w: lambda: services.add_customer(actor=actor(w.sara), first_name="New"),
    ),
    (services, "correct_customer"): (
        "member!", lambda w: lambda: services.correct_customer(
            actor=actor(w.sara), customer_id=w.customer.id, phone="0790"),
    ),
    (services, "change_participants"): (
        "member! ticket!", lambda w: lambda: services.change_participants(
            actor=actor(w.sara), conversation_id=w.mine.conversation_id, action="add", user_ids=[w.yusuf.user_id]),
    ),
    (services, "redact_ticket_message"): (
        "ticket! thread! message!",
        lambda w: w.of(services.redact_ticket_message, w.mine, w.lead, message_id=w.message.id),
    ),
    (services, "redact_ticket_note"): (
        "ticket!",
        lambda w: w.of(services.redact_ticket_note, w.mine, w.lead, note_id=w.note.id),
    ),
    (services, "reply_to_ticket"): (
        "member! ticket! part! thread", lambda w: w.of(services.reply_to_ticket, w.his, content="x"),
    ),
    (drafts, "send_writing"): (
        "member! ticket! part! thread",
        lambda w: w.of(drafts.send_writing, w.his, writing=drafts.Writing("reply", "x")),
    ),
    (drafts, "send_later"): (
        "draft! member! ticket! part! thread", lambda w: (w.later(), w.sent_after_another)[1],
    ),
    (drafts, "take_back"): ("draft!", lambda w: w.waiting(drafts.take_back, kind="reply")),
    (drafts, "keep_draft"): ("", lambda w: w.of(drafts.keep_draft, w.his, writing=drafts.Writing("reply", "x"))),
    (drafts, "send_waiting"): ("draft! member! ticket! part! thread", lambda w: w.due(drafts.send_waiting)),
    (drafts, "give_up"): ("draft!", lambda w: w.due(drafts.give_up)),
    (drafts, "forget_drafts"): ("", lambda w: partial(
        drafts.forget_drafts, tenant_id=w.tenant.id, before=timezone.now())),
    (services, "note_presence"): (
        "", lambda w: lambda: services.note_presence(ticket=w.mine, membership_id=w.sara.id),
    ),
    (services, "keep_presence"): ("", lambda w: w.watching),
    (services, "note_delivery"): (
        "ticket! thread part",
        lambda w: w.quietly(services.note_delivery, delivery_id=w.parcel.id, code="delivery_returned"),
    ),
    (services, "warn_of_closing"): (
        "ticket! thread part", lambda w: lambda: services.warn_of_closing(
            actor=w.system(), ticket_id=w.mine.id, among=Ticket.objects.all(), at=timezone.now()),
    ),
    (macros, "apply_steps"): ("member! ticket! part! thread", lambda w: partial(
        macros.apply_steps, actor=actor(w.sara), ticket_id=w.free.id, steps=w.used_macro(wait=TEN).steps)),
    (macros, "use_macro"): ("draft! member! ticket! part! thread", lambda w: w.another_macro()),
    (macros, "undo_steps"): ("member! ticket! thread part", lambda w: partial(
        macros.undo_steps, actor=actor(w.sara), ticket_id=w.free.id, steps=w.used_macro().undo, since=timezone.now())),
    (macros, "take_back_macros"): ("draft! member! ticket! thread part", lambda w: partial(
        macros.take_back_macros, actor=actor(w.sara), use=w.used_macro().form)),
    (shared, "hold_support_role"): ("member!", lambda w: lambda: shared.hold_support_role(w.sara.id)),
    (undoing, "note_undo"): ("ticket!", lambda w: lambda: undoing.note_undo(
        actor=w.system(), ticket_ids=[w.mine.id], kind=EventKind.REOPENED, at=timezone.now())),
    (thread, "start_conversation"): (
        "", lambda w: w.quietly(thread.start_conversation, starter_id=w.customer.id, opening=thread.Opening("x", "x")),
    ),
    (services, "post_message"): (
        "ticket thread part", lambda w: lambda: services.post_message(
            actor=actor(w.customer), conversation_id=w.mine.conversation_id, content="x"),
    ),
    (thread, "append_message"): (
        "thread part", lambda w: lambda: thread.append_message(w.said(), read_by=w.customer.id),
    ),
    (thread, "post_system_message"): (
        "thread part", lambda w: lambda: thread.post_system_message(
            conversation_id=w.mine.conversation_id, code="ticket_closed", at=timezone.now()),
    ),
    (thread, "redact_message"): (
        "thread! message!",
        lambda w: lambda: thread.redact_message(conversation_id=w.mine.conversation_id, message_id=w.message.id),
    ),
    (thread, "set_conversation_status"): (
        "thread!", lambda w: lambda: thread.set_conversation_status(
            tenant_id=w.tenant.id, conversation_ids=[w.mine.conversation_id], status="closed"),
    ),
    (thread, "mark_read"): ("", lambda w: lambda: thread.mark_read(
        tenant_id=w.tenant.id, membership_id=w.part.membership_id, conversation_id=w.part.conversation_id, sequence=1)),
    (thread, "note_on_screen"): ("part", lambda w: lambda: thread.note_on_screen(
        tenant_id=w.tenant.id, membership_id=w.part.membership_id, conversation_id=w.part.conversation_id, sequence=1)),
    (thread, "join_conversation"): (
        "part!", lambda w: w.quietly(thread.join_conversation, conversation_id=w.mine.conversation_id,
                                     membership_id=w.sara.id),
    ),
    (thread, "leave_conversation"): (
        "part", lambda w: w.quietly(thread.leave_conversation, conversation_id=w.mine.conversation_id,
                                    membership_id=w.sara.id),
    ),
    (thread, "leave_all_conversations"): (
        "part", lambda w: w.quietly(thread.leave_all_conversations, membership_id=w.sara.id),
    ),
    (people, "create_operator"): (
        "", lambda w: lambda: people.create_operator(email="op@example.org", password="x"),
    ),
    (people, "add_member"): ("", lambda w: lambda: people.add_member(tenant_id=w.tenant.id, email="new@example.org")),
    (people, "update_member"): (
        "member! ticket! part", lambda w: lambda: people.update_member(membership=w.sara, is_support_user=False),
    ),
    (people, "end_membership"): (
        "member! ticket! part", lambda w: lambda: people.end_membership(membership=w.sara),
    ),
    (people, "disable_login"): (
        "login member! ticket! part", lambda w: lambda: people.disable_login(user=w.sara.user),
    ),
    (people, "set_login"): (
        "login! member!", lambda w: lambda: people.set_login(
            tenant_id=w.tenant.id, customer_external_id="customer", email="own@example.org", password="x"),
    ),
    (settings, "update_portal_settings"): (
        "settings! member! ticket! part", lambda w: lambda: settings.update_portal_settings(
            actor=actor(w.admin), changes={}, support_user_ids=[], confirmed=True),
    ),
    (texts, "set_notification_texts"): (
        "settings!", lambda w: lambda: texts.set_notification_texts(
            actor=actor(w.admin), kind="support_reply", channel=Channel.EMAIL, texts={"en": Text("News")}),
    ),
    (settings, "ask_for_sender_code"): ("settings!", lambda w: with_sender_address(w, settings.ask_for_sender_code)),
    (settings, "prove_sender_address"): (
        "settings!", lambda w: with_sender_address(w, settings.prove_sender_address, code="1"),
    ),
    (credentials, "replace_password"): (
        "login!", lambda w: lambda: credentials.replace_password(user=w.sara.user, new_password="another battery"),
    ),
    (invitations, "accept_invitation"): (
        "login! member!", lambda w: lambda: invitations.accept_invitation(
            token=make_link(Purpose.MAILED, waiting(w)), password="correct horse battery"),
    ),
    (hooks, "create_endpoint"): (
        "", lambda w: lambda: hooks.create_endpoint(
            actor=actor(w.admin), values={"url": "https://shop.example", "events": ["*"]}),
    ),
    (hooks, "change_endpoint"): (
        "webhook! sent", lambda w: hooked(w, hooks.change_endpoint, values={"is_active": True}),
    ),
    (hooks, "delete_endpoint"): ("webhook!", lambda w: hooked(w, hooks.delete_endpoint)),
    (hooks, "rotate_secret"): ("webhook!", lambda w: hooked(w, hooks.rotate_secret)),
    (hooks, "send_test"): ("webhook!", lambda w: hooked(w, hooks.send_test)),
    (hooks, "replay_delivery"): ("webhook! sent!", lambda w: partial(
        hooks.replay_delivery, actor=actor(w.admin), delivery_id=make_webhook(w.admin)["webhook_delivery_id"])),
    (hooks, "replay_dead"): ("webhook! sent", lambda w: hooked(w, hooks.replay_dead)),
    (hooks, "replay_since"): ("webhook!", lambda w: hooked(w, hooks.replay_since, since=timezone.now())),
    (files, "announce_file"): (
        "", lambda w: lambda: files.announce_file(
            actor=actor(w.customer), file_name="x.txt", content_type="text/plain", size=1),
    ),
    (arriving, "take_upload"): (
        "file", lambda w: partial(
            arriving.take_upload, tenant_id=w.tenant.id, file_id=make_file(w.customer, state="waiting").id,
            upload_id=new_id(), sha256=""),
    ),
    (files, "attach"): (
        "file!", lambda w: partial(
            files.attach, files.Attaching([make_file(w.customer)]), Parent.MESSAGE, w.message.id),
    ),
    (files, "delete_draft"): (
        "file!", lambda w: partial(files.delete_draft, actor=actor(w.customer), file_id=make_file(w.customer).id),
    ),
    (files, "remove_files_of"): (
        "file!", lambda w: partial(
            files.remove_files_of, w.tenant.id, Parent.MESSAGE,
            [make_file(w.customer, sent_with=w.message).parent_id]),
    ),
    (saving, "save_view"): (
        "settings!", lambda w: lambda: saving.save_view(
            actor=actor(w.sara), name="Urgent", audience="own", query="tab=open&priority=urgent"),
    ),
    (saving, "move_view"): ("settings!", lambda w: w.with_view(saving.move_view, steps=1)),
    (saving, "delete_view"): ("settings!", lambda w: w.with_view(saving.delete_view)),
    (saving, "forget_views"): ("", lambda w: partial(saving.forget_views, membership=w.sara)),
    (of_orders, "upsert_orders"): (
        "order!", lambda w: lambda: of_orders.upsert_orders(
            tenant_id=w.tenant.id,
            wanted=[{"external_id": "order", "number": "B-1", "source_updated_at": timezone.now()}]),
    ),
    (of_deliveries, "upsert_deliveries"): (
        "delivery! ticket! thread part", lambda w: lambda: of_deliveries.upsert_deliveries(
            tenant_id=w.tenant.id,
            wanted=[{"external_id": "parcel", "status": "returned", "source_updated_at": timezone.now()}]),
    ),
}  # fmt: skip
# They lock nothing themselves: pure, or parts of the services above.


def by_action(name, row):
    """The row of an action's service, called with what its parameters ask for."""
    action = ACTIONS[name]

    def prepare(w):
        values = {
            Kind.TEXT: "x", Kind.PRIORITY: "urgent", Kind.TAGS: [], Kind.ID: None, Kind.PERSON: w.yusuf.id,
            Kind.MOMENT: timezone.now() + timedelta(days=1),
        }  # fmt: skip
        details = {key: values[one.kind] for key, one in asked_of(action).items()}
        return w.of(action.service, getattr(w, row.on), **details)

    return row.locks, prepare


LOCKS |= {(services, ACTIONS[name].service.__name__): by_action(name, row) for name, row in ACTION_ROWS.items()}
PARTS_OF_OTHERS = {
    "post_as", "silence_of", "take_unassigned", "end_part_of_assignee", "hold_people", "hold_role_of", "locked_ticket",
    "week_of", "hours_of", "terms_of", "hold_clocks", "window_faults", "policy_version", "touched_tickets",
    "wrong_clocks", "ticket_to_handle", "known_events", "forget_answers", "take_over", "name_last_message",
    "redact_and_forget", "computed", "known_terms", "write_kept", "writing_of", "saving_refusal", "audiences_for",
    "checked_query", "carry_out", "settle", "macro_of", "checked_steps", "step_refusal", "arguments_of",
    "parameters_of", "opposites_of",
}  # fmt: skip


def with_sender_address(world, service, **details):
    settings.update_portal_settings(actor=actor(world.admin), changes={"sender_address": "help@shop.example"})
    allow_domain(tenant_id=world.tenant.id, domain="shop.example")
    SenderCode.objects.create(tenant=world.tenant, address="help@shop.example")
    return partial(service, actor=actor(world.admin), **details)


def hooked(world, service, **details):
    return partial(
        service, actor=actor(world.admin), endpoint_id=make_webhook(world.admin)["subscription_id"], **details
    )


def waiting(world):
    return people.add_member(tenant_id=world.tenant.id, email="waits@example.org")


@pytest.mark.parametrize(("module", "name"), LOCKS, ids=lambda part: getattr(part, "__name__", part))
def test_locks_are_those_of_the_table(module, name):
    expected, prepare = LOCKS[module, name]
    world = World()

    with tenant_scope(world.tenant.id):
        found = locks_of(prepare(world))

    assert found == expected


def test_a_whole_list_of_people_is_held_before_the_first_ones_tickets():
    world = World()
    who = actor(world.admin)

    with tenant_scope(world.tenant.id), CaptureQueriesContext(connection) as captured:
        settings.update_portal_settings(actor=who, changes={}, support_user_ids=[], confirmed=True)

    statements = [query["sql"] for query in captured.captured_queries]
    held = [one for one in statements if 'FROM "accounts_membership"' in one and "FOR NO KEY UPDATE" in one]
    assert all(person.id.hex in held[0] for person in (world.sara, world.yusuf, world.lead))


REOPENING = {
    "reopen_ticket": lambda w: services.reopen_ticket(
        actor=actor(w.customer), ticket_id=w.closed.id, message="x", attachment_ids=[make_file(w.customer).id]),
    "post_message": lambda w: services.post_message(
        actor=actor(w.customer), conversation_id=w.closed.conversation_id, content="x",
        attachment_ids=[make_file(w.customer).id]),
}  # fmt: skip


@pytest.mark.parametrize("name", REOPENING)
def test_a_customers_words_that_reopen_lock_as_reopening_does(name):
    world = World()

    with tenant_scope(world.tenant.id):
        found = locks_of(lambda: REOPENING[name](world))

    assert found == "member! ticket! thread part file!"


BY_THE_SYSTEM = {
    "close_ticket": ("ticket! thread!", lambda w: {"ticket_id": w.mine.id}),
    "reopen_ticket": ("member! ticket! thread!", lambda w: {"ticket_id": w.closed.id}),
    "assign_ticket": ("member! ticket! part", lambda w: {"ticket_id": w.his.id, "assignee_id": w.sara.id}),
    "release_ticket": ("ticket! part", lambda w: {"ticket_id": w.his.id}),
    "change_link": ("ticket!", lambda w: {"ticket_id": w.mine.id}),
}


@pytest.mark.parametrize("name", BY_THE_SYSTEM)
def test_the_system_locks_as_everybody(name):
    expected, details = BY_THE_SYSTEM[name]
    world = World()

    with tenant_scope(world.tenant.id):
        found = locks_of(lambda: getattr(services, name)(actor=world.system(), announce=False, **details(world)))

    assert found == expected


# Functions of the database, whose statements PostgreSQL does not tell us: their text, in its order.
OF_FUNCTIONS = {
    "ondi_erase_customer": "login! member! draft order! delivery! ticket! thread! message! file",
    "ondi_purge_tickets": "draft! ticket! file part thread message",
    "ondi_mark_read": "part",
}
ITS_STATEMENT = re.compile(
    r"^\s*(?:PERFORM|SELECT)\b.*?FROM public\.(?P<held>\w+)(?=.*FOR (?:NO KEY )?UPDATE)"
    r"|^\s*(?:UPDATE|DELETE FROM) public\.(?P<changed>\w+)",
    re.DOTALL,
)


@pytest.mark.parametrize("name", OF_FUNCTIONS)
def test_functions_of_the_database_lock_as_everybody(name):
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [name])
        (body,) = cursor.fetchone()

    found = {}
    for statement in re.sub(r"--.*", "", body).split("BEGIN", 1)[1].split(";"):
        if match := ITS_STATEMENT.search(statement):
            table = SHORT.get(match["held"] or match["changed"])
            found.setdefault(table, "!" if match["held"] else "")
    found.pop(None, None)

    assert " ".join(table + mark for table, mark in found.items()) == OF_FUNCTIONS[name]


def fixed(fix):
    """What a run does with a batch: hold, take the images, fix."""
    items = list(fix.items())
    fix.hold(items)
    rows_in(fix.footprint, fix.parameters(items) | {"tenant": fix.tenant_id})
    assert fix.apply_all(items, at=timezone.now()).changed


def test_tickets_are_handed_on_after_who_gets_them_is_held():
    world = World()

    with tenant_scope(world.tenant.id):
        fix = Reassign(world.tenant.id, giver=world.yusuf.id, taker=world.sara.id)
        found = locks_of(lambda: fixed(fix))

    assert found == "member! ticket! thread! part!"


def test_nothing_is_taken_in_while_a_person_is_erased():
    """Else a batch that knew the person before would write their orders anew."""
    world = World()

    with tenant_scope(world.tenant.id), CaptureQueriesContext(connection) as captured:
        fixed(EraseCustomer(world.tenant.id, customer=world.customer))

    statements = [query["sql"] for query in captured.captured_queries]
    intake = next(place for place, one in enumerate(statements) if f"intake {world.tenant.id}" in one)
    assert intake < next(place for place, one in enumerate(statements) if "ondi_erase_customer" in one)


@pytest.mark.parametrize("found", [expected for expected, _call in LOCKS.values()])
def test_table_keeps_the_order_of_locks(found):
    """Parts lie under their ticket, and those of a ticket that is made here are nobody else's."""
    order = [SHORT[table] for table in product.LOCK_ORDER if table in SHORT and SHORT[table] not in ("login", "part")]
    locked = [name.rstrip("!") for name in found.split()]
    locked = locked[: locked.index("counter")] if "counter" in locked else locked
    locked = [name for name in locked if name in order]
    assert locked == sorted(locked, key=order.index)


@pytest.mark.parametrize(("module", "name"), LOCKS, ids=lambda part: getattr(part, "__name__", part))
def test_what_is_published_is_locked_when_it_is_written(module, name):
    """Or the database could draw the number of a later change first."""
    world = World()

    with tenant_scope(world.tenant.id), CaptureQueriesContext(connection) as captured:
        LOCKS[module, name][1](world)()

    held, published = set(), 0
    for query in captured.captured_queries:
        held |= {found["held"] or found["changed"] for found in STATEMENT.finditer(query["sql"])}
        held |= {"support_ticket"} if 'INSERT INTO "support_ticket"' in query["sql"] else set()
        if "outbox_entry" in query["sql"]:
            published += 1
            assert held & {"support_ticket", "deliveries_delivery"}, query["sql"]
    silent = SAY_NOTHING | {
        ACTIONS[action].service.__name__ for action, row in ACTION_ROWS.items() if not row.publishes
    }
    assert (published == 0) is (name in silent), (
        f"{published} events told of {name}: publish one, or say that none is: in ACTION_ROWS, or in SAY_NOTHING here"
    )


SAY_NOTHING = {
    "add_customer",
    "correct_customer",
    "note_on_screen",
    "create_endpoint",
    "change_endpoint",
    "delete_endpoint",
    "rotate_secret",
    "send_test",
    "replay_delivery",
    "replay_dead",
    "replay_since",
    "set_notification_texts",
    "ask_for_sender_code",
    "prove_sender_address",
    "note_presence",
    "keep_presence",
    "keep_draft",
    "forget_drafts",
    "recompute_clocks",
    "save_calendar",
    "close_on",
    "save_policy",
    "save_view",
    "move_view",
    "delete_view",
    "forget_views",
    "append_message",
    "hold_support_role",
    "hold_for_undo",
    "start_conversation",
    "post_system_message",
    "redact_message",
    "set_conversation_status",
    "mark_read",
    "join_conversation",
    "leave_conversation",
    "leave_all_conversations",
    "create_operator",
    "add_member",
    "set_login",
    "replace_password",
    "accept_invitation",
    "upsert_orders",
    "announce_file",
    "take_upload",
    "attach",
    "delete_draft",
    "remove_files_of",
}


def modules_of(package):
    """Also one that nobody has exported."""
    return [
        importlib.import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]


def test_every_service_is_in_the_table():
    """Whatever a module of services offers: its own functions, but those that are parts of others."""
    named = {name for _module, name in LOCKS} | PARTS_OF_OTHERS
    missing = {
        name
        for module in (
            *set(modules_of(services)) - {shared}, *modules_of(macros), drafts, thread, people, of_orders,
            of_deliveries, hooks, saving,
        )
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
        and not name.startswith("_") and name not in named
    }  # fmt: skip

    assert missing == set(), "each needs its row in ACTION_ROWS, or in LOCKS here; part of another: PARTS_OF_OTHERS"


def test_files_are_locked_after_the_message_they_were_sent_with():
    world = World()
    make_file(world.customer, sent_with=world.message)

    with tenant_scope(world.tenant.id):
        redact = world.of(services.redact_ticket_message, world.mine, world.lead, message_id=world.message.id)
        assert locks_of(redact) == "ticket! thread! message! file!"


def test_what_a_check_found_is_recorded_with_the_ticket_held_first():
    world = World()
    file = make_file(world.customer, state="checking", sent_with=world.message)

    with tenant_scope(world.tenant.id):
        found = locks_of(partial(record, file, Checked(Verdict(reason="malformed")), timezone.now()))

    assert found == "ticket! file! thread"
