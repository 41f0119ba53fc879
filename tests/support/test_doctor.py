"""The doctor names every planted damage and nothing else; its repairs correct it, and undoing them brings it back."""

import hashlib
import io
import json
from contextlib import contextmanager, suppress

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from conversations.models import Message
from conversations.reads import find_readable
from conversations.services import redact_message
from ondi.accounts.models import Membership
from ondi.accounts.services import end_membership, update_member
from ondi.common.ids import new_id
from ondi.datafixes.fixes import Item
from ondi.tenants.scope import tenant_scope
from support.fixes.doctor import Repair
from support.fixes.findings import FINDINGS
from support.models import Tag, Ticket, TicketTag
from support.services import post_message, write_note
from tests.benchmarks import load
from tests.conftest import _empty_all_tables
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_file, make_ticket
from tests.races import held_up

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "00000000-0000-7000-8000-000000000000"
# What undo excepts: events, the runs themselves, and what goes on counting.
TABLES = (
    "support_ticket", "support_tickettag", "support_ticketnote", "support_ticketcounter", "conversations_conversation",
    "conversations_message", "conversations_participant", "accounts_membership", "deliveries_delivery", "orders_order",
    "files_storedfile",
)  # fmt: skip


@pytest.fixture
def world():
    return make_world(open_tickets=30, closed_tickets=6)


@pytest.fixture
def workbench():
    return make_world(open_tickets=2, closed_tickets=1)


def test_what_somebody_else_repaired_meanwhile_is_no_change(workbench):
    tenant, _agent, _gone, (ticket, *_tickets), _closed = workbench
    with tenant_scope(tenant.id):
        for finding in (one for one in FINDINGS if one.repair):
            assert not Repair(tenant.id, finding=finding).apply(Item(str(ticket.id), ""), at=timezone.now())


def make_world(*, open_tickets, closed_tickets):
    """A desk in order: tickets open and closed, reopened, answered, with everything that hangs on them."""
    tenant = TenantFactory(slug="tigris")
    agent, gone = MemberFactory(tenant=tenant, agent=True), MemberFactory(tenant=tenant, agent=True)
    tickets = []
    for number in range(open_tickets):
        customer = MemberFactory(tenant=tenant)
        delivery = DeliveryFactory(
            tenant=tenant, customer=customer, order=OrderFactory(tenant=tenant, customer=customer)
        )
        ticket = make_ticket(customer, delivery=delivery, agent=agent)
        with tenant_scope(tenant.id):
            post_message(actor=actor(agent), conversation_id=ticket.conversation_id, content="Hello")
            write_note(actor=actor(agent), ticket_id=ticket.id, content="A note")
            TicketTag.objects.create(
                tenant=tenant, ticket=ticket, tag=Tag.objects.create(tenant=tenant, name=str(number))
            )
        tickets.append(ticket)
    closed = [
        make_ticket(MemberFactory(tenant=tenant), agent=agent, closed_by=agent) for _number in range(closed_tickets)
    ]
    with tenant_scope(tenant.id):
        end_membership(membership=gone)
    return tenant, agent, gone, tickets, closed


@contextmanager
def without(owner, table, *constraints):
    """Take constraints that stand in the way off; put back for the rows to come."""
    definitions = [
        (
            name,
            owner.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]).fetchone()[
                0
            ],
        )
        for name in constraints
    ]
    for name in constraints:
        owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    yield
    for name, definition in definitions:
        owner.execute(
            f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID'.replace(
                "NOT VALID NOT VALID", "NOT VALID"
            )
        )


def damage(owner, world):
    """One row of every finding, by SQL as owner; returns which finding is which."""
    tenant, agent, gone, t, closed = world
    c = [ticket.conversation_id for ticket in t]
    run = owner.execute
    gap = "UPDATE conversations_message SET sequence = sequence + 5 WHERE conversation_id = %s AND sequence = 2"
    run(gap, [c[0]])
    run("UPDATE conversations_conversation SET message_count = 9 WHERE id = %s", [c[1]])
    run("UPDATE conversations_conversation SET last_message_preview = 'wrong' WHERE id = %s", [c[2]])
    run(
        "UPDATE conversations_participant SET last_read_sequence = 99 WHERE conversation_id = %s AND role = 'member'",
        [c[3]],
    )
    run("DELETE FROM conversations_participant WHERE conversation_id = %s AND role = 'customer'", [c[4]])
    run("UPDATE conversations_participant SET left_at = now() WHERE conversation_id = %s AND role = 'member'", [c[5]])
    run("INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, last_read_sequence, "
        "joined_at) VALUES (%s, %s, %s, %s, 'member', 0, now())", [new_id(), tenant.id, c[6], gone.id])  # fmt: skip
    run("UPDATE accounts_membership SET is_support_user = true WHERE id = %s", [gone.id])
    clerk = MemberFactory(tenant=tenant, role="agent")
    run("UPDATE support_ticket SET assignee_id = %s WHERE id = %s", [clerk.id, t[7].id])
    run("UPDATE conversations_conversation SET status = 'active' WHERE id = %s", [closed[0].conversation_id])
    run("UPDATE conversations_conversation SET status = 'closed' WHERE id = %s", [c[8]])
    orphan = new_id()
    run("INSERT INTO conversations_conversation (id, tenant_id, kind, status, title, message_count, last_message_preview, "
        "created_at) VALUES (%s, %s, 'support', 'active', 'orphan', 0, '', now())", [orphan, tenant.id])  # fmt: skip
    run("UPDATE support_ticket SET waiting_on = 'agent' WHERE id = %s", [t[9].id])
    run("UPDATE support_ticket SET waiting_since = NULL WHERE id = %s", [t[10].id])
    run("UPDATE support_ticket SET follow_up_at = now() WHERE id = %s", [closed[1].id])
    run("UPDATE support_ticket SET closed_by_id = %s WHERE id = %s", [agent.id, t[11].id])
    run("UPDATE support_ticket SET first_response_at = NULL WHERE id = %s", [t[12].id])
    run("UPDATE support_ticket SET last_activity_at = last_activity_at + interval '1 minute' WHERE id = %s", [t[13].id])
    run("UPDATE support_ticketcounter SET last_number = 3 WHERE tenant_id = %s", [tenant.id])
    run("DELETE FROM support_ticketevent WHERE ticket_id = %s AND kind = 'opened'", [t[14].id])
    run("DELETE FROM support_ticketevent WHERE ticket_id = %s AND kind = 'closed'", [closed[2].id])
    links = (
        ("support_ticket", "delivery_id", "id", t[15].id), ("support_ticket", "assignee_id", "id", t[16].id),
        ("support_ticket", "closed_by_id", "id", closed[3].id), ("deliveries_delivery", "order_id", "id", t[17].delivery_id),
        ("support_tickettag", "tag_id", "ticket_id", t[18].id), ("support_ticketnote", "ticket_id", "ticket_id", t[19].id),
    )  # fmt: skip
    for table, column, key, value in links:
        with without(owner, table, f"{table}_{column}_in_tenant"):
            run(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [NOWHERE, value])
    with tenant_scope(tenant.id):
        post_message(actor=actor(agent), conversation_id=c[20], content="Are you there?")
    with without(owner, "conversations_message", "conversations_message_sender_id_in_tenant"):
        run(
            "UPDATE conversations_message SET sender_id = %s WHERE conversation_id = %s AND sequence = 2",
            [NOWHERE, c[20]],
        )
    run("INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, last_read_sequence, "
        "joined_at) VALUES (%s, %s, %s, %s, 'customer', 0, now())", [new_id(), tenant.id, c[21], t[0].requester_id])  # fmt: skip
    run("INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, before, after, created_at) "
        "VALUES (%s, %s, %s, 'closed', '{}', '{}', now())", [new_id(), tenant.id, t[22].id])  # fmt: skip
    damage_files(run, tenant, agent, t)
    damage_by_hand(owner, world, run, c, t)


def damage_files(run, tenant, agent, t):
    """Counts that are not so, a file whose message is gone, and files that nobody checks."""
    run("UPDATE conversations_message SET attachment_count = 2 WHERE conversation_id = %s AND sequence = 1",
        [t[0].conversation_id])  # fmt: skip
    run("UPDATE support_ticketnote SET attachment_count = 1 WHERE ticket_id = %s", [t[0].id])
    lost, ahead, forgotten = (make_file(agent, state=state) for state in ("ready", "checking", "checking"))
    run("UPDATE files_storedfile SET parent_kind = 'message', parent_id = %s WHERE id = %s", [new_id(), lost.id])
    run("UPDATE files_storedfile SET next_at = now() + interval '1 day' WHERE id = %s", [ahead.id])
    run("UPDATE files_storedfile SET next_at = now() - interval '1 day' WHERE id = %s", [forgotten.id])


def damage_by_hand(owner, world, run, c, t):
    """What takes a statement of its own, or a constraint away."""
    tenant, agent, _gone, _tickets, closed = world
    with tenant_scope(tenant.id):
        post_message(actor=actor(agent), conversation_id=c[23], content="Are you there?")
    run(
        "UPDATE conversations_message SET sender_id = %s WHERE conversation_id = %s AND sequence = 2",
        [t[23].requester_id, c[23]],
    )
    run("UPDATE accounts_membership SET erased_at = now() WHERE id = %s", [agent.id])
    run("UPDATE support_ticket SET subject = 'Another' WHERE id = %s", [t[24].id])
    run("UPDATE support_ticket SET created_at = created_at - interval '10 seconds' WHERE id = %s", [t[25].id])
    run("UPDATE deliveries_delivery SET customer_id = %s WHERE id = %s", [t[0].requester_id, t[26].delivery_id])
    run("UPDATE support_ticketnote SET created_at = '0001-01-01 BC' WHERE ticket_id = %s", [t[27].id])
    run("UPDATE support_ticket SET priority = 'direst' WHERE id = %s", [t[28].id])
    with tenant_scope(tenant.id):
        redact_message(conversation_id=c[29], message_id=Message.objects.get(conversation=c[29], sequence=1).id)
    run(
        """UPDATE conversations_message SET event = '{"code": "message_redacted", "params": []}' WHERE conversation_id = %s AND sequence = 1""",
        [c[29]],
    )
    with without(owner, "orders_orderitem", "orders_orderitem_order_id_in_tenant"):
        run("INSERT INTO orders_orderitem (id, tenant_id, order_id, position, name, quantity) VALUES (%s, %s, %s, 1, 'x', 1)",
            [new_id(), tenant.id, NOWHERE])  # fmt: skip
    run(
        "UPDATE conversations_conversation SET message_count = 0, last_message_id = NULL WHERE id = %s",
        [closed[4].conversation_id],
    )
    run("DELETE FROM conversations_message WHERE conversation_id = %s", [closed[4].conversation_id])
    run(
        "UPDATE conversations_participant SET last_read_sequence = 0 WHERE conversation_id = %s",
        [closed[4].conversation_id],
    )
    run("DELETE FROM tenants_portalsettings WHERE tenant_id = %s", [tenant.id])
    run("INSERT INTO notifications_text (id, tenant_id, notification_type, channel, language, title, message) "
        "VALUES (%s, %s, 'support_reply', 'email', 'en', 'News of {ticket_subject}', '')", [new_id(), tenant.id])  # fmt: skip
    with without(owner, "conversations_participant", "conversations_participant_conversation_id_in_tenant"):
        run("INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, last_read_sequence, "
            "joined_at) VALUES (%s, %s, %s, %s, 'member', 0, now())", [new_id(), tenant.id, NOWHERE, agent.id])  # fmt: skip


def doctor(*arguments):
    """What it finds in the data. (Links that were taken away come back unchecked, which it names as well.)"""
    out = io.StringIO()
    try:
        call_command("doctor", "--json", *arguments, stdout=out)
    except CommandError:
        assert json.loads(out.getvalue()), "it fails only where it names something"
    found = {one["finding"]: one["count"] for one in json.loads(out.getvalue())}
    found.pop("schema", None)
    return found, not found


@pytest.fixture(autouse=True)
def links_are_checked_again(owner):
    """Links that were put back around damage are valid again once that is gone."""
    yield
    unchecked = (
        owner().execute("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE NOT convalidated").fetchall()
    )
    if unchecked:
        connection.close()
        _empty_all_tables(None)
    for table, name in unchecked:
        owner().execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT "{name}"')


def state(owner):
    """Every row of the tables an undo restores, without what goes on counting."""
    found = {}
    for table in TABLES:
        rows = owner.execute(f"SELECT (to_jsonb(t) - 'version' - 'updated_at')::text FROM {table} AS t").fetchall()
        found[table] = hashlib.sha256("\n".join(sorted(row for (row,) in rows)).encode()).hexdigest()
    return found


def repair(finding, *arguments):
    """The report. Raises `CommandError` for one that says why nothing was begun."""
    out = io.StringIO()
    with suppress(CommandError):
        call_command("repair", f"--finding={finding}", "--tenant=tigris", "--json", *arguments, stdout=out, stderr=io.StringIO())  # fmt: skip
    (report,) = json.loads(out.getvalue())
    if not {"status", "count"} & report.keys():
        raise CommandError(report["error"])
    return report


def test_bench_data_is_in_order(owner):
    sizes = {"tickets": 203, "tenants": 2, "of_a_tenant": 20, "people": 40, "low": 0, "high": 203,
             "open_one_in": 10}  # fmt: skip
    statements = (load.V7, load.WORDS, *load.PEOPLE, load.KEYS, load.FILL_KEYS, *load.FILL, "DROP TABLE bench_key")
    with owner().transaction():
        for statement in statements:
            owner().execute(statement.format(**sizes) if statement not in (load.V7, load.WORDS) else statement)

    assert doctor() == ({}, True)
    assert owner().execute("SELECT count(*) FROM support_ticket").fetchone() == (203,)


def test_findings_say_key_detail_and_doubt():
    for finding in FINDINGS:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({finding.find}) AS found LIMIT 0", {"tenant": new_id()})
            assert [column.name for column in cursor.description][2:] in ([], ["doubt"]), finding.name


def test_a_workbench_in_order_has_no_finding(world):
    assert doctor() == ({}, True)


def test_an_order_that_the_platform_gave_to_somebody_else_is_no_damage(workbench):
    tenant, *_people, tickets, _closed = workbench
    with tenant_scope(tenant.id):
        delivery = Ticket.objects.select_related("delivery").get(pk=tickets[0].pk).delivery
        delivery.customer = MemberFactory(tenant=tenant)
        delivery.save()

    assert doctor() == ({}, True)


# The first takes an index away, see below; the second the relay: tests/notifications/test_told.py.
ALL = {finding.name for finding in FINDINGS} - {"two_open_tickets_of_one_item", "nobody_was_told"}


def test_every_damage_is_named_repaired_and_brought_back_by_undo(world, owner):
    damage(owner(), world)

    found, healthy = doctor()
    assert not healthy
    assert set(found) == ALL, "every one, and nothing else"
    assert len(found) >= 20
    assert {name: count for name, count in found.items() if count != 1} == {}

    damaged, runs = state(owner()), []
    for finding in (finding for finding in FINDINGS if finding.name in ALL):
        before = state(owner())
        if finding.look_at:
            with pytest.raises(CommandError, match=f"{finding.name} is left to a person, and nothing was changed: "):
                repair(finding.name, "--apply")
            assert state(owner()) == before
            continue
        assert repair(finding.name)["count"] == 1
        assert state(owner()) == before, "a dry run writes nothing"
        done = repair(finding.name, "--apply")
        assert (done["changed"], done["failed"]) == (1, 0), (finding.name, done)
        assert repair(finding.name, "--apply")["changed"] == 0, "a second run changes nothing"
        runs.append((finding, done["run"]))
    assert set(doctor()[0]) == {finding.name for finding in FINDINGS if finding.look_at} & ALL
    for _finding, run in reversed(runs):
        with links_off(owner()):
            call_command("data_fixes", "undo", run, stdout=io.StringIO())
    assert state(owner()) == damaged


@contextmanager
def links_off(owner):
    """Damage that no constraint lets in comes back only where the constraint is away."""
    links = owner.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conname LIKE '%\\_in\\_tenant' AND contype = 'f'"
    ).fetchall()
    for table, name, _definition in links:
        owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    yield
    for table, name, definition in links:
        owner.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition.replace(" NOT VALID", "")} NOT VALID')


@pytest.mark.parametrize(("kind", "factory"), [("delivery", DeliveryFactory), ("order", OrderFactory)])
def test_two_open_tickets_of_one_item_are_named_where_the_index_is_away(owner, kind, factory):
    customer = MemberFactory(tenant=TenantFactory(slug="tigris"))
    items = [factory(tenant=customer.tenant, customer=customer) for _number in range(2)]
    tickets = [make_ticket(customer, **{kind: item}) for item in items]
    index = f"support_ticket_one_open_per_{kind}"
    (definition,) = owner().execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [index]).fetchone()
    link = f"UPDATE support_ticket SET {kind}_id = %s WHERE id = %s"
    owner().execute(f"DROP INDEX {index}")
    try:
        owner().execute(link, [items[0].id, tickets[1].id])
        found = doctor()[0]
        assert "left to a person" in refused("two_open_tickets_of_one_item")
    finally:
        owner().execute(link, [items[1].id, tickets[1].id])
        owner().execute(definition)
    assert found["two_open_tickets_of_one_item"] == 1


# What no repair may do: open a conversation to somebody, lose a word, make an unread message a read one.


def words(owner):
    """Everything anybody wrote."""
    texts = "SELECT content FROM conversations_message UNION ALL SELECT content FROM support_ticketnote"
    return sorted(text for (text,) in owner.execute(texts).fetchall())


def readable(member, conversation_id):
    with tenant_scope(member.tenant_id):
        return find_readable(actor(member), conversation_id) is not None


def member_of(membership_id, tenant):
    with tenant_scope(tenant.id):
        return Membership.objects.get(id=membership_id)


def unread(owner, conversation_id):
    """The texts that each participant has not read."""
    rows = owner.execute(
        "SELECT p.membership_id, m.content FROM conversations_participant AS p JOIN conversations_message AS m "
        "ON m.conversation_id = p.conversation_id AND m.sequence > p.last_read_sequence WHERE p.conversation_id = %s",
        [conversation_id],
    )
    return sorted(rows.fetchall())


def refused(finding):
    """What `repair --apply` says of rows it leaves to a person, having changed nothing."""
    try:
        done = repair(finding, "--apply")
    except CommandError as error:
        return str(error)
    assert done["changed"] == 0
    ((_item, why),) = done["faults"]
    return why


def test_a_wrong_requester_lets_nobody_into_the_conversation(workbench, owner):
    tenant, _agent, _gone, tickets, _closed = workbench
    stranger, conversation = member_of(tickets[1].requester_id, tenant), tickets[0].conversation_id
    owner().execute("UPDATE support_ticket SET requester_id = %s WHERE id = %s", [stranger.id, tickets[0].id])

    found, _healthy = doctor()
    assert {"requester_takes_no_part", "customer_is_not_the_requester"} <= set(found)
    before = state(owner())
    for finding in found:
        repair_or_refuse(finding)

    assert not readable(stranger, conversation)
    assert state(owner()) == before


def repair_or_refuse(finding):
    with suppress(CommandError):
        repair(finding, "--apply")


def test_a_customer_whose_part_ended_is_not_let_in_again(workbench, owner):
    _tenant, _agent, _gone, tickets, _closed = workbench
    owner().execute("UPDATE conversations_participant SET left_at = now() WHERE conversation_id = %s AND role = 'customer'",
                    [tickets[0].conversation_id])  # fmt: skip
    before = state(owner())

    assert "a person has to say whose conversation this is" in refused("requester_takes_no_part")
    assert state(owner()) == before


def test_an_agent_who_is_the_customer_does_not_come_back_by_a_repair(workbench, owner):
    _tenant, agent, _gone, tickets, _closed = workbench
    owner().execute("UPDATE conversations_participant SET role = 'customer', left_at = now() "
                    "WHERE conversation_id = %s AND membership_id = %s", [tickets[0].conversation_id, agent.id])  # fmt: skip
    before = state(owner())

    assert refused("assignee_takes_no_part") == "its agent is its customer"
    assert state(owner()) == before


def test_an_agent_without_the_role_does_not_come_back_by_a_repair(workbench, owner):
    _tenant, agent, _gone, tickets, _closed = workbench
    owner().execute("UPDATE conversations_participant SET left_at = now() WHERE conversation_id = %s AND membership_id = %s",
                    [tickets[0].conversation_id, agent.id])  # fmt: skip
    owner().execute("UPDATE accounts_user SET is_active = false WHERE id = %s", [agent.user_id])
    assert "assignee_takes_no_part" not in doctor()[0]

    assert repair("assignee_is_no_support_user", "--apply")["changed"] == len(tickets)

    present = "SELECT count(*) FROM conversations_participant WHERE membership_id = %s AND left_at IS NULL"
    closed = owner().execute(present, [agent.id]).fetchone()[0]
    assert closed == len(_closed), "only where a closed ticket was theirs"


def test_an_agent_who_left_and_came_back_does_not_take_part_in_what_is_closed(workbench):
    tenant, agent, _gone, _tickets, _closed = workbench
    with tenant_scope(tenant.id):
        update_member(membership=agent, is_support_user=False)
        update_member(membership=agent, is_support_user=True)

    assert doctor() == ({}, True)


@pytest.mark.parametrize(("numbers", "marker"), [((1, 7, 8), 1), ((1, 7, 8), 7), ((4, 5, 6), 2), ((1, 3, 9), 4)])
def test_numbering_messages_anew_leaves_unread_what_was_unread(workbench, owner, numbers, marker):
    tenant, agent, _gone, tickets, _closed = workbench
    conversation = tickets[0].conversation_id
    with tenant_scope(tenant.id):
        post_message(actor=actor(agent), conversation_id=conversation, content="Third")
    for sequence, number in reversed(list(enumerate(numbers, 1))):
        owner().execute("UPDATE conversations_message SET sequence = %s WHERE conversation_id = %s AND sequence = %s",
                        [number, conversation, sequence])  # fmt: skip
    owner().execute("UPDATE conversations_participant SET last_read_sequence = %s WHERE conversation_id = %s AND role = 'customer'",
                    [marker, conversation])  # fmt: skip
    before = unread(owner(), conversation)

    assert repair("message_sequence", "--apply")["changed"] == 1

    assert unread(owner(), conversation) == before
    assert doctor() == ({}, True)


def test_messages_that_may_be_lost_are_left_to_a_person(workbench, owner):
    _tenant, _agent, _gone, tickets, _closed = workbench
    middle, last = tickets[0].conversation_id, tickets[1].conversation_id
    owner().execute("DELETE FROM conversations_message WHERE conversation_id = %s AND sequence = 1", [middle])
    with links_off(owner()):
        owner().execute("DELETE FROM conversations_message WHERE conversation_id = %s AND sequence = 2", [last])
    before = state(owner())

    assert "2: messages may have been lost" in refused("message_sequence")
    assert "messages may have been lost" in refused("summary_last_message")
    done = repair("summary_count", "--apply")
    assert (done["changed"], done["failed"]) == (0, 2)
    assert state(owner()) == before


def test_a_closed_conversation_whose_ticket_may_be_the_wrong_one_is_left_to_a_person(workbench, owner):
    _tenant, _agent, _gone, _tickets, (closed,) = workbench
    owner().execute("UPDATE support_ticket SET status = 'open', closed_at = NULL, closed_by_id = NULL, waiting_on = 'agent' "
                    "WHERE id = %s", [closed.id])  # fmt: skip
    before = state(owner())

    assert "its history says that it was closed" in refused("conversation_closed_of_open_ticket")
    assert state(owner()) == before


def test_a_closed_ticket_whose_conversation_is_open_is_left_to_a_person(workbench, owner):
    _tenant, _agent, _gone, _tickets, (closed,) = workbench
    owner().execute("DELETE FROM support_ticketevent WHERE ticket_id = %s AND kind = 'closed'", [closed.id])
    owner().execute("UPDATE conversations_conversation SET status = 'active' WHERE id = %s", [closed.conversation_id])
    events = "SELECT count(*) FROM support_ticketevent"
    before = owner().execute(events).fetchone()

    assert "its history or its conversation says that it is open" in refused("event_closed")
    assert owner().execute(events).fetchone() == before


def test_the_time_of_a_message_that_two_others_contradict_is_left_to_a_person(workbench, owner):
    _tenant, _agent, _gone, tickets, _closed = workbench
    owner().execute("UPDATE conversations_message SET created_at = created_at + interval '1 minute' "
                    "WHERE conversation_id = %s AND sequence = 2", [tickets[0].conversation_id])  # fmt: skip
    before = state(owner())

    assert "the time of the message may be the wrong one" in refused("last_activity")
    assert "its ticket says the same time" in refused("summary_last_message")
    assert state(owner()) == before


def test_a_customer_part_of_a_conversation_that_is_gone_is_left_to_a_person(workbench, owner):
    _tenant, _agent, _gone, tickets, _closed = workbench
    with without(owner(), "conversations_participant", "conversations_participant_conversation_id_in_tenant"):
        owner().execute("UPDATE conversations_participant SET conversation_id = %s "
                        "WHERE conversation_id = %s AND role = 'customer'", [NOWHERE, tickets[0].conversation_id])  # fmt: skip
    before = state(owner())

    assert "it may be all that says whose conversation that was" in refused("participant_orphan")
    assert state(owner()) == before


def test_what_was_written_in_a_conversation_without_ticket_stays(workbench, owner):
    _tenant, _agent, _gone, tickets, _closed = workbench
    kept = words(owner())
    with links_off(owner()):
        for table in ("support_tickettag", "support_ticketevent"):
            owner().execute(f"DELETE FROM {table} WHERE ticket_id = %s", [tickets[0].id])
        owner().execute("DELETE FROM support_ticket WHERE id = %s", [tickets[0].id])
    assert set(doctor()[0]) == {"conversation_without_ticket", "note_orphan"}

    assert "a customer's words" in refused("conversation_without_ticket")
    assert "a colleague's words" in refused("note_orphan")

    assert words(owner()) == kept


def test_a_marker_beyond_the_end_does_not_read_what_comes(workbench, owner):
    tenant, agent, _gone, tickets, _closed = workbench
    conversation = tickets[0].conversation_id
    owner().execute("UPDATE conversations_participant SET last_read_sequence = 99 WHERE conversation_id = %s AND role = 'customer'",
                    [conversation])  # fmt: skip

    assert repair("read_marker", "--apply")["changed"] == 1
    with tenant_scope(tenant.id):
        post_message(actor=actor(agent), conversation_id=conversation, content="New")

    assert unread(owner(), conversation) == [(tickets[0].requester_id, "New")]


def test_a_repair_waits_for_the_ticket_and_keeps_what_it_then_finds(workbench, owner):
    """The rows that undo goes back to are looked at after the lock, so nothing written meanwhile is lost."""
    _tenant, _agent, _gone, tickets, _closed = workbench
    ticket, conversation = tickets[0], tickets[0].conversation_id
    owner().execute("UPDATE conversations_conversation SET message_count = 9 WHERE id = %s", [conversation])
    with psycopg.connect(owner().info.dsn, password=owner().info.password) as writer:
        writer.execute("SELECT FROM support_ticket WHERE id = %s FOR NO KEY UPDATE", [ticket.id])
        writer.execute(
            "UPDATE conversations_conversation SET title = 'Changed meanwhile' WHERE id = %s", [conversation]
        )
        with held_up(lambda: repair("summary_count", "--apply"), writer) as running:
            writer.commit()
    done = running.result()

    assert done["changed"] == 1
    call_command("data_fixes", "undo", done["run"], stdout=io.StringIO())
    row = owner().execute("SELECT title, message_count FROM conversations_conversation WHERE id = %s", [conversation])
    assert row.fetchone() == ("Changed meanwhile", 9)


def test_what_is_in_doubt_by_the_time_it_is_repaired_is_left_to_a_person(workbench, owner):
    _tenant, _agent, _gone, tickets, _closed = workbench
    ticket, conversation = tickets[0], tickets[0].conversation_id
    owner().execute("UPDATE conversations_conversation SET message_count = 9 WHERE id = %s", [conversation])
    with psycopg.connect(owner().info.dsn, password=owner().info.password) as writer:
        writer.execute("SELECT FROM support_ticket WHERE id = %s FOR NO KEY UPDATE", [ticket.id])
        writer.execute(
            "UPDATE conversations_message SET sequence = 7 WHERE conversation_id = %s AND sequence = 2", [conversation]
        )
        with held_up(lambda: repair("summary_count", "--apply"), writer) as running:
            writer.commit()
    done = running.result()

    assert (done["changed"], done["failed"]) == (0, 1)
    assert "not numbered without gaps" in done["faults"][0][1]


@pytest.mark.parametrize("markup", [
    "<p>Thank you.</p><p>We answer <b>soon</b>er &amp; better.</p>", "  <br>Hello&nbsp;&nbsp;there<br/>x ", "", "<h1>A</h1>b<h5>c</h5>d",
    "<ul><li>1</li><li>2</li></ul>" + "ي" * 200, "<a href=\"https://example.org/?a=1&amp;b=2\">here</a> &lt;b&gt; &amp;lt;",
])  # fmt: skip
def test_the_preview_of_html_is_what_the_product_writes(workbench, owner, markup):
    """The finding says in SQL what `ondi.common.text.preview` says in Python."""
    tenant = TenantFactory(acknowledgement_html={"en": markup} if markup else {})
    ticket = make_ticket(MemberFactory(tenant=tenant))
    assert doctor() == ({}, True)

    if markup:
        owner().execute(
            "UPDATE conversations_conversation SET last_message_preview = 'x' WHERE id = %s", [ticket.conversation_id]
        )
        assert doctor()[0] == {"summary_last_message": 1}
