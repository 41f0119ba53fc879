"""Runs: whatever happens is named, every run has a state that is true, and no id is lost."""

import contextlib
import io
import json
import threading
from datetime import timedelta

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone

from conversations.models import Message
from deliveries.models import Delivery
from ondi.datafixes.fixes import FixRefused
from ondi.datafixes.images import rows_in, rows_now
from ondi.datafixes.models import FixRun
from ondi.datafixes.runs import apply_fix
from ondi.datafixes.undo import undo_run
from ondi.tenants.scope import tenant_scope
from support.fixes.final import EraseCustomer
from support.fixes.tickets import CloseStale, Reassign, Relink, Reopen
from support.models import Ticket
from support.services import close_ticket, post_message
from tests.datafixes.test_commands import listed, run, statuses
from tests.deliveries.test_import_orders import HEADER, OLIST, row
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket, reload
from tests.races import at_once, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris")


@pytest.fixture
def agent(tenant):
    return MemberFactory(tenant=tenant, agent=True)


def stale_in(tenant, number):
    """Answered tickets nobody wrote in for two weeks."""
    agent, at, tickets = MemberFactory(tenant=tenant, agent=True), timezone.now() - timedelta(days=15), []
    for _number in range(number):
        ticket = make_ticket(MemberFactory(tenant=tenant), agent=agent, at=at)
        with tenant_scope(tenant.id):
            post_message(actor=actor(agent), conversation_id=ticket.conversation_id, content="Hello?",
                         at=at + timedelta(hours=1))  # fmt: skip
        tickets.append(ticket)
    return tickets


@pytest.fixture
def stale(tenant):
    return stale_in(tenant, 6)


class Breaks(CloseStale):
    """A fix with a fault of its own in one ticket."""

    broken = None

    def apply_all(self, items, *, at):
        if str(self.broken) in [item.key for item in items]:
            raise self.error
        return super().apply_all(items, at=at)


def apply(fix, *, progress=lambda _more: None, batch_size=100, max_errors=20, command="close_stale_tickets", plan=""):
    return apply_fix(
        fix, command=command, arguments={"days": "7"}, operator="test", plan=plan, limit=None, batch_size=batch_size,
        max_errors=max_errors, progress=progress,
    )  # fmt: skip


def after_the_first(call):
    """For `progress`: does it once, after the first batch."""
    calls = iter([call])
    return lambda _more: next(calls, lambda: None)()


def interrupt():
    raise KeyboardInterrupt


def test_behind_a_pooler_the_lock_stands_on_a_connection_past_it(tenant, stale, settings):
    at = connection.get_connection_params()
    settings.DATABASE_DIRECT_URL = psycopg.conninfo.make_conninfo(
        "", **{name: at[name] for name in ("host", "port", "dbname", "user", "password") if at.get(name)}
    )
    mine = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    seen = {}

    def look():
        with connection.cursor() as cursor:
            cursor.execute(mine)
            seen["locks here"] = cursor.fetchone()[0]
        seen["states"] = list(listed().values())
        with pytest.raises(FixRefused, match="is under way"):
            apply(CloseStale(tenant.id, days=7))

    assert apply(CloseStale(tenant.id, days=7), progress=after_the_first(look), batch_size=2).changed == 6
    assert seen == {"locks here": 0, "states": ["running"]}
    assert apply(CloseStale(tenant.id, days=7)).status == "done", "and is free again"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"), (KeyError("x"), "KeyError: 'x'"),
     (OverflowError("date value out of range"), "OverflowError: date value out of range"), (ValueError("no"), "no")],
)  # fmt: skip
def test_an_item_that_fails_in_any_way_is_named_and_the_others_are_done(tenant, stale, error, reason):
    fix = Breaks(tenant.id, days=7)
    fix.broken, fix.error = stale[3].id, error

    outcome = apply(fix)

    assert (outcome.changed, outcome.faults, outcome.error) == (5, [(f"#{stale[3].number}", reason)], "")
    assert statuses(stale) == ["closed"] * 3 + ["open"] + ["closed"] * 2
    assert listed() == {str(outcome.run_id): "failed"}


def test_only_what_a_batch_may_change_is_looked_at_and_held(tenant):
    tickets = stale_in(tenant, 2)
    fix = CloseStale(tenant.id, days=7)
    with tenant_scope(tenant.id):
        batch = list(fix.items())[:1]

        found = rows_in(fix.footprint, {"tenant": tenant.id, **fix.parameters(batch)})

    assert {key for _item, table, key in found if table == "support_ticket"} == {tickets[0].id}
    assert {item for item, _table, _key in found} == {batch[0].key}


def test_what_another_table_computes_is_no_matter_of_an_image(tenant, stale, owner):
    """Left out of a row's image are the columns that its own table computes, and these alone."""
    owner().execute("CREATE TEMP TABLE computes (subject text, content text GENERATED ALWAYS AS (subject) STORED)")
    try:
        with tenant_scope(tenant.id):
            message = Message.objects.latest("created_at")
            image = rows_now("conversations_message", [message.id])[message.id]
    finally:
        owner().execute("DROP TABLE computes")

    assert image["content"] == message.content
    assert "content_folded" not in image


def test_ctrl_c_leaves_a_run_that_goes_on(tenant, stale):
    cut = apply(CloseStale(tenant.id, days=7), progress=after_the_first(interrupt), batch_size=2)

    assert (cut.changed, cut.error, cut.status) == (2, "interrupted", "cut_off")
    assert listed() == {str(cut.run_id): "cut_off"}
    on = apply(CloseStale(tenant.id, days=7))
    assert (on.run_id, on.resumed, on.changed) == (cut.run_id, True, 4)
    assert listed() == {str(cut.run_id): "done"}


def test_a_run_whose_connection_was_lost_goes_on(tenant, stale):
    def ask(sql, *arguments):
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchone()[0]

    def end_connection():
        pid = ask("SELECT pg_backend_pid()")
        assert at_once([lambda: ask("SELECT pg_terminate_backend(%s, 5000)", pid)]) == [True]

    cut = apply(CloseStale(tenant.id, days=7), progress=after_the_first(end_connection), batch_size=2)
    connection.close()

    assert "connection to the database is lost" in cut.error
    assert listed() == {str(cut.run_id): "cut_off"}
    assert apply(CloseStale(tenant.id, days=7)).run_id == cut.run_id


def test_a_killed_run_is_told_from_one_under_way(tenant, stale):
    seen = {}
    apply(CloseStale(tenant.id, days=7), progress=after_the_first(lambda: seen.update(listed())))
    with tenant_scope(tenant.id):
        FixRun.objects.update(status="running", finished_at=None)  # as a process leaves it that was killed

    assert list(seen.values()) == ["running"]
    assert list(listed().values()) == ["cut_off"]


def test_too_many_errors_cut_it_off_and_it_goes_on(tenant, stale):
    fix = Breaks(tenant.id, days=7)
    fix.broken, fix.error = stale[0].id, ValueError("no")

    cut = apply(fix, batch_size=1, max_errors=0)
    on = apply(CloseStale(tenant.id, days=7))

    assert (cut.changed, cut.status, cut.error) == (0, "cut_off", "more than 0 failed, and the rest was not tried")
    assert (on.run_id, on.changed) == (cut.run_id, 6)
    with tenant_scope(tenant.id):
        assert FixRun.objects.get().failed == 0, "what failed was tried again"


def test_one_that_was_tried_to_its_end_is_not_cut_off_whatever_failed(tenant, stale):
    fix = Breaks(tenant.id, days=7)
    fix.broken, fix.error = stale[0].id, ValueError("no")

    outcome = apply(fix, max_errors=0)

    assert (outcome.changed, outcome.status, outcome.error) == (5, "failed", "")


def test_what_a_later_process_does_happens_when_it_does_it(tenant, stale):
    begun = timezone.now() - timedelta(days=2)
    apply(CloseStale(tenant.id, days=7), progress=after_the_first(interrupt))
    with tenant_scope(tenant.id):
        FixRun.objects.update(started_at=begun)

    apply(CloseStale(tenant.id, days=7))

    with tenant_scope(tenant.id):
        assert min(Ticket.objects.values_list("closed_at", flat=True)) > begun + timedelta(days=1)


def test_what_cannot_be_read_is_no_run(tenant, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    for path in (tmp_path / "none.csv", tmp_path, tmp_path / "empty.csv"):
        for option in ("--apply", "--limit=1"):
            said = run("import_orders", path, "--map=deliveries/import_maps/olist.toml", option)
            assert str(path) in said
    assert listed() == {}


class Watched(io.StringIO):
    """Standard output that remembers how many tickets were open whenever something was written."""

    def __init__(self, tickets):
        super().__init__()
        self.tickets, self.open = tickets, []

    def write(self, text):
        if text.startswith(("[{", ",{")):
            self.open.append(statuses(self.tickets).count("open"))
        return super().write(text)


def test_json_is_told_as_it_happens_and_loses_no_run_though_a_tenant_fails(tenant):
    others = [TenantFactory(slug=slug) for slug in ("euphrates", "zagros")]
    giver = MemberFactory(tenant=tenant, agent=True)
    tickets = [make_ticket(MemberFactory(tenant=tenant), agent=giver)]
    for other in others:
        member = MemberFactory(tenant=other, agent=True, external_id="giver")
        tickets.append(make_ticket(MemberFactory(tenant=other), agent=member))
    out = Watched([])

    with pytest.raises(CommandError, match="named above"):
        call_command("reassign_tickets", "--from=giver", "--to-queue", "--all-tenants", "--apply", "--json", stdout=out,
                     stderr=io.StringIO())  # fmt: skip

    euphrates, tigris, zagros = json.loads(out.getvalue())
    assert {euphrates["run"], zagros["run"]} == set(listed())
    assert (euphrates["changed"], zagros["changed"]) == (1, 1)
    assert "nobody" in tigris["error"]
    lines = out.getvalue().splitlines()
    assert [json.loads(line[1:])["tenant"] for line in lines[:3]] == ["euphrates", "tigris", "zagros"]


def test_json_is_an_array_also_of_one_that_is_refused(tenant, stale):
    out = io.StringIO()
    with pytest.raises(CommandError, match="no longer what the plan"):
        call_command(
            "close_stale_tickets", "--days=7", "--tenant=tigris", "--apply", "--plan=old", "--json", stdout=out
        )

    (report,) = json.loads(out.getvalue())
    assert listed() == {report["run"]: "refused"}


def test_a_tenants_report_is_there_before_the_next_one_begins(tenant, stale):
    later = stale_in(TenantFactory(slug="zagros"), 2)
    out = Watched(later)

    call_command(
        "close_stale_tickets", "--days=7", "--all-tenants", "--apply", "--json", stdout=out, stderr=io.StringIO()
    )

    assert out.open == [2, 0]


def test_dry_run_that_finds_what_cannot_be_fixed_says_so_as_the_run_does(tenant, tmp_path):
    (tmp_path / "links.csv").write_text("ticket,item\n999,none\n")
    for option in ((), ("--apply",)):
        with pytest.raises(CommandError, match="Some items failed"):
            call_command("relink_tickets", f"--from={tmp_path / 'links.csv'}", "--tenant=tigris", *option,
                         stdout=io.StringIO(), stderr=io.StringIO())  # fmt: skip
        assert run("relink_tickets", f"--from={tmp_path / 'links.csv'}", *option)["failed"] == 1


class TestUndo:
    @pytest.fixture
    def done(self, tenant, stale):
        return apply(CloseStale(tenant.id, days=7)).run_id

    def undo(self, run_id, *options):
        out = io.StringIO()
        with contextlib.suppress(CommandError):
            call_command("data_fixes", "undo", run_id, "--json", *options, stdout=out, stderr=io.StringIO())
        return json.loads(out.getvalue())

    def change(self, *tickets):
        with tenant_scope(tickets[0].tenant_id):
            Ticket.objects.filter(id__in=[ticket.id for ticket in tickets]).update(subject="Changed since")

    def test_dry_run_says_what_the_undo_says_and_does_nothing(self, stale, done):
        self.change(stale[0])

        shown = self.undo(done, "--dry-run")

        assert statuses(stale) == ["closed"] * 6
        assert listed() == {str(done): "done"}
        really = self.undo(done)
        for name in ("restored", "unchanged", "refused"):
            assert shown[name] == really[name]
        assert (shown["restored"], len(shown["refused"])) == (5, 1)

    def test_states(self, stale, done):
        self.change(*stale)
        assert (self.undo(done)["status"], listed()) == ("undo_refused", {str(done): "undo_refused"})
        with tenant_scope(stale[0].tenant_id):
            Ticket.objects.exclude(id=stale[0].id).update(subject=stale[1].subject)
        assert (self.undo(done)["status"], listed()) == ("half_undone", {str(done): "half_undone"})
        with tenant_scope(stale[0].tenant_id):
            Ticket.objects.update(subject=stale[0].subject)
        assert (self.undo(done)["status"], listed()) == ("undone", {str(done): "undone"})
        assert self.undo(done)["status"] == "undone"

    def test_interrupted_undo_is_half_undone_and_goes_on(self, tenant, stale, done, monkeypatch):
        monkeypatch.setattr("ondi.datafixes.undo.AT_ONCE", 2)
        with tenant_scope(tenant.id):
            kept = FixRun.objects.get()

        cut = undo_run(kept, progress=after_the_first(interrupt))

        assert (cut.changed, cut.error) == (2, "interrupted")
        assert listed() == {str(done): "half_undone"}
        assert self.undo(done)["restored"] == 4
        assert statuses(stale) == ["open"] * 6

    def test_run_that_was_cut_off_can_be_undone(self, tenant, stale):
        cut = apply(CloseStale(tenant.id, days=7), progress=after_the_first(interrupt), batch_size=2)

        assert self.undo(cut.run_id)["status"] == "undone"
        assert statuses(stale) == ["open"] * 6
        assert not apply(CloseStale(tenant.id, days=7)).resumed, "what was undone does not go on"


class TestLocks:
    """Who waits holds nothing that comes later in the order of locks, so two that meet never wait for each other."""

    @pytest.fixture
    def waiting(self, owner):
        """Start this while these rows are held; gives a connection as owner once it waits for them."""
        threads = []

        @contextlib.contextmanager
        def wait(work, table, *keys):
            def in_thread():
                try:
                    work()
                finally:
                    connections.close_all()

            holder = owner()
            with holder.transaction():
                holder.execute(f"SELECT FROM {table} WHERE id = ANY (%s) FOR UPDATE", [list(keys)])
                thread = threading.Thread(target=in_thread)
                threads.append(thread)
                thread.start()
                until_somebody_waits(holder)
                yield holder
            thread.join()

        yield wait
        for thread in threads:
            thread.join()

    def free(self, holder, table, *keys):
        """Nobody else holds these; raises where somebody does."""
        with holder.transaction(force_rollback=True):
            holder.execute(f"SELECT FROM {table} WHERE id = ANY (%s) FOR UPDATE NOWAIT", [list(keys)])

    def test_reassign_holds_the_person_before_tickets(self, tenant, agent, waiting):
        taker = MemberFactory(tenant=tenant, agent=True)
        tickets = [make_ticket(MemberFactory(tenant=tenant), agent=agent) for _number in range(3)]
        fix = Reassign(tenant.id, giver=agent.id, taker=taker.id)

        with waiting(lambda: apply(fix, command="reassign_tickets"), "accounts_membership", taker.id) as holder:
            self.free(holder, "support_ticket", *(ticket.id for ticket in tickets))
            self.free(holder, "conversations_conversation", *(ticket.conversation_id for ticket in tickets))
        assert {reload(ticket).assignee_id for ticket in tickets} == {taker.id}

    def test_reopen_holds_all_people_before_any_ticket(self, tenant, waiting):
        agents = [MemberFactory(tenant=tenant, agent=True) for _number in range(3)]
        tickets = [make_ticket(MemberFactory(tenant=tenant), agent=one, closed_by=one) for one in agents]
        fix = Reopen(tenant.id, named=[ticket.id for ticket in tickets])

        with waiting(lambda: apply(fix, command="reopen_tickets"), "accounts_membership", agents[-1].id) as holder:
            self.free(holder, "support_ticket", *(ticket.id for ticket in tickets))
        assert statuses(tickets) == ["open"] * 3

    def test_relink_holds_all_items_before_any_ticket(self, tenant, waiting):
        customer = MemberFactory(tenant=tenant)
        deliveries = [DeliveryFactory(tenant=tenant, customer=customer) for _number in range(3)]
        tickets = [make_ticket(customer) for _delivery in deliveries]
        rows = [{"ticket": str(ticket.number), "item": f"delivery:{delivery.delivery_code}"}
                for ticket, delivery in zip(tickets, deliveries, strict=True)]  # fmt: skip
        fix = Relink(tenant.id, rows=rows)

        with waiting(lambda: apply(fix, command="relink_tickets"), "deliveries_delivery", deliveries[-1].id) as holder:
            self.free(holder, "support_ticket", *(ticket.id for ticket in tickets))
        assert [reload(ticket).delivery_id for ticket in tickets] == [delivery.id for delivery in deliveries]

    def test_redaction_holds_all_tickets_before_any_chat(self, tenant, tmp_path, waiting):
        tickets = [make_ticket(MemberFactory(tenant=tenant)) for _number in range(3)]
        with tenant_scope(tenant.id):
            messages = [ticket.conversation.messages.get(sequence=1).id for ticket in tickets]
        (tmp_path / "m.csv").write_text("message\n" + "\n".join(map(str, messages)) + "\n")

        with waiting(lambda: run("redact_messages", f"--from={tmp_path / 'm.csv'}", "--apply"), "support_ticket",
                     tickets[-1].id) as holder:  # fmt: skip
            self.free(holder, "conversations_conversation", *(ticket.conversation_id for ticket in tickets))

    @pytest.mark.parametrize("held", ["order", "delivery", "ticket", "conversation", "message"])
    def test_erasure_goes_by_the_order_of_locks(self, tenant, agent, held, waiting):
        customer = MemberFactory(tenant=tenant)
        order, delivery = (
            OrderFactory(tenant=tenant, customer=customer),
            DeliveryFactory(tenant=tenant, customer=customer),
        )
        ticket = make_ticket(customer, delivery=delivery, agent=agent)
        with tenant_scope(tenant.id):
            message = ticket.conversation.messages.get(sequence=1)
        chain = {
            "order": ("orders_order", order.id), "delivery": ("deliveries_delivery", delivery.id),
            "ticket": ("support_ticket", ticket.id), "conversation": ("conversations_conversation", ticket.conversation_id),
            "message": ("conversations_message", message.id),
        }  # fmt: skip
        fix = EraseCustomer(tenant.id, customer=customer)

        with waiting(lambda: apply(fix, command="erase_customer"), *chain[held]) as holder:
            names = list(chain)
            for later in names[names.index(held) + 1 :]:
                self.free(holder, *chain[later])
        assert reload(ticket).subject == "Erased"

    def test_what_others_change_while_a_fix_waits_is_not_undone_with_it(self, tenant, stale, waiting):
        outcomes = []
        fix = CloseStale(tenant.id, days=7)

        with waiting(lambda: outcomes.append(apply(fix)), "support_ticket", stale[0].id) as holder:
            holder.execute("UPDATE support_ticket SET priority = 'urgent' WHERE id = %s", [stale[0].id])

        with tenant_scope(tenant.id):
            undone = undo_run(FixRun.objects.get(), progress=lambda _more: None)
        assert (outcomes[0].changed, undone.changed, undone.faults) == (6, 6, [])
        assert reload(stale[0]).priority == "urgent"


def test_message_that_comes_while_somebody_is_erased_is_erased_too(tenant, agent, owner):
    customer = MemberFactory(tenant=tenant)
    ticket = make_ticket(customer, agent=agent)
    fix, writing, written = EraseCustomer(tenant.id, customer=customer), threading.Event(), threading.Event()

    def write():
        with tenant_scope(tenant.id):
            post_message(actor=actor(agent), conversation_id=ticket.conversation_id, content="canary")
            writing.set()
            until_somebody_waits(owner())
        written.set()
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    writing.wait(30)
    apply(fix, command="erase_customer")
    thread.join()

    assert written.is_set()
    with tenant_scope(tenant.id):
        assert "canary" not in [message.content for message in ticket.conversation.messages.all()]


def test_closing_by_hand_meanwhile_is_no_fault(tenant, stale, agent):
    fix = CloseStale(tenant.id, days=7)
    by_hand = after_the_first(lambda: close_by_hand(stale[-1], agent))

    outcome = apply(fix, batch_size=2, progress=by_hand)

    assert (outcome.changed, outcome.faults, outcome.status) == (5, [], "done")


def close_by_hand(ticket, agent):
    with tenant_scope(ticket.tenant_id):
        close_ticket(actor=actor(agent), ticket_id=ticket.id)


def test_no_delivery_is_left_out_of_the_report_of_a_long_undo(tenant, tmp_path, monkeypatch):
    """More items than are put back at once: what stands on one in another batch is seen."""
    monkeypatch.setattr("ondi.datafixes.undo.AT_ONCE", 10)
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([HEADER, *(row(f"o{n}", f"c{n % 7}") for n in range(60))]) + "\n")
    done = run("import_orders", path, f"--map={OLIST}", "--apply")["run"]
    with tenant_scope(tenant.id):
        delivery = Delivery.objects.select_related("customer").get(external_id="o3")
    make_ticket(delivery.customer, delivery=delivery)
    out = io.StringIO()
    with contextlib.suppress(CommandError):
        call_command("data_fixes", "undo", done, "--dry-run", "--json", stdout=out, stderr=io.StringIO())
    shown = json.loads(out.getvalue())

    report = TestUndo().undo(done)

    assert sorted(item for item, _reason in report["refused"]) == ["customer c3", "order o3"]
    assert shown["refused"] == report["refused"]
    assert (shown["restored"], report["restored"]) == (65, 65)
