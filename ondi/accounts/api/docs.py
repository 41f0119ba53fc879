"""What the OpenAPI document says of signing in."""

from rest_framework import serializers

from ondi.accounts import errors
from ondi.accounts.api.serializers import (
    ForgottenBody,
    LoginBody,
    PasswordBody,
    RefreshBody,
    ResetBody,
    TenantData,
    UserData,
)
from ondi.api.schema import documented

TOKENS = [errors.TokenInvalid(), errors.TokenExpired()]
TENANT = {"id": "0197f0a0-0000-7000-8000-000000000001", "slug": "tigris", "name": "Tigris Express"}
USER = {
    "id": "0197f0a0-0000-7000-8000-000000000002",
    "email": "customer1@tigris.demo",
    "first_name": "Layla",
    "last_name": "Hassan",
    "role": "customer",
    "is_support_user": False,
    "tenant": TENANT,
}
SESSION = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…",
    "refresh_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…",
    "token_type": "Bearer",
    "expires_in": 900,
    "user": USER,
    "tenant": TENANT,
}


def _session_fields() -> dict[str, serializers.Field]:  # type: ignore[type-arg]
    return {
        "access_token": serializers.CharField(),
        "refresh_token": serializers.CharField(),
        "token_type": serializers.CharField(),
        "expires_in": serializers.IntegerField(help_text="Seconds."),
        "user": UserData(),
        "tenant": TenantData(),
    }


login = documented(
    "login",
    "Sign in",
    description="`tenant` may be left out by somebody who belongs to exactly one.",
    body=LoginBody,
    body_examples={
        "A customer": {"email": "customer1@tigris.demo", "password": "ondi-demo", "tenant": "tigris"},
    },
    data=_session_fields(),
    example=SESSION,
    refusals=[errors.InvalidCredentials(), errors.TenantRequired([TENANT])],
    public=True,
)
refresh = documented(
    "refresh",
    "Get a new pair of tokens",
    description="The token given is spent. Within ten seconds it gives the same successor again; later it counts as "
    "stolen and the session ends.",
    body=RefreshBody,
    body_examples={"A refresh token": {"refresh_token": SESSION["refresh_token"]}},
    data=_session_fields(),
    example=SESSION,
    refusals=[errors.TokenInvalid(), errors.TokenExpired(), errors.TokenReused()],
    public=True,
)
logout = documented(
    "logout",
    "Sign out",
    body=RefreshBody,
    body_examples={"A refresh token": {"refresh_token": SESSION["refresh_token"]}},
    data={},
    example={},
    refusals=TOKENS,
    public=True,
)
password = documented(
    "changePassword",
    "Change one's password",
    description="Every other session of the person ends.",
    body=PasswordBody,
    body_examples={"A change": {"current_password": "ondi-demo", "new_password": "a-better-secret"}},
    data={},
    example={},
    refusals=TOKENS,
)
forgot = documented(
    "forgotPassword",
    "Ask for a link to set another password",
    description="One answer whoever it is. The link goes to the address and is good for one hour; asking counts as a "
    "failed sign-in.",
    body=ForgottenBody,
    body_examples={"A customer": {"email": "customer1@tigris.demo", "tenant": "tigris"}},
    data={},
    example={},
    status=202,
    refusals=[errors.SignInThrottled(900)],
    public=True,
)
reset = documented(
    "resetPassword",
    "Set another password by a link",
    description="`token` is what the mailed link ends with. Every session of the person ends.",
    body=ResetBody,
    body_examples={"A link": {"token": "WyIwMTk3ZjBhMC…", "new_password": "a-better-secret"}},
    data={},
    example={},
    public=True,
)
me = documented(
    "me",
    "Who am I",
    data={"user": UserData()},
    example={"user": USER},
    refusals=TOKENS,
)
