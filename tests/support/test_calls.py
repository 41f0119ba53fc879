"""Calls: who calls is found, or becomes a customer with the ticket; what is known of a customer is corrected."""

import pytest
from django.contrib.admin.models import LogEntry

from ondi.accounts.models import Membership, User
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope
from support.errors import AddressTaken, CustomerNotFound, NotASupportUser
from support.models import Ticket
from support.services import add_customer, correct_customer, open_ticket_on_behalf
from support.vocabulary import TicketSource
from tests.factories import DeliveryFactory, MemberFactory, TenantFactory, actor, make_ticket, reload
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, CUSTOMER = "/admin/support/ticket/phone/", "/admin/support/ticket/customer/"


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def call(tenant, **said):
    """What the form for somebody new sends."""
    return {
        "tenant": str(tenant.id), "first_name": "Layla", "last_name": "Hassan", "phone": "0770 123 4567", "email": "",
        "language": "ar", "subject": "Where is it?", "message": "It did not come.", "priority": "high",
        "form_id": str(new_id()), **said,
    }  # fmt: skip


def customers(tenant):
    with tenant_scope(tenant.id):
        return list(Membership.objects.filter(role="customer"))


def tickets(tenant):
    with tenant_scope(tenant.id):
        return list(Ticket.objects.select_related("requester"))


class TestFinding:
    WRITTEN = [
        "+964 770 123 4567", "00964 770 123 45 67", "0770-123-4567", "07701234567", "(0770) 123.4567",
        "+٩٦٤ ٧٧٠ ١٢٣ ٤٥٦٧", "۰۷۷۰۱۲۳۴۵۶۷", "770 1234567", "123 4567",
    ]  # fmt: skip

    @pytest.mark.parametrize("on_record", ["+9647701234567", "0770 123 4567", "٠٧٧٠١٢٣٤٥٦٧", "1234567"])
    def test_a_number_is_the_same_however_it_is_written(self, tenant, browser, on_record):
        customer = MemberFactory(tenant=tenant, phone=on_record)
        MemberFactory(tenant=tenant, phone="+964 770 123 4568")
        MemberFactory(phone=on_record)  # another tenant's

        for typed in self.WRITTEN:
            assert list(browser.get(PHONE, {"q": typed}).context["customers"]) == [customer], typed

    @pytest.mark.parametrize("typed", ["+45 12 34 56 78", "0045 12345678", "12345678"])
    def test_short_numbers_of_a_country_too(self, tenant, browser, typed):
        customers = [MemberFactory(tenant=tenant, phone=phone) for phone in ("12 34 56 78", "+4512345678")]
        MemberFactory(tenant=tenant, phone="345678")

        found = browser.get(PHONE, {"q": typed}).context["customers"]

        assert {one.id for one in found} == {one.id for one in customers}, "both are offered"

    @pytest.mark.parametrize("typed", ["hass 0770", "4567 layla", "la has", "HASSAN"])
    def test_by_parts_of_name_and_number_in_any_order(self, tenant, browser, typed):
        customer = MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan", phone="07701234567")
        MemberFactory(tenant=tenant, first_name="Layla", last_name="Omar", phone="07709999999")

        assert list(browser.get(PHONE, {"q": typed}).context["customers"]) == [customer]

    @pytest.mark.parametrize(
        ("term", "fields"),
        [
            ("Layla Hassan Omar", {"first_name": "Layla", "last_name": "Hassan Omar"}),
            ("+964 770 123", {"phone": "+964 770 123"}),
            ("٠٧٧٠", {"phone": "٠٧٧٠"}),
            ("layla@example.org", {"email": "layla@example.org"}),
        ],
    )
    def test_what_was_searched_for_stands_in_the_form_for_somebody_new(self, browser, term, fields):
        offered = browser.get(PHONE, {"q": term}).context["new_caller"]
        form = browser.get(offered).context["form"]

        assert {name: form.initial[name] for name in fields} == fields


class TestSomebodyNew:
    def test_becomes_a_customer_with_the_ticket(self, tenant, sara, browser):
        answer = browser.post(f"{PHONE}?new=1", call(tenant, email="Layla@Example.org"))

        (customer,), (ticket,) = customers(tenant), tickets(tenant)
        assert answer.headers["Location"] == f"/admin/support/ticket/{ticket.id}/change/"
        assert (customer.first_name, customer.last_name, customer.phone) == ("Layla", "Hassan", "0770 123 4567")
        assert (customer.email, customer.language) == ("layla@example.org", "ar")
        with tenant_scope(tenant.id):
            assert Membership.objects.select_related("user").get(id=customer.id).waits, "nobody signs in as them yet"
        assert (ticket.requester, ticket.assignee_id, ticket.source) == (customer, sara.id, TicketSource.PHONE)
        assert (ticket.subject, ticket.priority) == ("Where is it?", "high")
        assert LogEntry.objects.get(object_id=customer.id).is_addition()

    @pytest.mark.parametrize("said", [{"email": ""}, {"phone": "", "last_name": "", "email": ""}])
    def test_needs_no_more_than_a_name(self, tenant, browser, said):
        assert browser.post(f"{PHONE}?new=1", call(tenant, **said)).status_code == 302

    @pytest.mark.parametrize(
        "said",
        [
            {"first_name": ""}, {"first_name": "\u200b"}, {"email": "no mail"}, {"phone": "9" * 41},
            {"language": "xx"}, {"message": ""}, {"subject": "x" * 201},
        ],
    )  # fmt: skip
    def test_a_bad_field_is_said_and_nothing_is_lost_or_written(self, tenant, browser, said):
        answer = browser.post(f"{PHONE}?new=1", call(tenant, **{"last_name": "Kept", **said}))

        assert answer.status_code == 200
        assert 'value="Kept"' in answer.content.decode()
        assert list(answer.context["form"].errors) == list(said)
        assert (customers(tenant), tickets(tenant)) == ([], [])

    def test_a_double_click_makes_one_customer_and_one_ticket(self, tenant, browser):
        said = call(tenant)

        first, second = (browser.post(f"{PHONE}?new=1", said) for _click in range(2))

        assert second.headers["Location"] == first.headers["Location"]
        assert (len(customers(tenant)), len(tickets(tenant))) == (1, 1)

    def test_where_the_ticket_is_refused_there_is_no_customer_either(self, tenant, browser, owner):
        owner().execute(
            "ALTER TABLE support_ticket ADD CONSTRAINT never CHECK (subject <> 'Where is it?') NOT VALID"
        )  # fmt: skip
        try:
            answer = browser.post(f"{PHONE}?new=1", call(tenant))
        finally:
            owner().execute("ALTER TABLE support_ticket DROP CONSTRAINT never")

        assert answer.status_code >= 400
        assert (customers(tenant), tickets(tenant)) == ([], [])
        assert not User.objects.filter(email=None).exists()
        assert not LogEntry.objects.exists()

    def test_who_is_known_by_the_number_is_offered_first(self, tenant, browser):
        known = [MemberFactory(tenant=tenant, first_name=name, phone="+9647701234567") for name in ("Ali", "Zed")]
        MemberFactory(tenant=tenant, phone="0770 999 9999")

        opened = browser.get(f"{PHONE}?new=1&q=0770+123+4567")
        stopped = browser.post(f"{PHONE}?new=1", call(tenant))

        for answer in (opened, stopped):
            assert {one.id for one in answer.context["known"]} == {one.id for one in known}
        assert stopped.status_code == 409
        assert "It did not come." in stopped.content.decode()
        assert tickets(tenant) == []

    def test_the_ticket_is_for_the_known_one_at_one_click(self, tenant, browser):
        known = MemberFactory(tenant=tenant, phone="+9647701234567", first_name="Kept")

        browser.post(f"{PHONE}?new=1", call(tenant, known=str(known.id)))

        assert [ticket.requester for ticket in tickets(tenant)] == [known]
        assert [customer.first_name for customer in customers(tenant)] == ["Kept"]

    def test_or_for_somebody_new_with_the_same_number(self, tenant, browser):
        known = MemberFactory(tenant=tenant, phone="+9647701234567")

        browser.post(f"{PHONE}?new=1", call(tenant, anyway="1"))

        (ticket,) = tickets(tenant)
        assert ticket.requester_id != known.id
        assert len(customers(tenant)) == 2

    def test_somebody_not_offered_cannot_be_chosen(self, tenant, browser):
        other, _known = MemberFactory(tenant=tenant, phone="1"), MemberFactory(tenant=tenant, phone="07701234567")

        for chosen in (other.id, MemberFactory().id, "x"):
            assert browser.post(f"{PHONE}?new=1", call(tenant, known=str(chosen))).status_code == 409
        assert tickets(tenant) == []

    def test_an_e_mail_is_one_persons(self, tenant, sara, browser):
        """A customer is offered by it; a colleague's is refused with a sentence."""
        known = MemberFactory(tenant=tenant, email="one@example.org")

        offered = browser.post(f"{PHONE}?new=1", call(tenant, email="One@example.org"))
        twice = browser.post(f"{PHONE}?new=1", call(tenant, email="one@example.org", anyway="1"))
        of_colleague = browser.post(f"{PHONE}?new=1", call(tenant, email=sara.email))

        assert [one.id for one in offered.context["known"]] == [known.id]
        for answer in (twice, of_colleague):
            assert answer.status_code == 409
            assert "Another person here has this e-mail." in answer.content.decode()
        assert customers(tenant) == [known]

    def test_of_several_tenants_one_is_chosen_and_only_its_people_are_offered(self, tenant, sara, browser):
        elsewhere = TenantFactory()
        MemberFactory(tenant=elsewhere, user=sara.user, role="agent", is_support_user=True)
        MemberFactory(tenant=elsewhere, phone="07701234567")

        assert browser.post(f"{PHONE}?new=1", call(tenant)).status_code == 302
        assert browser.post(f"{PHONE}?new=1", call(elsewhere)).status_code == 409

        for nowhere in (TenantFactory().id, "x", ""):
            said = {**call(tenant), "tenant": nowhere}
            assert list(browser.post(f"{PHONE}?new=1", said).context["form"].errors) == ["tenant"]
        assert (len(tickets(tenant)), len(tickets(elsewhere))) == (1, 0)

    def test_is_for_support_users(self, tenant):
        for member in (MemberFactory(tenant=tenant, viewer=True), MemberFactory(tenant=tenant, admin=True)):
            answer = workbench(member.user).post(f"{PHONE}?new=1", call(tenant))
            assert answer.headers["Location"] == "/admin/"
            with tenant_scope(tenant.id), pytest.raises(NotASupportUser):
                add_customer(actor=actor(member), first_name="x")
        assert customers(tenant) == []

    def test_the_service_refuses_an_e_mail_that_is_taken(self, tenant, sara):
        with tenant_scope(tenant.id), pytest.raises(AddressTaken):
            add_customer(actor=actor(sara), first_name="x", email=sara.email)


class TestTakenDown:
    def test_thread_and_details_say_by_whom(self, tenant, sara, browser):
        customer = MemberFactory(tenant=tenant)
        with tenant_scope(tenant.id):
            ticket = open_ticket_on_behalf(
                actor=actor(sara), customer_id=customer.id, subject="x", message="x", priority="low"
            )

        html = browser.get(f"/admin/support/ticket/{ticket.id}/change/").content.decode()

        assert html.count("taken down by <bdi>Sara Kareem</bdi>") == 2

    def test_others_were_taken_down_by_nobody(self, tenant, browser):
        ticket = make_ticket(MemberFactory(tenant=tenant))

        assert "taken down by" not in browser.get(f"/admin/support/ticket/{ticket.id}/change/").content.decode()


class TestCorrecting:
    @pytest.fixture
    def customer(self, tenant):
        return MemberFactory(tenant=tenant, first_name="Laila", last_name="Hasan", phone="1", language="")

    def shown(self, browser, customer, query=""):
        """The form as it is sent where nothing was changed."""
        form = browser.get(f"{CUSTOMER}{customer.id}/{query}").context["form"]
        return {
            name: value for bound in form
            for name, value in ((bound.html_name, bound.initial), (bound.html_initial_name, bound.initial))
        }  # fmt: skip

    def test_name_phone_and_language(self, tenant, browser, customer):
        ticket = make_ticket(customer)
        said = {"first_name": "Layla", "last_name": "Hassan", "phone": "0770 123 4567", "language": "ar"}

        answer = browser.post(
            f"{CUSTOMER}{customer.id}/?ticket={ticket.id}",
            {**self.shown(browser, customer), **said, "email": "other@example.org"},
        )

        now = reload(customer)
        assert answer.headers["Location"] == f"/admin/support/ticket/{ticket.id}/change/"
        assert {name: getattr(now, name) for name in said} == said
        assert now.email == customer.email
        assert "Phone" in LogEntry.objects.get(object_id=customer.id).get_change_message()

    def test_a_colleagues_newer_correction_stays(self, browser, customer):
        said = self.shown(browser, customer)
        browser.post(f"{CUSTOMER}{customer.id}/", {**said, "phone": "2"})

        browser.post(f"{CUSTOMER}{customer.id}/", {**said, "first_name": "Layla"})

        now = reload(customer)
        assert (now.first_name, now.phone, now.language) == ("Layla", "2", "")

    def test_nothing_changed_writes_nothing(self, browser, customer):
        answer = browser.post(f"{CUSTOMER}{customer.id}/", self.shown(browser, customer))

        assert answer.headers["Location"] == f"/admin/accounts/membership/{customer.id}/change/"
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("said", [{"first_name": " "}, {"phone": "9" * 41}, {"language": "xx"}])
    def test_a_bad_field_is_said_and_nothing_is_lost(self, browser, customer, said):
        answer = browser.post(
            f"{CUSTOMER}{customer.id}/", {**self.shown(browser, customer), "last_name": "Kept", **said}
        )

        assert list(answer.context["form"].errors) == list(said)
        assert 'value="Kept"' in answer.content.decode()
        assert reload(customer).last_name == "Hasan"

    def test_is_one_click_from_the_ticket_and_from_the_customers_page(self, browser, customer):
        ticket = make_ticket(customer)

        for page in (f"/admin/support/ticket/{ticket.id}/change/", f"/admin/accounts/membership/{customer.id}/change/"):
            assert f"{CUSTOMER}{customer.id}/" in browser.get(page).content.decode()

    def test_in_a_dialog_it_is_the_form_alone(self, browser, customer):
        html = browser.get(f"{CUSTOMER}{customer.id}/", headers={"X-Workbench-Dialog": "1"}).content.decode()

        assert html.lstrip().startswith("<form")
        assert f'action="{CUSTOMER}{customer.id}/"' in html

    def test_is_for_support_users_and_of_customers_of_theirs(self, tenant, sara, browser, customer):
        foreign, colleague = MemberFactory(), MemberFactory(tenant=tenant, agent=True)
        viewer = MemberFactory(tenant=tenant, viewer=True)
        said = {"first_name": "x", "last_name": "", "phone": "", "language": "en"}

        for client, person in ((browser, foreign), (browser, colleague), (workbench(viewer.user), customer)):
            assert client.post(f"{CUSTOMER}{person.id}/", said).headers["Location"] == "/admin/"
            assert reload(person).first_name == person.first_name
        with tenant_scope(tenant.id):
            for person in (foreign, colleague):
                with pytest.raises(CustomerNotFound):
                    correct_customer(actor=actor(sara), customer_id=person.id, phone="1")
            with pytest.raises(NotASupportUser):
                correct_customer(actor=actor(viewer), customer_id=customer.id, phone="1")
            changed = correct_customer(actor=actor(sara), customer_id=customer.id, role="admin", email="x@example.org")
        assert (changed.role, changed.email) == ("customer", customer.email)


def test_orders_and_deliveries_of_who_calls_lead_to_the_form(tenant, browser):
    customer = MemberFactory(tenant=tenant, phone="07701234567")
    delivery = DeliveryFactory(tenant=tenant, customer=customer, delivery_code=90210)

    html = browser.get("/admin/support/ticket/search/", {"q": "90210"}).content.decode()

    assert f"{PHONE}?delivery={delivery.id}" in html
