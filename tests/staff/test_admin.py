"""The admin: every page for every kind of staff, actions through the services, nothing across tenants."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from ondi.accounts.models import ApiKey, Membership, RefreshFamily, SettingsChange, User
from ondi.accounts.roles import Role
from ondi.accounts.services import end_membership
from ondi.accounts.sessions import begin_session
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from support.models import CannedReply, Tag, Ticket, TicketEvent
from support.settings.portal import Portal
from tests.factories import (
    PASSWORD,
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    UserFactory,
    make_ticket,
    reload,
)
from tests.invitations import ADDRESS
from tests.workbench import form_of, workbench

pytestmark = pytest.mark.django_db(transaction=True)

TICKET_DATA = {
    "ticket",
    "ticketevent",
    "ticketnote",
    "conversation",
    "message",
    "participant",
    "tag",
    "cannedreply",
    "macro",
}
MANAGED = {
    "calendar", "policy", "endpoint", "webhookdelivery", "apikey", "refreshfamily", "settingschange", "fixrun",
    "notificationtext",
}  # fmt: skip
OPERATORS = {"user"}
SCREENS = [model for model in admin.site._registry if model._meta.app_label not in ("auth", "axes")]


@pytest.fixture
def tenant():
    return TenantFactory(name="Tigris")


@pytest.fixture
def ticket(tenant):
    customer = MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan")
    OrderFactory(tenant=tenant, customer=customer)
    return make_ticket(customer, delivery=DeliveryFactory(tenant=tenant, customer=customer), subject="Own subject")


@pytest.fixture
def foreign_ticket():
    return make_ticket(MemberFactory(tenant=TenantFactory(name="Zagros")), subject="Foreign subject")


@pytest.fixture
def people(tenant):
    return {
        "support_user": MemberFactory(tenant=tenant, agent=True, first_name="Sara").user,
        "agent": MemberFactory(tenant=tenant, role="agent").user,
        "admin": MemberFactory(tenant=tenant, admin=True).user,
        "operator": UserFactory(is_superuser=True),
        "customer": MemberFactory(tenant=tenant).user,
    }


def may_look(person, screen):
    if person == "operator":
        return True
    if screen in TICKET_DATA:
        return person == "support_user"
    if screen in MANAGED:
        return person == "admin"
    return screen not in OPERATORS


def url(model, page, *arguments):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def message_of(response):
    return [str(message) for message in response.wsgi_request._messages]


class TestScreens:
    def test_every_model_of_ours_has_a_screen(self):
        names = {model.__name__ for model in admin.site._registry}
        assert {
            "Tenant", "PortalSettings", "User", "Membership", "RefreshFamily", "ApiKey", "Order", "Delivery",
            "Conversation", "Participant", "Message", "Ticket", "TicketEvent", "TicketNote", "CannedReply", "Tag",
        } <= names  # fmt: skip

    @pytest.mark.parametrize("person", ["support_user", "agent", "admin", "operator"])
    def test_lists_open_to_whom_they_should(self, ticket, foreign_ticket, people, person):
        client = workbench(people[person])

        got = {model._meta.model_name: client.get(url(model, "changelist")).status_code for model in SCREENS}

        assert got == {name: 200 if may_look(person, name) else 403 for name in got}

    def test_details_open(self, ticket, people):
        client = workbench(people["operator"])
        with tenant_scope(ticket.tenant_id):
            rows = {model: model._default_manager.first() for model in SCREENS}
        opened = {model: row for model, row in rows.items() if row is not None}
        assert len(opened) >= 10
        for model, row in opened.items():
            assert client.get(url(model, "change", row.pk)).status_code == 200, model

    def test_dashboard_opens(self, people):
        for person in ("support_user", "agent", "admin", "operator"):
            assert workbench(people[person]).get("/admin/").status_code == 200

    def test_the_page_of_an_app_lists_what_one_may_open(self, people):
        client = workbench(people["support_user"])

        assert url(Ticket, "changelist") in client.get("/admin/support/").content.decode()
        assert client.get("/admin/datafixes/").status_code == 404

    def test_customers_and_strangers_are_sent_to_the_login(self, people):
        for client in (Client(), workbench(people["customer"])):
            assert client.get("/admin/").status_code == 302

    def test_someone_who_left_is_out_on_the_next_click(self, tenant, people):
        client = workbench(people["support_user"])
        assert client.get(url(Ticket, "changelist")).status_code == 200
        with tenant_scope(tenant.id):
            end_membership(membership=Membership.objects.get(user=people["support_user"]))

        assert client.get(url(Ticket, "changelist")).status_code == 302

    def test_search_and_filters_work(self, ticket, people):
        client = workbench(people["support_user"])

        assert b"Own subject" in client.get(url(Ticket, "changelist"), {"q": "own SUB"}).content
        assert b"Own subject" not in client.get(url(Ticket, "changelist"), {"q": "nothing"}).content
        assert b"Own subject" not in client.get(url(Ticket, "changelist"), {"status__exact": "closed"}).content
        assert client.get(url(Order, "changelist"), {"q": "A-"}).status_code == 200


class TestScope:
    def test_lists_show_own_tenants_only(self, ticket, foreign_ticket, people):
        page = workbench(people["support_user"]).get(url(Ticket, "changelist")).content

        assert b"Own subject" in page
        assert b"Foreign subject" not in page

    def test_foreign_rows_do_not_exist(self, foreign_ticket, people):
        client = workbench(people["support_user"])

        for page in ("change", "history"):
            assert client.get(url(Ticket, page, foreign_ticket.pk)).status_code == 302
        response = client.post(reverse("admin:support_ticket_action", args=[foreign_ticket.pk, "close"]))
        assert response.status_code == 302
        assert reload(foreign_ticket).is_open

    def test_operator_sees_all_and_changes_no_ticket(self, ticket, foreign_ticket, people):
        client = workbench(people["operator"])
        page = client.get(url(Ticket, "changelist")).content
        assert b"Own subject" in page
        assert b"Foreign subject" in page

        client.post(url(Ticket, "changelist"), {"action": "close_selected", "_selected_action": [str(ticket.pk)]})
        response = client.post(reverse("admin:support_ticket_action", args=[ticket.pk, "close"]))

        assert any("Only support users can do this." in text for text in message_of(response))
        assert reload(ticket).is_open

    def test_staff_of_two_tenants_see_both(self, ticket, foreign_ticket, people):
        with tenant_scope(foreign_ticket.tenant_id):
            foreign = foreign_ticket.tenant
        MemberFactory(tenant=foreign, user=people["support_user"], agent=True)

        page = workbench(people["support_user"]).get(url(Ticket, "changelist")).content

        assert b"Own subject" in page
        assert b"Foreign subject" in page


class TestTicketActions:
    def click(self, client, action, ticket, **fields):
        return client.post(reverse("admin:support_ticket_action", args=[ticket.pk, action]), fields)

    def test_visit_alone_changes_nothing(self, ticket, people):
        client = workbench(people["support_user"])

        for action in ("claim", "take_over", "release", "close", "reopen"):
            assert client.get(reverse("admin:support_ticket_action", args=[ticket.pk, action])).status_code == 200
        assert reload(ticket).version == 1

    def test_claim_release_close_reopen(self, ticket, people):
        client = workbench(people["support_user"])
        member_id = self._member(people["support_user"]).id
        states = []
        for action in ("claim", "release", "close", "reopen"):
            self.click(client, action, ticket)
            now = reload(ticket)
            states.append((now.status, now.assignee_id))

        assert states == [("open", member_id), ("open", None), ("closed", None), ("open", None)]

    def test_take_over_needs_a_reason(self, tenant, ticket, people):
        colleague = MemberFactory(tenant=tenant, agent=True)
        self.click(workbench(colleague.user), "claim", ticket)
        client = workbench(people["support_user"])

        self.click(client, "take_over", ticket)
        assert reload(ticket).assignee_id == colleague.id
        self.click(client, "take_over", ticket, reason="away")
        assert reload(ticket).assignee_id == self._member(people["support_user"]).id

    def test_refusal_is_shown_in_words(self, tenant, ticket, people):
        self.click(workbench(MemberFactory(tenant=tenant, agent=True).user), "claim", ticket)
        client = workbench(people["support_user"])

        response = self.click(client, "claim", ticket)

        assert any("A colleague has this ticket already." in text for text in message_of(response))

    def test_bulk_close_goes_on_after_a_refusal(self, tenant, ticket, people):
        own = make_ticket(self._member(people["support_user"]))
        client = workbench(people["support_user"])

        response = client.post(
            url(Ticket, "changelist"),
            {"action": "close_selected", "_selected_action": [str(ticket.pk), str(own.pk)]},
        )

        assert (reload(ticket).status, reload(own).status) == ("closed", "open")
        messages = message_of(response)
        assert "Close ticket: 1 ticket." in messages
        assert any(text.startswith(f"#{own.number}: ") for text in messages)

    def test_same_refusal_through_every_door(self, api, tenant, ticket, people):
        """A closed ticket cannot be claimed, whoever asks: service and admin say the same."""
        from support.errors import TicketClosed

        client = workbench(people["support_user"])
        self.click(client, "close", ticket)

        response = self.click(client, "claim", ticket)

        assert any(str(TicketClosed.message) in text for text in message_of(response))

    def _member(self, user):
        with tenant_scope(self._tenant_of(user)):
            return Membership.objects.get(user=user)

    def _tenant_of(self, user):
        from ondi.accounts.entering import tenants_of

        return tenants_of(user.id)[0]["id"]


class TestRuledRows:
    @pytest.mark.parametrize("model", [Ticket, TicketEvent, Order], ids=lambda model: model.__name__)
    @pytest.mark.parametrize("person", ["support_user", "operator"])
    def test_raw_saves_are_impossible(self, ticket, people, model, person):
        client = workbench(people[person])
        with tenant_scope(ticket.tenant_id):
            row = model.objects.first()
            before = model.objects.values().get(pk=row.pk)

        assert client.get(url(model, "add")).status_code == 403
        client.post(url(model, "change", row.pk), {"subject": "changed", "status": "closed", "number": "9"})
        client.post(url(model, "delete", row.pk), {"post": "yes"})
        client.post(url(model, "changelist"), {"action": "delete_selected", "_selected_action": [str(row.pk)],
                                               "post": "yes"})  # fmt: skip

        with tenant_scope(ticket.tenant_id):
            assert model.objects.values().get(pk=row.pk) == before


class TestPeople:
    def form(self, tenant, **fields):
        return {"tenant": str(tenant.id), "first_name": "New", "last_name": "Person", "phone": "", "language": "",
                "external_id": "", "role": "agent", **fields}  # fmt: skip

    def test_admin_adds_a_person_who_can_sign_in(self, api, tenant, people):
        client = workbench(people["admin"])

        response = client.post(
            url(Membership, "add"),
            self.form(tenant, email="new@example.org", is_support_user="on"),
        )

        assert response.status_code == 302, response.content
        link = ADDRESS.search(message_of(response)[0])[0]
        chosen = {"password": "a rather good secret", "again": "a rather good secret"}
        assert Client().post(link, chosen).status_code == 200
        assert Client().post(link, {"password": "another one entirely", "again": "another one entirely"}
                             ).status_code == 404, "good once"  # fmt: skip
        login = api.post("/auth/login", {"email": "new@example.org", "password": "a rather good secret"})
        assert login.json()["data"]["user"]["is_support_user"] is True

    def test_ending_the_support_role_releases_tickets(self, tenant, ticket, people):
        agent = MemberFactory(tenant=tenant, agent=True)
        TestTicketActions().click(workbench(agent.user), "claim", ticket)

        response = workbench(people["admin"]).post(url(Membership, "change", agent.pk), self.form(tenant))

        assert response.status_code == 302, response.content
        assert reload(ticket).assignee_id is None

    def test_customer_as_support_user_is_a_form_error(self, tenant, people):
        client = workbench(people["admin"])

        response = client.post(
            url(Membership, "add"), self.form(tenant, role="customer", is_support_user="on", email="x@example.org")
        )

        assert response.status_code == 200
        assert b"A customer cannot be a support user." in response.content

    def test_foreign_tenant_cannot_be_chosen(self, people):
        foreign = TenantFactory()
        response = workbench(people["admin"]).post(url(Membership, "add"), self.form(foreign, email="x@example.org"))

        assert response.status_code == 200
        with tenant_scope(foreign.id):
            assert not Membership.objects.exists()

    def test_agents_may_look_only(self, tenant, people):
        client = workbench(people["agent"])

        page = client.get(url(Membership, "changelist"))
        assert page.status_code == 200
        assert b"invite_again" not in page.content
        assert client.get(url(Membership, "add")).status_code == 403

    @pytest.mark.parametrize(
        ("people_asked", "listed"), [("customers", ("Layla", "customer")), ("staff", ("Sara", "agent"))]
    )
    def test_customers_and_staff_are_lists_of_their_own(self, ticket, people, people_asked, listed):
        page = workbench(people["support_user"]).get(f"{url(Membership, 'changelist')}?people={people_asked}")

        rows = page.context["cl"].result_list
        assert {(row.first_name, row.role) for row in rows} >= {listed}
        assert {row.role == Role.CUSTOMER for row in rows} == {people_asked == "customers"}

    def test_same_person_twice_is_a_form_error(self, tenant, people):
        response = workbench(people["admin"]).post(
            url(Membership, "add"), self.form(tenant, email=people["agent"].email)
        )

        assert response.status_code == 200
        assert b"belongs to this tenant already" in response.content

    def test_new_person_needs_an_email(self, tenant, people):
        response = workbench(people["admin"]).post(url(Membership, "add"), self.form(tenant, email=""))

        assert response.status_code == 200


class TestAddresses:
    """Those of customers are listed for who works on their tickets, and for nobody else."""

    LIST = "/admin/accounts/membership/"

    @pytest.fixture
    def layla(self, tenant):
        return MemberFactory(tenant=tenant, first_name="Layla", user__email="layla@mail.example")

    def seen(self, person, query=""):
        return workbench(person).get(f"{self.LIST}{query}").content.decode()

    @pytest.mark.parametrize("kind", ["support_user", "operator", "viewer"])
    def test_who_sees_tickets_sees_them(self, tenant, people, layla, kind):
        person = people.get(kind) or MemberFactory(tenant=tenant, viewer=True).user

        assert "layla@mail.example" in self.seen(person)
        assert "Layla" in self.seen(person, "?q=layla@mail")

    @pytest.mark.parametrize("query", ["", "?people=customers", "?q=Layla", "?o=2", "?o=-2", "?all="])
    def test_who_manages_people_lists_names(self, people, layla, query):
        page = self.seen(people["admin"], query)

        assert "Layla" in page
        assert "@mail.example" not in page

    @pytest.mark.parametrize("word", ["layla@mail.example", "mail.example", "layla@"])
    def test_and_finds_nobody_by_one(self, people, layla, word):
        assert "Layla" not in self.seen(people["admin"], f"?q={word}").replace(word, "")

    def test_nor_a_guest_whose_id_holds_it(self, people, layla):
        with tenant_scope(layla.tenant_id):
            Membership.objects.filter(pk=layla.pk).update(external_id="guest layla@mail.example")

        assert "Layla" not in self.seen(people["admin"], "?q=layla@mail.example")
        assert "Layla" in self.seen(people["admin"], "?q=layla")

    def test_each_stands_on_its_page_for_who_manages(self, people, layla):
        assert "layla@mail.example" in workbench(people["admin"]).get(f"{self.LIST}{layla.pk}/change/").content.decode()

    @pytest.mark.parametrize("fields", [{"role": "agent"}, {"role": "lead"}])
    def test_others_of_the_staff_see_colleagues_alone(self, tenant, people, layla, fields):
        person = MemberFactory(tenant=tenant, **fields).user

        assert "Layla" not in self.seen(person)
        assert people["admin"].email in self.seen(person)
        assert workbench(person).get(f"{self.LIST}{layla.pk}/change/").status_code == 302

    def test_the_role_in_one_tenant_opens_no_other(self, tenant, layla):
        elsewhere = MemberFactory(admin=True)
        MemberFactory(tenant=tenant, agent=True, user=elsewhere.user)
        neighbor = MemberFactory(tenant=elsewhere.tenant, first_name="Nour", user__email="nour@mail.example")

        page = self.seen(elsewhere.user)

        assert "layla@mail.example" in page
        assert "Nour" in page
        assert neighbor.user.email not in page

    def test_sessions_go_by_name(self, people, layla):
        begin_session(user_id=layla.user_id, tenant_id=layla.tenant_id)
        admin = workbench(people["admin"])
        with tenant_scope(layla.tenant_id):
            family = RefreshFamily.objects.get(user=layla.user)

        for page in ("/admin/accounts/refreshfamily/", f"/admin/accounts/refreshfamily/{family.pk}/change/"):
            text = admin.get(page).content.decode()
            assert "Layla" in text
            assert "mail.example" not in text

    def test_and_one_of_a_login_that_is_nobody_here_is_unnamed(self, people, layla):
        session = begin_session(user_id=layla.user_id, tenant_id=layla.tenant_id)
        with tenant_scope(layla.tenant_id):  # as the upgrade of a login of two tenants leaves it
            RefreshFamily.objects.filter(user=layla.user).update(user=UserFactory())

        assert "Unnamed" in self.sessions_seen_by(people["admin"]), session

    def sessions_seen_by(self, person):
        return workbench(person).get("/admin/accounts/refreshfamily/").content.decode()


class TestSettingsAndWorkbench:
    def test_admin_changes_portal_settings(self, tenant, people):
        response = workbench(people["admin"]).post(
            url(PortalSettings, "change", tenant.pk),
            form_of(Portal(allow_customer_close=True, max_customer_priority="high")),
        )

        assert response.status_code == 302, response.content
        with tenant_scope(tenant.id):
            assert PortalSettings.objects.get().values == {
                "allow_customer_close": True,
                "max_customer_priority": "high",
            }

    def test_support_user_keeps_tags_and_replies(self, tenant, people):
        client = workbench(people["support_user"])
        client.post(url(Tag, "add"), {"tenant": str(tenant.id), "name": "courier"})
        client.post(
            url(CannedReply, "add"),
            {"tenant": str(tenant.id), "shortcut": "hello", "language": "ar", "content": "مرحباً"},
        )

        with tenant_scope(tenant.id):
            assert Tag.objects.get().name == "courier"
            assert CannedReply.objects.get().content == "مرحباً"
            tag = Tag.objects.get()

        client.post(url(Tag, "delete", tag.pk), {"post": "yes"})

        with tenant_scope(tenant.id):
            assert not Tag.objects.exists()

    @pytest.mark.parametrize("person", ["agent", "operator"])
    def test_nobody_else_does(self, tenant, people, person):
        workbench(people["support_user"]).post(url(Tag, "add"), {"tenant": str(tenant.id), "name": "courier"})
        with tenant_scope(tenant.id):
            tag = Tag.objects.get()

        client = workbench(people[person])
        client.post(url(Tag, "add"), {"tenant": str(tenant.id), "name": "driver"})
        client.post(url(Tag, "change", tag.pk), {"name": "driver"})
        client.post(url(Tag, "delete", tag.pk), {"post": "yes"})

        with tenant_scope(tenant.id):
            assert [tag.name for tag in Tag.objects.all()] == ["courier"]


class TestTenants:
    """A tenant's name, status and time zone are the platform's."""

    FORM = {"name": "Changed", "status": "suspended", "time_zone": "UTC", "language": "en", "currency": "USD",
            "external_id": ""}  # fmt: skip

    @pytest.mark.parametrize(("person", "status", "name"), [
        ("support_user", 403, "Tigris"), ("admin", 403, "Tigris"), ("operator", 302, "Changed"),
    ])  # fmt: skip
    def test_only_operators_change_them(self, tenant, people, person, status, name):
        answer = workbench(people[person]).post(url(Tenant, "change", tenant.pk), self.FORM)

        assert answer.status_code == status
        with tenant_scope(tenant.id):
            assert Tenant.objects.get().name == name


class TestAccess:
    def test_key_is_shown_once_and_opens_the_integrations(self, api, tenant, people):
        client = workbench(people["admin"])

        response = client.post(
            url(ApiKey, "add"), {"tenant": str(tenant.id), "name": "platform", "scopes": "catalogue:write"}
        )

        text = re.search(r">(od_[^<]+)<", " ".join(message_of(response))).group(1)
        rows = {"orders": [{}]}
        assert api.call("PUT", "/integrations/orders", body=rows, **{"X-API-Key": text}).status_code == 200
        with tenant_scope(tenant.id):
            key = ApiKey.objects.get()
        client.get(url(ApiKey, "changelist"))  # shows the message
        pages = [client.get(url(ApiKey, "changelist")), client.get(url(ApiKey, "change", key.pk))]
        assert not any(text in page.content.decode() for page in pages)
        client.post(url(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [str(key.pk)]})
        assert api.call("PUT", "/integrations/orders", body=rows, **{"X-API-Key": text}).status_code == 401

    def test_keys_are_never_edited(self, tenant, people):
        client = workbench(people["admin"])
        client.post(url(ApiKey, "add"), {"tenant": str(tenant.id), "name": "platform", "scopes": "catalogue:write"})
        with tenant_scope(tenant.id):
            key = ApiKey.objects.get()

        assert client.post(url(ApiKey, "change", key.pk), {"name": "changed"}).status_code == 403

    def test_agents_issue_no_keys(self, tenant, people):
        for person in ("agent", "support_user"):
            assert workbench(people[person]).get(url(ApiKey, "add")).status_code == 403

    def test_settings_are_changed_on_the_record(self, tenant, people):
        workbench(people["admin"]).post(
            url(PortalSettings, "change", tenant.pk),
            form_of(Portal(allow_customer_close=True)),
        )

        with tenant_scope(tenant.id):
            change = SettingsChange.objects.select_related("actor").get()
            assert change.actor.user_id == people["admin"].id
        assert (change.before, change.after) == ({"allow_customer_close": False}, {"allow_customer_close": True})

    def test_switching_a_login_off_releases_and_signs_out(self, api, tenant, ticket, people):
        agent = MemberFactory(tenant=tenant, agent=True)
        client, portal = workbench(agent.user), api.as_(agent)
        TestTicketActions().click(client, "claim", ticket)

        response = workbench(people["operator"]).post(url(User, "change", agent.user_id), {})

        assert response.status_code == 302, response.content
        assert reload(ticket).assignee_id is None
        assert portal.get("/users/me").status_code == 401
        assert client.get("/admin/").status_code == 302


class TestSignIn:
    def sign_in(self, client, email, password=PASSWORD):
        return client.post("/admin/login/?next=/admin/", {"username": email, "password": password})

    def test_staff_sign_in_with_their_mail(self, people):
        client = Client()

        response = self.sign_in(client, people["support_user"].email.upper())

        assert response.status_code == 302
        assert client.session["_auth_user_id"] == str(people["support_user"].id)

    def test_customers_hear_the_plain_refusal(self, people):
        refused = self.sign_in(Client(), people["customer"].email)
        unknown = self.sign_in(Client(), "nobody@example.org")

        assert refused.status_code == unknown.status_code == 200
        assert not refused.wsgi_request.user.is_authenticated

    def test_failures_are_limited(self, people):
        client = Client()
        statuses = [self.sign_in(client, people["support_user"].email, "wrong").status_code for _try in range(11)]

        assert statuses[0] == 200
        assert statuses[-1] == 429

    def test_script_in_names_and_subjects_is_inert(self, tenant, people):
        script = "<script>alert(1)</script>"
        ticket = make_ticket(MemberFactory(tenant=tenant, first_name=script), subject=script, message=script)
        client = workbench(people["support_user"])

        for page in (url(Ticket, "changelist"), url(Ticket, "change", ticket.pk),
                     reverse("admin:conversations_conversation_change", args=[ticket.conversation_id])):  # fmt: skip
            content = client.get(page).content.decode()
            assert script not in content
            assert "&lt;script&gt;alert(1)" in content


class TestButtons:
    """The ticket page offers what this person can do to it now, and nothing else."""

    def shown(self, client, ticket):
        page = client.get(url(Ticket, "change", ticket.pk)).content.decode()
        return set(re.findall(rf"/admin/support/ticket/{ticket.pk}/action/(\w+)/", page))

    def test_buttons_follow_state_and_person(self, tenant, ticket, people):
        colleague = MemberFactory(tenant=tenant, agent=True)
        mine, theirs, operator = (
            workbench(people["support_user"]),
            workbench(colleague.user),
            workbench(people["operator"]),
        )
        click = TestTicketActions().click

        always = {"close", "priority", "tags", "snooze", "link"}
        assert self.shown(mine, ticket) == {"claim", "assign"} | always
        click(mine, "claim", ticket)
        assert self.shown(mine, ticket) == {"release", "assign"} | always
        assert self.shown(theirs, ticket) == {"take_over"} | always
        assert self.shown(operator, ticket) == set()
        click(mine, "close", ticket)
        assert self.shown(theirs, ticket) == {"reopen"}
