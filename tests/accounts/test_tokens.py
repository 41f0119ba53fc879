"""Attacks on access tokens: each its coded 401, never a 5xx."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from django.conf import settings

from ondi.accounts import tokens
from ondi.accounts.models import Membership, User
from ondi.accounts.sessions import begin_session
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from tests.client import ApiClient
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
KEY = settings.JWT_SIGNING_KEY


@pytest.fixture
def claims(api):
    token = api.as_(MemberFactory()).token
    return jwt.decode(token, KEY, algorithms=["HS256"], audience="ondi-api", issuer="ondi")


def signed(claims, key=KEY, algorithm="HS256", **changes):
    merged = {name: value for name, value in {**claims, **changes}.items() if value is not ...}
    return jwt.encode(merged, key, algorithm=algorithm)


def unsigned(claims, header):
    def part(data):
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims)}."


def error_of(api, token):
    response = api.get("/users/me", Authorization=f"Bearer {token}")
    assert response.status_code == 401, response.content
    assert response.headers["WWW-Authenticate"] == "Bearer"
    return response.json()["error"]


def test_genuine_claims_are_accepted(api, claims):
    assert api.get("/users/me", Authorization=f"Bearer {signed(claims)}").status_code == 200


def test_token_that_was_good_a_while_ago_expires_all_the_same(api):
    """What it says is remembered, and so is until when."""
    portal = api.as_(MemberFactory())
    assert portal.get("/users/me").status_code == 200

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        answer = portal.get("/users/me")

    assert (answer.status_code, answer.json()["error"]) == (401, "token_expired")


def test_expired_token_says_so(api, claims):
    assert error_of(api, signed(claims, exp=NOW - timedelta(seconds=11))) == "token_expired"


class TestClocks:
    """Those of two servers may differ by ten seconds (API.md section 2)."""

    @pytest.fixture(autouse=True)
    def _stopped(self):
        with time_machine.travel(NOW, tick=False):
            yield

    @pytest.mark.parametrize("claim", ["iat", "nbf"])
    @pytest.mark.parametrize("ahead", [1, 2, 5, 10])
    def test_a_token_of_a_server_whose_clock_is_ahead_is_good(self, api, claims, claim, ahead):
        token = signed(claims, **{claim: NOW + timedelta(seconds=ahead)})

        assert api.get("/users/me", Authorization=f"Bearer {token}").status_code == 200

    @pytest.mark.parametrize("claim", ["iat", "nbf"])
    def test_further_ahead_it_is_not(self, api, claims, claim):
        assert error_of(api, signed(claims, **{claim: NOW + timedelta(seconds=12)})) == "token_invalid"

    @pytest.mark.parametrize(("late", "status"), [(0, 200), (9, 200), (11, 401)])
    @pytest.mark.parametrize("is_remembered", [True, False])
    def test_one_that_has_just_expired_is_good(self, api, claims, late, status, is_remembered):
        end = NOW + timedelta(seconds=30)
        token = signed(claims, exp=end)
        if is_remembered:
            assert api.get("/users/me", Authorization=f"Bearer {token}").status_code == 200

        with time_machine.travel(end + timedelta(seconds=late), tick=False):
            answer = api.get("/users/me", Authorization=f"Bearer {token}")

        assert answer.status_code == status
        assert answer.json().get("error", "token_expired") == "token_expired"

    @pytest.mark.parametrize(("late", "status"), [(9, 200), (11, 401)])
    def test_so_is_a_refresh_token(self, api, late, status):
        member = MemberFactory()
        session = begin_session(user_id=member.user_id, tenant_id=member.tenant_id)

        with time_machine.travel(NOW + timedelta(days=14, seconds=late), tick=False):
            answer = api.post("/auth/refresh", {"refresh_token": session.refresh_token})

        assert answer.status_code == status
        assert answer.json().get("error", "token_expired") == "token_expired"

    @pytest.mark.parametrize(("ahead", "error"), [(9, None), (12, "token_invalid")])
    def test_and_one_of_a_server_that_is_ahead(self, api, ahead, error):
        member = MemberFactory()
        with time_machine.travel(NOW + timedelta(seconds=ahead), tick=False):
            session = begin_session(user_id=member.user_id, tenant_id=member.tenant_id)

        answer = api.post("/auth/refresh", {"refresh_token": session.refresh_token})

        assert answer.json().get("error") == error

    def test_a_clock_set_back_does_not_give_a_spent_token_its_successor_again(self, api):
        member = MemberFactory()
        first = begin_session(user_id=member.user_id, tenant_id=member.tenant_id).refresh_token
        with time_machine.travel(NOW + timedelta(seconds=60), tick=False):
            api.post("/auth/refresh", {"refresh_token": first})

        assert api.post("/auth/refresh", {"refresh_token": first}).json()["error"] == "token_reused"


@pytest.mark.parametrize(
    "value",
    [["a", "b"], {"a": 1}, None, 7, True, "\x00", "0197f0a0-0000-7000-8000-00000000000\x00", "x" * 3000, "", ...],
    ids=repr,
)
@pytest.mark.parametrize("claim", ["user_id", "tenant_id", "session_id", "jti"])
def test_claims_of_wrong_type_are_refused(api, claims, claim, value):
    assert error_of(api, signed(claims, **{claim: value})) == "token_invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": "refresh"}, {"token_type": ["access"]}, {"token_type": ...}, {"aud": "other"}, {"aud": ...},
        {"iss": "other"}, {"exp": "soon"}, {"exp": ...}, {"exp": 10**30}, {"iat": "x"}, {"nbf": 10**12},
    ],
    ids=str,
)  # fmt: skip
def test_other_registered_claims_must_be_right(api, claims, changes):
    assert error_of(api, signed(claims, **changes)) == "token_invalid"


def test_a_token_longer_than_ours_are_is_refused_though_well_signed(api, claims):
    assert api.get("/users/me", Authorization=f"Bearer {signed(claims, more='x' * 100)}").status_code == 200

    assert error_of(api, signed(claims, more="x" * 4096)) == "token_invalid"


def test_foreign_signatures_and_algorithms_are_refused(api, claims):
    forged = [
        signed(claims, key="another-signing-key-0123456789-0123456789"),
        signed(claims, key=settings.SECRET_KEY),
        signed(claims, algorithm="HS512", key=KEY * 2),
        unsigned(claims, {"alg": "none", "typ": "JWT"}),
        unsigned(claims, {"alg": "None"}),
        unsigned(claims, {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}),
        unsigned(claims, {"alg": "RS256"}),
        unsigned(claims, {"alg": ["HS256"]}),
        signed(claims)[:-4] + "AAAA",
        "..", "a.b.c", "", "x" * 10_000, "ü.ü.ü",
    ]  # fmt: skip

    assert {error_of(api, token) for token in forged} == {"token_invalid"}


def test_keys_and_addresses_in_the_header_are_ignored(api, claims):
    """A token may bring a key, name one or point to one; only ours judges it."""
    mine = "an-attackers-own-key-0123456789-0123456789"
    headers = [
        {"jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(mine.encode()).decode()}},
        {"jku": "http://127.0.0.1/keys"}, {"x5u": "http://127.0.0.1/cert"}, {"x5c": ["AAAA"]},
        {"kid": "../../../../dev/null"}, {"kid": "' OR 1=1 --"}, {"kid": {"a": 1}},
    ]  # fmt: skip

    forged = []
    for header in headers:
        encoded = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT", **header}).encode()).rstrip(b"=")
        body = signed(claims).split(".")[1].encode()
        mac = hmac.new(mine.encode(), encoded + b"." + body, hashlib.sha256).digest()
        forged.append(b".".join([encoded, body, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode())
    empty_key = jwt.PyJWS().encode(json.dumps(claims).encode(), "", algorithm="none")

    assert {error_of(api, token) for token in [*forged, empty_key]} == {"token_invalid"}


def test_unknown_critical_header_is_refused(api, claims):
    token = jwt.encode(claims, KEY, algorithm="HS256", headers={"crit": ["exp"], "exp": 1})

    assert error_of(api, token) == "token_invalid"


def test_tokens_count_in_their_header_only(api, claims):
    token = signed(claims)
    for where in ({"X-Access-Token": token}, {"Cookie": f"access_token={token}; sessionid={token}"}, {}):
        response = api.get("/users/me", {"access_token": token, "token": token}, **where)
        assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")


def test_each_kind_of_token_opens_its_own_door_only(api):
    login = MemberFactory()
    session = begin_session(user_id=login.user_id, tenant_id=login.tenant_id)

    assert error_of(api, session.refresh_token) == "token_invalid"
    for door in ("refresh", "logout"):
        answer = api.post(f"/auth/{door}", {"refresh_token": session.access_token})
        assert (answer.status_code, answer.json()["error"]) == (401, "token_invalid")


class TestKeyChange:
    NEW = "the-next-signing-key-of-the-tests-9876543210-zyx"

    @pytest.fixture
    def ring(self, monkeypatch):
        def use(signing_key, *verification_keys):
            names = {"algorithm": "HS256", "audience": "ondi-api", "issuer": "ondi"}
            for kind in (tokens.OurAccessToken, tokens.OurRefreshToken):
                monkeypatch.setattr(kind, "_token_backend", tokens.KeyRing(signing_key, verification_keys, **names))

        return use

    def test_nobody_is_signed_out_while_the_old_key_is_known(self, api, ring):
        member = MemberFactory()
        before = begin_session(user_id=member.user_id, tenant_id=member.tenant_id)

        ring(self.NEW, KEY)

        assert ApiClient(before.access_token).get("/users/me").status_code == 200
        after = api.post("/auth/refresh", {"refresh_token": before.refresh_token}).json()["data"]
        jwt.decode(after["access_token"], self.NEW, algorithms=["HS256"], audience="ondi-api")
        assert ApiClient(after["access_token"]).get("/users/me").status_code == 200

    def test_dropped_and_foreign_keys_count_no_more(self, api, ring, claims):
        token, expired = signed(claims), signed(claims, exp=NOW - timedelta(seconds=1))
        ring(self.NEW, "yet-another-old-key-of-the-tests-0123456789")
        assert error_of(api, token) == "token_invalid"
        assert error_of(api, expired) == "token_invalid"  # an expired forgery is a forgery

        ring(self.NEW, KEY)
        assert error_of(api, expired) == "token_expired"

    def test_a_known_key_that_is_not_yet_used_verifies_too(self, api, ring, claims):
        """The coming key is made known everywhere before the first server signs with it."""
        ring(KEY, self.NEW)

        assert api.get("/users/me", Authorization=f"Bearer {signed(claims, key=self.NEW)}").status_code == 200


def test_swapping_the_tenant_needs_a_session_there(api, claims):
    other = MemberFactory()

    assert error_of(api, signed(claims, tenant_id=str(other.tenant_id))) == "token_invalid"
    assert error_of(api, signed(claims, user_id=str(other.user_id))) == "token_invalid"


@pytest.mark.parametrize("header", ["", "Basic dXNlcjpwYXNz", "Token abc", "Bearerabc"])
def test_other_schemes_are_not_signed_in(api, header):
    response = api.get("/users/me", Authorization=header)

    assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")


def test_a_session_is_of_one_person_in_one_tenant(api, claims):
    """Even well signed: a neighbour's id, or one's own id in one's other tenant, does not go with it."""
    neighbour = MemberFactory(tenant=Tenant(id=claims["tenant_id"]))
    elsewhere = MemberFactory(user=User.objects.get(id=claims["user_id"]))

    assert error_of(api, signed(claims, user_id=str(neighbour.user_id))) == "token_invalid"
    assert error_of(api, signed(claims, tenant_id=str(elsewhere.tenant_id))) == "token_invalid"


def test_a_membership_that_ended_is_out_whatever_became_of_its_session(api, claims):
    with tenant_scope(claims["tenant_id"]):
        Membership.objects.update(ended_at=NOW)

    assert error_of(api, signed(claims)) == "token_invalid"
