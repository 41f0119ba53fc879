"""Undo looks before it deletes: whole orders at a time, nothing let go behind anybody's back, what stays is named."""

import contextlib
import io
import json
from importlib import import_module

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections

from deliveries.models import Delivery
from ondi.accounts.models import Membership, User
from ondi.common.errors import DomainError
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from orders.models import Order, OrderItem
from tests.deliveries.test_import_orders import HEADER, OLIST, row
from tests.factories import MemberFactory, OrderFactory, TenantFactory, make_ticket, reload
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris")


@pytest.fixture
def take(tenant, tmp_path):
    """Import these rows; gives the run."""

    def import_orders(*rows, mapping=OLIST, header=HEADER):
        path, out = tmp_path / "orders.csv", io.StringIO()
        path.write_text("\n".join([header, *rows]) + "\n")
        call_command("import_orders", path, f"--map={mapping}", "--tenant=tigris", "--apply", "--batch-size=2", "--json",
                     stdout=out, stderr=io.StringIO())  # fmt: skip
        return json.loads(out.getvalue())[0]["run"]

    return import_orders


def undo(run, *options):
    out = io.StringIO()
    with contextlib.suppress(CommandError):  # what stays is in the report, and the exit code 1
        call_command("data_fixes", "undo", run, "--json", *options, stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def named(report):
    return {item for item, _reason in report["refused"]}


@pytest.fixture
def there(tenant):
    """What is in the tenant, by external id."""

    def look():
        with tenant_scope(tenant.id):
            return {
                model: set(model.objects.values_list("external_id", flat=True))
                for model in (Order, Delivery, Membership)
            }

    return look


def get(model, external_id, tenant):
    with tenant_scope(tenant.id):
        return model.objects.select_related("customer").get(external_id=external_id)


def test_delivery_that_a_ticket_is_about_stays_with_its_order_and_customer(take, there, tenant):
    run = take(*(row(f"o{n}", f"c{n}") for n in range(1, 6)))
    delivery = get(Delivery, "o3", tenant)
    ticket = make_ticket(delivery.customer, delivery=delivery)

    report = undo(run)

    assert reload(ticket).delivery_id == delivery.id
    assert there() == {Order: {"o3"}, Delivery: {"o3"}, Membership: {"c3"}}
    assert named(report) == {"order o3", "customer c3"}
    assert (
        f"support_ticket {ticket.id} hangs on deliveries_delivery {delivery.id}" in dict(report["refused"])["order o3"]
    )


def test_order_of_a_delivery_that_changed_since_stays(take, there, tenant):
    run = take(*(row(f"o{n}", f"c{n}") for n in range(1, 4)))
    with tenant_scope(tenant.id):
        Delivery.objects.filter(external_id="o2").update(to_address="elsewhere")

    report = undo(run)

    assert there() == {Order: {"o2"}, Delivery: {"o2"}, Membership: {"c2"}}
    assert "deliveries_delivery" in dict(report["refused"])["order o2"]
    assert "changed since" in dict(report["refused"])["order o2"]
    assert get(Delivery, "o2", tenant).order_id == get(Order, "o2", tenant).id


def test_delivery_of_an_order_that_changed_since_stays(take, there, tenant):
    run = take(row("o1", "c1"), row("o2", "c2"))
    with tenant_scope(tenant.id):
        Order.objects.filter(external_id="o1").update(status="cancelled")

    undo(run)

    assert there() == {Order: {"o1"}, Delivery: {"o1"}, Membership: {"c1"}}


def test_what_came_since_keeps_its_order(take, there, tenant):
    run = take(row("o1", "c1"), row("o2", "c2"), row("o3", "c3"))
    with tenant_scope(tenant.id):
        order, other = Order.objects.get(external_id="o1"), Order.objects.get(external_id="o2")
        OrderItem.objects.create(tenant=tenant, order=order, position=1, name="Lamp")
        Delivery.objects.create(tenant=tenant, customer=other.customer, order=other, external_id="second parcel")

    report = undo(run)

    assert there()[Order] == {"o1", "o2"}
    assert there()[Delivery] == {"o1", "o2", "second parcel"}
    assert "orders_orderitem" in dict(report["refused"])["order o1"]
    with tenant_scope(tenant.id):
        assert Delivery.objects.get(external_id="second parcel").order_id == other.id


def test_a_link_that_nobody_thought_of_counts(take, there, tenant, owner):
    """The catalogue is asked, not a list: a table made a moment ago is looked at."""
    run = take(row("o1", "c1"), row("o2", "c2"))
    order = get(Order, "o1", tenant)
    owner().execute(
        "CREATE TABLE invoice (id uuid PRIMARY KEY, about uuid REFERENCES orders_order (id) ON DELETE SET NULL);"
        "GRANT SELECT, INSERT ON invoice TO ondi"
    )
    try:
        owner().execute("INSERT INTO invoice VALUES (%s, %s)", [new_id(), order.id])
        report = undo(run)
        assert owner().execute("SELECT about FROM invoice").fetchall() == [(order.id,)]
    finally:
        owner().execute("DROP TABLE invoice")
    assert there()[Order] == {"o1"}
    assert "invoice" in dict(report["refused"])["order o1"]


def test_customer_of_several_orders_stays_while_one_of_them_does(take, there, tenant):
    run = take(*(row(f"o{n}", "c1") for n in range(1, 6)), row("o6", "c2"))
    order = get(Order, "o2", tenant)
    make_ticket(order.customer, order=order)

    assert named(undo(run)) == {"order o2", "customer c1"}
    assert there() == {Order: {"o2"}, Delivery: {"o2"}, Membership: {"c1"}}


MAP = """
[customer]
external_id = "customer"
first_name = "name"
[order]
external_id = "order"
number = "order"
status = "status"
[order_status]
paid = "approved"
"""


def test_what_was_updated_goes_back_unless_its_order_stays(take, tenant, tmp_path):
    (tmp_path / "map.toml").write_text(MAP)
    for number in (1, 2):
        customer = MemberFactory(tenant=tenant, external_id=f"c{number}", first_name="Before")
        OrderFactory(tenant=tenant, customer=customer, external_id=f"o{number}", number=f"o{number}", status="pending")
    run = take(
        "c1,After,o1,paid", "c2,After,o2,paid", mapping=tmp_path / "map.toml", header="customer,name,order,status"
    )
    with tenant_scope(tenant.id):
        Order.objects.filter(external_id="o1").update(status="shipped")

    report = undo(run)

    with tenant_scope(tenant.id):
        assert dict(Membership.objects.values_list("external_id", "first_name")) == {"c1": "After", "c2": "Before"}
        assert dict(Order.objects.values_list("external_id", "status")) == {"o1": "shipped", "o2": "pending"}
    assert dict(report["refused"])["customer c1"].startswith("order o1 stays")


def test_order_that_changed_hands_goes_back_and_the_new_customer_goes(take, there, tenant):
    former = MemberFactory(tenant=tenant, external_id="former")
    order = OrderFactory(tenant=tenant, customer=former, external_id="o1", number="o1")
    run = take(row("o1", "new"))
    assert reload(order).customer_id != former.id

    assert undo(run)["refused"] == []

    assert reload(order).customer_id == former.id
    assert there()[Membership] == {"former"}


def test_delivery_that_was_another_orders_goes_back_to_it(take, tenant):
    customer = MemberFactory(tenant=tenant, external_id="c1")
    first = OrderFactory(tenant=tenant, customer=customer, external_id="first", number="first")
    with tenant_scope(tenant.id):
        delivery = Delivery.objects.create(tenant=tenant, customer=customer, order=first, external_id="o1")
    run = take(row("o1", "c1"))

    assert undo(run)["refused"] == []

    assert reload(delivery).order_id == first.id


def test_longest_ids_are_undone_like_others(take, there):
    run = take(row("o" * 64, "c" * 200))

    assert undo(run)["refused"] == []
    assert there() == {Order: set(), Delivery: set(), Membership: set()}


def test_login_of_another_tenant_stays(take, tenant, owner):
    run = take(row("o1", "c1"))
    with tenant_scope(tenant.id):
        login = Membership.objects.get(external_id="c1").user_id
    MemberFactory(tenant=TenantFactory(), user=User.objects.get(id=login))

    report = undo(run)

    assert named(report) == {"customer c1"}
    assert User.objects.filter(id=login).exists()
    with tenant_scope(tenant.id):
        assert Membership.objects.filter(external_id="c1").exists(), "person and login are one item"


def test_undo_goes_on_when_what_stood_there_is_gone(take, there, tenant, owner):
    run = take(row("o1", "c1"), row("o2", "c2"))
    with tenant_scope(tenant.id):
        item = OrderItem.objects.create(
            tenant=tenant, order=Order.objects.get(external_id="o1"), position=1, name="Lamp"
        )
    assert named(undo(run)) == {"order o1", "customer c1"}
    with tenant_scope(tenant.id):
        item.delete()

    assert undo(run)["refused"] == []
    assert there() == {Order: set(), Delivery: set(), Membership: set()}


def test_ticket_opened_meanwhile_is_refused_or_keeps_its_delivery(take, tenant):
    """Two at once: never a ticket about nothing."""
    run = take(*(row(f"o{n}", f"c{n}") for n in range(1, 9)))
    with tenant_scope(tenant.id):
        deliveries = list(Delivery.objects.select_related("customer").order_by("id"))
    opened, refused = [], []

    def write_in():
        for delivery in deliveries:
            try:
                opened.append((make_ticket(delivery.customer, delivery=delivery), delivery.id))
            except (DomainError, IntegrityError, Membership.DoesNotExist) as refusal:
                refused.append(refusal)

    at_once([write_in, lambda: undo(run)])

    assert len(opened) + len(refused) == len(deliveries)
    with tenant_scope(tenant.id):
        left = set(Delivery.objects.values_list("id", flat=True))
        assert Order.objects.count() == len(left)
    for ticket, delivery_id in opened:
        assert reload(ticket).delivery_id == delivery_id
        assert delivery_id in left


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_links_that_let_go_hold_after_the_migration(owner):
    """A database of the first release: links that may be null were nulled."""
    hold = import_module("support.migrations.0008_links_hold").hold
    letting_go = (
        "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conname LIKE '%_in_tenant' AND confdeltype <> 'a'"
    )
    for table, column, target in (("support_ticket", "delivery_id", "deliveries_delivery"),
                                  ("deliveries_delivery", "order_id", "orders_order")):  # fmt: skip
        name = f"{table}_{column}_in_tenant"
        owner().execute(
            f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, {column}) "
            f"REFERENCES {target} (tenant_id, id) ON DELETE SET NULL ({column}) DEFERRABLE INITIALLY DEFERRED"
        )
    assert owner().execute(letting_go).fetchone() == (2,)

    with connections["owner"].schema_editor(atomic=False) as editor:
        hold(None, editor)
        hold(None, editor)
    connections["owner"].close()

    assert owner().execute(letting_go).fetchone() == (0,)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'support_ticket_delivery_id_in_tenant'"
        )
        assert cursor.fetchone()[0].endswith("(tenant_id, id) DEFERRABLE INITIALLY DEFERRED")
