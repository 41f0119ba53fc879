"""The platform keeps orders, deliveries and customers current (API.md section 7)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Message
from deliveries.models import Delivery
from ondi.accounts.api_keys import issue_api_key, revoke_api_key
from ondi.accounts.models import Membership, User
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from tests.client import ApiClient
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def key_of(tenant, **fields):
    with tenant_scope(tenant.id):
        return issue_api_key(tenant_id=tenant.id, name="platform", **fields)


@pytest.fixture
def platform(tenant):
    return ApiClient(**{"X-API-Key": key_of(tenant)[1]})


def order(external_id="o-1", **fields):
    return {
        "external_id": external_id, "customer": {"external_id": "c-1"}, "order_number": f"N-{external_id}",
        "status": "approved", "payment_status": "paid", "placed_at": "2026-11-20T09:00:00Z",
        "source_updated_at": NOW.isoformat(), **fields,
    }  # fmt: skip


def delivery(external_id="d-1", **fields):
    return {
        "external_id": external_id, "customer": {"external_id": "c-1"}, "status": "in_transit",
        "source_updated_at": NOW.isoformat(), **fields,
    }  # fmt: skip


def put(client, *rows, kind="orders"):
    response = client.call("PUT", f"/integrations/{kind}", body={kind: list(rows)})
    assert response.status_code == 200, response.content
    return response.json()["data"]["results"]


def statuses(results):
    return [result["status"] for result in results]


class TestKeys:
    def error(self, text):
        response = ApiClient(**{"X-API-Key": text}).call("PUT", "/integrations/orders", body={"orders": [order()]})
        return response.status_code, response.json()["error"]

    def test_bad_keys_open_nothing(self, api, tenant):
        expired = key_of(tenant, expires_at=NOW - timedelta(seconds=1))[1]
        revoked, revoked_text = key_of(tenant)
        suspended = TenantFactory()
        of_suspended = key_of(suspended)[1]
        with tenant_scope(tenant.id, suspended.id):
            revoke_api_key(key=revoked)
            Tenant.objects.filter(id=suspended.id).update(status="suspended")

        for text in ("", "od_", "od_unknown", "nonsense", expired, revoked_text, of_suspended, "od_" + "x" * 500):
            assert self.error(text) == (401, "api_key_invalid"), text

    def test_what_cannot_be_a_key_is_not_looked_up(self):
        with CaptureQueriesContext(connection) as asked:
            for text in ("", "nonsense", "od_" + "x" * 500, "od_unknown"):
                assert self.error(text) == (401, "api_key_invalid"), text

        assert len([one for one in asked if "ondi_enter_api_key" in one["sql"]]) == 1, "that of the last"

    def test_token_is_no_key_and_key_is_no_token(self, api, platform, tenant):
        token = api.as_(MemberFactory(tenant=tenant, admin=True))

        assert (
            token.call("PUT", "/integrations/orders", body={"orders": [order()]}).json()["error"] == "api_key_invalid"
        )
        assert platform.get("/customer/support/tickets").json()["error"] == "not_authenticated"

    def test_only_a_hash_is_kept(self, tenant, owner):
        key, text = key_of(tenant)

        assert text.startswith("od_")
        assert len(text) > 40
        assert text not in (key.key_hash, key.prefix)
        assert text.startswith(key.prefix)


class TestOrders:
    def test_order_and_customer_are_created_then_unchanged(self, platform, tenant):
        row = order(total_amount="49.90", currency="USD", item_count=2,
                    customer={"external_id": "c-1", "email": "Layla@Example.org", "first_name": "Layla"})  # fmt: skip

        first = put(platform, row)
        second = put(platform, row)

        assert set(first[0]) == {"index", "external_id", "id", "status", "errors", "warnings"}
        assert (statuses(first), statuses(second)) == (["created"], ["unchanged"])
        assert first[0]["id"] == second[0]["id"]
        with tenant_scope(tenant.id):
            kept = Order.objects.select_related("customer").get()
            assert (str(kept.total_amount), kept.item_count, kept.customer.first_name) == ("49.90", 2, "Layla")
            assert kept.customer.email == "layla@example.org"
            assert not kept.customer.user.has_usable_password()

    def test_keys_left_out_stay(self, platform, tenant):
        put(platform, order(total_amount="49.90", item_count=2))

        later = (NOW + timedelta(minutes=1)).isoformat()
        assert statuses(put(platform, order(status="shipped", source_updated_at=later))) == ["updated"]
        with tenant_scope(tenant.id):
            kept = Order.objects.get()
            assert (kept.status, str(kept.total_amount), kept.item_count) == ("shipped", "49.90", 2)

    def test_older_news_change_nothing(self, platform, tenant):
        put(platform, order(status="delivered"))

        older = (NOW - timedelta(minutes=1)).isoformat()
        assert statuses(put(platform, order(status="pending", source_updated_at=older))) == ["unchanged"]
        with tenant_scope(tenant.id):
            assert Order.objects.get().status == "delivered"

    def test_one_bad_row_never_blocks_the_others(self, platform, tenant):
        results = put(
            platform, order("o-1"), {}, order("o-2", status="lost"), order("o-1"), "text", None, order("o-3"),
            order("o-4", order_number="N-o-3"), order("o-5", placed_at="yesterday"), order("o-6", total_amount="x"),
            order("o-7", item_count=2.5), order("o-8", customer={}), order("o\ud800-9"), order("o-10", item_count=-1),
            order("o-11", currency="usd"), order("o-12", customer={"external_id": "c\n2"}), order("o-13"),
        )  # fmt: skip

        good = {0, 6, 16}
        assert [result["index"] for result in results] == list(range(17))
        assert {result["index"] for result in results if result["status"] == "created"} == good
        assert {result["status"] for result in results} == {"created", "rejected"}
        for result in results:
            assert (result["errors"] is None) is (result["index"] in good)
            assert (result["id"] is None) is (result["index"] not in good)
        assert results[2]["errors"]["status"][0]["code"] == "invalid_choice"
        assert results[3]["errors"]["external_id"][0]["code"] == "not_allowed"
        assert results[7]["errors"]["order_number"][0]["code"] == "not_allowed"
        with tenant_scope(tenant.id):
            assert Order.objects.count() == 3

    def test_number_of_another_order_is_rejected(self, platform, tenant):
        OrderFactory(tenant=tenant, number="N-o-1", external_id="older")

        assert put(platform, order())[0]["errors"]["order_number"][0]["code"] == "not_allowed"

    @pytest.mark.parametrize("body", [{}, {"orders": []}, {"orders": "x"}, {"orders": None}, [], {"deliveries": []}])
    def test_faulty_bodies_are_refused(self, platform, body):
        response = platform.call("PUT", "/integrations/orders", body=body)

        assert (response.status_code, response.json()["error"]) == (400, "validation_error")

    def test_five_hundred_rows_and_no_more(self, platform, tenant):
        rows = [order(f"o-{number}", customer={"external_id": f"c-{number % 40}"}) for number in range(501)]

        refused = platform.call("PUT", "/integrations/orders", body={"orders": rows})
        assert refused.status_code == 400
        assert refused.json()["data"]["fields"]["orders"][0]["code"] == "max_length"
        assert statuses(put(platform, *rows[:500])) == ["created"] * 500

    def test_other_tenants_ids_are_other_rows(self, platform, tenant):
        foreign = OrderFactory(external_id="o-1", number="N-o-1")

        result = put(platform, order())[0]

        assert (result["status"], result["id"] == str(foreign.id)) == ("created", False)


class TestCustomers:
    def test_address_of_somebody_else_here_is_left_out(self, platform, tenant):
        MemberFactory(tenant=tenant, external_id="c-0", user__email="layla@example.org")

        result = put(platform, order(customer={"external_id": "c-1", "email": "layla@example.org"}))[0]

        assert (result["status"], result["errors"]) == ("created", None)
        assert result["warnings"] == [{"field": "customer.email", "code": "not_allowed"}]
        with tenant_scope(tenant.id):
            assert Membership.objects.get(external_id="c-1").email is None

    def test_an_email_somebody_signs_in_with_elsewhere_is_kept_and_opens_nothing(self, platform, tenant):
        user = UserFactory(email="layla@example.org")

        assert statuses(put(platform, order(customer={"external_id": "c-1", "email": "layla@example.org"}))) == [
            "created"
        ]
        with tenant_scope(tenant.id):
            customer = Membership.objects.select_related("user").get()
        assert (customer.email, customer.waits) == ("layla@example.org", True)
        assert customer.user_id != user.id

    def test_mail_of_a_login_is_never_taken_over(self, platform, tenant):
        member = MemberFactory(tenant=tenant, external_id="c-1", user__email="mine@example.org")

        put(platform, order(customer={"external_id": "c-1", "email": "other@example.org", "first_name": "New"}))

        assert User.objects.get(pk=member.user_id).email == "mine@example.org"
        with tenant_scope(tenant.id):
            assert Membership.objects.get(pk=member.pk).first_name == "New"


class TestDeliveries:
    def test_links_its_order_and_refuses_foreign_ones(self, platform, tenant):
        put(platform, order())
        OrderFactory(external_id="foreign")

        results = put(
            platform, delivery("d-1", order_external_id="o-1", delivery_code=7, to="Mansour", **{"from": "Karrada"}),
            delivery("d-2", order_external_id="foreign"), delivery("d-3", order_external_id="nowhere"),
            delivery("d-4", delivery_code=7), kind="deliveries",
        )  # fmt: skip

        assert statuses(results) == ["created", "rejected", "rejected", "rejected"]
        assert results[1]["errors"] == results[2]["errors"]
        with tenant_scope(tenant.id):
            kept = Delivery.objects.select_related("order").get()
            assert (kept.order.external_id, kept.from_address, kept.to_address) == ("o-1", "Karrada", "Mansour")

    @pytest.mark.parametrize("status", ["delivered", "returned", "cancelled"])
    def test_change_leaves_one_message_in_the_open_ticket(self, api, platform, tenant, status):
        customer = MemberFactory(tenant=tenant, external_id="c-1")
        parcel = DeliveryFactory(tenant=tenant, customer=customer, external_id="d-1", status="in_transit")
        ticket = make_ticket(customer, delivery=parcel)

        for _repeat in range(2):
            put(platform, delivery(status=status), kind="deliveries")

        path = f"/messaging/conversations/{ticket.conversation_id}/messages"
        found = api.as_(customer).get(path, {"language": "ar"}).json()["data"]["messages"]
        assert [message["message_type"] for message in found] == ["system", "text"]
        assert found[0]["event"] == {"code": f"delivery_{status}", "params": {}}
        assert found[0]["content"][0] > "\u0600", "told in Arabic"
        shown = api.as_(customer).get(f"/customer/support/tickets/{ticket.id}").json()["data"]["ticket"]
        assert shown["waiting_on"] == "agent", "a system message is nobody's turn"

    def test_other_changes_and_closed_tickets_get_none(self, platform, tenant):
        customer, agent = MemberFactory(tenant=tenant, external_id="c-1"), MemberFactory(tenant=tenant, agent=True)
        parcel = DeliveryFactory(tenant=tenant, customer=customer, external_id="d-1", status="pending")
        make_ticket(customer, delivery=parcel, closed_by=agent)

        put(platform, delivery(status="picked_up"), kind="deliveries")
        put(platform, delivery(status="delivered"), kind="deliveries")

        with tenant_scope(tenant.id):
            assert Message.objects.count() == 2  # the customer's, and the closing

    def test_first_news_of_a_delivery_is_no_change(self, platform, tenant):
        assert statuses(put(platform, delivery(status="delivered"), kind="deliveries")) == ["created"]
