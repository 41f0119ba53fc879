"""Forgotten passwords: everybody hears the same, the address alone gets a link, and it is good for an hour."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from ondi.accounts.entering import tenants_of
from ondi.accounts.forgotten import Mailer, _ask, mailer
from ondi.accounts.models import User
from ondi.accounts.services import disable_login, end_membership
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from tests.client import ApiClient
from tests.factories import PASSWORD, MemberFactory, TenantFactory, UserFactory, reload
from tests.invitations import ADDRESS, SECRET, link_for, open_link, outbox

pytestmark = pytest.mark.django_db(transaction=True)
FORGOT, RESET = "/auth/password/forgot", "/auth/password/reset"


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris", name="Tigris")


@pytest.fixture
def person(tenant):
    return MemberFactory(tenant=tenant)


def ask(api, email, **fields):
    """The mails that came of it."""
    before = len(mail.outbox)
    answer = api.post(FORGOT, {"email": email, **fields})
    assert answer.status_code == 202
    mailer.wait()
    return outbox()[before:]


def link_in(message):
    return ADDRESS.search(message.body)[0]


def token_for(api, person, **fields):
    return link_in(ask(api, person.email, **fields)[0]).rstrip("/").rpartition("/")[2]


def reset(api, token, password=SECRET):
    return api.post(RESET, {"token": token, "new_password": password})


def signs_in(api, person, password, **fields):
    return api.post("/auth/login", {"email": person.email, "password": password, **fields}).status_code == 200


class TestAsking:
    def test_who_it_is_is_not_told(self, api, tenant, person):
        """Same bytes, same statements, whoever is asked for."""
        waiting, suspended = MemberFactory(tenant=tenant, waiting=True), TenantFactory(slug="closed")
        MemberFactory(tenant=suspended)
        bodies = [
            {"email": person.email}, {"email": person.email.upper(), "tenant": "tigris"}, {"email": "no address"},
            {"email": waiting.email, "tenant": "tigris"}, {"email": waiting.email}, {"email": "nobody@example.org"},
            {"email": person.email, "tenant": "nowhere"}, {"email": person.email, "tenant": "closed"},
        ]  # fmt: skip
        told = set()
        for body in bodies:
            with CaptureQueriesContext(connection) as statements:
                answer = api.post(FORGOT, body)
            told.add((answer.status_code, answer.content, len(statements)))
        mailer.wait()

        assert len(told) == 1
        assert next(iter(told))[0] == 202
        assert [message.to for message in outbox()] == [[person.email], [person.email], [waiting.email]]

    @pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": None}, {"email": 1}, {"email": "a\x00b"},
                                      {"email": "a" * 255}, {"email": "a@b.example", "tenant": 1}])  # fmt: skip
    def test_what_is_no_text_is_a_validation_error(self, api, body):
        answer = api.post(FORGOT, body)

        assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")

    def test_without_mail_the_answer_is_the_same(self, api, person, settings):
        with_mail = api.post(FORGOT, {"email": person.email})
        mailer.wait()
        settings.MAIL_IS_SENT = False

        without = api.post(FORGOT, {"email": person.email})

        mailer.wait()
        settings.MAIL_IS_SENT = True
        assert (without.status_code, without.content) == (with_mail.status_code, with_mail.content)
        assert len(outbox()) == 1

    def test_asking_counts_as_a_failed_sign_in(self, api, person):
        for _time in range(10):
            assert api.post(FORGOT, {"email": person.email}).status_code == 202

        refused = api.post(FORGOT, {"email": person.email})
        mailer.wait()
        assert (refused.status_code, refused.json()["error"]) == (429, "throttled")
        assert int(refused.headers["Retry-After"]) > 0
        assert not signs_in(api, person, PASSWORD), "it is one limit"
        assert len(outbox()) == 10
        for _time in range(10):
            api.post("/auth/login", {"email": "other@example.org", "password": "wrong"})
        assert api.post(FORGOT, {"email": "other@example.org"}).status_code == 429

    def test_a_mail_server_that_fails_stops_no_other_mail(self, api, person, monkeypatch):
        working = EmailBackend.send_messages
        monkeypatch.setattr(EmailBackend, "send_messages", lambda *_arguments: 1 / 0)
        assert ask(api, person.email) == []
        monkeypatch.setattr(EmailBackend, "send_messages", working)

        assert len(ask(api, person.email)) == 1
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert len(outbox()) == 2, "and the first is tried again"

    def test_more_than_can_wait_is_left_undone(self):
        go_on, begun, done = threading.Event(), threading.Event(), []
        full = Mailer()
        full.put(lambda: (begun.set(), go_on.wait(30)))
        begun.wait(30)
        for place in range(Mailer.WAITING + 3):
            full.put(lambda place=place: done.append(place))

        go_on.set()
        full.wait()

        assert done == list(range(Mailer.WAITING))

    def test_the_mail_is_the_tenants_and_in_its_persons_language(self, api, tenant):
        message = ask(api, MemberFactory(tenant=tenant, language="ar").email)[0]

        assert message.subject == "كلمة مرورك لدى Tigris"
        assert link_in(message).startswith("http://testserver/admin/invitation/")


class TestReset:
    def test_another_password_proves_the_address_and_ends_every_session(self, api, tenant, person):
        elsewhere = MemberFactory(tenant=TenantFactory(), user=person.user)
        sessions = [api.as_(member) for member in (person, elsewhere)]
        token = token_for(api, person)

        assert reset(api, token).json() == {"success": True, "message": "Password changed", "data": {}}

        assert [session.get("/users/me").status_code for session in sessions] == [401, 401]
        assert (signs_in(api, person, PASSWORD), signs_in(api, person, SECRET, tenant="tigris")) == (False, True)
        person.user.refresh_from_db()
        assert person.user.email_proved_at is not None
        again = reset(api, token, "another one entirely")
        assert (again.status_code, list(again.json()["data"]["fields"])) == (400, ["token"])

    def test_it_can_be_done_on_a_page_of_ours(self, api, person):
        link = link_in(ask(api, person.email)[0])

        assert open_link(link).status_code == 200
        assert signs_in(api, person, SECRET)

    def test_a_weak_password_is_the_fields_fault_and_spends_nothing(self, api, person):
        token = token_for(api, person)
        for weak in ("12345678", "short", person.email):
            refused = reset(api, token, weak)
            assert (refused.status_code, list(refused.json()["data"]["fields"])) == (400, ["new_password"])

        assert reset(api, token).status_code == 200

    def test_who_waits_is_proved_and_let_in(self, api, tenant):
        waiter = MemberFactory(tenant=tenant, waiting=True)
        assert not ask(api, waiter.email), "without its tenant nobody knows them"
        token = token_for(api, waiter, tenant="tigris")

        assert reset(api, token).status_code == 200

        assert signs_in(api, waiter, SECRET)
        assert User.objects.get(email=waiter.email).email_proved_at is not None

    def test_who_waits_is_joined_to_who_signs_in_elsewhere(self, api, tenant):
        """The second factor that somebody set up for an address that was never proved goes too."""
        login = MemberFactory(tenant=TenantFactory(slug="zagros"), user=UserFactory(email="v@example.org")).user
        TOTPDevice.objects.create(user=login)
        waiter = MemberFactory(tenant=tenant, waiting=True, email="v@example.org")

        assert reset(api, token_for(api, waiter, tenant="tigris")).status_code == 200

        assert reload(waiter).user_id == login.id
        assert [found["slug"] for found in tenants_of(login.id)] == ["tigris", "zagros"]
        assert not TOTPDevice.objects.filter(user=login).exists()

    def test_it_does_not_take_a_second_factor_away(self, api, tenant):
        agent = MemberFactory(tenant=tenant, agent=True)
        TOTPDevice.objects.create(user=agent.user)

        assert reset(api, token_for(api, agent)).status_code == 200

        assert TOTPDevice.objects.filter(user=agent.user).exists()

    def test_it_is_good_for_an_hour(self, api, person):
        token, now = token_for(api, person), timezone.now()
        with time_machine.travel(now + timedelta(minutes=61), tick=False):
            assert reset(api, token).status_code == 400
        with time_machine.travel(now + timedelta(minutes=58), tick=False):
            assert reset(api, token).status_code == 200

    def test_older_ones_are_worthless_once_one_is_used(self, api, tenant, person):
        older, newer = token_for(api, person), token_for(api, person)
        invitation = link_for(MemberFactory(tenant=TenantFactory(), waiting=True, email=person.email), "mailed")

        assert reset(api, newer).status_code == 200

        assert reset(api, older).status_code == 400
        assert open_link(invitation).status_code == 404, "what lies in the mailbox since before it was proved"

    @pytest.mark.parametrize("token", ["x", "é", "a:b:c", "x" * 2000, "x" * 900])
    def test_what_is_no_token_is_the_fields_fault(self, api, token):
        refused = reset(api, token)

        assert (refused.status_code, list(refused.json()["data"]["fields"])) == (400, ["token"])

    @pytest.mark.parametrize("kind", ["shown", "mailed"])
    def test_an_invitation_is_no_token_here(self, api, tenant, kind):
        link = link_for(MemberFactory(tenant=tenant, waiting=True), kind)

        assert reset(api, link.rstrip("/").rpartition("/")[2]).status_code == 400

    @pytest.mark.parametrize("end", ["switched off", "left", "suspended", "operator"])
    def test_who_may_not_sign_in_gets_none(self, api, tenant, person, end):
        token = token_for(api, person)
        if end == "switched off":
            disable_login(user=person.user)
        elif end == "operator":
            User.objects.filter(pk=person.user_id).update(is_superuser=True)
        with tenant_scope(tenant.id):
            if end == "left":
                end_membership(membership=person)
            elif end == "suspended":
                Tenant.objects.filter(pk=tenant.pk).update(status="suspended")

        assert not ask(api, person.email)
        assert not ask(api, person.email, tenant="tigris")
        if end in ("switched off", "operator"):
            assert reset(api, token).status_code == 400

    @pytest.mark.parametrize("end", ["left", "suspended", "address"])
    def test_who_waits_and_may_not_be_invited_gets_none(self, api, tenant, end):
        waiter = MemberFactory(tenant=tenant, waiting=True)
        token = token_for(api, waiter, tenant="tigris")
        with tenant_scope(tenant.id):
            if end == "left":
                end_membership(membership=waiter)
            elif end == "address":
                type(waiter).objects.filter(pk=waiter.pk).update(email="other@example.org")
            else:
                Tenant.objects.filter(pk=tenant.pk).update(status="suspended")

        assert not ask(api, waiter.email, tenant="tigris")
        assert (reset(api, token).status_code == 400) is (end != "suspended")

    @pytest.mark.parametrize(("email", "slug"), [("a\x00b@example.org", None), ("a@example.org", "\x00"),
                                                 ("a@example.org", None), ("a@example.org", "nowhere")])  # fmt: skip
    def test_for_nobody_there_is_no_mail_and_no_fault(self, email, slug):
        """(The mailer would hide one.)"""
        _ask(email, slug, "")

        assert outbox() == []

    def test_another_tenants_name_reaches_nobody(self, api, tenant, person):
        """Whose login it is elsewhere is not a matter of this tenant's portal."""
        TenantFactory(slug="zagros")

        assert not ask(api, person.email, tenant="zagros")


def test_no_answer_of_signing_in_is_ever_kept(api, tenant, person):
    """Answers that hold secrets are made anew, whatever key they come with."""
    again = {"Idempotency-Key": "the same"}
    login = {"email": person.email, "password": PASSWORD}
    first, second = (api.post("/auth/login", login, **again) for _time in range(2))
    assert first.json()["data"]["refresh_token"] != second.json()["data"]["refresh_token"]
    portal = ApiClient(second.json()["data"]["access_token"])
    calls = {
        "/auth/refresh": {"refresh_token": second.json()["data"]["refresh_token"]},
        "/auth/password": {"current_password": PASSWORD, "new_password": SECRET},
        FORGOT: {"email": person.email},
        RESET: {"token": "x", "new_password": SECRET},
        "/auth/logout": {"refresh_token": first.json()["data"]["refresh_token"]},
    }
    for path, body in calls.items():
        for _time in range(2):
            assert "Idempotency-Replayed" not in portal.post(path, body, **again).headers
    mailer.wait()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM api_idempotencyrecord")
        assert cursor.fetchone() == (0,)


def test_page_of_a_reset_names_the_address(api, tenant, person):
    page = api.client.get(reverse("admin:invitation", args=[token_for(api, person)])).content.decode()

    assert person.email in page
