"""Older news change nothing, of an order and of its customer, whichever comes first (API.md section 7)."""

import io
import itertools
from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from tests.client import ApiClient
from tests.deliveries.test_import_orders import HEADER, OLIST, row
from tests.deliveries.test_integrations import delivery, order, put, statuses
from tests.factories import MemberFactory, OrderFactory
from tests.races import at_once, held_up

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)


@pytest.fixture
def platform(tenant):
    with tenant_scope(tenant.id):
        return ApiClient(**{"X-API-Key": issue_api_key(tenant_id=tenant.id, name="platform")[1]})


def at(minutes):
    return (NOW + timedelta(minutes=minutes)).isoformat()


def news(minutes, external_id="o-1", customer="c-1", **details):
    return order(external_id, source_updated_at=at(minutes), customer={"external_id": customer, **details})


def of(tenant, *names, external_id="c-1"):
    with tenant_scope(tenant.id):
        return Membership.objects.values_list(*names).get(external_id=external_id)


class TestCustomerKeepsTheNewestNews:
    def test_an_older_row_of_the_same_order_leaves_its_customer(self, platform, tenant):
        put(platform, news(0, first_name="New", phone="222"))

        assert statuses(put(platform, news(-60, first_name="Old", phone="111"))) == ["unchanged"]
        assert of(tenant, "first_name", "phone") == ("New", "222")

    def test_an_older_row_of_another_order_is_taken_and_leaves_the_customer(self, platform, tenant):
        put(platform, news(0, first_name="New"))

        assert statuses(put(platform, news(-60, "o-2", first_name="Old", phone="111"))) == ["created"]
        assert of(tenant, "first_name", "phone") == ("New", "")

    def test_an_older_delivery_leaves_what_an_order_told(self, platform, tenant):
        put(platform, news(0, first_name="New"))
        customer = {"external_id": "c-1", "first_name": "Old"}

        put(platform, delivery(customer=customer, source_updated_at=at(-1)), kind="deliveries")
        assert of(tenant, "first_name") == ("New",)
        put(platform, delivery(customer=customer, source_updated_at=at(1)), kind="deliveries")
        assert of(tenant, "first_name") == ("Old",)

    def test_newer_news_that_say_the_same_still_keep_older_ones_out(self, platform, tenant):
        put(platform, news(0, first_name="A"))
        put(platform, news(10, "o-2", first_name="A"))

        put(platform, news(5, "o-3", first_name="B"))

        assert of(tenant, "first_name", "source_updated_at") == ("A", NOW + timedelta(minutes=10))

    @pytest.mark.parametrize("places", list(itertools.permutations(range(3))))
    def test_in_a_batch_the_newest_has_the_last_word_wherever_it_stands(self, platform, tenant, places):
        rows = [news(0, "o-0", first_name="First", phone="1"), news(1, "o-1", first_name="Second", language="ar"),
                news(2, "o-2", first_name="Third")]  # fmt: skip

        assert statuses(put(platform, *(rows[place] for place in places))) == ["created"] * 3
        assert of(tenant, "first_name", "phone", "language") == ("Third", "1", "ar")

    def test_an_outdated_row_does_not_bring_a_customer_of_its_own(self, platform, tenant):
        put(platform, news(0, customer="c-1", email="layla@example.org"))

        result = put(platform, news(-1, customer="c-2", email="other@example.org"))

        assert statuses(result) == ["unchanged"]
        with tenant_scope(tenant.id):
            assert list(Membership.objects.values_list("external_id", flat=True)) == ["c-1"]
            assert result[0]["id"] == str(Order.objects.get().id)

    def test_a_repetition_is_unchanged_and_the_same_moment_may_correct(self, platform, tenant):
        put(platform, news(0, first_name="A"))

        assert statuses(put(platform, news(0, first_name="A"))) == ["unchanged"]
        put(platform, news(0, first_name="B"))
        assert of(tenant, "first_name") == ("B",)

    def test_who_was_never_written_by_a_source_is_open_to_any(self, platform, tenant):
        MemberFactory(tenant=tenant, external_id="c-1", first_name="By hand")

        put(platform, news(-100_000, first_name="Told"))

        assert of(tenant, "first_name") == ("Told",)

    def test_each_tenants_customer_keeps_a_time_of_its_own(self, platform, tenant):
        other = MemberFactory(external_id="c-1", first_name="Other", source_updated_at=NOW + timedelta(minutes=5))

        put(platform, news(0, first_name="New"))

        assert of(tenant, "first_name") == ("New",)
        assert of(other.tenant, "first_name") == ("Other",)


class TestAddressesPassOn:
    def test_from_one_customer_to_another_in_one_batch(self, platform, tenant):
        put(platform, news(0, "o-1", "c-1", email="a@example.org"), news(0, "o-2", "c-2", email="b@example.org"))

        result = put(
            platform, news(3, "o-2", "c-2", email="a@example.org"), news(2, "o-1", "c-1", email=None),
            news(1, "o-3", "c-3", email="c@example.org"), news(4, "o-4", "c-4", email="b@example.org"),
        )  # fmt: skip

        assert [row["warnings"] for row in result] == [[]] * 4
        addresses = [of(tenant, "email", external_id=f"c-{number}")[0] for number in range(1, 5)]
        assert addresses == [None, "a@example.org", "c@example.org", "b@example.org"]


class TestTimesFromOutside:
    @pytest.mark.parametrize(("ahead", "status"), [({"days": 1}, "created"), ({"days": 1, "seconds": 1}, "rejected"),
                                                   ({"days": 36500}, "rejected")])  # fmt: skip
    @pytest.mark.parametrize("kind", ["orders", "deliveries"])
    def test_a_source_more_than_a_day_ahead_is_refused(self, platform, tenant, kind, ahead, status):
        with time_machine.travel(NOW, tick=False):
            moment = (NOW + timedelta(**ahead)).isoformat()
            row = (order if kind == "orders" else delivery)(source_updated_at=moment)
            result = put(platform, row, kind=kind)[0]

        assert result["status"] == status
        if status == "rejected":
            assert [*result["errors"]] == ["source_updated_at"]
            assert result["errors"]["source_updated_at"][0]["code"] == "invalid"
            with tenant_scope(tenant.id):
                assert not Membership.objects.exists()

    @pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2200-01-01T00:00:00Z",
                                        "1899-12-31T23:59:59Z"])  # fmt: skip
    @pytest.mark.parametrize(
        ("kind", "field"),
        [("orders", "placed_at"), ("orders", "source_updated_at"), ("deliveries", "promised_at"),
         ("deliveries", "delivered_at"), ("deliveries", "source_updated_at")],
    )  # fmt: skip
    def test_years_no_order_lies_in_are_refused(self, platform, kind, field, moment):
        row = (order if kind == "orders" else delivery)(**{field: moment})

        result = put(platform, row, kind=kind)[0]

        assert (result["status"], result["errors"][field][0]["code"]) == ("rejected", "invalid")


@pytest.mark.django_db(transaction=True)
def test_an_address_that_staff_give_somebody_at_that_moment(platform, tenant, owner):
    with psycopg.connect(owner().info.dsn, password=owner().info.password) as writer:
        other = MemberFactory(tenant=tenant)
        writer.execute("UPDATE accounts_membership SET email = 'm@example.org' WHERE id = %s", [other.id])
        body = {"orders": [news(0, email="m@example.org")]}
        with held_up(lambda: platform.call("PUT", "/integrations/orders", body=body), writer) as running:
            writer.commit()

    assert (running.result().status_code, running.result().json()["error"]) == (503, "service_unavailable")
    result = put(platform, *body["orders"])[0]
    assert (result["status"], result["warnings"][0]["field"]) == ("created", "customer.email")


@pytest.mark.django_db(transaction=True)
def test_an_import_looks_at_rows_after_batches_that_were_first(tenant, owner, tmp_path):
    """What undo goes back to is what stood there when the import wrote."""
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n{row()}\n")
    bought = OrderFactory(tenant=tenant, external_id="o1", number="o1", status="approved")
    arguments = [str(tmp_path / "orders.csv"), f"--tenant={tenant.slug}", f"--map={OLIST}", "--apply"]
    out = io.StringIO()
    with psycopg.connect(owner().info.dsn, password=owner().info.password) as writer:
        writer.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"intake {tenant.id}"])
        writer.execute("UPDATE orders_order SET currency = 'IQD' WHERE id = %s", [bought.id])
        with held_up(lambda: call_command("import_orders", *arguments, stdout=out), writer):
            writer.commit()

    call_command("data_fixes", "undo", out.getvalue().rpartition("undo ")[2].strip(), stdout=io.StringIO())

    with tenant_scope(tenant.id):
        assert Order.objects.values_list("status", "currency").get(id=bought.id) == ("approved", "IQD")


@pytest.mark.django_db(transaction=True)
def test_two_batches_at_once_that_bring_the_same_people_and_orders(platform, tenant):
    rows = [news(0, f"o-{number}", f"c-{number}", email=f"m{number}@example.org") for number in range(20)]
    parcels = [delivery(f"d-{number}", customer=row["customer"]) for number, row in enumerate(rows)]

    answers = at_once(
        [lambda: put(platform, *rows), lambda: put(platform, *reversed(rows)),
         lambda: put(platform, *parcels, kind="deliveries")]
    )  # fmt: skip

    assert sorted(statuses(answers[0]) + statuses(answers[1])) == ["created"] * 20 + ["unchanged"] * 20
    assert statuses(answers[2]) == ["created"] * 20
    with tenant_scope(tenant.id):
        assert Membership.objects.count() == 20
