"""An e-mail is proved by a link that was mailed to it, and by nothing else; until then a login is its own tenant's."""

import re
from collections import Counter

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from ondi.accounts import invitations
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.customers import CustomerNews, upsert_customers
from ondi.accounts.entering import tenants_of
from ondi.accounts.errors import CustomerNotFound
from ondi.accounts.hashing import hash_of
from ondi.accounts.models import Membership, RefreshFamily, User
from ondi.accounts.services import set_login
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from tests.client import ApiClient
from tests.factories import PASSWORD, MemberFactory, TenantFactory, UserFactory, reload
from tests.invitations import ADDRESS, SECRET, link_for, open_link, outbox
from tests.races import at_once, held_up
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
VICTIM = "victim@example.org"


@pytest.fixture
def tenants():
    return TenantFactory(slug="zagros"), TenantFactory(slug="tigris")


@pytest.fixture
def mailing(settings):
    settings.MAIL_IS_SENT = True


def add(tenant, **fields):
    """Added in the admin by an admin of the tenant, who is told this."""
    admin = workbench(MemberFactory(tenant=tenant, admin=True).user)
    form = {"tenant": tenant.id, "email": VICTIM, "first_name": "V", "role": "customer", **fields}
    answer = admin.post(reverse("admin:accounts_membership_add"), form)
    return next(str(message) for message in answer.wsgi_request._messages)


def bring_in(tenant, *emails):
    """By the platform's integration, an order each."""
    with tenant_scope(tenant.id):
        _key, text = issue_api_key(tenant_id=tenant.id, name="platform")
    rows = [
        {"external_id": f"o-{email}", "order_number": f"N-{email}", "status": "shipped", "payment_status": "paid",
         "placed_at": "2026-01-01T00:00:00Z", "source_updated_at": "2026-01-01T00:00:00Z",
         "customer": {"external_id": f"c-{email}", "email": email}} for email in emails
    ]  # fmt: skip
    answer = ApiClient(**{"X-API-Key": text}).call("PUT", "/integrations/orders", body={"orders": rows})
    assert {row["status"] for row in answer.json()["data"]["results"]} == {"created"}


def sign_in(api, password, email=VICTIM, **fields):
    return api.post("/auth/login", {"email": email, "password": password, **fields})


def waiting(tenant, **fields):
    return MemberFactory(tenant=tenant, waiting=True, email=VICTIM, **fields)


def member_in(tenant, email=VICTIM):
    with tenant_scope(tenant.id):
        return Membership.objects.for_list().get(email=email)


class TestStories:
    @pytest.mark.parametrize("later", ["imported", "customer", "agent"])
    def test_who_made_a_login_for_anothers_address_stays_in_their_own_tenant(self, api, tenants, later):
        zagros, tigris = tenants
        shown = ADDRESS.search(add(zagros))[0]
        assert open_link(shown, "the attacker's secret").status_code == 200

        bring_in(tigris, VICTIM) if later == "imported" else add(
            tigris, role=later, **({"is_support_user": "on"} if later == "agent" else {})
        )

        assert sign_in(api, "the attacker's secret", tenant="tigris").status_code == 401
        session = sign_in(api, "the attacker's secret")
        assert session.json()["data"]["tenant"]["slug"] == "zagros"
        admin = Client()
        admin.post("/admin/login/", {"username": VICTIM, "password": "the attacker's secret"})
        assert admin.get("/admin/").status_code == 302, "nor the admin, as Tigris' agent"

    def test_an_import_elsewhere_changes_nobodys_sign_in(self, api, tenants):
        zagros, tigris = tenants
        person = MemberFactory(tenant=zagros)
        email = person.user.email
        before = sign_in(api, PASSWORD, email)

        bring_in(tigris, email)

        after = sign_in(api, PASSWORD, email)
        assert (before.status_code, after.status_code) == (200, 200)
        assert "tigris" not in after.content.decode()
        assert sign_in(api, PASSWORD, email, tenant="tigris").status_code == 401

    def test_ten_thousand_addresses_of_another_tenant(self, api, tenants):
        zagros, tigris = tenants
        hashed = UserFactory.build().password
        logins = [User(email=f"p{number}@zagros.example", password=hashed) for number in range(10_000)]
        User.objects.bulk_create(logins)
        with tenant_scope(zagros.id):
            Membership.objects.bulk_create(Membership(tenant=zagros, user=one, email=one.email) for one in logins)

        with tenant_scope(tigris.id):
            news = [CustomerNews(str(place), {"email": one.email}) for place, one in enumerate(logins)]
            upsert_customers(tenant_id=tigris.id, news=news)

        assert self.let_in_by([one.id for one in logins]) == {("zagros",): 10_000}
        assert not User.objects.exclude(password=hashed).exclude(email=None).exists()
        for login in (logins[0], logins[5_000], logins[-1]):
            assert sign_in(api, PASSWORD, login.email).json()["data"]["tenant"]["slug"] == "zagros"

    def let_in_by(self, user_ids):
        """How many of these logins get into which tenants, as signing in asks for it; a part at a time, for PostgreSQL
        knows nothing of rows this new, and may read all of them for each login."""
        found = Counter()
        with connection.cursor() as cursor:
            for first in range(0, len(user_ids), 1_000):
                cursor.execute(
                    "SELECT slugs, count(*) FROM (SELECT login, array_agg(found.slug) AS slugs "
                    "FROM unnest(%s::uuid[]) AS login LEFT JOIN LATERAL ondi_login(login) AS found ON true "
                    "GROUP BY login) AS one GROUP BY slugs",
                    [user_ids[first : first + 1_000]],
                )
                found.update({tuple(slugs): number for slugs, number in cursor.fetchall()})
        return found


class TestJoining:
    def test_the_mailed_link_makes_the_two_one(self, api, tenants, mailing):
        zagros, tigris = tenants
        login = MemberFactory(tenant=zagros, email=VICTIM, user=UserFactory(email=VICTIM)).user
        waiter = waiting(tigris, external_id="c-1")

        assert open_link(link_for(waiter, "mailed")).status_code == 200

        assert sign_in(api, PASSWORD).status_code == 401, "the former password is none"
        asked = sign_in(api, SECRET)
        assert [tenant["slug"] for tenant in asked.json()["data"]["tenants"]] == ["tigris", "zagros"]
        assert sign_in(api, SECRET, tenant="tigris").json()["data"]["user"]["id"] == str(login.id)
        joined = member_in(tigris)
        assert (joined.id, joined.user_id, joined.external_id) == (waiter.id, login.id, "c-1")
        assert not User.objects.filter(pk=waiter.user_id).exists(), "the login that only waited is gone"

    def test_what_others_had_opened_is_closed(self, api, tenants):
        """Sessions everywhere, in a tenant that is suspended just now too; the admin; and the second factor."""
        zagros, tigris = tenants
        third, suspended = TenantFactory(), TenantFactory()
        login = UserFactory(email=VICTIM)
        for tenant in (zagros, third, suspended):
            MemberFactory(tenant=tenant, user=login, agent=True)
        portals = [sign_in(api, PASSWORD, tenant=tenant.slug).json()["data"] for tenant in (zagros, third, suspended)]
        at_workbench = workbench(login)
        TOTPDevice.objects.create(user=login)
        StaticDevice.objects.create(user=login)
        with tenant_scope(suspended.id):
            Tenant.objects.filter(pk=suspended.pk).update(status="suspended")

        open_link(link_for(waiting(tigris), "mailed"))

        with tenant_scope(suspended.id):
            Tenant.objects.filter(pk=suspended.pk).update(status="active")
        for portal in portals:
            assert ApiClient(portal["access_token"]).get("/users/me").status_code == 401
            again = api.post("/auth/refresh", {"refresh_token": portal["refresh_token"]})
            assert again.json()["error"] == "token_invalid"
        assert at_workbench.get("/admin/").status_code == 302
        assert not TOTPDevice.objects.filter(user=login).exists()
        assert not StaticDevice.objects.filter(user=login).exists()

    def test_a_second_factor_set_up_after_the_proof_is_its_owners(self, tenants):
        """Else a mailbox alone would do where a mailbox and a phone are asked for."""
        zagros, tigris = tenants
        open_link(link_for(waiting(zagros), "mailed"))
        login = User.objects.get(email=VICTIM)
        TOTPDevice.objects.create(user=login)

        assert open_link(link_for(waiting(tigris), "mailed"), "yet another secret").status_code == 200

        assert TOTPDevice.objects.filter(user=login).exists()

    def test_older_links_are_worthless(self, tenants):
        """All that lie in the mailbox, whichever tenant sent them; each tenant's next one joins its own."""
        zagros, tigris = tenants
        there, here = waiting(zagros), waiting(tigris)
        older = [link_for(there, "shown"), link_for(there, "mailed"), link_for(here, "shown"), link_for(here, "mailed")]

        assert open_link(older[3]).status_code == 200

        assert [open_link(link, "another secret").status_code for link in older] == [404] * 4
        assert link_for(there, "shown") is None, "somebody signs in with it now"
        assert open_link(link_for(there, "mailed"), "another secret").status_code == 200
        assert member_in(zagros).user_id == member_in(tigris).user_id

    def test_a_shown_link_of_elsewhere_takes_no_mailed_one_away(self, tenants):
        zagros, tigris = tenants
        mailed = link_for(waiting(tigris), "mailed")
        open_link(link_for(waiting(zagros), "shown"), "the attacker's secret")

        assert open_link(mailed).status_code == 200

        assert len(tenants_of(User.objects.get(email=VICTIM).id)) == 2

    @pytest.mark.parametrize("who", ["operator", "switched off", "here already"])
    def test_not_with_everybody(self, api, tenants, who):
        zagros, tigris = tenants
        login = UserFactory(email=VICTIM, is_superuser=who == "operator", is_active=who != "switched off")
        MemberFactory(tenant=zagros, user=login)
        if who == "here already":
            MemberFactory(tenant=tigris, user=login, email="other@example.org")
        waiter = waiting(tigris)

        assert open_link(link_for(waiter, "mailed")).status_code == 404

        login.refresh_from_db()
        assert login.check_password(PASSWORD)
        assert (login.email_proved_at, member_in(tigris).user_id) == (None, waiter.user_id)

    def test_each_tenants_link_joins_its_own(self, tenants):
        zagros, tigris = tenants
        there = waiting(zagros)

        open_link(link_for(waiting(tigris), "mailed"))

        assert member_in(zagros).waits
        assert [tenant["slug"] for tenant in tenants_of(member_in(tigris).user_id)] == ["tigris"]
        assert reload(there).user_id == there.user_id

    def test_a_login_an_operator_gave_is_not_proved(self, api, tenants):
        _zagros, tigris = tenants
        open_link(link_for(waiting(tigris, external_id="c-1"), "mailed"))

        with tenant_scope(tigris.id):
            set_login(tenant_id=tigris.id, customer_external_id="c-1", email="new@example.org", password=PASSWORD)

        member = member_in(tigris, "new@example.org")
        assert (member.user.email, member.user.email_proved_at) == ("new@example.org", None)
        assert not member.email_is_proved

    def test_another_password_of_an_operators_takes_the_place_of_the_former(self, api, tenants):
        tigris = tenants[1]
        waiter = waiting(tigris, external_id="c-1")
        with tenant_scope(tigris.id):
            set_login(tenant_id=tigris.id, customer_external_id="c-1", email=VICTIM, password=PASSWORD)
        portal = api.as_(waiter)
        assert (sign_in(api, PASSWORD).status_code, portal.get("/users/me").status_code) == (200, 200)

        with tenant_scope(tigris.id):
            set_login(tenant_id=tigris.id, customer_external_id="c-1", email=VICTIM, password=SECRET)

        assert [sign_in(api, password).status_code for password in (PASSWORD, SECRET)] == [401, 200]
        assert portal.get("/users/me").status_code == 401

    def test_an_operator_finds_no_customer_of_another_tenant(self, tenants):
        zagros, tigris = tenants
        waiting(zagros, external_id="c-1")

        with tenant_scope(tigris.id), pytest.raises(CustomerNotFound):
            set_login(tenant_id=tigris.id, customer_external_id="c-1", email=VICTIM, password=PASSWORD)


@pytest.mark.race
class TestRaces:
    def opened(self, *links):
        """All opened at once, each with its own password; which ones were good."""
        answers = at_once([lambda link=link, place=place: open_link(link, f"password {place} of all")
                           for place, link in enumerate(links)])  # fmt: skip
        assert {answer.status_code for answer in answers} <= {200, 404}
        return [place for place, answer in enumerate(answers) if answer.status_code == 200]

    @pytest.mark.parametrize("kinds", [("shown", "shown"), ("mailed", "mailed"), ("shown", "mailed")])
    def test_one_person_of_links_opened_at_once_one_is_good(self, api, tenants, kinds):
        waiter = waiting(tenants[0])
        good = self.opened(*(link_for(waiter, kind) for kind in kinds * 4))

        assert len(good) == 1
        assert sign_in(api, f"password {good[0]} of all").status_code == 200

    def test_two_tenants_shown_links_opened_at_once(self, api, tenants):
        good = self.opened(*(link_for(waiting(tenant), "shown") for tenant in tenants))

        assert len(good) == 1
        assert sign_in(api, f"password {good[0]} of all").json()["data"]["tenant"]["slug"] == tenants[good[0]].slug

    def test_a_mailed_link_wins_over_a_shown_one_of_elsewhere(self, api, tenants):
        zagros, tigris = tenants
        good = self.opened(link_for(waiting(zagros), "shown"), link_for(waiting(tigris), "mailed"))

        assert 1 in good
        assert sign_in(api, "password 1 of all", tenant="tigris").status_code == 200
        assert sign_in(api, "password 0 of all").status_code == 401

    def test_a_sign_in_under_way_does_not_outlive_the_password_it_gave(self, api, tenants, owner):
        person = MemberFactory(tenant=tenants[0])
        with psycopg.connect(owner().info.dsn, password=owner().info.password) as writer:
            writer.execute("UPDATE accounts_user SET password = 'another' WHERE id = %s", [person.user_id])
            with held_up(lambda: sign_in(api, PASSWORD, person.email), writer) as answer:
                writer.commit()

        assert answer.result().status_code == 401

    @pytest.mark.parametrize("change", ["UPDATE accounts_membership SET email = 'right@example.org'",
                                        "DELETE FROM accounts_membership"])  # fmt: skip
    def test_a_link_waits_for_the_tenant_that_changes_the_person_just_now(self, tenants, owner, change):
        waiter = waiting(tenants[0])
        link = link_for(waiter, "shown")
        with psycopg.connect(owner().info.dsn, password=owner().info.password) as writer:
            writer.execute(f"{change} WHERE id = %s", [waiter.id])
            with held_up(lambda: open_link(link), writer) as answer:
                writer.commit()

        assert answer.result().status_code == 404
        assert not User.objects.filter(email=VICTIM).exists()

    def test_a_link_is_worthless_once_an_undo_took_the_person_away_while_it_hashed(self, tenants, owner, monkeypatch):
        waiter = waiting(tenants[0])
        link = link_for(waiter, "shown")

        def hash_meanwhile(password):
            owner().execute("DELETE FROM accounts_membership WHERE id = %s", [waiter.id])
            return hash_of(password)

        monkeypatch.setattr(invitations, "hash_of", hash_meanwhile)
        assert open_link(link).status_code == 404
        assert Client().get(link).status_code == 404, "and so is its page"

    def test_two_tenants_mailed_links_opened_at_once(self, api, tenants):
        good = self.opened(*(link_for(waiting(tenant), "mailed") for tenant in tenants))

        assert len(good) == 1, "the other one is older than the proof"
        assert sign_in(api, f"password {good[0]} of all").json()["data"]["tenant"]["slug"] == tenants[good[0]].slug


class TestVouching:
    @pytest.mark.parametrize(("role", "believed"), [("customer", True), ("agent", False)])
    def test_it_counts_for_the_tenants_own_customers_and_joins_nothing(self, api, tenants, role, believed):
        zagros, tigris = tenants
        login = MemberFactory(tenant=zagros, email=VICTIM, user=UserFactory(email=VICTIM)).user
        waiter = waiting(tigris, role=role)

        with tenant_scope(tigris.id):
            Tenant.objects.filter(pk=tigris.pk).update(vouches_for_emails=True)

        assert (member_in(tigris).email_is_proved, member_in(zagros).email_is_proved) == (believed, False)
        assert [tenant["slug"] for tenant in tenants_of(login.id)] == ["zagros"]
        assert reload(waiter).user_id == waiter.user_id

    def test_who_has_no_address_has_no_proved_one(self, tenants):
        with tenant_scope(tenants[0].id):
            Tenant.objects.filter(pk=tenants[0].pk).update(vouches_for_emails=True)
            member = Membership(tenant=Tenant.objects.get(pk=tenants[0].pk), user=User(), email=None)
        assert not member.email_is_proved

    def test_another_address_of_the_tenants_is_not_the_proved_one(self, tenants):
        open_link(link_for(waiting(tenants[0]), "mailed"))
        assert member_in(tenants[0]).email_is_proved

        with tenant_scope(tenants[0].id):
            Membership.objects.filter(email=VICTIM).update(email="other@example.org")

        assert not member_in(tenants[0], "other@example.org").email_is_proved

    @pytest.mark.parametrize("who", ["operator", "admin"])
    def test_only_the_operator_decides_it(self, tenants, who):
        tenant = tenants[0]
        person = UserFactory(is_superuser=True) if who == "operator" else MemberFactory(tenant=tenant, admin=True).user
        form = {"name": tenant.name, "status": "active", "language": "en", "time_zone": "UTC", "currency": "USD",
                "external_id": "", "vouches_for_emails": "on"}  # fmt: skip

        answer = workbench(person).post(reverse("admin:tenants_tenant_change", args=[tenant.pk]), form)

        assert answer.status_code == (302 if who == "operator" else 403)
        with tenant_scope(tenant.id):
            assert Tenant.objects.get(pk=tenant.pk).vouches_for_emails is (who == "operator")

    def test_the_persons_page_says_it(self, tenants):
        admin = workbench(MemberFactory(tenant=tenants[0], admin=True).user)
        waiter = waiting(tenants[0])
        page = reverse("admin:accounts_membership_change", args=[waiter.pk])
        before = admin.get(page).content.decode()

        open_link(link_for(waiter, "mailed"))

        said = re.compile(r"E-mail is proved.*?(check_circle|cancel|True|False)", re.S | re.I)
        assert said.search(before)[1] != said.search(admin.get(page).content.decode())[1]


class TestMail:
    def test_a_persons_language_and_no_other_tenant(self, tenants, mailing):
        zagros, tigris = tenants
        MemberFactory(tenant=zagros, email=VICTIM, user=UserFactory(email=VICTIM))

        told = add(tigris, role="agent")

        assert told == "The link is sent to V."
        link = ADDRESS.search(outbox()[0].body)[0]
        assert open_link(link).status_code == 200
        assert not RefreshFamily.objects.exists()

    def test_imports_mail_nobody(self, tenants, mailing):
        bring_in(tenants[1], VICTIM)

        assert not outbox()
