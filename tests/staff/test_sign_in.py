"""Signing in to the admin: the limit, the second factor, the end of sessions."""

import re
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from ondi.accounts.credentials import change_password
from ondi.accounts.sessions import begin_session, set_password
from ondi.accounts.tokens import read_access_token
from ondi.staff.entry import staff_at, staff_of
from tests.client import ApiClient
from tests.factories import PASSWORD, MemberFactory, UserFactory, actor
from tests.races import at_once
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN, FACTOR, QUEUE = "/admin/login/", "/admin/second-factor/", "/admin/support/ticket/"


@pytest.fixture
def agent():
    return MemberFactory(agent=True)


def password_given(email, password=PASSWORD, path=LOGIN):
    client = Client()
    client.post(path, {"username": email, "password": password})
    return client


def code_of(user):
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = timezone.now().timestamp()
    return f"{totp.token():06d}"


def wrong_code_of(user):
    return f"{(int(code_of(user)) + 1) % 1_000_000:06d}"


def set_up(user):
    """A browser in which this person has set up the second factor, and the backup codes shown."""
    client = password_given(user.email)
    client.get(FACTOR)
    page = client.post(FACTOR, {"code": code_of(user)}).content.decode()
    return client, re.findall(r"<li>([a-z0-9]+)</li>", page)


class TestSecondFactor:
    def test_the_password_alone_opens_nothing(self, agent):
        client = password_given(agent.user.email)

        for page in ("/admin/", QUEUE, "/admin/password_change/", "/admin/accounts/user/"):
            answer = client.get(page)
            assert (answer.status_code, answer.url.partition("?")[0]) == (302, LOGIN)
        assert client.get(f"{LOGIN}?next={QUEUE}").url == f"{FACTOR}?next={QUEUE}"

    def test_new_staff_set_it_up_and_are_in(self, agent):
        client = password_given(agent.user.email)
        page = client.get(FACTOR).content.decode()
        assert "<svg" in page

        wrong = client.post(FACTOR, {"code": "000000"})
        assert "not right" in wrong.content.decode()
        assert client.get(QUEUE).status_code == 302
        with time_machine.travel(timezone.now() + timedelta(seconds=5)):  # a wrong code costs a moment
            done = client.post(FACTOR, {"code": code_of(agent.user)})

        assert len(re.findall(r"<li>[a-z0-9]+</li>", done.content.decode())) == 10
        assert client.get(QUEUE).status_code == 200

    def test_code_of_the_app_lets_in_once(self, agent):
        set_up(agent.user)
        with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
            code = code_of(agent.user)
            first, second = password_given(agent.user.email), password_given(agent.user.email)

            assert first.post(f"{FACTOR}?next={QUEUE}", {"code": code}).url == QUEUE
            assert second.post(FACTOR, {"code": code}).status_code == 200

        assert first.get(QUEUE).status_code == 200
        assert second.get(QUEUE).status_code == 302

    def test_backup_code_lets_in_once(self, agent):
        _client, codes = set_up(agent.user)
        first, second = password_given(agent.user.email), password_given(agent.user.email)

        assert first.post(FACTOR, {"code": codes[3]}).status_code == 302
        assert second.post(FACTOR, {"code": codes[3]}).status_code == 200

        assert first.get(QUEUE).status_code == 200

    def test_wrong_codes_are_slowed_down(self, agent):
        set_up(agent.user)
        with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False) as clock:
            client = password_given(agent.user.email)
            for pause in (2, 3, 5, 9, 17):
                client.post(FACTOR, {"code": wrong_code_of(agent.user)})
                clock.shift(pause)

            assert client.post(FACTOR, {"code": wrong_code_of(agent.user)}).status_code == 200
            clock.shift(20)
            assert client.post(FACTOR, {"code": code_of(agent.user)}).status_code == 200
            clock.shift(20)
            assert client.post(FACTOR, {"code": code_of(agent.user)}).status_code == 302

    def test_another_persons_code_is_no_use(self, agent):
        colleague = MemberFactory(tenant=agent.tenant, agent=True)
        set_up(agent.user)
        set_up(colleague.user)
        with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
            client = password_given(agent.user.email)
            assert client.post(FACTOR, {"code": code_of(colleague.user)}).status_code == 200

    def test_customers_and_strangers_have_no_such_page(self):
        for client in (Client(), password_given(MemberFactory().user.email)):
            assert client.get(FACTOR).url == LOGIN
            assert client.post(FACTOR, {"code": "123456"}).url == LOGIN
        assert not TOTPDevice.objects.exists()

    def test_next_page_is_one_of_ours(self, agent):
        for wanted in ("https://evil.example/", "//evil.example", "/customer/support/tickets", "javascript:alert(1)"):
            client = password_given(agent.user.email)
            page = client.get(FACTOR, {"next": wanted}).content.decode()
            assert 'name="next" value="/admin/"' in page

    def test_new_codes_void_the_old_ones_and_a_new_phone_the_old_phone(self, agent):
        client, codes = set_up(agent.user)
        sure = {"password": PASSWORD}
        renewed = re.findall(
            r"<li>([a-z0-9]+)</li>", client.post(FACTOR, {"renew_codes": "1", **sure}).content.decode()
        )
        assert password_given(agent.user.email).post(FACTOR, {"code": codes[0]}).status_code == 200
        with time_machine.travel(timezone.now() + timedelta(seconds=30)):
            assert password_given(agent.user.email).post(FACTOR, {"code": renewed[0]}).status_code == 302

        assert client.post(FACTOR, {"replace": "1", **sure}).url == FACTOR
        assert client.get(QUEUE).status_code == 302
        assert "<svg" in client.get(FACTOR).content.decode()

    @pytest.mark.parametrize("action", ["renew_codes", "replace"])
    def test_nothing_changes_without_the_password(self, agent, action):
        client, codes = set_up(agent.user)
        colleague = MemberFactory(tenant=agent.tenant, agent=True)
        set_password(user=colleague.user, new_password="the secret of a colleague")
        kept = {*TOTPDevice.objects.values_list("key"), *StaticToken.objects.values_list("token")}

        for given in ({}, {"password": ""}, {"password": "wrong"}, {"password": "the secret of a colleague"}):
            page = client.post(FACTOR, {action: "1", **given})
            assert page.status_code == 200
        assert "not right" in page.content.decode()

        assert {*TOTPDevice.objects.values_list("key"), *StaticToken.objects.values_list("token")} == kept
        assert password_given(agent.user.email).post(FACTOR, {"code": codes[0]}).status_code == 302

    def test_a_wrong_password_there_is_a_failed_sign_in(self, agent):
        client, _codes = set_up(agent.user)
        pages = [client.post(FACTOR, {"replace": "1", "password": "wrong"}).status_code for _try in range(11)]

        assert pages == [200] * 10 + [429]
        assert Client().post(LOGIN, {"username": agent.user.email, "password": PASSWORD}).status_code == 429

    def test_operator_and_command_reset_a_lost_one(self, agent):
        client, _codes = set_up(agent.user)
        operator = workbench(UserFactory(is_superuser=True))
        chosen = {"action": "forget_second_factor", "_selected_action": [str(agent.user_id)]}

        operator.post("/admin/accounts/user/", chosen)

        assert client.get(QUEUE).status_code == 302
        assert not TOTPDevice.objects.filter(user=agent.user).exists()
        set_up(agent.user)
        call_command("reset_second_factor", agent.user.email.upper())
        assert not TOTPDevice.objects.filter(user=agent.user).exists()
        with pytest.raises(CommandError, match="Nobody"):
            call_command("reset_second_factor", "nobody@example.org")

    def test_where_it_is_not_required_the_password_is_enough(self, agent):
        with override_settings(STAFF_SECOND_FACTOR=False):
            assert password_given(agent.user.email).get(QUEUE).status_code == 200

    def test_where_it_is_not_required_it_can_be_removed(self, agent):
        client, _codes = set_up(agent.user)
        with override_settings(STAFF_SECOND_FACTOR=False):
            page = client.post(FACTOR, {"replace": "1", "password": PASSWORD}).content.decode()

        assert "This account has no second factor." in page
        assert 'name="replace"' not in page

    def test_a_page_that_fails_begins_none(self, agent, monkeypatch):
        """The page to set it up stands in a transaction, though the form it holds is sent without one."""
        client = password_given(agent.user.email)
        client.raise_request_exception = False
        monkeypatch.setattr("ondi.staff.second_factor.qrcode.make", lambda *_given, **_options: 1 / 0)

        assert client.get(FACTOR).status_code == 500
        assert not TOTPDevice.objects.exists()


def test_a_login_switched_off_is_no_operator():
    assert staff_of(UserFactory(is_superuser=True)) is not None
    assert staff_of(UserFactory(is_superuser=True, is_active=False)) is None


def test_a_page_that_lets_in_who_is_no_staff_fails_aloud(rf):
    """None of ours does: the site asks first. One that forgot to would otherwise go on with nobody."""
    with pytest.raises(AssertionError):
        staff_at(rf.get("/admin/"))


class TestLimit:
    def test_exactly_ten_wrong_passwords_are_heard_of_thirty_at_once(self, agent):
        wrong = {"username": agent.user.email, "password": "wrong"}

        answers = at_once([lambda: Client().post(LOGIN, wrong).status_code] * 30)

        assert Counter(answers) == {200: 10, 429: 20}

    def test_api_and_admin_count_together(self, api, agent):
        for _try in range(5):
            api.post("/auth/login", {"email": agent.user.email, "password": "wrong"})
            Client().post(LOGIN, {"username": agent.user.email, "password": "wrong"})

        right = {"username": agent.user.email, "password": PASSWORD}
        assert Client().post(LOGIN, right).status_code == 429
        assert api.post("/auth/login", {"email": agent.user.email, "password": PASSWORD}).status_code == 429

    @pytest.mark.parametrize(
        "name",
        ["a" * 255, "a" * 256, "ا" * 300, "a@b.example" * 5000, "a\x00b", "\x00", "\u202e", "a\nb@c.example", "\x85"],
    )
    @pytest.mark.parametrize("signed_in", [False, True])
    def test_strange_names_are_refused_like_any_other(self, agent, name, signed_in):
        client = workbench(agent.user) if signed_in else Client()
        headers = {"User-Agent": "x" * 3000, "Accept": "y" * 3000, "X-Forwarded-For": "unix:"}

        page = client.post(
            f"{LOGIN}?next=/admin/{'z' * 3000}", {"username": name, "password": "wrong"}, headers=headers
        )

        assert page.status_code == 200
        assert "errornote" in page.content.decode() or "text-red" in page.content.decode()

    def test_a_form_with_a_hole_in_it_is_no_attempt(self, agent):
        holes = [{"username": agent.user.email}, {"password": PASSWORD}]
        for number in range(20):
            Client().post(LOGIN, holes[number % 2])

        right = {"username": agent.user.email, "password": PASSWORD}
        assert Client().post(LOGIN, right).status_code == 302

    def test_unknown_wrong_and_customer_get_the_same_page(self, agent):
        def page(email, password):
            text = Client().post(LOGIN, {"username": email, "password": password}).content.decode()
            return re.sub(r'value="[^"]*"', "", text)

        wrong, unknown = page(agent.user.email, "wrong"), page("nobody@example.org", "wrong")
        assert wrong == unknown == page(MemberFactory().user.email, PASSWORD)


class TestSessions:
    @pytest.mark.parametrize(("minutes", "status"), [(59, 200), (61, 302)])
    def test_idle_ones_end(self, agent, minutes, status):
        client = workbench(agent.user)
        assert client.get(QUEUE).status_code == 200

        with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
            assert client.get(QUEUE).status_code == status

    def test_busy_ones_end_after_a_working_day(self, agent):
        client, start = workbench(agent.user), timezone.now()
        for half_hours in range(1, 24):
            with time_machine.travel(start + timedelta(minutes=30 * half_hours)):
                assert client.get(QUEUE).status_code == 200, half_hours

        with time_machine.travel(start + timedelta(hours=12, seconds=5)):
            assert client.get(QUEUE).status_code == 302

    def test_a_new_password_ends_them_all(self, agent):
        admin, portal = workbench(agent.user), begin_session(user_id=agent.user_id, tenant_id=agent.tenant_id)
        other = begin_session(user_id=agent.user_id, tenant_id=agent.tenant_id)
        kept = ApiClient(portal.access_token)
        session_id = read_access_token(portal.access_token).session_id
        change_password(
            actor=actor(agent), session_id=session_id, network="192.0.2.1",
            current_password=PASSWORD, new_password="another fine secret",
        )  # fmt: skip

        assert admin.get(QUEUE).status_code == 302
        assert kept.get("/users/me").status_code == 200
        assert ApiClient(other.access_token).get("/users/me").status_code == 401

    def test_a_new_password_set_in_the_admin_ends_those_of_the_api_too(self, agent):
        mine, elsewhere = workbench(agent.user), workbench(agent.user)
        portal = begin_session(user_id=agent.user_id, tenant_id=agent.tenant_id)
        form = {
            "old_password": PASSWORD,
            "new_password1": "another fine secret",
            "new_password2": "another fine secret",
        }

        assert mine.post("/admin/password_change/", form).status_code == 302

        assert mine.get(QUEUE).status_code == 200
        assert elsewhere.get(QUEUE).status_code == 302
        assert ApiClient(portal.access_token).get("/users/me").status_code == 401

    @pytest.mark.parametrize("way", ["code", "backup code"])
    def test_the_key_from_before_the_second_factor_opens_nothing(self, agent, way):
        _client, codes = set_up(agent.user)
        with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
            client = password_given(agent.user.email)
            before = client.cookies[settings.SESSION_COOKIE_NAME].value
            client.post(FACTOR, {"code": code_of(agent.user) if way == "code" else codes[0]})
            assert client.get(QUEUE).status_code == 200

            client.cookies[settings.SESSION_COOKIE_NAME] = before
            assert client.get(QUEUE).status_code == 302
            assert client.get(FACTOR).url == LOGIN

    def test_a_clock_set_back_does_not_make_them_longer(self, agent):
        now = timezone.now()
        with time_machine.travel(now + timedelta(hours=5)):
            client = password_given(agent.user.email)
            client.get(FACTOR)
            client.post(FACTOR, {"code": code_of(agent.user)})
            assert client.get(QUEUE).status_code == 200

        with time_machine.travel(now, tick=False) as clock:
            assert client.get(QUEUE).status_code == 200
            clock.shift(timedelta(minutes=61))
            assert client.get(QUEUE).status_code == 302

    def test_the_key_of_a_session_changes_at_every_step_up(self, agent):
        client = Client()
        client.get(LOGIN)
        keys = [client.session.session_key]
        client.post(LOGIN, {"username": agent.user.email, "password": PASSWORD})
        keys.append(client.session.session_key)
        client.get(FACTOR)
        client.post(FACTOR, {"code": code_of(agent.user)})
        keys.append(client.session.session_key)

        assert len(set(keys)) == 3
