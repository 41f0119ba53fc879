"""Taking part ends with the right to it: who is no support user any more reads and says nothing as staff."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from conversations.errors import ConversationNotFound, NotAParticipant
from ondi.accounts.models import Membership
from ondi.accounts.services import disable_login, end_membership, update_member
from ondi.api.idempotency import IdempotencyRecord
from ondi.common.errors import DomainError
from ondi.datafixes.fixes import Item
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import tenant_scope
from support import services
from support.fixes.doctor import Repair, found
from support.fixes.findings import FINDINGS
from support.models import Ticket, TicketEvent
from support.services import post_message
from support.settings.services import update_portal_settings
from tests.datafixes.test_commands import run, undo
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    Message,
    OrderFactory,
    Participant,
    TenantFactory,
    actor,
    make_ticket,
    reload,
)
from tests.races import held_up
from tests.support.test_locks import locks_of

pytestmark = pytest.mark.django_db(transaction=True)
TICKETS = "/customer/support/tickets"
NEXT = "/messaging/support/tickets/next"


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris", allow_customer_close=True)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def lead(tenant):
    return MemberFactory(tenant=tenant, lead=True)


def in_tenant(member, call):
    who = actor(member)
    with tenant_scope(member.tenant_id):
        return call(who)


def say(member, ticket, content="Hello"):
    return in_tenant(
        member, lambda who: post_message(actor=who, conversation_id=ticket.conversation_id, content=content)
    )


def change(lead, ticket, action, *members, role="member"):
    return in_tenant(
        lead,
        lambda who: services.change_participants(
            actor=who, conversation_id=ticket.conversation_id, action=action, user_ids=[m.user_id for m in members],
            role=role,
        ),
    )  # fmt: skip


def parts(member):
    with tenant_scope(member.tenant_id):
        found = Participant.objects.filter(membership=member, left_at=None)
        return {(part.conversation_id, part.role) for part in found}


def put_part(member, ticket, role="member"):
    """A part as no service gives it: from before parts ended with the role, or from a damaged database."""
    with tenant_scope(ticket.tenant_id):
        Participant.objects.update_or_create(
            tenant_id=ticket.tenant_id, conversation_id=ticket.conversation_id, membership=member,
            defaults={"role": role, "left_at": None}, create_defaults={"role": role, "joined_at": ticket.created_at},
        )  # fmt: skip


def off_the_list(member):
    boss = MemberFactory(tenant=member.tenant, admin=True)
    with tenant_scope(member.tenant_id):
        others = Membership.objects.support_users().exclude(id=member.id).values_list("user_id", flat=True)
        stay = list(others)
    in_tenant(boss, lambda who: update_portal_settings(actor=who, changes={}, support_user_ids=stay, confirmed=True))


ENDS = {
    "role": lambda member: update_member(membership=member, is_support_user=False),
    "membership": lambda member: end_membership(membership=member),
    "login": lambda member: disable_login(user=member.user),
    "settings": off_the_list,
}


def end(how, member):
    with tenant_scope(member.tenant_id):
        ENDS[how](member)


@pytest.mark.parametrize("how", ENDS)
def test_every_part_as_staff_ends_with_the_role_and_what_was_said_stays(tenant, customer, sara, lead, how):
    mine, added, joined = make_ticket(customer, agent=sara), make_ticket(customer, agent=lead), make_ticket(customer)
    change(lead, added, "add", sara, role="admin")
    in_tenant(lead, lambda who: services.claim_ticket(actor=who, ticket_id=joined.id))
    in_tenant(sara, lambda who: services.reply_to_ticket(actor=who, ticket_id=joined.id, content="We look into it."))
    closed = make_ticket(customer, agent=sara, closed_by=sara)
    reopened = make_ticket(customer, agent=lead)
    change(lead, reopened, "add", sara)
    for action in (services.close_ticket, services.reopen_ticket):
        in_tenant(lead, lambda who, action=action: action(actor=who, ticket_id=reopened.id))
    own = make_ticket(sara)
    assert len(parts(sara)) == 6

    end(how, sara)

    assert parts(sara) == {(own.conversation_id, "customer")}, "whoever opened a ticket stays its customer"
    with tenant_scope(tenant.id):
        removed = TicketEvent.objects.filter(kind="participant_removed", actor=None)
        told = {(event.ticket_id, event.after["participant"], event.after["role"]) for event in removed}
        assert told == {
            (ticket.id, str(sara.id), "admin" if ticket == added else "member")
            for ticket in (added, joined, closed, reopened)
        }
        assert [event.kind for event in TicketEvent.objects.of(reload(mine))][-1] == "released"
        assert Message.objects.filter(conversation_id=joined.conversation_id, sender=sara).count() == 1
    assert reload(mine).assignee_id is None
    assert len(parts(lead)) == 3, "and nobody else's"


def test_a_part_that_ends_with_the_role_is_a_change_of_its_ticket(customer, sara, lead):
    ticket = make_ticket(customer, agent=lead)
    change(lead, ticket, "add", sara)
    before = reload(ticket).version

    end("role", sara)

    assert reload(ticket).version == before + 1


def test_the_part_one_has_already_is_no_change(customer, sara, lead):
    ticket = make_ticket(customer, agent=lead)
    change(lead, ticket, "add", sara, role="member")
    before = reload(ticket).version

    (result,) = change(lead, ticket, "update", sara, role="member")

    assert (result.status, reload(ticket).version) == ("unchanged", before)


def test_joining_and_answering_are_two_pieces_of_news(customer, sara, lead, owner):
    """Each with a version of its own: who follows the feed takes one of the same version as known already."""
    ticket = make_ticket(customer, agent=lead)
    in_tenant(sara, lambda who: services.reply_to_ticket(actor=who, ticket_id=ticket.id, content="Hello"))

    entries = "SELECT kind, version FROM outbox_entry WHERE subject_id = %s ORDER BY id DESC LIMIT 2"
    (answered, joined) = owner().execute(entries, [ticket.id]).fetchall()
    assert (joined[0], answered[0]) == ("ticket.participants_changed", "message.created")
    assert answered[1] == joined[1] + 1 == ticket.version + 2


def test_role_given_again_brings_no_part_back(customer, sara, lead):
    ticket = make_ticket(customer, agent=lead)
    change(lead, ticket, "add", sara)
    end("role", sara)

    with tenant_scope(sara.tenant_id):
        update_member(membership=reload(sara), is_support_user=True)

    with pytest.raises(NotAParticipant):
        say(sara, ticket)


def test_conversation_one_left_is_listed_no_more(api, customer, sara, lead):
    ticket = make_ticket(customer, agent=sara)
    workbench = api.as_(sara)

    def listed():
        return [row["ticket_id"] for row in workbench.get("/messaging/conversations").json()["data"]["conversations"]]

    assert listed() == [str(ticket.id)]
    in_tenant(lead, lambda who: services.take_over_ticket(actor=who, ticket_id=ticket.id, reason="away"))
    assert listed() == []


def test_doctor_names_each_part_without_its_role_and_mends_it(tenant, customer, sara, lead):
    ticket = make_ticket(customer, agent=lead)
    people = {how: MemberFactory(tenant=tenant, agent=True) for how in ENDS}
    for how, person in people.items():
        end(how, person)
        put_part(person, ticket)
    put_part(sara, ticket)
    finding = next(one for one in FINDINGS if one.name == "part_without_role")

    with tenant_scope(tenant.id):
        wrong = {detail for _key, detail, *_doubt in found(finding, tenant.id)}
        assert wrong == {str(person.id) for person in people.values()}
        for key, *_detail in list(found(finding, tenant.id)):
            assert Repair(tenant.id, finding=finding).apply(Item(str(key), ""), at=ticket.created_at)
        assert list(found(finding, tenant.id)) == []
    assert len(parts(sara)) == len(parts(lead)) == 1


class TestAPartWithoutItsRight:
    """The row alone gives nothing, whoever left it there."""

    @pytest.mark.parametrize("who", ["former support user", "view-only", "agent", "admin", "customer"])
    @pytest.mark.parametrize("role", ["member", "admin"])
    def test_as_staff(self, api, tenant, customer, who, role):
        person = {
            "former support user": lambda: MemberFactory(tenant=tenant, agent=True),
            "view-only": lambda: MemberFactory(tenant=tenant, viewer=True),
            "agent": lambda: MemberFactory(tenant=tenant, role="agent"),
            "admin": lambda: MemberFactory(tenant=tenant, admin=True),
            "customer": lambda: MemberFactory(tenant=tenant),
        }[who]()
        ticket = make_ticket(customer)
        if who == "former support user":
            end("role", person)
        put_part(person, ticket, role)
        caller, conversation = api.as_(person), f"/messaging/conversations/{ticket.conversation_id}"
        message = self.last_message(ticket)

        answers = [
            caller.get(conversation),
            caller.get(f"{conversation}/messages"),
            caller.get(f"{conversation}/messages", {"after": message}),
            caller.post(f"{conversation}/messages", {"content": "Hello"}),
            caller.call("PUT", f"{conversation}/read-status", parameters={"message_id": message}),
            caller.call(
                "PUT", f"{conversation}/participants", body={"action": "remove", "user_ids": [str(customer.user_id)]}
            ),
        ]

        assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(404, "conversation_not_found")}
        listed = caller.get("/messaging/conversations").json()["data"]
        assert (listed["conversations"], listed["pagination"]["total"]) == ([], 0)
        assert [finding.name for finding in FINDINGS if self.names(finding, tenant)] == ["part_without_role"]

    @staticmethod
    def last_message(ticket):
        with tenant_scope(ticket.tenant_id):
            return str(Message.objects.filter(conversation=ticket.conversation_id).latest("sequence").id)

    @staticmethod
    def names(finding, tenant):
        with tenant_scope(tenant.id):
            return list(found(finding, tenant.id))

    def test_as_the_customer_of_anothers_ticket(self, api, customer, sara):
        """It speaks for nobody: a support user goes on reading by their role, and takes no part."""
        ticket = make_ticket(customer)
        put_part(sara, ticket, "customer")
        workbench, conversation = api.as_(sara), f"/messaging/conversations/{ticket.conversation_id}"

        shown = workbench.get(conversation).json()["data"]["conversation"]
        answer = workbench.post(f"{conversation}/messages", {"content": "Hello"})

        assert shown["unread_count"] is None
        assert workbench.get(f"/messaging/support/tickets/{ticket.id}").json()["data"]["ticket"]["can_reply"] is False
        assert (answer.status_code, answer.json()["error"]) == (403, "not_a_participant")
        assert reload(ticket).version == ticket.version

    def test_another_customer_is_listed_nothing_by_such_a_part(self, api, tenant, customer):
        stranger = MemberFactory(tenant=tenant)
        put_part(stranger, make_ticket(customer), "customer")

        listed = api.as_(stranger).get("/messaging/conversations").json()["data"]

        assert (listed["conversations"], listed["pagination"]["total"]) == ([], 0)

    def test_as_staff_in_ones_own_ticket(self, api, sara):
        ticket = make_ticket(sara)
        put_part(sara, ticket, "member")
        portal, conversation = api.as_(sara), f"/messaging/conversations/{ticket.conversation_id}"

        answer = portal.post(f"{conversation}/messages", {"content": "Hello"})

        assert (answer.status_code, answer.json()["error"]) == (403, "not_a_participant")
        assert portal.get(f"{TICKETS}/{ticket.id}").json()["data"]["ticket"]["can_reply"] is False


def run_into(tenant, first, second):
    """Do `first`; once `second` waits for what it locked, commit it. What `second` came to: a value, or its refusal."""

    def tried():
        try:
            with tenant_scope(tenant.id):
                return second()
        except DomainError as refusal:
            return refusal

    with ExitStack() as held:
        held.enter_context(tenant_scope(tenant.id))
        first()
        with held_up(tried, connection.connection) as running:
            held.close()
    return running.result()


class TestRaces:
    def test_whoever_is_being_added_while_the_role_ends_takes_no_part(self, tenant, customer, sara, lead):
        ticket = make_ticket(customer, agent=lead)

        (result,) = run_into(tenant, lambda: end("role", sara), lambda: change(lead, ticket, "add", sara))

        assert (result.status, result.error) == ("failed", "not_a_support_user")
        assert parts(sara) == set()

    def test_role_that_ends_while_somebody_adds_them_ends_that_part_too(self, tenant, customer, sara, lead):
        ticket = make_ticket(customer, agent=lead)

        run_into(tenant, lambda: change(lead, ticket, "add", sara), lambda: end("role", sara))

        assert parts(sara) == set()

    @pytest.mark.parametrize("first", ["role", "reopen"])
    def test_reopened_ticket_is_not_with_who_loses_the_role_meanwhile(self, tenant, customer, sara, lead, first):
        ticket = make_ticket(customer, agent=sara, closed_by=sara)
        boss = actor(lead)
        both = {
            "reopen": lambda: services.reopen_ticket(actor=boss, ticket_id=ticket.id),
            "role": lambda: end("role", sara),
        }

        run_into(tenant, both.pop(first), *both.values())

        now = reload(ticket)
        assert (now.status, now.assignee_id, parts(sara)) == ("open", None, set())

    @pytest.mark.parametrize(
        "how", ["role ends", "role of who was added ends", "ticket is taken over", "taken out of the conversation"]
    )
    def test_message_that_waited_while_the_part_ended_is_not_said(self, tenant, customer, sara, lead, how):
        ticket = make_ticket(customer, agent=sara)
        if how in ("taken out of the conversation", "role of who was added ends"):
            ticket = make_ticket(customer, agent=lead)
            change(lead, ticket, "add", sara)
        boss, speaker = actor(lead), actor(sara)
        first = {
            "ticket is taken over": lambda: services.take_over_ticket(actor=boss, ticket_id=ticket.id, reason="away"),
            "taken out of the conversation": lambda: change(lead, ticket, "remove", sara),
        }.get(how, lambda: end("role", sara))

        refusal = run_into(
            tenant,
            first,
            lambda: post_message(actor=speaker, conversation_id=ticket.conversation_id, content="Too late"),
        )

        assert isinstance(refusal, NotAParticipant)
        with tenant_scope(customer.tenant_id):
            assert not Message.objects.filter(content="Too late").exists()
        if "role" in how:
            with pytest.raises(ConversationNotFound):
                say(sara, ticket)

    def test_message_that_waited_for_a_reopening_is_news_of_the_ticket(self, tenant, customer, lead):
        ticket, later = make_ticket(customer, closed_by=lead), timezone.now() + timedelta(hours=1)
        boss, speaker = actor(lead), actor(customer)
        conversation = ticket.conversation_id

        run_into(
            tenant,
            lambda: services.reopen_ticket(actor=boss, ticket_id=ticket.id),
            lambda: post_message(actor=speaker, conversation_id=conversation, content="Well?", at=later),
        )

        assert reload(ticket).last_activity_at == later

    def test_next_ticket_lets_go_of_one_that_was_gone(self, tenant, customer, sara, lead, owner):
        """Else two who ask for the next one could wait for each other."""
        first, second = make_ticket(customer), make_ticket(customer)
        boss, agent = actor(lead), actor(sara)
        lock = "SELECT id FROM support_ticket WHERE id = %s FOR NO KEY UPDATE NOWAIT"

        def colleague():
            services.claim_ticket(actor=boss, ticket_id=first.id)
            Ticket.objects.locked().get(id=second.id)

        def next_one():
            ticket = services.claim_next_ticket(actor=agent)
            return ticket.id, owner().execute(lock, [first.id]).fetchone()

        assert run_into(tenant, colleague, next_one) == (second.id, (first.id,))

    def test_role_waits_for_what_is_being_said(self, tenant, customer, sara):
        ticket = make_ticket(customer, agent=sara)

        run_into(tenant, lambda: say(sara, ticket, "In time"), lambda: end("role", sara))

        with tenant_scope(customer.tenant_id):
            said, left = Message.objects.get(content="In time"), Participant.objects.get(membership=sara)
            assert said.created_at <= left.left_at


class TestUndoneFixes:
    """What a fix's undo brings back is judged by who is a support user now."""

    @pytest.mark.parametrize("command", ["reassign_tickets", "close_stale_tickets"])
    def test_who_lost_the_role_meanwhile_has_nothing_back(self, tenant, customer, sara, lead, command):
        at = timezone.now() - timedelta(days=30)
        ticket = make_ticket(customer, at=at)
        in_tenant(sara, lambda who: services.claim_ticket(actor=who, ticket_id=ticket.id, at=at))
        in_tenant(
            sara,
            lambda who: post_message(actor=who, conversation_id=ticket.conversation_id, content="Well?", at=at),
        )
        how = (
            [f"--from={sara.user.email}", f"--to={lead.user.email}"] if command == "reassign_tickets" else ["--days=7"]
        )
        done = run(command, *how, "--apply")
        assert done["changed"] == 1, done
        end("role", sara)

        undone = []
        locked = locks_of(lambda: undone.append(undo(done["run"])))

        assert undone[0]["refused"] == []
        assert locked.startswith("member! "), "people before their tickets, so that their role ends before or after"
        now = reload(ticket)
        assert (now.status, now.assignee_id, parts(sara)) == ("open", None, set())


class TestKeptAnswers:
    """A kept answer is given again only where the call would still be allowed."""

    KEY = {"Idempotency-Key": "once"}

    def again(self, caller, path, body=None):
        return caller.post(path, body, **self.KEY)

    def kept(self, caller, path, body=None):
        first = self.again(caller, path, body)
        second = self.again(caller, path, body)
        assert (first.status_code, second.headers["Idempotency-Replayed"]) == (second.status_code, "true")
        assert second.json() == first.json()
        return first.json()["data"]

    def refused(self, caller, path, body=None):
        answer = self.again(caller, path, body)
        assert "Idempotency-Replayed" not in answer.headers
        assert "data" not in answer.json()
        return answer.status_code, answer.json()["error"]

    @pytest.mark.parametrize("how", ["role", "membership", "login", "settings"])
    def test_message_of_who_lost_the_role(self, api, customer, sara, how):
        ticket = make_ticket(customer, agent=sara)
        workbench, path = api.as_(sara), f"/messaging/conversations/{ticket.conversation_id}/messages"
        self.kept(workbench, path, {"content": "Hello"})

        end(how, sara)

        gone = (401, "token_invalid") if how in ("membership", "login") else (404, "conversation_not_found")
        assert self.refused(workbench, path, {"content": "Hello"}) == gone

    def test_message_of_who_takes_part_no_longer(self, api, customer, sara, lead):
        ticket = make_ticket(customer, agent=sara)
        workbench, path = api.as_(sara), f"/messaging/conversations/{ticket.conversation_id}/messages"
        self.kept(workbench, path, {"content": "Hello"})

        in_tenant(lead, lambda who: services.take_over_ticket(actor=who, ticket_id=ticket.id, reason="away"))

        assert self.refused(workbench, path, {"content": "Hello"}) == (403, "not_a_participant")
        change(lead, ticket, "add", sara)
        assert self.again(workbench, path, {"content": "Hello"}).headers["Idempotency-Replayed"] == "true"

    def test_state_is_no_right(self, api, customer, sara):
        ticket = make_ticket(customer, agent=sara)
        portal, path = api.as_(customer), f"/messaging/conversations/{ticket.conversation_id}/messages"
        self.kept(portal, path, {"content": "Hello"})

        in_tenant(sara, lambda who: services.close_ticket(actor=who, ticket_id=ticket.id))

        assert self.again(portal, path, {"content": "Hello"}).headers["Idempotency-Replayed"] == "true"

    @pytest.mark.parametrize("how", ["role", "settings"])
    def test_next_of_who_lost_the_role(self, api, customer, sara, how):
        make_ticket(customer)
        workbench = api.as_(sara)
        self.kept(workbench, NEXT)

        end(how, sara)

        assert self.refused(workbench, NEXT) == (403, "not_a_support_user")

    def test_ticket_of_a_tenant_without_chat_or_suspended(self, api, tenant, customer):
        portal, new = api.as_(customer), {"subject": "Help", "message": "Help"}
        self.kept(portal, TICKETS, new)

        with tenant_scope(tenant.id):
            tenant.portal_settings.values["support_chat_enabled"] = False
            tenant.portal_settings.save()
        assert self.refused(portal, TICKETS, new) == (403, "support_chat_disabled")
        with tenant_scope(tenant.id):
            Tenant.objects.filter(id=tenant.id).update(status="suspended")
        assert self.refused(portal, TICKETS, new) == (401, "token_invalid")

    @pytest.mark.parametrize("item", ["delivery", "order", "ticket"])
    def test_ticket_that_is_not_theirs_any_more(self, api, owner, tenant, customer, item):
        other = MemberFactory(tenant=tenant)
        delivery, order = (Factory(tenant=tenant, customer=customer) for Factory in (DeliveryFactory, OrderFactory))
        new = {"subject": "Help", "message": "Help", "related_delivery_id": str(delivery.id)}
        if item == "order":
            new = {**new, "source": "storefront", "related_delivery_id": None, "related_order_id": str(order.id)}
        portal = api.as_(customer)
        ticket = self.kept(portal, TICKETS, new)["ticket"]
        assert ticket["order" if item == "order" else "delivery"]

        if item == "ticket":
            owner().execute("UPDATE support_ticket SET requester_id = %s WHERE id = %s", [other.id, ticket["id"]])
        else:
            with tenant_scope(tenant.id):
                type(row := delivery if item == "delivery" else order).objects.filter(id=row.id).update(customer=other)

        assert self.refused(portal, TICKETS, new) == (404, f"{item}_not_found")

    @pytest.mark.parametrize("call", ["", "/rotate-secret", "/test"])
    def test_webhook_of_who_is_no_admin_any_more(self, api, customer, call):
        admin = MemberFactory(tenant=customer.tenant, admin=True)
        caller, path = api.as_(admin), "/webhooks/subscriptions"
        new = {"webhook_url": "https://hooks.example/x", "module_id": "SUPPORT", "events": ["*"]}
        if call:
            made = caller.post(path, new).json()["data"]["subscription"]
            path, new = f"{path}/{made['id']}{call}", None
        first, second = self.again(caller, path, new), self.again(caller, path, new)
        assert (first.status_code, second.headers["Idempotency-Replayed"]) == (second.status_code, "true")
        assert "whsec_" not in second.content.decode(), "a secret is shown once"

        with tenant_scope(admin.tenant_id):
            update_member(membership=admin, role="agent")

        assert self.refused(caller, path, new) == (403, "permission_denied")

    def test_reopening_where_customers_may_no_longer(self, api, customer, sara):
        with tenant_scope(customer.tenant_id):
            PortalSettings.objects.update(values={"customer_reopen_days": 7})
        ticket = make_ticket(customer, closed_by=sara)
        portal, path = api.as_(customer), f"/customer/support/tickets/{ticket.id}/reopen"
        assert self.kept(portal, path)["ticket"]["status"] == "open"

        with tenant_scope(customer.tenant_id):
            PortalSettings.objects.update(values={})

        assert self.refused(portal, path) == (403, "customer_reopen_disabled")

    def test_what_is_wrong_with_the_key_comes_after_the_right(self, api, customer, sara):
        ticket = make_ticket(customer)
        workbench, path = api.as_(sara), f"/messaging/conversations/{ticket.conversation_id}/messages"

        for key in ("no key", "once"):
            answer = workbench.call("POST", path, raw=b"{", **{"Idempotency-Key": key})
            assert (answer.status_code, answer.json()["error"]) == (403, "not_a_participant")
        stranger = api.as_(MemberFactory(tenant=customer.tenant))
        answer = stranger.call("POST", path, body={"content": "x"}, **{"Idempotency-Key": "no key"})
        assert (answer.status_code, answer.json()["error"]) == (404, "conversation_not_found")

    def test_every_call_that_keeps_answers_is_tried_here(self):
        from pathlib import Path

        root = Path(__file__).resolve().parents[2]
        marked = [
            path.relative_to(root).as_posix()
            for layer in ("ondi", "conversations", "support", "orders", "deliveries")
            for path in (root / layer).rglob("*.py")
            for _place in range(path.read_text().count("    @idempotent("))
        ]

        assert sorted(marked) == [
            "ondi/files/api/views.py",
            *["ondi/webhooks/api/views.py"] * 3,
            "support/api/agent/views.py",
            *["support/api/customer/views.py"] * 2,
            "support/api/messaging/message_views.py",
        ]


def test_record_of_another_path_or_caller_is_never_looked_at(api, customer):
    """The key is the caller's, method's and path's: what is kept for one conversation answers for no other."""
    one, other = make_ticket(customer), make_ticket(customer)
    portal = api.as_(customer)
    for ticket in (one, other):
        path = f"/messaging/conversations/{ticket.conversation_id}/messages"
        answer = portal.post(path, {"content": "Hello"}, **TestKeptAnswers.KEY)
        assert "Idempotency-Replayed" not in answer.headers
    with tenant_scope(customer.tenant_id):
        assert IdempotencyRecord.objects.count() == 2
        assert Ticket.objects.count() == 2
