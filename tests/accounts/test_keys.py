"""API keys: what each scope opens, keys that take another's place, and customers whom a portal signs in itself."""

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.utils import timezone

from ondi.accounts.api_keys import issue_api_key, revoke_api_key, rotate_api_key
from ondi.accounts.chores import SIGN_INS_KEPT, clear_expired
from ondi.accounts.errors import ApiKeyEnded
from ondi.accounts.models import ApiKey, RefreshFamily, Scope
from ondi.tenants.scope import tenant_scope
from tests.client import ApiClient
from tests.factories import MemberFactory, TenantFactory, make_ticket
from tests.reliability.product import wait_until
from tests.staff.test_admin import message_of, url, workbench

pytestmark = pytest.mark.django_db(transaction=True)
TICKETS, TOKENS, CHANGES = "/integrations/tickets", "/integrations/tokens", "/integrations/changes"


def by_key(text):
    return ApiClient(**{"X-API-Key": text})


def key_of(tenant, *scopes, **fields):
    with tenant_scope(tenant.id):
        return issue_api_key(tenant_id=tenant.id, name="shop", scopes=scopes or list(Scope), **fields)


@pytest.fixture
def layla(tenant):
    return MemberFactory(tenant=tenant, external_id="c-1")


def token_of(program, external_id="c-1", expected=201):
    answer = program.post(TOKENS, {"customer_external_id": external_id})
    assert answer.status_code == expected, answer.content
    return answer.json()["data"] if expected == 201 else answer.json()["error"]


def statuses(program):
    """What a key opens."""
    return [
        program.get(CHANGES).status_code,
        program.get(TICKETS).status_code,
        program.post(TOKENS, {"customer_external_id": "c-1"}).status_code,
        program.call("PUT", "/integrations/orders", body={"orders": [{}]}).status_code,
    ]


class TestScopes:
    @pytest.mark.parametrize(
        ("scope", "opens"),
        [
            (Scope.CHANGES_READ, [200, 403, 403, 403]),
            (Scope.TICKETS_READ, [403, 200, 403, 403]),
            (Scope.TOKENS_CREATE, [403, 403, 201, 403]),
            (Scope.CATALOGUE_WRITE, [403, 403, 403, 200]),
        ],
    )
    def test_each_opens_its_own_calls(self, tenant, layla, scope, opens):
        _key, text = key_of(tenant, scope)

        assert statuses(by_key(text)) == opens


class TestRotation:
    def test_both_keys_open_the_same_until_the_old_one_ends(self, tenant, layla):
        old, old_text = key_of(tenant, Scope.TICKETS_READ, Scope.TOKENS_CREATE)
        with tenant_scope(tenant.id):
            new, new_text = rotate_api_key(key=old)
        opens = [403, 200, 201, 403]

        assert (statuses(by_key(old_text)), statuses(by_key(new_text))) == (opens, opens)
        with tenant_scope(tenant.id):
            left = ApiKey.objects.get(pk=old.pk).expires_at - timezone.now()
            assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
            assert new.expires_at is None
            ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())
        assert (statuses(by_key(old_text)), statuses(by_key(new_text))) == ([401] * 4, opens)

    def test_no_read_is_refused_while_keys_take_each_others_place(self, tenant):
        """Programs read all the time, and come to a new key a rotation late."""
        key, text = key_of(tenant)
        first, known, seen, over = text, [text], [], threading.Event()

        def read():
            while not over.is_set():
                seen.append(by_key(known[0]).get(TICKETS).status_code)
            connection.close()

        readers = [threading.Thread(target=read) for _reader in range(3)]
        for reader in readers:
            reader.start()
        for _rotation in range(10):
            with tenant_scope(tenant.id):
                late, (key, text) = text, rotate_api_key(key=key, old_valid_for=timedelta(hours=2))
            before = len(seen)
            wait_until(lambda: len(seen) > before + 3, "nobody reads")  # noqa: B023
            known[0] = late
        over.set()
        for reader in readers:
            reader.join()

        assert set(seen) == {200}
        with tenant_scope(tenant.id):
            ApiKey.objects.exclude(expires_at=None).update(expires_at=F("expires_at") - timedelta(hours=2))
        assert [by_key(one).get(TICKETS).status_code for one in (first, late, text)] == [401, 401, 200]

    def test_one_that_ends_sooner_by_itself_still_does_and_the_new_one_lives_as_long(self, tenant):
        begun = timezone.now()
        with time_machine.travel(begun, tick=False):
            old, _text = key_of(tenant, expires_at=begun + timedelta(days=10))
        with time_machine.travel(begun + timedelta(days=9, hours=12), tick=False), tenant_scope(tenant.id):
            new, _text = rotate_api_key(key=old)
            assert ApiKey.objects.get(pk=old.pk).expires_at == old.expires_at
            assert new.expires_at == timezone.now() + timedelta(days=10)

    def test_what_has_ended_is_not_rotated(self, tenant):
        revoked, _text = key_of(tenant)
        expired, _text = key_of(tenant, expires_at=timezone.now() - timedelta(seconds=1))
        with tenant_scope(tenant.id):
            revoke_api_key(key=revoked)
            for key in (revoked, expired):
                with pytest.raises(ApiKeyEnded):
                    rotate_api_key(key=key)
            assert ApiKey.objects.count() == 2

    def test_an_admin_chooses_how_long_the_old_one_stays_and_sees_the_new_one_once(self, tenant):
        old, old_text = key_of(tenant, Scope.TICKETS_READ)
        client, page = workbench(MemberFactory(tenant=tenant, admin=True).user), url(ApiKey, "rotate", old.pk)
        assert 'value="24"' in client.get(page).content.decode()

        for wrong in ("", "-1", "721", "soon", "1e9"):
            assert client.post(page, {"hours": wrong}).status_code == 200
        response = client.post(page, {"hours": "2"})

        new_text = re.search(r">(od_[^<]+)<", " ".join(message_of(response))).group(1)
        assert [by_key(text).get(TICKETS).status_code for text in (old_text, new_text)] == [200, 200]
        with tenant_scope(tenant.id):
            assert ApiKey.objects.get(pk=old.pk).expires_at <= timezone.now() + timedelta(hours=2)
            assert ApiKey.objects.count() == 2

    def test_an_ended_key_offers_no_rotation(self, tenant):
        key, _text = key_of(tenant)
        client = workbench(MemberFactory(tenant=tenant, admin=True).user)
        assert "/rotate/" in client.get(url(ApiKey, "change", key.pk)).content.decode()
        with tenant_scope(tenant.id):
            revoke_api_key(key=key)

        assert "/rotate/" not in client.get(url(ApiKey, "change", key.pk)).content.decode()
        assert client.post(url(ApiKey, "rotate", key.pk), {"hours": "1"}).status_code == 302
        with tenant_scope(tenant.id):
            assert ApiKey.objects.count() == 1


class TestCustomerTokens:
    def test_its_customer_is_in_for_a_quarter_of_an_hour(self, tenant, layla):
        make_ticket(layla)
        _key, text = key_of(tenant, Scope.TOKENS_CREATE)
        begun = timezone.now()

        data = token_of(by_key(text))

        assert set(data) == {"access_token", "token_type", "expires_in", "user"}
        assert (data["token_type"], data["expires_in"]) == ("Bearer", 900)
        assert data["user"]["id"] == str(layla.user_id)
        portal = ApiClient(data["access_token"])
        assert portal.get("/users/me").json()["data"]["user"] == data["user"]
        assert len(portal.get("/customer/support/tickets").json()["data"]["tickets"]) == 1
        with time_machine.travel(begun + timedelta(minutes=17)):
            assert portal.get("/users/me").json()["error"] == "token_expired"

    def test_also_somebody_without_address_and_password(self, tenant):
        _key, text = key_of(tenant, Scope.CATALOGUE_WRITE, Scope.TOKENS_CREATE)
        order = {
            "external_id": "o-1", "customer": {"external_id": "guest-7"}, "order_number": "A-1", "status": "shipped",
            "payment_status": "paid", "placed_at": "2026-11-20T09:00:00Z", "source_updated_at": "2026-11-20T09:00:00Z",
        }  # fmt: skip
        taken = by_key(text).call("PUT", "/integrations/orders", body={"orders": [order]}).json()["data"]["results"]

        data = token_of(by_key(text), "guest-7")

        assert data["user"]["email"] is None
        opened = ApiClient(data["access_token"]).post("/customer/support/tickets", {
            "subject": "Where is it?", "message": "It has not come.", "priority": "medium", "source": "storefront",
            "related_order_id": taken[0]["id"],
        })  # fmt: skip
        assert opened.status_code == 201, opened.content

    def test_strangers_those_who_left_and_other_tenants_people_are_unknown(self, tenant, layla):
        MemberFactory(tenant=TenantFactory(), external_id="theirs")
        MemberFactory(tenant=tenant, external_id="gone", ended_at=timezone.now())
        program = by_key(key_of(tenant)[1])

        for external_id in ("nobody", "theirs", "gone", "C-1"):
            assert token_of(program, external_id, 404) == "customer_not_found"
        for hostile in ("", "x" * 201, 7, None, ["c-1"], "c\x00"):
            assert token_of(program, hostile, 400) == "validation_error"

    @pytest.mark.parametrize("role", ["agent", "lead", "admin", "viewer"])
    def test_staff_are_refused(self, tenant, role):
        MemberFactory(tenant=tenant, external_id="c-1", **{role: True})

        assert token_of(by_key(key_of(tenant)[1]), expected=403) == "permission_denied"

    def test_a_login_that_is_switched_off_is_refused(self, tenant, layla):
        layla.user.is_active = False
        layla.user.save()

        assert token_of(by_key(key_of(tenant)[1]), expected=403) == "permission_denied"

    def test_it_renews_nothing_and_is_recorded_with_its_key(self, tenant, layla):
        key, text = key_of(tenant)

        token = token_of(by_key(text))["access_token"]

        assert ApiClient().post("/auth/refresh", {"refresh_token": token}).status_code == 401
        with tenant_scope(tenant.id):
            session = RefreshFamily.objects.get()
            assert (session.api_key_id, session.user_id) == (key.id, layla.user_id)
        shown = workbench(MemberFactory(tenant=tenant, admin=True).user).get(url(RefreshFamily, "changelist"))
        assert ">shop<" in shown.content.decode()

    def test_revoking_the_key_signs_out_whom_it_signed_in_and_nobody_else(self, tenant, layla):
        (revoked, text), (_other, other_text) = key_of(tenant), key_of(tenant)
        portals = [ApiClient(token_of(by_key(one))["access_token"]) for one in (text, other_text)]

        with tenant_scope(tenant.id):
            revoke_api_key(key=revoked)

        assert [portal.get("/users/me").status_code for portal in portals] == [401, 200]

    def test_which_key_it_was_is_kept_for_a_month(self, tenant, layla):
        token_of(by_key(key_of(tenant)[1]))
        begun = timezone.now()
        for later, left in ((timedelta(days=2), 1), (SIGN_INS_KEPT + timedelta(days=1), 0)):
            with time_machine.travel(begun + later):
                clear_expired()
            with tenant_scope(tenant.id):
                assert RefreshFamily.objects.count() == left

    def test_no_browser_may_ask(self, tenant, layla, settings):
        settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
        program = by_key(key_of(tenant)[1])

        asked = program.post(TOKENS, {"customer_external_id": "c-1"}, Origin="https://shop.example")
        before = ApiClient().call(
            "OPTIONS", TOKENS, Origin="https://shop.example", **{"Access-Control-Request-Method": "POST"}
        )

        assert not any("Access-Control-Allow-Origin" in answer.headers for answer in (asked, before))
        assert "Access-Control-Allow-Origin" in ApiClient().get("/users/me", Origin="https://shop.example").headers
