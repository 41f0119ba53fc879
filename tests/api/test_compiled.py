"""What is compiled once is what the querysets say: recompiled, it is the same, and so are the rows."""

import sys
from datetime import timedelta
from itertools import combinations, product

import pytest
from django.db import connection
from django.db.models.sql import InsertQuery, UpdateQuery
from psycopg import ClientCursor
from psycopg.types.json import Jsonb

from conversations.models import Conversation, Message, Participant
from ondi.common.compiled import PAGE, CompiledQuery
from ondi.common.prepared import insert_statement, update_statement
from ondi.tenants.scope import tenant_scope
from support.models import Ticket, TicketEvent
from support.services import post_message
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    actor,
    make_promise,
    make_ticket,
)
from tests.hot import HOT

pytestmark = pytest.mark.django_db
OWN_FILTERS = ("source", "status", "delivery_id", "order_id")
UNORDERED = ("own", "queued")


@pytest.fixture
def customer():
    return MemberFactory(tenant=TenantFactory())


@pytest.fixture
def agent(customer):
    return MemberFactory(tenant=customer.tenant, agent=True)


@pytest.fixture
def tickets(customer, agent):
    delivery = DeliveryFactory(tenant=customer.tenant, customer=customer)
    order = OrderFactory(tenant=customer.tenant, customer=customer)
    make_ticket(MemberFactory(tenant=customer.tenant), subject="Somebody else's")
    found = [
        make_ticket(customer, delivery=delivery, agent=agent), make_ticket(customer, order=order),
        make_ticket(customer, agent=agent, closed_by=agent), make_ticket(agent),
    ]  # fmt: skip
    for text in ("first", "second", "third"):
        with tenant_scope(customer.tenant_id):
            post_message(actor=actor(customer), conversation_id=found[0].conversation_id, content=text)
    for ticket in found:
        make_promise(ticket, first_response=60)
    return found


def filters_of(name, ticket):
    """Every set of filters this read takes, with the values of a ticket."""
    with tenant_scope(ticket.tenant_id):
        user_id = ticket.assignee and ticket.assignee.user_id
    of_queue = {
        "unassigned": True, "assignee_id": ticket.assignee_id, "status": ticket.status, "priority": ticket.priority,
        "assignee__user_id": user_id, "waiting_on": ticket.waiting_on,
        "search": ticket.subject[:5],
    }  # fmt: skip
    of_own = {field: getattr(ticket, field) for field in OWN_FILTERS}
    by_due = {**of_queue, "due_before": ticket.created_at + timedelta(hours=2)}
    known = {"own": of_own, "own page": of_own, "queue": of_queue, "found": of_queue, "totals": by_due,
             "queue by due": by_due, "found by due": by_due}  # fmt: skip
    fixed = {"own detail": {"ticket": ticket.id}, "queued": {"tickets": [ticket.id]}, "counts": {}}
    if name in fixed:
        return [fixed[name]]
    if name in ("place", "later", "earlier"):
        with tenant_scope(ticket.tenant_id):
            said = Message.objects.filter(conversation=ticket.conversation_id).order_by("sequence")
            first, last = said.first().id, said.last().id
        return [{"conversation": ticket.conversation_id, "message": last if name == "earlier" else first}]
    if name not in known:
        return [{"conversation": ticket.conversation_id}]
    given = known[name]
    chosen = [some for number in range(3) for some in combinations(given, number)]
    return [{field: given[field] for field in some} for some in chosen if all(given[field] for field in some)]


def test_every_compiled_read_is_in_the_table():
    apps = ("conversations", "support", "ondi", "orders", "deliveries")
    modules = [module for name, module in list(sys.modules.items()) if name.split(".")[0] in apps]
    found = {id(value) for module in modules for value in vars(module).values() if isinstance(value, CompiledQuery)}

    assert found == set(map(id, HOT.values()))


@pytest.mark.parametrize("name", HOT)
@pytest.mark.parametrize("who", ["customer", "agent"])
def test_rows_are_those_of_the_queryset(customer, agent, tickets, name, who):
    compiled, viewer = HOT[name], actor({"customer": customer, "agent": agent}[who])
    some = 0
    for ticket in tickets:
        for given, start in product(filters_of(name, ticket), (0, 1)):
            with tenant_scope(customer.tenant_id):
                expected = list(compiled.fresh(viewer, page=slice(start, start + 2), **given))
                found = compiled.rows(viewer, start=start, limit=2, **given)
                if name == "own":
                    assert compiled.count(viewer, **given) == len(expected)
            some += len(found)
            assert (sorted(found) == sorted(expected)) if name in UNORDERED else (found == expected)
    assert some, "something is found to compare"


@pytest.mark.parametrize("name", HOT)
def test_kept_statement_is_what_django_makes_of_it_now(customer, agent, tickets, name):
    compiled = HOT[name]
    for viewer in (actor(customer), actor(agent)):
        for given in filters_of(name, tickets[0]):
            now, values = compiled.fresh(viewer, page=PAGE, **given).query.sql_with_params()
            now = now.replace("LIMIT 20000001 OFFSET 10000001", "LIMIT 20 OFFSET 7")
            kept, arguments = compiled.statement(viewer, start=7, limit=20, **given)
            assert told(kept, arguments) == told(now, values)


@pytest.mark.parametrize("model", [Ticket, TicketEvent, Conversation, Message, Participant])
def test_rows_are_written_as_django_writes_them(tickets, model):
    with tenant_scope(tickets[0].tenant_id):
        row = model.objects.order_by("id").last()
    fields = model._meta.concrete_fields
    insert, update = InsertQuery(model), UpdateQuery(model)
    insert.insert_values(fields, [row])
    update.add_filter("pk", row.pk)
    update.add_update_fields([(field, None, getattr(row, field.attname)) for field in fields if not field.primary_key])

    (sql, values), *_rest = insert.get_compiler(connection=connection).as_sql()
    changing, changed = update.get_compiler(connection=connection).as_sql()

    assert shown(*insert_statement(row)) == shown(sql, values)
    ours, written = update_statement(row)
    assert ours == changing.replace("= NULL", "= %s") + " RETURNING true"
    assert shown("", [value for value in written if value is not None]) == shown("", changed)
    assert insert_statement(row, row)[0].count("(%s") == 2


def test_rows_of_several_models_are_one_statement(tickets):
    with tenant_scope(tickets[0].tenant_id):
        event = TicketEvent.objects.order_by("id").last()
    parts = [insert_statement(tickets[0], tickets[1]), insert_statement(event)]

    sql, values = insert_statement(tickets[0], tickets[1], event)

    assert sql == f"WITH part_0 AS ({parts[0][0]}) {parts[1][0]}"
    assert shown("", values) == shown("", [*parts[0][1], *parts[1][1]])


def told(sql, values):
    """The statement with its values in it."""
    return ClientCursor(connection.connection).mogrify(sql, values)


def shown(sql, values):
    return sql, [value.obj if isinstance(value, Jsonb) else value for value in values]
