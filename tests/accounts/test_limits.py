"""Floods of sign-ins: how much is hashed at once, what is held meanwhile, and who may fail how often."""

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection, connections
from django.test import Client, RequestFactory
from django.utils import timezone

from ondi.accounts.attempts import Attempt, forget_old_attempts
from ondi.accounts.hashing import line
from ondi.accounts.models import SignInAttempts
from ondi.accounts.sessions import begin_session
from ondi.api.admission import Admission
from ondi.wsgi import django_application
from tests.client import ApiClient
from tests.factories import PASSWORD, MemberFactory
from tests.invitations import link_for, open_link
from tests.races import at_once, held_up
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN, ADMIN_LOGIN, ADMIN_PASSWORD = "/auth/login", "/admin/login/", "/admin/password_change/"
NEW = "a much better secret"


class SlowHasher(MD5PasswordHasher):
    """Takes as long as the test says, and notes what its thread holds of the database meanwhile."""

    algorithm = "slow"
    go = threading.Event()
    begun = threading.Semaphore(0)
    running, most = 0, 0
    counts = threading.Lock()
    connected = []

    @classmethod
    def hold(cls):
        """From now on each hash takes until `go` is set; `begun` counts those that have."""
        cls.go.clear()
        cls.begun = threading.Semaphore(0)
        cls.connected.clear()

    def encode(self, password, salt):
        with self.counts:
            type(self).running += 1
            type(self).most = max(self.most, self.running)
            self.connected.append(connections["default"].connection is not None)
        self.begun.release()
        try:
            assert self.go.wait(30)
            return super().encode(password, salt)
        finally:
            with self.counts:
                type(self).running -= 1


@pytest.fixture
def hasher(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.SlowHasher"]
    SlowHasher.go, SlowHasher.begun = threading.Event(), threading.Semaphore(0)
    SlowHasher.running = SlowHasher.most = 0
    SlowHasher.connected = []
    SlowHasher.go.set()
    yield SlowHasher
    SlowHasher.go.set()


@pytest.fixture
def door(settings):
    """The whole product behind its front door, as a worker runs it: four requests at once, one hash."""
    settings.PASSWORDS_AT_ONCE, settings.PASSWORDS_WAITING, settings.WEB_THREADS = 1, 8, 4
    return Admission(django_application)


def ask(door, method, path, body=None, address="192.0.2.1", **headers):
    """Status, headers and body."""
    data = b"" if body is None else json.dumps(body).encode()
    request = RequestFactory().generic(method, path, data, "application/json", headers=headers, REMOTE_ADDR=address)
    started = []
    answer = door(request.environ, lambda status, given: started.append((int(status.split()[0]), dict(given))))
    content = b"".join(answer)
    answer.close()
    return *started[0], content


def ask_and_leave(*call, **options):
    """In a thread of its own."""
    try:
        return ask(*call, **options)
    finally:
        connections.close_all()


def those_that_end(answers, number):
    """Wait until so many of them are there; the others are in the line."""
    ending = as_completed(answers, timeout=30)
    return [next(ending) for _answer in range(number)]


def made_up(number):
    return {"email": f"made-up-{number}@example.org", "password": "wrong"}


def fail(email, address="192.0.2.1", password="wrong"):
    answer = Client(REMOTE_ADDR=address).post(
        LOGIN, {"email": email, "password": password}, content_type="application/json"
    )
    return answer.status_code


class TestFlood:
    def test_others_are_served_while_sign_ins_wait_for_their_hash(self, door, hasher, owner):
        member = MemberFactory()
        token = begin_session(user_id=member.user_id, tenant_id=member.tenant_id).access_token
        hasher.hold()

        with ThreadPoolExecutor(16) as pool:
            flood = [
                pool.submit(ask_and_leave, door, "POST", LOGIN, made_up(number), address=f"192.0.2.{number % 4}")
                for number in range(16)
            ]
            those_that_end(flood, 7)
            for _call in range(8):
                status, _headers, _body = ask(door, "GET", "/customer/support/tickets", Authorization=f"Bearer {token}")
                assert status == 200
            held = (
                owner()
                .execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'ondi' AND datname = current_database() "
                    "AND state LIKE 'idle in transaction%'"
                )
                .fetchone()[0]
            )
            locks = (
                owner()
                .execute(
                    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
                    "WHERE datname = current_database() "
                    "AND (locktype = 'advisory' OR relation = 'accounts_signinattempts'::regclass)"
                )
                .fetchone()[0]
            )
            connections_used = (
                owner()
                .execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'ondi' AND datname = current_database() "
                )
                .fetchone()[0]
            )
            hashing = hasher.running
            hasher.go.set()
            answers = [answer.result(30) for answer in flood]

        assert (hashing, hasher.most, held, locks) == (1, 1, 0, 0)
        assert connections_used == 0, "who waits has none, or eight would empty the pool"
        assert not any(hasher.connected)
        assert Counter(status for status, _headers, _body in answers) == {401: 9, 503: 7}
        for status, headers, body in answers:
            if status == 503:
                assert (headers["Retry-After"], json.loads(body)["error"]) == ("2", "service_unavailable")

    def test_one_address_takes_no_more_than_half_of_the_line(self, door, hasher):
        member = MemberFactory()
        hasher.hold()

        with ThreadPoolExecutor(13) as pool:
            flood = [
                pool.submit(ask_and_leave, door, "POST", LOGIN, made_up(number), address=f"2001:db8::{number}")
                for number in range(12)
            ]
            those_that_end(flood, 7)
            right = {"email": member.user.email, "password": PASSWORD}
            other = pool.submit(ask_and_leave, door, "POST", LOGIN, right, address="2001:db8:0:1::1")
            hasher.go.set()
            answers = [answer.result(30) for answer in flood]

            assert other.result(30)[0] == 200
        assert Counter(status for status, _headers, _body in answers) == {401: 5, 429: 7}
        throttled = next(answer for answer in answers if answer[0] == 429)
        assert (throttled[1]["Retry-After"], json.loads(throttled[2])["error"]) == ("2", "throttled")

    def test_the_line_ends(self, door, hasher, settings):
        settings.WEB_WAIT_SECONDS = 0.05
        hasher.hold()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(ask_and_leave, door, "POST", LOGIN, made_up(1))
            assert hasher.begun.acquire(timeout=10)

            assert ask(door, "POST", LOGIN, made_up(2))[0] == 503

            hasher.go.set()
            assert first.result(30)[0] == 401
        assert ask(door, "POST", LOGIN, made_up(3))[0] == 401

    def test_the_admin_says_so_on_a_page(self, hasher, settings):
        settings.PASSWORDS_AT_ONCE, settings.PASSWORDS_WAITING = 1, 0
        agent = MemberFactory(agent=True)
        inside, at_workbench = Client(), workbench(agent.user)
        with ThreadPoolExecutor(1) as pool:
            hasher.hold()
            first = pool.submit(lambda: (fail("made-up@example.org"), connections.close_all())[0])
            assert hasher.begun.acquire(timeout=10)

            for page in (
                inside.post(ADMIN_LOGIN, {"username": agent.user.email, "password": PASSWORD}),
                at_workbench.post(ADMIN_PASSWORD, _own_password(PASSWORD)),
            ):
                assert (page.status_code, page.headers["Retry-After"]) == (503, "2")
                assert "go back" in page.content.decode()

            hasher.go.set()
            assert first.result(30) == 401

    def test_what_fails_in_its_turn_leaves_the_line(self):
        for _turn in range(200):
            with pytest.raises(ZeroDivisionError), line.turn("192.0.2.1"):
                raise ZeroDivisionError
        with line.turn("192.0.2.1"), line.turn():
            pass
        assert not line._inside


@pytest.mark.parametrize("door_of", ["login", "unknown", "wrong", "password", "wrong password", "admin", "admin wrong",
                                     "admin password", "admin wrong password", "invitation"])  # fmt: skip
def test_no_door_holds_the_database_while_it_hashes(door_of, hasher, api):
    agent = MemberFactory(agent=True)
    link = link_for(MemberFactory(waiting=True))
    portal, at_workbench, stranger = api.as_(agent), workbench(agent.user), Client()
    email = agent.user.email
    calls = {
        "login": lambda: api.post(LOGIN, {"email": email, "password": PASSWORD}),
        "unknown": lambda: api.post(LOGIN, made_up(1)),
        "wrong": lambda: api.post(LOGIN, {"email": email, "password": "wrong"}),
        "password": lambda: portal.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW}),
        "wrong password": lambda: portal.post("/auth/password", {"current_password": "wrong", "new_password": NEW}),
        "admin": lambda: stranger.post(ADMIN_LOGIN, {"username": email, "password": PASSWORD}),
        "admin wrong": lambda: stranger.post(ADMIN_LOGIN, {"username": email, "password": "wrong"}),
        "admin password": lambda: at_workbench.post(ADMIN_PASSWORD, _own_password(PASSWORD)),
        "invitation": lambda: open_link(link),
        "admin wrong password": lambda: at_workbench.post(ADMIN_PASSWORD, _own_password("wrong")),
    }
    hasher.connected.clear()

    calls[door_of]()

    assert hasher.connected
    assert not any(hasher.connected)


def _own_password(old):
    return {"old_password": old, "new_password1": NEW, "new_password2": NEW}


class TestLimits:
    def test_an_address_is_limited_whatever_mails_it_names(self, settings):
        settings.SIGN_IN_FAILURES_PER_ADDRESS = 20
        answers = at_once([lambda number=number: fail(f"made-up-{number}@example.org") for number in range(30)])

        assert Counter(answers) == {401: 20, 429: 10}
        assert fail("another@example.org", "192.0.2.2") == 401

    @pytest.mark.parametrize(
        ("first", "second", "status"),
        [
            ("2001:db8::1", "2001:db8::ffff:2", 429),
            ("2001:db8::1", "2001:db8:0:1::1", 401),
            ("::ffff:192.0.2.1", "192.0.2.1", 429),
            ("192.0.2.1", "192.0.2.2", 401),
            ("", "no address", 429),
        ],
    )
    def test_of_ipv6_a_64_is_one_address(self, settings, first, second, status):
        settings.SIGN_IN_FAILURES_PER_ADDRESS = 1
        assert fail("one@example.org", first) == 401

        assert fail("two@example.org", second) == status

    def test_an_account_attacked_from_everywhere_stays_open_to_its_own_address(self, settings):
        settings.SIGN_IN_FAILURES_PER_ACCOUNT = 12
        victim = MemberFactory().user.email
        assert fail(victim, "198.51.100.1", PASSWORD) == 200

        answers = [fail(victim, f"192.0.2.{number}") for number in range(15)]

        assert answers == [401] * 12 + [429] * 3
        assert fail(victim, "198.51.100.2", PASSWORD) == 429  # an address that nobody knows waits
        assert [fail(victim, "198.51.100.1") for _try in range(9)] == [401] * 9
        assert fail(victim, "198.51.100.1", PASSWORD) == 200

    def test_who_shares_an_address_with_an_attacker_is_let_in(self, settings):
        settings.SIGN_IN_FAILURES_PER_ADDRESS = 5
        neighbor, newcomer = MemberFactory().user.email, MemberFactory().user.email
        assert fail(neighbor, password=PASSWORD) == 200

        assert [fail(f"made-up-{number}@example.org") for number in range(6)] == [401] * 5 + [429]

        assert fail(neighbor, password=PASSWORD) == 200
        assert fail(newcomer, password=PASSWORD) == 429

    def test_an_address_is_known_for_some_weeks(self, settings):
        settings.SIGN_IN_FAILURES_PER_ADDRESS = 1
        person = MemberFactory().user.email
        assert fail(person, password=PASSWORD) == 200
        for days, status in ((89, 200), (89 + 91, 429)):
            with time_machine.travel(timezone.now() + timedelta(days=days)):
                assert fail("made-up@example.org") == 401
                assert fail(person, password=PASSWORD) == status

    def test_failures_count_for_fifteen_minutes_each(self):
        start = timezone.now()
        for minutes in range(10):
            with time_machine.travel(start + timedelta(minutes=minutes)):
                assert fail("somebody@example.org") == 401
        with time_machine.travel(start + timedelta(minutes=14), tick=False):
            answer = ApiClient().client.post(LOGIN, {"email": "somebody@example.org", "password": "x"},
                                             content_type="application/json", REMOTE_ADDR="192.0.2.1")  # fmt: skip
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "61")
        with time_machine.travel(start + timedelta(minutes=15, seconds=30)):
            assert [fail("somebody@example.org") for _try in range(2)] == [401, 429]

    def test_a_clock_that_is_set_back_locks_nobody_out(self):
        with time_machine.travel(timezone.now() + timedelta(hours=5)):
            for _try in range(10):
                assert fail("somebody@example.org") == 401
            assert fail("somebody@example.org") == 429

        assert fail("somebody@example.org") == 401

    def test_what_counts_no_more_is_kept_no_longer(self):
        """Else it would grow under attack, and what a wrong clock noted would count when its time has come."""
        now = timezone.now()
        for moment in (now - timedelta(minutes=16), now + timedelta(minutes=16), now):
            with time_machine.travel(moment, tick=False):
                assert fail("somebody@example.org") == 401

        assert [row.failed_at for row in SignInAttempts.objects.all()] == [[now]] * 3

    def test_a_right_password_takes_nothing_back_that_failed_elsewhere_at_that_moment(self, settings):
        settings.SIGN_IN_FAILURES = 1
        person = MemberFactory().user.email
        with time_machine.travel(timezone.now(), tick=False):
            assert fail("somebody@example.org", "192.0.2.2") == 401

            assert fail(person, password=PASSWORD) == 200

            assert fail("somebody@example.org", "192.0.2.2") == 429

    def test_counts_are_locked_in_the_order_of_their_keys(self, owner):
        """As they are counted, so that two who share some of them wait for each other one way only."""
        last, first, second = keys = ["c", "a", "b"]
        now = timezone.now()
        for key in keys:
            SignInAttempts.objects.create(key=key, failed_at=[now], touched_at=now)
        with psycopg.connect(owner().info.dsn, password=owner().info.password) as writer:
            writer.execute("SELECT FROM accounts_signinattempts WHERE key = %s FOR UPDATE", [second])
            with held_up(Attempt(dict.fromkeys(keys, 1), now).forgive, writer):
                free = writer.execute("SELECT key FROM accounts_signinattempts FOR UPDATE SKIP LOCKED").fetchall()
                writer.commit()

        assert {key for (key,) in free} == {second, last}, f"{first} is held by who waits"

    def test_a_right_password_takes_back_only_what_is_its_own(self, settings):
        settings.SIGN_IN_FAILURES_PER_ADDRESS = 8
        first = MemberFactory().user.email
        for _try in range(5):
            assert fail(first) == 401
        assert fail(first, password=PASSWORD) == 200

        assert [fail(f"made-up-{number}@example.org") for number in range(4)] == [401] * 3 + [429]

    def test_a_wrong_current_password_counts_like_a_sign_in(self, api):
        member = MemberFactory()
        portal = api.as_(member)
        wrong = {"current_password": "wrong", "new_password": NEW}
        answers = [portal.post("/auth/password", wrong).status_code for _try in range(11)]

        assert answers == [400] * 10 + [429]
        right = portal.post("/auth/password", {"current_password": PASSWORD, "new_password": NEW})
        assert (right.status_code, right.json()["error"]) == (429, "throttled")
        assert int(right.headers["Retry-After"]) > 800
        assert api.post(LOGIN, {"email": member.user.email, "password": PASSWORD}).status_code == 429

    def test_and_so_it_does_in_the_admin(self):
        agent = MemberFactory(agent=True)
        client = workbench(agent.user)
        pages = [client.post(ADMIN_PASSWORD, _own_password("wrong")).status_code for _try in range(11)]

        assert pages == [200] * 10 + [429]
        assert client.post(ADMIN_LOGIN, {"username": agent.user.email, "password": PASSWORD}).status_code == 429

    def test_refresh_is_never_limited(self, api):
        member = MemberFactory()
        session = begin_session(user_id=member.user_id, tenant_id=member.tenant_id)
        for _try in range(11):
            api.post(LOGIN, {"email": member.user.email, "password": "wrong"})

        assert api.post("/auth/refresh", {"refresh_token": session.refresh_token}).status_code == 200

    def test_of_two_new_passwords_at_once_one_wins_and_opens(self, api):
        member = MemberFactory()
        portals = [api.as_(member) for _tab in range(2)]
        secrets = [f"the secret of tab {number}" for number in range(2)]

        answers = at_once(
            [
                lambda portal=portal, new=new: (
                    portal.post("/auth/password", {"current_password": PASSWORD, "new_password": new}).status_code
                )
                for portal, new in zip(portals, secrets, strict=True)
            ]
        )

        opening = [fail(member.user.email, password=secret) for secret in secrets]
        assert sorted(opening) == [200, 401]
        assert answers[opening.index(200)] == 200
        assert answers[opening.index(401)] in (400, 401)  # too late, or its session ended

    def test_what_is_kept_names_nobody_and_goes(self):
        email = MemberFactory().user.email
        fail(email, password=PASSWORD)
        fail("made-up@example.org")
        with connection.cursor() as cursor:
            cursor.execute("SELECT accounts_signinattempts::text FROM accounts_signinattempts")
            kept = "".join(row for (row,) in cursor.fetchall())
        assert SignInAttempts.objects.count() == 5
        assert not any(word in kept for word in (email, "made-up", "192.0.2.1"))

        assert forget_old_attempts() == 0
        with time_machine.travel(timezone.now() + timedelta(hours=1)):
            assert forget_old_attempts() == 4
        with time_machine.travel(timezone.now() + timedelta(days=91)):
            assert forget_old_attempts() == 1
