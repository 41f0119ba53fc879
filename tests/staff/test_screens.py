"""Screens as people use them: what matters first, one click to what comes next, and words where there is nothing."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib import admin
from django.core.management import call_command
from django.utils import timezone
from django.utils.translation import override

from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import ApiKey
from ondi.api.pages import broken_page
from ondi.datafixes.models import FixRun
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.notices import FAILING, tell_admins
from ondi.webhooks.services import create_endpoint
from orders.models import OrderItem
from support.models import CannedReply, Tag
from support.settings.portal import Portal
from support.settings.services import update_portal_settings
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    UserFactory,
    actor,
    make_promise,
    make_ticket,
)
from tests.invitations import ADDRESS
from tests.registry.screens import models_with_screens
from tests.workbench import form_of, workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant():
    return TenantFactory(name="Tigris", time_zone="Asia/Baghdad")


@pytest.fixture
def agent(tenant):
    return workbench(MemberFactory(tenant=tenant, agent=True).user)


@pytest.fixture
def bystander(tenant):
    """Staff who neither see tickets nor manage anything."""
    return workbench(MemberFactory(tenant=tenant, role="agent").user)


@pytest.fixture
def admin_person(tenant):
    return MemberFactory(tenant=tenant, admin=True)


@pytest.fixture
def layla(tenant):
    return MemberFactory(
        tenant=tenant, first_name="Layla", last_name="Hassan", phone="+964 770 123", email="l@x.example"
    )


def page_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def top_of(page):
    """What stands above the folded fields."""
    return page[page.index("wb-item-top") : page.index("<fieldset")]


class TestAnOrder:
    def test_says_what_it_is_about_and_leads_on(self, tenant, agent, layla):
        order = OrderFactory(tenant=tenant, customer=layla, number="TI-7", total_amount="12.50", currency="IQD")
        ticket = make_ticket(layla, order=order)
        with tenant_scope(tenant.id):
            OrderItem.objects.create(tenant=tenant, order=order, position=1, name="Lamp", quantity=2)
        top = top_of(page_of(agent, f"/admin/orders/order/{order.id}/change/"))

        for said in ("TI-7", "12.50 IQD", "2 × Lamp", "Layla Hassan", "tel:%2B964%20770%20123"):
            assert said in top
        assert f"/admin/support/ticket/{ticket.id}/change/" in top
        assert f"/admin/support/ticket/phone/?order={order.id}" in top

    def test_shows_no_phone_to_who_does_not_know_the_customer(self, tenant, bystander, layla):
        order = OrderFactory(tenant=tenant, customer=layla)
        page = page_of(bystander, f"/admin/orders/order/{order.id}/change/")

        assert "Layla Hassan" in top_of(page)
        assert "770 123" not in page
        assert "/phone/?order" not in page


def test_a_delivery_says_that_it_is_late(tenant, agent, layla):
    delivery = DeliveryFactory(tenant=tenant, customer=layla, promised_at=timezone.now() - timedelta(hours=3))
    top = top_of(page_of(agent, f"/admin/deliveries/delivery/{delivery.id}/change/"))

    assert "3 hours late" in top.replace("\xa0", " ")
    assert f"/admin/support/ticket/phone/?delivery={delivery.id}" in top


def test_a_customer_comes_with_tickets_first_and_fields_last(tenant, agent, layla):
    order = OrderFactory(tenant=tenant, customer=layla)
    ticket = make_ticket(layla, delivery=DeliveryFactory(tenant=tenant, customer=layla))
    page = page_of(agent, f"/admin/accounts/membership/{layla.id}/change/")
    top = top_of(page)

    places = [f"phone/?customer={layla.id}", f"ticket/{ticket.id}/change", f"order/{order.id}/change"]
    assert [top.index(place) for place in places] == sorted(top.index(place) for place in places)
    assert "<details>" in page[page.index("<fieldset") :]


def test_a_colleague_has_the_form_open_and_no_orders(tenant, admin_person, layla):
    colleague = MemberFactory(tenant=tenant, lead=True)
    page = page_of(workbench(admin_person.user), f"/admin/accounts/membership/{colleague.id}/change/")

    assert "<details><summary>" not in page[page.index("<fieldset") :]
    assert "New ticket for this customer" not in page


def bar_of(page):
    """The side bar: the links in view, and those that are folded away."""
    bar = page[page.index('id="nav-sidebar-apps"') : page.index("</aside>") if "</aside>" in page else None]
    shown, _details, folded = bar.partition("<details")
    folded = folded.partition("</details>")[0]
    return [re.findall(r'href="(/admin/[^"]*)"', part) for part in (shown, folded)]


class TestTheSideBar:
    def test_has_five_entries_for_an_agent_and_the_rest_one_click_away(self, agent):
        shown, folded = bar_of(page_of(agent, "/admin/support/ticket/"))

        assert [link.removeprefix("/admin/") for link in shown] == [
            "support/ticket/", "support/ticket/phone/", "accounts/membership/?people=customers", "orders/order/",
            "deliveries/delivery/",
        ]  # fmt: skip
        assert {"/admin/support/tag/", "/admin/support/cannedreply/", "/admin/support/ticketnote/"} <= set(folded)
        assert all(agent.get(link).status_code == 200 for link in folded)

    def test_offers_no_calls_to_who_only_looks(self, tenant):
        shown, _folded = bar_of(page_of(workbench(MemberFactory(tenant=tenant, viewer=True).user), "/admin/"))

        assert "/admin/support/ticket/phone/" not in shown
        assert "/admin/support/ticket/" in shown

    def test_opens_the_settings_at_once_for_one_tenant_and_a_list_for_several(self, tenant, admin_person):
        shown, _folded = bar_of(page_of(workbench(admin_person.user), "/admin/"))
        TenantFactory()
        lists, _folded = bar_of(page_of(workbench(UserFactory(is_superuser=True)), "/admin/"))

        assert f"/admin/tenants/portalsettings/{tenant.id}/change/" in shown
        assert "/admin/tenants/portalsettings/" in lists

    @pytest.mark.parametrize(("path", "marked"), [
        ("/admin/support/ticket/", "/admin/support/ticket/"),
        ("/admin/support/ticket/phone/", "/admin/support/ticket/phone/"),
        ("/admin/accounts/membership/?people=staff", "/admin/accounts/membership/?people=staff"),
        ("customer", "/admin/accounts/membership/?people=customers"),
        ("/admin/", None),
    ])  # fmt: skip
    def test_marks_the_one_page_that_is_shown(self, agent, layla, path, marked):
        path = f"/admin/accounts/membership/{layla.id}/change/" if path == "customer" else path
        bar = page_of(agent, path).partition('id="nav-sidebar-apps"')[2].partition("</details>")[0]

        assert re.findall(r'href="([^"]*)" aria-current', bar) == ([marked] if marked else [])


def test_saved_settings_stay_in_view(tenant, admin_person):
    settings = f"/admin/tenants/portalsettings/{tenant.id}/change/"
    client = workbench(admin_person.user)

    answer = client.post(settings, form_of(Portal()))

    assert (answer.status_code, answer.headers["Location"]) == (302, settings)


class TestAnEmptyList:
    def test_every_screen_says_what_it_is_for(self):
        silent = [label for label, model in models_with_screens().items() if not admin.site._registry[model].about]
        assert not silent, "say by `about` of the admin class what the rows are and where they come from"

    @pytest.mark.parametrize(("query", "address"), [
        ("?people=customers&q=Nobody", "?people=customers"),
        ("?role__exact=lead&people=customers", "?people=customers"),
    ])  # fmt: skip
    def test_of_a_search_offers_the_whole_list(self, agent, layla, query, address):
        page = page_of(agent, f"/admin/accounts/membership/{query}")

        assert "The search finds nothing" in page
        assert f'<a class="wb-button wb-primary" href="{address}">Show all</a>' in page
        assert "Layla Hassan" in page_of(agent, f"/admin/accounts/membership/{address}").replace("</bdi>", "")

    @pytest.mark.parametrize("path", ["accounts/membership/?people=customers", "support/tag/", "support/ticket/"])
    def test_says_where_its_rows_come_from(self, agent, path):
        page = page_of(agent, f"/admin/{path}")

        assert "Nothing here yet" in page
        assert ("Add tag" in page) == (path == "support/tag/")


class TestSeveralTenants:
    def test_each_line_and_each_page_names_its_tenant(self, tenant, layla):
        TenantFactory(name="Zagros")
        ticket = make_ticket(layla, subject="Own subject")
        client = workbench(UserFactory(is_superuser=True))

        for name in ("conversations/message", "conversations/participant", "support/ticket", "orders/order"):
            OrderFactory(tenant=tenant, customer=layla)
            assert "Tigris" in page_of(client, f"/admin/{name}/").partition('id="result_list"')[2], name
        page = page_of(client, f"/admin/conversations/conversation/{ticket.conversation_id}/change/")
        assert "<bdi>Tigris</bdi> · times in Asia/Baghdad" in page

    def test_who_serves_one_reads_its_name_in_no_line(self, agent, tenant, layla):
        make_ticket(layla)

        assert "Tigris" not in page_of(agent, "/admin/support/ticketevent/").partition('id="result_list"')[2]


class TestTheFirstPage:
    def test_tells_who_has_no_rights_what_they_can_do_and_whom_to_ask(self, bystander, admin_person):
        page = page_of(bystander, "/admin/")

        assert "You see no tickets and no customers" in page
        assert str(admin_person) in page
        assert f"mailto:{admin_person.email.replace('@', '%40')}" in page
        assert "Orders come from the shop" in page

    def test_leads_an_admin_to_what_they_manage(self, admin_person):
        page = page_of(workbench(admin_person.user), "/admin/")

        assert "You manage people, settings and access." in page
        assert f"/admin/accounts/membership/{admin_person.id}/change/" in page

    def test_names_nobody_where_nobody_manages_the_people(self, bystander):
        assert "Ask the operator of the platform." in page_of(bystander, "/admin/")


class TestFirstSteps:
    STEPS = "wb-steps-left"

    def test_tick_what_is_done_and_lead_to_the_rest(self, tenant, admin_person, agent):
        page = page_of(workbench(admin_person.user), "/admin/").partition(self.STEPS)[2].partition("</section>")[0]

        assert page.count("wb-done") == 1, "there is an agent"
        assert 'href="/admin/accounts/apikey/add/"' in page
        assert "support/tag/add" not in page, "an admin who is no support user makes no tags"
        assert page.count("a support user does this") == 2

    def test_go_once_all_is_done(self, tenant, admin_person, agent):
        with tenant_scope(tenant.id):
            admin_person.is_support_user = True
            admin_person.save()
            issue_api_key(tenant_id=tenant.id, name="shop")
            Tag.objects.create(tenant=tenant, name="late")
            CannedReply.objects.create(tenant=tenant, shortcut="hi", language="en", content="Hello")
            update_portal_settings(actor=actor(admin_person), changes={"allow_customer_close": True})
        client = workbench(admin_person.user)
        page = page_of(client, "/admin/")
        assert 'href="/admin/support/policy/"' in page.partition(self.STEPS)[2].partition("</section>")[0]

        make_promise(make_ticket(MemberFactory(tenant=tenant)), resolution=60)
        assert self.STEPS not in page_of(client, "/admin/")

    def test_go_after_thirty_days(self, admin_person):
        with time_machine.travel(timezone.now() + timedelta(days=31)):
            assert self.STEPS not in page_of(workbench(admin_person.user), "/admin/")

    def test_go_for_good_when_their_reader_wants_so_and_stay_for_colleagues(self, tenant, admin_person):
        """Given two admins of a fresh tenant, when one hides the steps, then the other goes on seeing them."""
        client, other = workbench(admin_person.user), MemberFactory(tenant=tenant, admin=True)
        address = "/admin/support/ticket/first-steps/"
        assert f'action="{address}"' in page_of(client, "/admin/").partition(self.STEPS)[2].partition("</section>")[0]

        client.get(address)
        assert self.STEPS in page_of(client, "/admin/"), "an address that is visited hides nothing"
        assert client.post(address)["Location"] == "/admin/"

        assert self.STEPS not in page_of(workbench(admin_person.user), "/admin/")
        assert self.STEPS in page_of(workbench(other.user), "/admin/")

    def test_are_no_agents_matter(self, agent):
        assert self.STEPS not in page_of(agent, "/admin/")


class TestWhatIsNotOpen:
    @pytest.mark.parametrize(("path", "status", "said"), [
        ("accounts/apikey/", 403, "This page is not open to you"),
        ("no/such/page/", 404, "There is nothing at this address"),
        ("logout/", 405, "This address cannot be visited"),
    ])  # fmt: skip
    @pytest.mark.parametrize("language", ["en", "ar"])
    def test_is_said_in_the_admins_own_look_with_a_way_on(self, agent, path, status, said, language):
        answer = agent.get(f"/admin/{path}", headers={"accept-language": language})
        page = answer.content.decode()

        assert answer.status_code == status
        assert 'id="nav-sidebar"' in page
        assert '<a class="wb-button wb-primary" href="/admin/">' in page
        assert (said in page) == (language == "en")
        assert f'lang="{language}"' in page

    def test_a_fault_of_ours_is_a_page_without_a_database(self, rf):
        with override("ar"):
            answer = broken_page(rf.get("/admin/"))

        assert answer.status_code == 500
        assert 'dir="rtl"' in answer.content.decode()
        assert 'href="/admin/"' in answer.content.decode()

    def test_and_json_at_the_api(self, client):
        answer = client.get("/no/such/route", headers={"accept": "text/html"})

        assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
        assert answer.json()["error"] == "not_found"


class TestTimes:
    AT = datetime(2026, 3, 5, 20, 37, tzinfo=UTC)  # 23:37 in Baghdad

    @pytest.mark.parametrize(("language", "said"), [("en", "5 Mar 2026, 23:37"), ("ar", "5 مارس 2026، 23:37")])
    def test_are_written_alike_in_lists_tops_and_fields(self, tenant, agent, layla, language, said):
        order = OrderFactory(tenant=tenant, customer=layla, placed_at=self.AT)
        page, listed = (
            agent.get(f"/admin/orders/order/{path}", headers={"accept-language": language}).content.decode()
            for path in (f"{order.id}/change/", "")
        )

        assert said in top_of(page)
        assert said in page[page.index("<fieldset") :], "Django's own way of writing it"
        assert said in listed

    def test_of_what_one_is_told_are_each_in_their_tenants_zone(self, tenant):
        both = UserFactory()
        western = TenantFactory(time_zone="America/New_York")
        for one in (tenant, western):
            me = MemberFactory(tenant=one, user=both, email=both.email, admin=True)
            with tenant_scope(one.id):
                values = {"url": "https://hooks.example/x", "events": ["*"]}
                endpoint, _secret = create_endpoint(actor=actor(me), values=values)
                tell_admins(endpoint, FAILING, self.AT)
        page = page_of(workbench(both), "/admin/support/ticket/notifications/")

        assert "5 Mar 2026, 23:37 Asia/Baghdad" in page
        assert "5 Mar 2026, 15:37 America/New_York" in page

    def test_in_commands_are_the_tenants(self, tenant, capsys):
        with tenant_scope(tenant.id):
            run = FixRun.objects.create(tenant=tenant, command="reopen_tickets", operator="x", started_at=self.AT)
        call_command("data_fixes", "list", f"--tenant={tenant.slug}")
        call_command("data_fixes", "show", str(run.id))

        said = capsys.readouterr().out
        assert said.count("5 Mar 2026, 23:37 Asia/Baghdad") == 2


class TestKeys:
    def issue(self, admin_person, **said):
        form = {"tenant": admin_person.tenant_id, "name": "shop", "scopes": "changes:read", **said}
        answer = workbench(admin_person.user).post("/admin/accounts/apikey/add/", form)
        with tenant_scope(admin_person.tenant_id):
            return answer, ApiKey.objects.first()

    @pytest.mark.parametrize(("chosen", "days"), [("30", 30), ("90", 90), ("365", 365), ("never", None), ("", None)])
    def test_end_as_chosen(self, admin_person, chosen, days):
        answer, key = self.issue(admin_person, valid_for=chosen)

        assert answer.status_code == 302
        left = key.expires_at and key.expires_at - timezone.now()
        assert left is None if days is None else timedelta(days=days - 1) < left <= timedelta(days=days)

    @pytest.mark.parametrize(("said", "refusal"), [
        ({"valid_for": "own"}, "Choose the date."),
        ({"valid_for": "30", "expires_at_0": "2031-01-01", "expires_at_1": "12:00"}, "or leave the date empty"),
        ({"valid_for": "31"}, "is not one of the available choices"),
    ])  # fmt: skip
    def test_say_what_does_not_fit_and_lose_nothing(self, admin_person, said, refusal):
        answer, key = self.issue(admin_person, **said)

        assert (answer.status_code, key) == (200, None)
        assert refusal in answer.content.decode()
        assert 'value="shop"' in answer.content.decode()

    def test_can_be_copied(self, admin_person):
        answer, _key = self.issue(admin_person, valid_for="90")
        told = str(next(iter(answer.wsgi_request._messages)))

        assert re.search(r"<bdi[^>]*>(\S+)</bdi>", told)[1] == re.search(r'data-copy="([^"]+)"', told)[1]


class TestPeople:
    def test_somebody_added_from_the_staff_answers_tickets(self, admin_person):
        listed = "/admin/accounts/membership/add/?_changelist_filters=people%3Dstaff"
        page = page_of(workbench(admin_person.user), listed)

        assert re.search(r'<option value="agent" selected', page)
        assert re.search(r'name="is_support_user"[^>]* checked', page)
        assert re.search(r'<input type="hidden" name="tenant" value="[^"]+"', page), "one tenant is no question"

    def test_who_waits_is_invited_again_from_their_page(self, tenant, admin_person):
        waiting = MemberFactory(tenant=tenant, agent=True, waiting=True)
        client, path = workbench(admin_person.user), f"/admin/accounts/membership/{waiting.id}"
        assert f'formaction="{path}/invite/"' in page_of(client, f"{path}/change/")

        answer = client.post(f"{path}/invite/")

        link = ADDRESS.search(str(next(iter(answer.wsgi_request._messages))))[0]
        assert "Set the password" in client.get(link).content.decode()

    @pytest.mark.parametrize("trait", ["agent", "lead", "viewer"])
    def test_by_nobody_else(self, tenant, trait):
        waiting = MemberFactory(tenant=tenant, agent=True, waiting=True)
        client = workbench(MemberFactory(tenant=tenant, **{trait: True}).user)

        answer = client.post(f"/admin/accounts/membership/{waiting.id}/invite/")

        assert not ADDRESS.search(str(next(iter(answer.wsgi_request._messages))))


class TestTheSettings:
    def test_say_what_customers_see(self, tenant, admin_person):
        with tenant_scope(tenant.id):
            update_portal_settings(
                actor=actor(admin_person),
                changes={
                    "support_chat_enabled": False,
                    "customer_reopen_days": 7,
                    "acknowledgement_html": {"ar": "<b>شكراً</b><script>alert(1)</script>"},
                    "signature": {"en": "Tigris & Sons"},
                },
            )
        page = page_of(workbench(admin_person.user), f"/admin/tenants/portalsettings/{tenant.id}/change/")
        preview = page.partition("What customers see now")[2].partition("<fieldset")[0]

        assert "Customers cannot open new tickets" in preview
        assert "open a closed ticket again: 7." in preview
        assert '<div lang="ar" dir="rtl" class="wb-said"><b>شكراً</b></div>' in preview
        assert "Tigris &amp; Sons" in preview
        assert "<b><bdi>Tigris</bdi></b>" in preview, "mails come under the tenant's name"

    def test_never_show_what_was_written_past_them(self, tenant, admin_person):
        with tenant_scope(tenant.id):
            PortalSettings.objects.update(values={"acknowledgement_html": {"en": "<img src=x onerror=alert(1)>"}})

        assert (
            "onerror"
            not in page_of(
                workbench(admin_person.user), f"/admin/tenants/portalsettings/{tenant.id}/change/"
            ).partition("<fieldset")[0]
        )
