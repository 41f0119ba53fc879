"""Canned replies: in folders, everybody's or one's own, in the customer's language, with words for what is missing."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from ondi.common.placeholders import fill, names_in
from ondi.tenants.scope import tenant_scope
from support.models import CannedReply
from support.placeholders import filled, unfilled_placeholders, unknown_placeholders
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, actor, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db
ADD = "admin:support_cannedreply_add"


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara")


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", language="ar")


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def reply(tenant, shortcut="hello", language="en", content="Hello", **more):
    with tenant_scope(tenant.id):
        return CannedReply.objects.create(tenant=tenant, shortcut=shortcut, language=language, content=content, **more)


def page_of(ticket):
    return reverse("admin:support_ticket_change", args=[ticket.id])


def usable(person, *languages):
    with tenant_scope(person.tenant_id):
        found = CannedReply.objects.for_language(actor(person), languages or ("ar", "en"))
        return [(one.shortcut, one.content) for one in found]


def form(tenant, **said):
    return {"tenant": tenant.id, "shortcut": "hello", "language": "en", "folder": "", "content": "Hi", **said}


class TestWhose:
    def test_a_private_one_is_its_owners_alone(self, tenant, sara, browser):
        other = MemberFactory(tenant=tenant, lead=True)
        browser.post(reverse(ADD), form(tenant, shortcut="mine", is_private="on"))
        reply(tenant, "shared")

        assert usable(sara) == [("mine", "Hi"), ("shared", "Hello")]
        assert usable(other) == [("shared", "Hello")]
        with tenant_scope(tenant.id):
            mine = CannedReply.objects.get(shortcut="mine")
        assert mine.owner_id == sara.id
        theirs = workbench(other.user)
        assert "mine" not in theirs.get(reverse("admin:support_cannedreply_changelist")).content.decode()
        change = reverse("admin:support_cannedreply_change", args=[mine.id])
        assert theirs.get(change).status_code == 302
        assert theirs.post(change, form(tenant, content="Taken")).status_code == 302
        assert usable(sara)[0] == ("mine", "Hi")

    def test_ones_own_comes_before_everybodys_of_the_same_language(self, tenant, sara):
        reply(tenant, content="Shared")
        reply(tenant, content="Own", owner=sara)
        reply(tenant, content="مرحبا", language="ar")

        assert usable(sara, "en", "ar") == [("hello", "Own")]
        assert usable(sara, "ar", "en") == [("hello", "مرحبا")], "the customer's language counts first"

    def test_a_shortcut_is_there_once_for_all_and_once_for_each(self, tenant, sara, browser):
        reply(tenant)
        reply(tenant, owner=sara)

        for said in ({}, {"is_private": "on"}):
            refused = browser.post(reverse(ADD), form(tenant, **said))
            assert "This shortcut is there already in this language." in refused.content.decode()
        for owner in (None, sara):
            with pytest.raises(IntegrityError), transaction.atomic():
                reply(tenant, owner=owner)

    def test_shared_and_private_turn_into_each_other(self, tenant, sara, browser):
        one = reply(tenant)
        change = reverse("admin:support_cannedreply_change", args=[one.id])

        browser.post(change, form(tenant, is_private="on"))
        with tenant_scope(tenant.id):
            assert CannedReply.objects.get().owner_id == sara.id
        field = browser.get(change).content.decode().partition('name="is_private"')[2].partition(">")[0]
        assert "checked" in field.split()
        browser.post(change, form(tenant))
        with tenant_scope(tenant.id):
            assert CannedReply.objects.get().owner_id is None


class TestInTheComposer:
    def test_the_language_and_the_folder_are_named(self, tenant, customer, browser):
        reply(tenant, "late", "ar", "تأخرنا", folder="Deliveries")
        reply(tenant, "hours", "en", "From nine")
        html = browser.get(page_of(make_ticket(customer))).content.decode()

        at = [html.index(part) for part in ('data-shortcut="hours"', "<h3><bdi>Deliveries</bdi></h3>", "/late")]
        assert at == sorted(at), "those without a folder come first"
        assert 'data-kind="Arabic" data-more="تأخرنا"' in html
        assert 'data-kind="English" data-more="From nine"' in html

    def test_a_closed_ticket_offers_them_to_notes(self, tenant, customer, sara, browser):
        reply(tenant)
        html = browser.get(page_of(make_ticket(customer, agent=sara, closed_by=sara))).content.decode()

        assert 'id="wb-reply"' not in html
        assert 'data-canned="Hello"' in html

    def test_found_in_their_list_by_shortcut_text_and_folder(self, tenant, browser):
        reply(tenant, "late", content="Sorry for the wait", folder="Deliveries")
        reply(tenant, "hours", content="From nine to five", folder="Shop")
        listed = reverse("admin:support_cannedreply_changelist")

        for word, found, other in (("lat", "late", "hours"), ("FIVE", "hours", "late"), ("deliv", "late", "hours")):
            html = browser.get(listed, {"q": word}).content.decode()
            assert f">{found}</a>" in html, word
            assert f">{other}</a>" not in html, word


class TestPlaceholders:
    def test_a_deliverys_order_is_the_tickets(self, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer, number="A-7")
        ticket = make_ticket(customer, delivery=DeliveryFactory(tenant=tenant, customer=customer, order=order))

        with tenant_scope(tenant.id):
            assert filled("{order_number}", ticket) == "A-7"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("About {order_number|your order}", "About your order"),
            ("About {order_number|}.", "About ."),
            ("About {order_number}", "About {order_number}"),
            ("{customer_first_name|you}", "Layla"),
            ("{order_number|طلبك}", "طلبك"),
            ("{order_number|a {b}", "{order_number|a {b}"),
        ],
    )
    def test_words_for_what_is_missing(self, customer, text, said):
        ticket = make_ticket(customer)

        with tenant_scope(customer.tenant_id):
            assert filled(text, ticket) == said

    def test_one_with_words_typed_by_hand_stops_an_answer_as_well(self):
        assert unfilled_placeholders("See {order_number|your order}") == ["order_number"]
        assert unknown_placeholders("{order|your order} {delivery_code|x}") == ["order"]
        assert names_in("{a|b} {c}") == {"a", "c"}
        assert fill("{a|b} {c|d}", {"a": 0}) == "0 d"

    def test_saving_understands_them(self, tenant, browser):
        refused = browser.post(reverse(ADD), form(tenant, content="Hi {first_name|you}"))
        assert "Unknown placeholders: {first_name}" in refused.content.decode()

        assert browser.post(reverse(ADD), form(tenant, content="Hi {customer_first_name|you}")).status_code == 302
