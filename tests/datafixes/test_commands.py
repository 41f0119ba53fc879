"""Data fixes: dry unless told otherwise, recorded, resumed, undone; and what each command does."""

import hashlib
import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command, get_commands
from django.db import connection
from django.utils import timezone

from conversations.services import post_system_message
from ondi.datafixes.command import FixCommand
from ondi.datafixes.models import FixImage, FixRun
from ondi.outbox.models import Event
from ondi.outbox.relay import relay_all
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from support.fixes.tickets import CloseStale, read_csv
from support.models import Ticket, TicketEvent
from support.services import claim_ticket, close_ticket, post_message, write_note
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket, reload

pytestmark = pytest.mark.django_db(transaction=True)
FIXES = {
    "close_stale_tickets", "reopen_tickets", "reassign_tickets", "relink_tickets", "redact_messages", "repair",
    "import_orders", "erase_customer", "purge_closed_tickets", "apply_calendar",
}  # fmt: skip
TABLES = (
    "support_ticket", "support_ticketevent", "conversations_conversation", "conversations_message",
    "conversations_participant", "datafixes_fixrun", "datafixes_fiximage", "accounts_membership", "orders_order",
)  # fmt: skip
COUNTING = "- 'version' - 'updated_at'"


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris")


@pytest.fixture
def agent(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def stale(tenant, agent):
    """Six answered tickets nobody wrote in for two weeks; one of yesterday."""
    old, tickets = timezone.now() - timedelta(days=15), []
    for number in range(7):
        at = old if number < 6 else timezone.now() - timedelta(days=1)
        ticket = make_ticket(MemberFactory(tenant=tenant), agent=agent, at=at)
        with tenant_scope(tenant.id):
            post_message(actor=actor(agent), conversation_id=ticket.conversation_id, content="Hello?",
                         at=at + timedelta(hours=1))  # fmt: skip
        tickets.append(ticket)
    return tickets


def run(command, *arguments, tenant="tigris"):
    """The JSON report of the one tenant; a refusal as text."""
    out = io.StringIO()
    try:
        call_command(command, *map(str, arguments), f"--tenant={tenant}", "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        if not out.getvalue():
            return str(error)
    (report,) = json.loads(out.getvalue())
    return report if {"status", "count"} & report.keys() else report["error"]


def undo(run_id):
    out = io.StringIO()
    try:
        call_command("data_fixes", "undo", run_id, "--json", stdout=out)
    except CommandError as error:
        if not out.getvalue():
            return str(error)
    return json.loads(out.getvalue())


def listed():
    """The status of each run, as operators are shown it."""
    out = io.StringIO()
    call_command("data_fixes", "list", "--json", stdout=out)
    return {one["run"]: one["status"] for one in json.loads(out.getvalue())}


def state(owner, *tables, but=COUNTING):
    found = {}
    for table in tables or TABLES:
        rows = owner.execute(f"SELECT (to_jsonb(t) {but})::text FROM {table} AS t").fetchall()
        found[table] = hashlib.sha256("\n".join(sorted(text for (text,) in rows)).encode()).hexdigest()
    return found


def restored(owner):
    """What an undo restores."""
    return state(owner, "support_ticket", "conversations_conversation", "conversations_message",
                 "conversations_participant", "accounts_membership", "orders_order")  # fmt: skip


def statuses(tickets):
    return [reload(ticket).status for ticket in tickets]


class TestHarness:
    def test_every_fixing_command_is_known_here_and_says_how_to_undo_it(self):
        from django.core.management import load_command_class

        found = {}
        for name, app in get_commands().items():
            command = load_command_class(app, name) if app.split(".")[0] in ("ondi", "support", "deliveries") else None
            if isinstance(command, FixCommand):
                found[name] = command.help
        assert set(found) == FIXES
        for text in found.values():
            assert "data_fixes undo" in text or ("FINAL" in text and "There is no undo" in text)

    def test_dry_run_writes_nothing_at_all(self, stale, owner, monkeypatch):
        before, seen, items = state(owner(), but=""), [], CloseStale.items

        def watched(fix):
            yield from items(fix)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id_if_assigned(), current_setting('transaction_read_only')")
                seen.append(cursor.fetchone())

        monkeypatch.setattr(CloseStale, "items", watched)
        report = run("close_stale_tickets", "--days=7")

        assert (report["dry_run"], report["count"]) == (True, 6)
        assert report["sample"][0] == {
            "item": f"#{stale[0].number}",
            "before": {"status": "open"},
            "after": {"status": "closed"},
        }
        assert state(owner(), but="") == before
        assert seen == [(None, "on")], "it had no transaction id and could not have had one"

    def test_apply_changes_records_and_a_second_run_changes_nothing(self, stale, owner):
        report = run("close_stale_tickets", "--days=7", "--apply")

        assert (report["changed"], report["failed"]) == (6, 0)
        assert statuses(stale) == ["closed"] * 6 + ["open"]
        with tenant_scope(stale[0].tenant_id):
            kept = FixRun.objects.get()
            assert (kept.status, kept.changed, kept.arguments) == ("done", 6, {"days": "7"})
            assert FixImage.objects.count() == 12, "ticket and conversation of each"
            event = TicketEvent.objects.filter(kind="closed").first()
            assert (event.actor_id, event.cause) == (None, f"fix:{kept.id}")
        relay_all()
        with tenant_scope(stale[0].tenant_id):
            told = Event.objects.filter(kind="ticket.closed", cause=event.cause)
            assert [one.is_silent for one in told] == [True] * 6
        after = state(owner(), "support_ticket", "conversations_conversation", but="")
        assert run("close_stale_tickets", "--days=7", "--apply")["changed"] == 0
        assert state(owner(), "support_ticket", "conversations_conversation", but="") == after

    def test_runs_are_listed_and_shown(self, stale):
        done = run("close_stale_tickets", "--days=7", "--apply")["run"]
        listed, shown, plain = io.StringIO(), io.StringIO(), io.StringIO()
        call_command("data_fixes", "list", "--json", stdout=listed)
        call_command("data_fixes", "show", done, "--json", stdout=shown)
        call_command("data_fixes", "show", done, stdout=plain)

        assert [one["run"] for one in json.loads(listed.getvalue())] == [done]
        told = json.loads(shown.getvalue())
        assert told["rows"] == {"support_ticket": 6, "conversations_conversation": 6}
        assert (told["command"], told["changed"], told["undo"]) == ("close_stale_tickets", 6, "possible")
        assert "close_stale_tickets" in plain.getvalue()
        for nonsense in ("nonsense", "00000000-0000-7000-8000-000000000000", None):
            with pytest.raises(CommandError, match="There is no run"):
                call_command("data_fixes", "show", *filter(None, [nonsense]))

    def test_report_is_plain_text_too(self, stale):
        out = io.StringIO()
        call_command("close_stale_tickets", "--days=7", "--tenant=tigris", stdout=out)
        call_command("close_stale_tickets", "--days=7", "--tenant=tigris", "--apply", stdout=out, stderr=io.StringIO())

        assert "6 would be changed, 0 cannot be. Nothing was done." in out.getvalue()
        assert "status=open -> status=closed" in out.getvalue()
        assert "6 changed, 0 unchanged, 0 failed" in out.getvalue()

    def test_customers_hear_nothing(self, api, tenant, stale):
        with tenant_scope(tenant.id):
            customer = stale[0].requester
        before = api.as_(customer).get("/customer/support/summary").json()["data"]["unread_messages"]

        run("close_stale_tickets", "--days=7", "--apply")

        assert api.as_(customer).get("/customer/support/summary").json()["data"]["unread_messages"] == before

    def test_undo_restores_row_for_row_and_leaves_its_events(self, stale, owner):
        before = restored(owner())
        done = run("close_stale_tickets", "--days=7", "--apply")["run"]

        report = undo(done)

        assert (report["restored"], report["refused"]) == (6, [])
        assert restored(owner()) == before
        with tenant_scope(stale[0].tenant_id):
            assert TicketEvent.objects.filter(kind="fix_undone").count() == 6
            assert FixRun.objects.get().status == "undone"
        assert undo(done)["unchanged"] == 6, "undone twice is undone once"

    def test_undo_names_and_leaves_what_changed_since(self, stale, agent, owner):
        done = run("close_stale_tickets", "--days=7", "--apply")["run"]
        with tenant_scope(stale[0].tenant_id):
            Ticket.objects.filter(id=stale[0].id).update(subject="Changed since")

        report = undo(done)

        assert report["restored"] == 5
        assert [item for item, _reason in report["refused"]] == [str(stale[0].id)]
        assert "changed since" in report["refused"][0][1]
        assert statuses(stale[:2]) == ["closed", "open"]

    def test_plan_that_no_longer_fits_is_refused(self, stale, agent):
        plan = run("close_stale_tickets", "--days=7")["plan"]
        with tenant_scope(stale[0].tenant_id):
            close_ticket(actor=actor(agent), ticket_id=stale[0].id)

        assert "no longer what the plan was made of" in run(
            "close_stale_tickets", "--days=7", "--apply", f"--plan={plan}"
        )
        assert list(listed().values()) == ["refused"]
        assert statuses(stale[1:]) == ["open"] * 6
        fresh = run("close_stale_tickets", "--days=7")["plan"]
        assert run("close_stale_tickets", "--days=7", "--apply", f"--plan={fresh}")["changed"] == 5

    def test_scope_has_to_be_said(self, stale):
        for arguments in ((), ("--tenant=nowhere",)):
            with pytest.raises(CommandError):
                call_command("close_stale_tickets", "--days=7", *arguments)

    def test_all_tenants_are_each_a_run(self, stale):
        TenantFactory(slug="zagros")
        out = io.StringIO()
        call_command("close_stale_tickets", "--days=7", "--all-tenants", "--apply", "--json", stdout=out)

        assert [(one["tenant"], one["changed"]) for one in json.loads(out.getvalue())] == [("tigris", 6), ("zagros", 0)]

    def test_limit_and_batch_size(self, stale):
        assert run("close_stale_tickets", "--days=7", "--apply", "--limit=2", "--batch-size=1")["changed"] == 2
        assert statuses(stale[:3]) == ["closed", "closed", "open"]

    def test_row_that_is_held_fails_alone_and_soon(self, stale):
        held, free = threading.Event(), threading.Event()

        def hold():
            with tenant_scope(stale[2].tenant_id):
                Ticket.objects.locked().get(id=stale[2].id)
                held.set()
                free.wait(timeout=60)
            connection.close()

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        report = run("close_stale_tickets", "--days=7", "--apply", "--batch-size=6")
        free.set()
        holder.join()

        assert (report["changed"], report["failed"]) == (5, 1)
        assert report["faults"][0][0] == f"#{stale[2].number}"
        assert run("close_stale_tickets", "--days=7", "--apply")["changed"] == 1, "and goes the next time"

    def test_two_runs_of_one_command_are_kept_apart(self, tenant, stale):
        from ondi.datafixes.runs import alone

        ready, done = threading.Event(), threading.Event()

        def other():
            with alone("close_stale_tickets", tenant.id):
                ready.set()
                done.wait(timeout=30)
            connection.close()

        thread = threading.Thread(target=other)
        thread.start()
        ready.wait()
        assert "is under way" in run("close_stale_tickets", "--days=7", "--apply")
        done.set()
        thread.join()

    def test_too_many_errors_end_it(self, tenant, agent, tmp_path):
        taken = DeliveryFactory(tenant=tenant, customer=MemberFactory(tenant=tenant))
        tickets = [make_ticket(MemberFactory(tenant=tenant)) for _number in range(6)]
        path = tmp_path / "links.csv"
        path.write_text("ticket,item\n" + "".join(f"{t.number},delivery:{taken.delivery_code}\n" for t in tickets))

        report = run("relink_tickets", f"--from={path}", "--apply", "--max-errors=2", "--batch-size=1")

        assert report["failed"] == 3


class TestCommands:
    def test_mass_close_that_was_a_mistake_is_reopened(self, tenant, agent, owner):
        lead = MemberFactory(tenant=tenant, lead=True)
        tickets = [make_ticket(MemberFactory(tenant=tenant), agent=agent) for _number in range(4)]
        start = timezone.now()
        with tenant_scope(tenant.id):
            for ticket in tickets[:3]:
                close_ticket(actor=actor(lead), ticket_id=ticket.id)
            close_ticket(actor=actor(agent), ticket_id=tickets[3].id)
        before = restored(owner())
        between = ("--between", start.isoformat(), (timezone.now() + timedelta(minutes=1)).isoformat())

        done = run("reopen_tickets", f"--closed-by={lead.user.email}", *between, "--apply")

        assert done["changed"] == 3
        assert statuses(tickets) == ["open", "open", "open", "closed"]
        assert reload(tickets[0]).assignee_id == agent.id
        assert undo(done["run"])["refused"] == []
        assert restored(owner()) == before

    @pytest.mark.parametrize(("zone", "day"), [
        ("Pacific/Kiritimati", "2026-03-06"), ("America/New_York", "2026-03-05"), ("Asia/Baghdad", "2026-03-05")
    ])  # fmt: skip
    def test_a_day_is_the_tenants(self, tenant, agent, zone, day):
        """What was closed at half past eleven in UTC: in the far east that is the next day."""
        tenant.time_zone = zone
        with tenant_scope(tenant.id):
            tenant.save()
            ticket = make_ticket(MemberFactory(tenant=tenant), agent=agent, at=datetime(2026, 3, 5, 11, tzinfo=UTC))
            close_ticket(actor=actor(agent), ticket_id=ticket.id, at=datetime(2026, 3, 5, 11, 30, tzinfo=UTC))
        start = datetime.fromisoformat(day)
        days = [(start + timedelta(days=number)).date().isoformat() for number in (-1, 0, 1, 2)]

        found = [run("reopen_tickets", f"--closed-by={agent.user.email}", "--between", *days[number : number + 2])
                 for number in range(3)]  # fmt: skip

        assert [report["count"] for report in found] == [0, 1, 0]

    def test_reopen_names_the_item_that_is_held_meanwhile(self, tenant, agent, tmp_path):
        customer = MemberFactory(tenant=tenant)
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        first = make_ticket(customer, delivery=delivery, agent=agent, closed_by=agent)
        make_ticket(customer, delivery=delivery)
        (tmp_path / "t.csv").write_text(f"ticket\n#{first.number}\n")

        report = run("reopen_tickets", f"--from={tmp_path / 't.csv'}", "--apply")

        assert report["changed"] == 0
        assert report["faults"] == [[f"#{first.number}", "A support ticket is already open for this item"]]

    @pytest.mark.parametrize("to", ["colleague", "queue"])
    def test_reassign(self, tenant, agent, owner, to):
        colleague = MemberFactory(tenant=tenant, agent=True)
        tickets = [make_ticket(MemberFactory(tenant=tenant), agent=agent) for _number in range(3)]
        before = restored(owner())
        target = f"--to={colleague.user.email}" if to == "colleague" else "--to-queue"

        done = run("reassign_tickets", f"--from={agent.user.email}", target, "--apply")

        assert {reload(ticket).assignee_id for ticket in tickets} == {colleague.id if to == "colleague" else None}
        assert undo(done["run"])["refused"] == []
        assert restored(owner()) == before

    def test_reassign_to_no_support_user_is_refused(self, tenant, agent):
        clerk = MemberFactory(tenant=tenant, role="agent")

        assert "no support user" in run("reassign_tickets", f"--from={agent.user.email}", f"--to={clerk.user.email}")
        assert "nobody" in run("reassign_tickets", "--from=who@example.org", "--to-queue")

    def test_relink(self, tenant, owner, tmp_path):
        customer = MemberFactory(tenant=tenant)
        wrong, right = (DeliveryFactory(tenant=tenant, customer=customer) for _number in range(2))
        ticket = make_ticket(customer, delivery=wrong)
        foreign = DeliveryFactory(tenant=tenant, customer=MemberFactory(tenant=tenant))
        path = tmp_path / "links.csv"
        path.write_text(f"ticket,item\n{ticket.number},delivery:{right.delivery_code}\n999,none\n"
                        f"{ticket.id},delivery:{foreign.delivery_code}\n")  # fmt: skip
        before = restored(owner())

        done = run("relink_tickets", f"--from={path}", "--apply")

        assert reload(ticket).delivery_id == right.id
        assert [label for label, _reason in done["faults"]] == ["999", f"#{ticket.number}"]
        undo(done["run"])
        assert restored(owner()) == before

    def test_redact_by_event_and_by_file_says_twice_that_it_is_final(self, tenant, agent, tmp_path):
        ticket = make_ticket(MemberFactory(tenant=tenant), agent=agent, message="my secret 4711")
        with tenant_scope(tenant.id):
            post_system_message(conversation_id=ticket.conversation_id, code="delivery_cancelled", at=timezone.now())
            secret = ticket.conversation.messages.get(sequence=1)
        (tmp_path / "m.csv").write_text(f"message\n{secret.id}\n")
        day = ("--between", "2000-01-01", "2100-01-01")
        said, warned = io.StringIO(), io.StringIO()
        call_command("redact_messages", "--event=delivery_cancelled", *day, "--tenant=tigris", "--apply", stdout=said,
                     stderr=warned)  # fmt: skip

        done = run("redact_messages", f"--from={tmp_path / 'm.csv'}", "--apply")

        assert "FINAL" in warned.getvalue()
        assert "FINAL" in said.getvalue()
        assert done["changed"] == 1
        with tenant_scope(tenant.id):
            codes = [message.event["code"] for message in ticket.conversation.messages.order_by("sequence")]
        assert codes == ["message_redacted", "message_redacted"]
        assert "is final" in undo(done["run"])

    def test_import_into_the_wrong_tenant_is_undone(self, tenant, owner, tmp_path):
        from tests.deliveries.test_import_orders import HEADER, OLIST, row

        kept = OrderFactory(
            tenant=tenant, number="o1", external_id="o1", customer=MemberFactory(tenant=tenant, external_id="c1")
        )
        before = restored(owner()) | state(owner(), "accounts_user", "deliveries_delivery")
        path = tmp_path / "orders.csv"
        path.write_text("\n".join([HEADER, *(row(f"o{number}", f"c{number}") for number in range(1, 31))]) + "\n")
        plan = run("import_orders", path, f"--map={OLIST}")
        assert plan["count"] == 30
        done = run("import_orders", path, f"--map={OLIST}", "--apply", "--batch-size=7")
        assert done["changed"] == 30
        assert run("import_orders", path, f"--map={OLIST}")["count"] == 0, "all is so already"
        with tenant_scope(tenant.id):
            order = Order.objects.select_related("customer").get(external_id="o9")
        ticket = make_ticket(order.customer, order=order)

        report = undo(done["run"])

        assert reload(kept).status == kept.status
        assert sorted(item for item, _reason in report["refused"]) == ["customer c9", "order o9"]
        with tenant_scope(tenant.id):
            assert set(Order.objects.values_list("external_id", flat=True)) == {"o1", "o9"}
        owner().execute("DELETE FROM support_ticketevent WHERE ticket_id = %s", [ticket.id])
        owner().execute("DELETE FROM support_ticket WHERE id = %s", [ticket.id])
        owner().execute("DELETE FROM conversations_participant WHERE conversation_id = %s", [ticket.conversation_id])
        owner().execute(
            "UPDATE conversations_conversation SET last_message_id = NULL WHERE id = %s", [ticket.conversation_id]
        )
        owner().execute("DELETE FROM conversations_message WHERE conversation_id = %s", [ticket.conversation_id])
        owner().execute("DELETE FROM conversations_conversation WHERE id = %s", [ticket.conversation_id])
        assert undo(done["run"])["refused"] == []
        assert restored(owner()) | state(owner(), "accounts_user", "deliveries_delivery") == before

    def test_purge_takes_old_closed_tickets_whole(self, tenant, agent, owner):
        with time_machine.travel(timezone.now() - timedelta(days=400)):
            old = make_ticket(MemberFactory(tenant=tenant), agent=agent, closed_by=agent)
        young = make_ticket(MemberFactory(tenant=tenant), agent=agent, closed_by=agent)
        open_one = make_ticket(MemberFactory(tenant=tenant))
        with tenant_scope(tenant.id):
            former = FixRun.objects.create(tenant=tenant, command="x", operator="x", started_at=timezone.now())
            FixImage.objects.bulk_create(
                FixImage(
                    tenant=tenant, run=former, item="x", position=place, table_name="support_ticket", row_id=one.id
                )
                for place, one in enumerate((old, young))
            )

        report = run("purge_closed_tickets", "--older-than=365", "--apply")

        assert report["changed"] == 1
        left = {row for (row,) in owner().execute("SELECT id FROM support_ticket").fetchall()}
        assert left == {young.id, open_one.id}
        with tenant_scope(tenant.id):
            images = set(FixImage.objects.filter(run=former).values_list("row_id", flat=True))
        assert images == {young.id}, "an image that holds its words goes with it, and no other"
        for table, column, gone in (("support_ticketevent", "ticket_id", old.id),
                                    ("conversations_message", "conversation_id", old.conversation_id)):  # fmt: skip
            assert owner().execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [gone]).fetchone() == (0,)

    def test_owner_functions_keep_to_the_scope(self, tenant, agent):
        elsewhere = TenantFactory()
        theirs = MemberFactory(tenant=elsewhere, agent=True)
        foreign = make_ticket(MemberFactory(tenant=elsewhere), agent=theirs, closed_by=theirs)
        with tenant_scope(tenant.id), connection.cursor() as cursor:
            cursor.execute("SELECT ondi_erase_customer(%s)", [foreign.requester_id])
            assert cursor.fetchone() == (False,)
            cursor.execute("SELECT ondi_purge_tickets(%s)", [[foreign.id]])
            assert cursor.fetchone() == (0,)
        assert reload(foreign).subject == foreign.subject


class TestPerson:
    MARK = "canary8842"

    def marked(self, tenant, agent, api):
        """Somebody with the mark in every place that holds text about them."""
        from django.contrib.admin.models import CHANGE, LogEntry
        from django.contrib.contenttypes.models import ContentType

        from ondi.accounts.models import Membership
        from orders.models import OrderItem
        from tests.factories import UserFactory

        mark = self.MARK
        customer = MemberFactory(
            tenant=tenant, user=UserFactory(email=f"{mark}@example.org"), first_name=mark, last_name=mark,
            phone=mark, external_id=mark,
        )  # fmt: skip
        order = OrderFactory(tenant=tenant, customer=customer, number=mark, external_id=mark)
        delivery = DeliveryFactory(
            tenant=tenant, customer=customer, from_address=mark, to_address=mark, external_id=mark
        )
        told = {"subject": mark, "message": mark}
        portal = api.as_(customer)
        ticket = portal.post("/customer/support/tickets", {**told, "related_delivery_id": str(delivery.id)},
                             **{"Idempotency-Key": "k"}).json()["data"]["ticket"]  # fmt: skip
        storefront = make_ticket(customer, order=order, **told)
        workbench = api.as_(agent)
        workbench.post(f"/messaging/support/tickets/{ticket['id']}/assign-to-me")
        workbench.post(f"/messaging/conversations/{ticket['conversation']['id']}/messages", {"content": f"Dear {mark}"},
                  **{"Idempotency-Key": "k"})  # fmt: skip
        api.post("/auth/login", {"email": customer.user.email, "password": "wrong"})
        with tenant_scope(tenant.id):
            OrderItem.objects.create(tenant=tenant, order=order, position=1, name=mark)
            write_note(actor=actor(agent), ticket_id=ticket["id"], content=mark)
            claim_ticket(actor=actor(agent), ticket_id=storefront.id)
            LogEntry.objects.create(user=agent.user, content_type=ContentType.objects.get_for_model(Membership),
                                    object_id=str(customer.id), object_repr=mark, action_flag=CHANGE, change_message=mark)  # fmt: skip
        run("reassign_tickets", f"--from={agent.user.email}", "--to-queue", "--apply")  # images with the mark
        return customer, ticket

    def places(self, owner):
        """Every table that holds the mark, in everything a dump would hold."""
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {
            table for (table,) in tables
            if owner.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text ILIKE %s', [f"%{self.MARK}%"]).fetchone()[0]
        }  # fmt: skip

    def test_erased_person_is_in_no_table(self, api, tenant, agent, owner, settings):
        customer, ticket = self.marked(tenant, agent, api)
        there = self.places(owner())
        assert there >= {
            "accounts_user", "accounts_membership", "support_ticket", "support_ticketnote", "conversations_conversation",
            "conversations_message", "orders_order", "orders_orderitem", "deliveries_delivery", "api_idempotencyrecord",
            "datafixes_fiximage", "django_admin_log",
        }  # fmt: skip

        report = run("erase_customer", f"--customer={customer.user.email}", "--apply")

        assert report["changed"] == 1
        assert self.places(owner()) == set()
        assert run("erase_customer", f"--customer={customer.id}", "--apply")["changed"] == 0
        data = api.as_(agent).get(f"/messaging/support/tickets/{ticket['id']}").json()["data"]["ticket"]
        assert data["requester"]["name"] == "Deleted user"
        assert data["conversation"]["message_count"] >= 2, "how much was said stays"
        out = io.StringIO()
        call_command("doctor", stdout=out)

    def test_login_of_other_tenants_is_theirs(self, api, tenant, agent, owner):
        customer, _ticket = self.marked(tenant, agent, api)
        MemberFactory(tenant=TenantFactory(), user=customer.user)

        run("erase_customer", f"--customer={customer.id}", "--apply")

        assert self.places(owner()) == {"accounts_user", "accounts_membership"}
        assert reload(customer).email is None, "what is left is the other tenant's"

    def test_staff_are_not_erased(self, agent):
        assert "staff" in run("erase_customer", f"--customer={agent.user.email}", "--apply")["faults"][0][1]

    def test_export_holds_it_all(self, api, tenant, agent, tmp_path):
        customer, ticket = self.marked(tenant, agent, api)
        path = tmp_path / "person.zip"

        call_command("export_customer", "--tenant=tigris", f"--customer={customer.user.email}", f"--out={path}",
                     stdout=io.StringIO())  # fmt: skip

        with zipfile.ZipFile(path) as archive:
            parts = {name: json.loads(archive.read(name)) for name in archive.namelist()}
        assert path.stat().st_mode & 0o777 == 0o600, "for whoever made it alone"
        assert parts["person.json"]["email"] == customer.user.email
        assert "password" not in json.dumps(parts)
        assert {one["id"] for one in parts["tickets.json"]} >= {ticket["id"]}
        assert all(
            parts[f"{name}.json"] for name in ("messages", "notes", "events", "orders", "order_items", "deliveries")
        )
        with pytest.raises(CommandError):  # nothing is overwritten
            call_command("export_customer", "--tenant=tigris", f"--customer={customer.id}", f"--out={path}")


class TestShell:
    SCRIPT = "from support.models import Ticket; print('rows', Ticket.objects.count())"

    def shell(self, *arguments, script=SCRIPT):
        call_command("shell", "--no-imports", "-c", script, *arguments)

    def test_scope_is_what_was_asked_for(self, tenant, capsys):
        make_ticket(MemberFactory(tenant=tenant))
        make_ticket(MemberFactory())
        for arguments in ((), ("--tenant=tigris",), ("--all-tenants",)):
            self.shell(*arguments)

        assert re.findall(r"rows (\d)", capsys.readouterr().out) == ["0", "1", "2"]

    def test_it_reads_only_unless_told(self, tenant):
        ticket = make_ticket(MemberFactory(tenant=tenant))
        write = "from support.models import Ticket; Ticket.objects.update(subject='by hand')"
        with pytest.raises(Exception, match="read-only transaction"):
            self.shell("--tenant=tigris", script=write)
        assert reload(ticket).subject != "by hand"
        self.shell("--tenant=tigris", "--write", script=write)
        assert reload(ticket).subject == "by hand"

    def test_bad_scope_is_a_sentence(self):
        for arguments in (("--tenant=nowhere",), ("--write",)):
            with pytest.raises(CommandError):
                self.shell(*arguments)


def test_bad_files_are_a_sentence(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="has no column ticket"):
        read_csv(path, "ticket")
    with pytest.raises(CommandError):
        read_csv(tmp_path / "none.csv", "ticket")


def test_what_follows_an_undo_is_known_to_a_process_that_did_nothing_else():
    """Given `manage.py data_fixes undo` alone, then the fixes' own modules are there, which no command has loaded."""
    script = (
        "import django; django.setup(); from django.utils.module_loading import autodiscover_modules; "
        "autodiscover_modules('fixes.undoing'); from ondi.datafixes.fixes import HELD, UNDONE; print(*HELD, '|', *UNDONE)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split("|")
    assert all({"close_stale_tickets", "auto_close", "apply_calendar"} <= set(names.split()) for names in said)
