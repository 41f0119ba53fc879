"""`manage.py import_orders`: other people's CSV files, good and bad."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

import deliveries
from deliveries.importing.fix import READ_AT_ONCE
from deliveries.models import Delivery
from ondi.accounts.models import Membership, User
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from tests.factories import OrderFactory, TenantFactory

pytestmark = pytest.mark.django_db

OLIST = Path(deliveries.__file__).parent / "import_maps" / "olist.toml"
HEADER = (
    "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,"
    "order_delivered_customer_date,order_estimated_delivery_date"
)


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris")


def row(order="o1", customer="c1", status="delivered", placed="10/2/2017 10:56", delivered="10/10/2017 21:25",
        promised="10/18/2017 0:00"):  # fmt: skip
    return f"{order},{customer},{status},{placed},,,{delivered},{promised}"


@pytest.fixture
def run(tenant, tmp_path):
    def import_orders(*rows, header=HEADER, end="\r\n", raw=None, mapping=OLIST, tenant="tigris"):
        path = tmp_path / "orders.csv"
        path.write_bytes(raw if raw is not None else "\r\n".join([header, *rows]).encode() + end.encode())
        out = io.StringIO()
        refusal = None
        try:
            call_command("import_orders", str(path), f"--tenant={tenant}", f"--map={mapping}", "--apply", stdout=out)
        except CommandError as error:
            refusal = str(error)
        return out.getvalue(), refusal

    return import_orders


def counts(tenant):
    with tenant_scope(tenant.id):
        return Order.objects.count(), Delivery.objects.count(), Membership.objects.count()


def test_order_delivery_and_customer_are_created(run, tenant):
    said, refusal = run(row())

    assert refusal is None
    assert said.startswith("1 created, 0 updated, 0 unchanged, 0 rejected.")
    with tenant_scope(tenant.id):
        order, delivery = Order.objects.get(), Delivery.objects.get()
        assert (order.number, order.status, order.payment_status) == ("o1", "delivered", "paid")
        assert order.placed_at == datetime(2017, 10, 2, 13, 56, tzinfo=UTC)
        assert (delivery.external_id, delivery.status, delivery.order) == ("o1", "delivered", order)
        assert delivery.delivered_at == datetime(2017, 10, 11, 0, 25, tzinfo=UTC)
        assert delivery.customer == order.customer
        customer = Membership.objects.select_related("user").get()
        assert (customer.external_id, customer.role, customer.user.email) == ("c1", "customer", None)
        assert not customer.user.has_usable_password()


def test_second_run_changes_nothing(run, tenant):
    run(row(), row("o2", "c1", "shipped", delivered=""))
    with tenant_scope(tenant.id):
        before = list(Order.objects.order_by("id").values()) + list(Delivery.objects.order_by("id").values())

    said, refusal = run(row(), row("o2", "c1", "shipped", delivered=""))

    assert (said.split(".")[0], refusal) == ("0 created, 0 updated, 2 unchanged, 0 rejected", None)
    assert counts(tenant) == (2, 2, 1)
    assert User.objects.count() == 1
    with tenant_scope(tenant.id):
        after = list(Order.objects.order_by("id").values()) + list(Delivery.objects.order_by("id").values())
    assert after == before


def test_changes_are_taken_over(run, tenant):
    run(row(status="shipped", delivered=""), row("o2"))

    said, _refusal = run(row(), row("o2"))

    assert said.startswith("0 created, 1 updated, 1 unchanged, 0 rejected.")
    with tenant_scope(tenant.id):
        assert Delivery.objects.get(external_id="o1").status == "delivered"


def test_every_status_of_olist_has_a_counterpart(run, tenant):
    words = ["created", "approved", "invoiced", "processing", "shipped", "delivered", "unavailable", "canceled"]

    said, refusal = run(*[row(f"o{number}", status=word) for number, word in enumerate(words)])

    assert refusal is None, said
    with tenant_scope(tenant.id):
        assert Order.objects.get(external_id="o7").status == "cancelled"


def test_time_in_a_clock_change_is_moved_forward_and_reported(run, tenant):
    said, refusal = run(row(promised="10/15/2017 0:30"))

    assert refusal is None
    assert "1 moved forward out of a clock change:\n  line 2: order_estimated_delivery_date" in said
    with tenant_scope(tenant.id):
        # 0:30 did not exist in São Paulo that night; the clocks went from 0:00 to 1:00
        assert Delivery.objects.get().promised_at == datetime(2017, 10, 15, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("bad", status="lost"), "order_status: no counterpart for 'lost'"),
        (row("bad", placed="2017-10-02"), "order_purchase_timestamp: '2017-10-02' is not a time of the form"),
        (row("bad", placed="13/32/2017 10:00"), "is not a time"),
        (row("", "c9"), "order_id: empty"),
        (row("b" * 65), "order_id: longer than 64 characters"),
        ("bad,c1,delivered", "the line is cut short: 3 of 8 columns"),
        (row("bad") + ",extra", "the line has too many columns: 9 of 8"),
        (row("b\x07ad"), "control characters"),
    ],
)
def test_bad_row_is_named_and_the_good_ones_are_kept(run, tenant, bad, reason):
    said, refusal = run(row("good1"), bad, row("good2"))

    assert refusal == "Some items failed; they are named above."
    assert "2 created, 0 updated, 0 unchanged, 1 rejected." in said
    assert "line 3: " in said
    assert reason in said
    assert counts(tenant)[0] == 2


def test_truncated_last_line_is_reported(run, tenant):
    said, refusal = run(row("good"), "o2,c2,deliv", end="")

    assert "line 3: the line is cut short" in said
    assert refusal
    assert counts(tenant) == (1, 1, 1)


def test_undecodable_line_is_rejected_alone(run, tenant):
    lines = [HEADER.encode(), row("good").encode(), b"\xff\xfe" + row("bad").encode(), row("fine").encode()]

    said, _refusal = run(raw=b"\n".join(lines) + b"\n")

    assert "line 3: order_id: not readable as utf-8" in said
    assert counts(tenant)[0] == 2


def test_wrong_encoding_of_the_whole_file_is_a_plain_sentence(run, tenant):
    _said, refusal = run(raw=("\n".join([HEADER, row()]) + "\n").encode("utf-16"))

    assert "begins as utf-16 does, and the map says utf-8" in refusal
    assert counts(tenant) == (0, 0, 0)


def test_missing_column_is_named(run, tenant):
    _said, refusal = run(row(), header=HEADER.replace("order_status", "state"))

    assert "has no column order_status. Found: order_id" in refusal


def test_empty_file_is_a_plain_sentence(run):
    assert "has no column" in run(raw=b"")[1]


def test_bom_and_quotes_are_understood(run, tenant):
    quoted = '"o1","c1",delivered,"10/2/2017 10:56",,,,"10/18/2017 0:00"'

    _said, refusal = run(raw=b"\xef\xbb\xbf" + f"{HEADER}\n{quoted}\n".encode())

    assert refusal is None
    assert counts(tenant) == (1, 1, 1)


def test_number_of_another_order_is_rejected(run, tenant):
    OrderFactory(tenant=tenant, number="o1", external_id="somebody-elses")

    said, refusal = run(row("o1"), row("o2"))

    assert "order number o1 belongs to another order" in said
    assert refusal == "Some items failed; they are named above."


def test_same_ids_in_another_tenant_are_other_orders(run, tenant):
    other = TenantFactory(slug="zagros")
    run(row())

    _said, refusal = run(row(), tenant="zagros")

    assert refusal is None
    assert counts(tenant)[:2] == counts(other)[:2] == (1, 1)


def test_unknown_tenant_and_missing_file_are_plain_sentences(run, tmp_path):
    assert run(row(), tenant="nowhere")[1] == "There is no tenant nowhere."
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_orders", str(tmp_path / "none.csv"), "--tenant=tigris", f"--map={OLIST}")


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("nonsense", "Expected '='"),
        ("[order]\nexternal_id = 'a'", "[customer] must name a column for external_id"),
        ("[file]\ntime_zone = 'Mars/Olympus'", "No time zone found"),
        ("[file]\nencoding = 'utf-99'", "unknown encoding"),
        ("[file]\ndelimiter = ';;'", "one character"),
        ("[oder]\na = 'b'", "Unknown section: oder"),
        ("[customer]\nexternal_id = 'a'\nshoe_size = 'b'", "[customer] knows no field shoe_size"),
        ("[customer]\nexternal_id = 7", "[customer] must hold text values"),
    ],
)
def test_faulty_mapping_says_what_to_mend(run, tmp_path, mapping, reason):
    path = tmp_path / "map.toml"
    path.write_text(mapping)

    assert reason in run(row(), mapping=path)[1]


def test_other_columns_words_and_amounts_can_be_mapped(run, tenant, tmp_path):
    path = tmp_path / "map.toml"
    path.write_text(
        "[file]\ndelimiter = ';'\nencoding = 'cp1256'\ndate_format = '%Y-%m-%d'\n"
        "[customer]\nexternal_id = 'who'\nfirst_name = 'name'\n"
        "[order]\nexternal_id = 'id'\nnumber = 'no'\nstatus = 'state'\ntotal_amount = 'sum'\nitem_count = 'items'\n"
        "[order_status]\nok = 'approved'\n"
    )
    raw = "id;no;state;who;name;sum;items\n1;N-1;ok;7;علي;12.50;3\n2;N-2;ok;7;علي;x;3\n3;N-3;ok;7;علي;;-1\n".encode(
        "cp1256"
    )

    said, _refusal = run(raw=raw, mapping=path)

    assert "line 3: sum: 'x' is not an amount" in said
    assert "line 4: items: '-1' is not a whole number" in said
    with tenant_scope(tenant.id):
        order = Order.objects.select_related("customer").get()
        assert (str(order.total_amount), order.item_count, order.customer.first_name) == ("12.50", 3, "علي")
        assert not Delivery.objects.exists()


def test_more_rows_than_are_read_at_once_go_in_by_their_plan(tenant, tmp_path):
    path = tmp_path / "orders.csv"
    rows = [row(order=f"o{number}", customer="c1") for number in range(READ_AT_ONCE + 5)]
    path.write_text("\n".join([HEADER, *rows]))

    def run(*options):
        out = io.StringIO()
        call_command("import_orders", str(path), "--tenant=tigris", f"--map={OLIST}", *options, stdout=out)
        return out.getvalue()

    plan = run().rpartition("plan ")[2].split()[0]

    assert f"{READ_AT_ONCE + 5} created, 0 updated, 0 unchanged, 0 rejected." in run("--apply", f"--plan={plan}")
