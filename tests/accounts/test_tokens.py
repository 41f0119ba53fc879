"""Attacks on access tokens: each its coded 401, never a 5xx."""

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.conf import settings

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


def test_expired_token_says_so(api, claims):
    assert error_of(api, signed(claims, exp=NOW - timedelta(seconds=1))) == "token_expired"


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


def test_swapping_the_tenant_needs_a_session_there(api, claims):
    other = MemberFactory()

    assert error_of(api, signed(claims, tenant_id=str(other.tenant_id))) == "token_invalid"
    assert error_of(api, signed(claims, user_id=str(other.user_id))) == "token_invalid"


@pytest.mark.parametrize("header", ["", "Basic dXNlcjpwYXNz", "Token abc", "Bearerabc"])
def test_other_schemes_are_not_signed_in(api, header):
    response = api.get("/users/me", Authorization=header)

    assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")
