"""Signing in, refreshing, signing out, changing the password (API.md section 2)."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import override_settings
from django.utils import timezone

from ondi.accounts.models import RefreshFamily
from ondi.accounts.services import end_membership, update_member
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from tests.factories import PASSWORD, MemberFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)  # what is committed before a refusal is read back


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris", name="Tigris Express")


@pytest.fixture
def member(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan", user__email="layla@example.org")


@pytest.fixture
def login(api, member):
    def sign_in(**fields):
        return api.post("/auth/login", {"email": "layla@example.org", "password": PASSWORD, **fields})

    return sign_in


def refresh(api, token):
    return api.post("/auth/refresh", {"refresh_token": token})


class TestLogin:
    def test_answer_has_tokens_user_and_tenant(self, login, member, tenant):
        response = login()

        data = response.json()["data"]
        assert response.status_code == 200
        assert set(data) == {"access_token", "refresh_token", "token_type", "expires_in", "user", "tenant"}
        assert (data["token_type"], data["expires_in"]) == ("Bearer", 900)
        assert data["tenant"] == {"id": str(tenant.id), "slug": "tigris", "name": "Tigris Express"}
        assert data["user"]["id"] == str(member.user_id)

    def test_access_token_opens_the_api(self, api, login):
        token = login().json()["data"]["access_token"]

        me = api.get("/users/me", Authorization=f"Bearer {token}").json()["data"]["user"]

        assert set(me) == {"id", "email", "first_name", "last_name", "role", "is_support_user", "tenant"}
        assert (me["email"], me["role"], me["is_support_user"]) == ("layla@example.org", "customer", False)

    def test_capitals_and_spaces_in_the_mail_do_not_matter(self, login):
        assert login(email="  LAYLA@example.ORG ").status_code == 200

    def test_one_answer_for_everything_that_is_wrong(self, api, login, member):
        foreign = TenantFactory(slug="zagros")
        suspended = MemberFactory(tenant=TenantFactory())
        with tenant_scope(suspended.tenant_id):
            Tenant.objects.filter(id=suspended.tenant_id).update(status="suspended")
        disabled = MemberFactory(user__is_active=False)
        left = MemberFactory()
        with tenant_scope(left.tenant_id):
            end_membership(membership=left)
        imported = MemberFactory(user=UserFactory(email="imported@example.org", password=None))

        answers = [
            login(email="nobody@example.org"),
            login(password="wrong"),
            login(tenant=foreign.slug),
            login(tenant="no-such-tenant"),
            login(email=suspended.user.email),
            login(email=disabled.user.email),
            login(email=left.user.email),
            login(email=imported.user.email, password=""),
            login(email=UserFactory(is_superuser=True).email),
        ]

        assert [answer.status_code for answer in answers if answer.status_code != 401] == [400]  # the empty password
        refused = [answer for answer in answers if answer.status_code == 401]
        assert len({answer.content for answer in refused}) == 1
        assert refused[0].json()["error"] == "invalid_credentials"

    def test_tenant_is_required_of_people_of_several(self, login, member):
        second = TenantFactory(slug="zagros", name="Zagros Market")
        MemberFactory(tenant=second, user=member.user)

        response = login()

        assert (response.status_code, response.json()["error"]) == (400, "tenant_required")
        assert [tenant["slug"] for tenant in response.json()["data"]["tenants"]] == ["tigris", "zagros"]
        assert set(response.json()["data"]["tenants"][0]) == {"id", "slug", "name"}
        assert login(tenant="zagros").json()["data"]["tenant"]["slug"] == "zagros"

    def test_tenants_are_not_told_without_the_right_password(self, login, member):
        MemberFactory(user=member.user)

        assert login(password="wrong").json()["error"] == "invalid_credentials"

    def test_failures_are_limited_per_address_and_mail(self, api, login):
        for _attempt in range(10):
            assert login(password="wrong").status_code == 401

        refused = login()

        assert (refused.status_code, refused.json()["error"]) == (429, "throttled")
        assert int(refused.headers["Retry-After"]) == 900
        assert api.post("/auth/login", {"email": "else@example.org", "password": "x"}).status_code == 401
        with time_machine.travel(timezone.now() + timedelta(minutes=16)):
            assert login().status_code == 200

    def test_success_forgives_earlier_failures(self, login):
        for _round in range(3):
            for _attempt in range(9):
                login(password="wrong")
            assert login().status_code == 200


class TestRefresh:
    def test_new_pair_and_old_token_spent(self, api, login):
        first = login().json()["data"]

        second = refresh(api, first["refresh_token"]).json()["data"]

        assert second["refresh_token"] != first["refresh_token"]
        assert api.get("/users/me", Authorization=f"Bearer {second['access_token']}").status_code == 200

    def test_same_successor_within_the_grace(self, api, login):
        token = login().json()["data"]["refresh_token"]
        first = refresh(api, token).json()["data"]["refresh_token"]

        with time_machine.travel(timezone.now() + timedelta(seconds=9)):
            assert refresh(api, token).json()["data"]["refresh_token"] == first

    def test_reuse_after_the_grace_ends_the_family(self, api, login, member):
        data = login().json()["data"]
        newest = refresh(api, data["refresh_token"]).json()["data"]

        with time_machine.travel(timezone.now() + timedelta(seconds=11)):
            reused = refresh(api, data["refresh_token"])
            after = refresh(api, newest["refresh_token"])
            access = api.get("/users/me", Authorization=f"Bearer {newest['access_token']}")

        assert (reused.status_code, reused.json()["error"]) == (401, "token_reused")
        assert (after.status_code, after.json()["error"]) == (401, "token_invalid")
        assert access.status_code == 401
        with tenant_scope(member.tenant_id):
            assert RefreshFamily.objects.get().revoked_at is not None

    def test_token_two_steps_old_ends_the_family_even_at_once(self, api, login):
        first = login().json()["data"]["refresh_token"]
        second = refresh(api, first).json()["data"]["refresh_token"]
        refresh(api, second)

        assert refresh(api, first).json()["error"] == "token_reused"

    def test_expired_token_says_so(self, api, login):
        token = login().json()["data"]["refresh_token"]

        with time_machine.travel(timezone.now() + timedelta(days=14, seconds=11)):
            assert refresh(api, token).json()["error"] == "token_expired"

    @pytest.mark.parametrize("what", ["left", "suspended"])
    def test_people_who_may_not_enter_are_refused(self, api, login, member, what):
        token = login().json()["data"]["refresh_token"]
        with tenant_scope(member.tenant_id):
            if what == "left":
                end_membership(membership=member)
            else:
                Tenant.objects.update(status="suspended")

        response = refresh(api, token)

        assert (response.status_code, response.json()["error"]) == (401, "token_invalid")

    def test_access_token_is_no_refresh_token_nor_the_other_way_round(self, api, login):
        data = login().json()["data"]

        assert refresh(api, data["access_token"]).json()["error"] == "token_invalid"
        assert api.get("/users/me", Authorization=f"Bearer {data['refresh_token']}").json()["error"] == "token_invalid"


class TestLogout:
    def test_family_is_revoked(self, api, login):
        data = login().json()["data"]

        assert api.post("/auth/logout", {"refresh_token": data["refresh_token"]}).status_code == 200

        assert refresh(api, data["refresh_token"]).json()["error"] == "token_invalid"
        assert api.get("/users/me", Authorization=f"Bearer {data['access_token']}").json()["error"] == "token_invalid"

    def test_other_sessions_go_on(self, api, login):
        first, second = login().json()["data"], login().json()["data"]
        api.post("/auth/logout", {"refresh_token": first["refresh_token"]})

        assert refresh(api, second["refresh_token"]).status_code == 200


class TestPassword:
    def change(self, api, token, current=PASSWORD, new="a much better secret"):
        body = {"current_password": current, "new_password": new}
        return api.post("/auth/password", body, Authorization=f"Bearer {token}")

    def test_other_sessions_end_in_every_tenant(self, api, login, member):
        elsewhere = MemberFactory(user=member.user)
        here, other = (login(tenant="tigris").json()["data"] for _session in range(2))
        there = login(tenant=elsewhere.tenant.slug).json()["data"]

        assert self.change(api, here["access_token"]).status_code == 200

        assert refresh(api, here["refresh_token"]).status_code == 200
        for session in (other, there):
            assert refresh(api, session["refresh_token"]).json()["error"] == "token_invalid"
            response = api.get("/users/me", Authorization=f"Bearer {session['access_token']}")
            assert response.json()["error"] == "token_invalid"
        assert login(tenant="tigris").status_code == 401
        assert login(tenant="tigris", password="a much better secret").status_code == 200

    @pytest.mark.parametrize(
        ("current", "new", "field"),
        [("wrong", "a much better secret", "current_password"), (PASSWORD, "12345", "new_password")],
    )
    def test_fault_is_on_its_field_and_nothing_changes(self, api, login, current, new, field):
        token = login().json()["data"]["access_token"]

        response = self.change(api, token, current, new)

        assert response.status_code == 400
        assert list(response.json()["data"]["fields"]) == [field]
        assert login().status_code == 200


class TestNextRequest:
    """Refused on the next request, not at the token's expiry."""

    @pytest.mark.parametrize("what", ["disabled", "left", "suspended"])
    def test_access_ends_at_once(self, api, login, member, what):
        token = login().json()["data"]["access_token"]
        with tenant_scope(member.tenant_id):
            if what == "disabled":
                member.user.is_active = False
                member.user.save()
            elif what == "left":
                end_membership(membership=member)
            else:
                Tenant.objects.update(status="suspended")

        response = api.get("/users/me", Authorization=f"Bearer {token}")

        assert (response.status_code, response.json()["error"]) == (401, "token_invalid")


def test_who_left_and_comes_back_signs_in_anew(api, member):
    """Sessions end with the membership: that one person's in that one tenant."""
    neighbor, elsewhere = MemberFactory(tenant=member.tenant), MemberFactory(user=member.user)
    portals = [api.as_(person) for person in (member, neighbor, elsewhere)]
    with tenant_scope(member.tenant_id):
        update_member(membership=end_membership(membership=member), ended_at=None)

    assert [portal.get("/users/me").status_code for portal in portals] == [401, 200, 200]


class CountingHasher(MD5PasswordHasher):
    """Does the work of a real one, and counts how often."""

    algorithm = "counting"
    runs = 0

    def encode(self, password, salt):
        CountingHasher.runs += 1
        return super().encode(password, salt)


@pytest.mark.django_db(transaction=True)
@override_settings(PASSWORD_HASHERS=["tests.accounts.test_sign_in.CountingHasher"])
def test_a_refusal_takes_the_same_work_and_bytes_whatever_its_reason(api):
    """Hashing is what takes the time: each refusal does it exactly once."""
    known, disabled, without_password = (MemberFactory().user for _user in range(3))
    disabled.is_active = False
    disabled.save()
    without_password.set_unusable_password()
    without_password.save()
    customer_of_nobody = UserFactory()
    refusals = set()

    for email, password in (
        ("nobody@example.org", "wrong"), (known.email, "wrong"), (disabled.email, PASSWORD),
        (without_password.email, "wrong"), (customer_of_nobody.email, "wrong"),
    ):  # fmt: skip
        CountingHasher.runs = 0
        answer = api.post("/auth/login", {"email": email, "password": password})
        refusals.add((answer.status_code, answer.content, CountingHasher.runs))

    assert len(refusals) == 1
    assert refusals.pop()[2] == 1
