"""The doctor names every planted damage and nothing else; its repairs mend it, and undoing them brings it back."""

import hashlib
import io
import json
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command

from conversations.services import post_message
from ondi.accounts.services import end_membership
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support.fixes.findings import FINDINGS
from support.models import Tag, TicketTag
from support.services import write_note
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "00000000-0000-7000-8000-000000000000"
# What undo excepts: events, the runs themselves, and what goes on counting.
TABLES = (
    "support_ticket", "support_tickettag", "support_ticketnote", "support_ticketcounter", "conversations_conversation",
    "conversations_message", "conversations_participant", "accounts_membership", "deliveries_delivery", "orders_order",
)  # fmt: skip


@pytest.fixture
def world():
    """A desk in order: tickets open and closed, reopened, answered, with everything that hangs on them."""
    tenant = TenantFactory(slug="tigris")
    agent, gone = MemberFactory(tenant=tenant, agent=True), MemberFactory(tenant=tenant, agent=True)
    tickets = []
    for number in range(30):
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
    closed = [make_ticket(MemberFactory(tenant=tenant), agent=agent, closed_by=agent) for _number in range(6)]
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
    run("INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, last_read_sequence, "
        "joined_at) VALUES (%s, %s, %s, %s, 'member', 0, now())", [new_id(), tenant.id, c[7], clerk.id])  # fmt: skip
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
    run("UPDATE support_ticket SET last_activity_at = '2020-01-01' WHERE id = %s", [t[13].id])
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
    with without(owner, "conversations_message", "conversations_message_sender_id_in_tenant"):
        run(
            "UPDATE conversations_message SET sender_id = %s WHERE conversation_id = %s AND sequence = 1",
            [NOWHERE, c[20]],
        )
    with without(owner, "conversations_participant", "conversations_participant_conversation_id_in_tenant"):
        run("INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, last_read_sequence, "
            "joined_at) VALUES (%s, %s, %s, %s, 'member', 0, now())", [new_id(), tenant.id, NOWHERE, agent.id])  # fmt: skip


def doctor(*arguments):
    out, healthy = io.StringIO(), True
    try:
        call_command("doctor", "--json", *arguments, stdout=out)
    except CommandError:
        healthy = False
    return {one["finding"]: one["count"] for one in json.loads(out.getvalue())}, healthy


def state(owner):
    """Every row of the tables an undo restores, without what goes on counting."""
    found = {}
    for table in TABLES:
        rows = owner.execute(f"SELECT (to_jsonb(t) - 'version' - 'updated_at')::text FROM {table} AS t").fetchall()
        found[table] = hashlib.sha256("\n".join(sorted(row for (row,) in rows)).encode()).hexdigest()
    return found


def repair(finding, *arguments):
    out = io.StringIO()
    call_command(
        "repair", f"--finding={finding}", "--tenant=tigris", "--json", *arguments, stdout=out, stderr=io.StringIO()
    )
    return json.loads(out.getvalue())[0]


def test_a_desk_in_order_has_no_finding(world):
    assert doctor() == ({}, True)


def test_every_damage_is_named_mended_and_brought_back_by_undo(world, owner):
    damage(owner(), world)

    found, healthy = doctor()
    assert not healthy
    assert set(found) == {finding.name for finding in FINDINGS}, "every one, and nothing else"
    assert len(found) >= 20
    assert set(found.values()) == {1}, found

    damaged, runs = state(owner()), []
    for finding in FINDINGS:
        before = state(owner())
        assert repair(finding.name)["count"] == 1
        assert state(owner()) == before, "a dry run writes nothing"
        done = repair(finding.name, "--apply")
        assert (done["changed"], done["failed"]) == (1, 0), (finding.name, done)
        assert finding.name not in doctor()[0], finding.name
        assert repair(finding.name, "--apply")["changed"] == 0, "a second run changes nothing"
        runs.append((finding, done["run"]))
    assert doctor() == ({}, True)
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
