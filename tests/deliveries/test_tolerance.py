"""A customer's odd detail never costs the order: left out, named in `warnings`, and as it was (API.md section 7)."""

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import Message
from deliveries.models import Delivery
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.customers import customer_details
from ondi.accounts.models import Membership
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from tests.client import ApiClient
from tests.deliveries.test_integrations import delivery, order, put, statuses
from tests.factories import DeliveryFactory, MemberFactory, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db

KNOWN = {"email": "was@example.org", "first_name": "Was", "last_name": "Before", "phone": "0", "language": "en"}
ODD = [
    ("email", "docomo..user.@example.com", "invalid"),
    ("email", "jörg@example.com", "invalid"),
    ("email", "nobody", "invalid"),
    ("email", "a@b", "invalid"),
    ("email", "two@example.org, three@example.org", "invalid"),
    ("email", "x" * 250 + "@example.org", "max_length"),
    ("email", 7, "invalid"),
    ("email", ["a@example.org"], "invalid"),
    ("email", "a@example.org\x00", "invalid"),
    ("first_name", "x" * 151, "max_length"),
    ("first_name", {"ar": "ليلى"}, "invalid"),
    ("first_name", "Lay\nla", "invalid"),
    ("last_name", "\ud800", "invalid"),
    ("last_name", "a\x00b", "invalid"),
    ("last_name", True, "invalid"),
    ("phone", "0" * 41, "max_length"),
    ("phone", 9647701112233, "invalid"),
    ("language", "klingon", "invalid_choice"),
    ("language", "tlh-QO", "invalid_choice"),
    ("language", "zh", "invalid_choice"),
    ("language", ["ar"], "invalid"),
    ("language", "x" * 200, "max_length"),
]
KEPT = [
    ("email", "  Layla@Example.ORG ", "layla@example.org"),
    ("email", "o'brien+orders@sub.example.org", "o'brien+orders@sub.example.org"),
    ("first_name", "  ليلى  ", "ليلى"),
    ("phone", "+964 770 111 2233", "+964 770 111 2233"),
    ("language", "ckb", "ku"),
    ("language", "ckb-IQ", "ku"),
    ("language", "ku-Arab", "ku"),
    ("language", "ar-IQ", "ar"),
    ("language", "ar_IQ", "ar"),
    ("language", "AR", "ar"),
    ("language", "fa-IR", "fa"),
    ("language", "en-GB", "en"),
]
CLEARED = [(name, empty) for name in KNOWN for empty in (None, "", "   ")]


@pytest.fixture
def platform(tenant):
    with tenant_scope(tenant.id):
        return ApiClient(**{"X-API-Key": issue_api_key(tenant_id=tenant.id, name="platform")[1]})


def person(tenant, external_id="c-1"):
    with tenant_scope(tenant.id):
        return Membership.objects.select_related("user").get(external_id=external_id)


class TestDetails:
    def test_each_odd_one_is_left_out_and_the_order_taken_in(self, platform, tenant):
        people = [
            {"external_id": f"c-{number}", **KNOWN, "email": f"was{number}@example.org"} for number in range(len(ODD))
        ]
        put(platform, *(order(f"o-{number}", customer=them) for number, them in enumerate(people)))
        odd = [{"external_id": f"c-{number}", name: value} for number, (name, value, _code) in enumerate(ODD)]

        results = put(platform, *(order(f"n-{number}", customer=them) for number, them in enumerate(odd)))
        again = put(platform, *(delivery(f"d-{number}", customer=them) for number, them in enumerate(odd)),
                    kind="deliveries")  # fmt: skip

        for number, (name, value, code) in enumerate(ODD):
            for result in (results[number], again[number]):
                assert (result["status"], result["errors"]) == ("created", None), value
                assert result["warnings"] == [{"field": f"customer.{name}", "code": code}], value
            them = person(tenant, f"c-{number}")
            kept = {key: getattr(them, key) for key in KNOWN}
            assert kept == {**KNOWN, "email": f"was{number}@example.org"}, value

    @pytest.mark.parametrize(("name", "value", "kept"), KEPT)
    def test_usual_ones_are_kept(self, platform, tenant, name, value, kept):
        result = put(platform, order(customer={"external_id": "c-1", name: value}))[0]

        assert (result["status"], result["warnings"]) == ("created", [])
        assert getattr(person(tenant), name) == kept

    @pytest.mark.parametrize(("name", "empty"), CLEARED)
    def test_null_and_empty_clear_and_a_key_left_out_stays(self, platform, tenant, name, empty):
        put(platform, order(customer={"external_id": "c-1", **KNOWN}))

        result = put(platform, order("o-2", customer={"external_id": "c-1", name: empty}))[0]

        assert (result["status"], result["warnings"]) == ("created", [])
        kept = {key: getattr(person(tenant), key) for key in KNOWN}
        assert kept == {**KNOWN, name: None if name == "email" else ""}

    def test_somebody_new_with_nothing_but_oddities_is_taken_in_too(self, platform, tenant):
        odd = {"email": "x", "first_name": 1, "last_name": [], "phone": "0" * 99, "language": "xx"}

        result = put(platform, order(customer={"external_id": "c-1", **odd}))[0]

        assert result["status"] == "created"
        assert {one["field"] for one in result["warnings"]} == {f"customer.{name}" for name in odd}
        with tenant_scope(tenant.id):
            assert Order.objects.get().customer_id == person(tenant).id

    @given(details=st.dictionaries(
        st.sampled_from([*KNOWN, "external_id", "role", "tenant"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3),
    ))  # fmt: skip
    @settings(max_examples=200, deadline=None)
    def test_whatever_is_said_is_kept_as_a_row_can_hold_it_or_named(self, details):
        kept, left_out = customer_details(details)

        assert kept.keys() | left_out.keys() == details.keys() & KNOWN.keys()
        assert not kept.keys() & left_out.keys()
        Membership(**kept).clean_fields(exclude=["tenant", "user"])

    @given(details=st.dictionaries(st.sampled_from([*KNOWN]), st.none() | st.integers() | st.text(max_size=300)))
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_and_no_order_is_lost_for_it(self, platform, details):
        result = put(platform, order(customer={**details, "external_id": "c-1"}))[0]

        assert result["status"] in ("created", "unchanged")


class TestAddresses:
    def test_an_address_of_another_customer_is_left_out_for_good(self, platform, tenant):
        rows = [
            order(f"o-{number}", customer={"external_id": f"c-{number}", "email": "one@example.org"})
            for number in (1, 2)
        ]

        for _time in range(2):
            results = put(platform, *rows)
            assert [row["warnings"] for row in results] == [[], [{"field": "customer.email", "code": "not_allowed"}]]
        assert statuses(results) == ["unchanged", "unchanged"]
        assert (person(tenant, "c-1").email, person(tenant, "c-2").email) == ("one@example.org", None)

    def test_nor_is_one_of_staff_taken(self, platform, tenant):
        agent = MemberFactory(tenant=tenant, agent=True)

        result = put(platform, order(customer={"external_id": "c-1", "email": agent.email.upper()}))[0]

        assert result["warnings"] == [{"field": "customer.email", "code": "not_allowed"}]

    @pytest.mark.parametrize("email", [None, "", "other@example.org"])
    def test_who_signs_in_keeps_the_address_they_do_it_with(self, platform, tenant, email):
        MemberFactory(tenant=tenant, external_id="c-1", user__email="mine@example.org")

        result = put(platform, order(customer={"external_id": "c-1", "email": email, "first_name": "New"}))[0]

        assert (result["status"], person(tenant).email, person(tenant).first_name) == (
            "created",
            "mine@example.org",
            "New",
        )
        assert result["warnings"] == [{"field": "customer.email", "code": "not_allowed"}]

    def test_staff_who_never_signed_in_are_not_given_another_address(self, platform, tenant):
        MemberFactory(tenant=tenant, external_id="c-1", agent=True, user__email=None, email="boss@example.org")

        put(platform, order(customer={"external_id": "c-1", "email": "mine@example.org"}))

        assert person(tenant).email == "boss@example.org"


class TestRows:
    def test_what_may_be_null_may_be_empty(self, platform, tenant):
        put(
            platform,
            order(currency="USD", total_amount="1.00", item_count=1, store="Mansour"),
        )
        given = {"to": "A", "from": "B", "promised_at": "2026-11-20T09:00:00Z", "delivery_code": 7, "store": "Mansour",
                 "delivered_at": "2026-11-20T09:00:00Z", "order_external_id": "o-1"}  # fmt: skip
        put(platform, delivery(**given), kind="deliveries")

        assert statuses(put(platform, order(currency="", total_amount="", item_count="", store=""))) == ["updated"]
        assert statuses(put(platform, delivery(**dict.fromkeys(given, "")), kind="deliveries")) == ["updated"]

        with tenant_scope(tenant.id):
            kept, parcel = Order.objects.get(), Delivery.objects.get()
        assert (kept.currency, kept.total_amount, kept.item_count, kept.store) == (None,) * 4
        assert (parcel.to_address, parcel.from_address, parcel.promised_at, parcel.delivered_at) == (None,) * 4
        assert (parcel.delivery_code, parcel.order_id, parcel.store) == (None,) * 3

    @pytest.mark.parametrize(
        "field", ["external_id", "order_number", "status", "payment_status", "placed_at", "customer"]
    )
    def test_what_may_not_be_empty_still_costs_the_row(self, platform, field):
        for empty in (None, ""):
            result = put(platform, order(**{field: empty}))[0]
            assert (result["status"], [*result["errors"]]) == ("rejected", [field])

    @pytest.mark.parametrize(("store", "code"), [("x" * 101, "max_length"), ("a\nb", "invalid"), (7, "invalid")])
    def test_a_store_is_a_line_of_a_hundred(self, platform, tenant, store, code):
        assert put(platform, order(store=store))[0]["errors"]["store"][0]["code"] == code
        assert statuses(put(platform, order(store="متجر المنصور"))) == ["created"]
        with tenant_scope(tenant.id):
            assert Order.objects.get().store == "متجر المنصور"

    def test_the_store_is_shown_to_staff_alone(self, api, platform, tenant):
        put(platform, order(store="Mansour Mall"))
        put(platform, delivery(order_external_id="o-1", store="Karrada Mall"), kind="deliveries")
        agent, customer = MemberFactory(tenant=tenant, agent=True), person(tenant)
        with tenant_scope(tenant.id):
            bought, parcel = Order.objects.get(), Delivery.objects.get()
        tickets = [make_ticket(customer, order=bought), make_ticket(customer, delivery=parcel)]

        for store, row, app, ticket in zip(("Mansour Mall", "Karrada Mall"), (bought, parcel),
                                           ("orders/order", "deliveries/delivery"), tickets, strict=True):  # fmt: skip
            for page in (f"{app}/", f"{app}/{row.id}/change/", f"support/ticket/{ticket.id}/change/"):
                assert store in workbench(agent.user).get(f"/admin/{page}").content.decode(), page
            shown = api.as_(customer).get(f"/customer/support/tickets/{ticket.id}")
            assert shown.status_code == 200
            assert store not in shown.content.decode()

    def test_a_changed_status_is_told_once_and_nothing_else_is(self, platform, tenant):
        customer = MemberFactory(tenant=tenant, external_id="c-1")
        parcel = DeliveryFactory(tenant=tenant, customer=customer, external_id="d-1", status="delivered")
        make_ticket(customer, delivery=parcel)
        later = {"source_updated_at": timezone.now().isoformat()}

        put(platform, delivery(status="delivered", to="Mansour"), delivery("d-2", status="returned"), kind="deliveries")
        put(platform, delivery(status="returned", source_updated_at="2020-01-01T00:00:00Z"), kind="deliveries")
        assert self.told(tenant) == 0
        put(platform, delivery(status="returned", **later), kind="deliveries")
        put(platform, delivery(status="returned", to="Karrada", **later), kind="deliveries")
        assert self.told(tenant) == 1

    def told(self, tenant):
        with tenant_scope(tenant.id):
            return Message.objects.filter(message_type="system").count()
