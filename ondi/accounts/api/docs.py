"""What the OpenAPI document says of signing in."""

from rest_framework import serializers

from ondi.accounts import errors
from ondi.accounts.api.serializers import (
    CustomerTokenBody,
    ForgottenBody,
    LoginBody,
    PasswordBody,
    RefreshBody,
    ResetBody,
    TenantData,
    TenantsToChooseData,
    UserData,
)
from ondi.api.schema import Constant, Telling, documented
from ondi.common.errors import PermissionDenied

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
        "token_type": Constant("Bearer"),
        "expires_in": serializers.IntegerField(help_text="Seconds."),
        "user": UserData(),
        "tenant": TenantData(),
    }


login = documented(
    "POST auth/login",
    "login",
    "Sign in",
    message="Signed in",
    description="`tenant` may be left out by somebody who belongs to exactly one.",
    body=LoginBody,
    body_examples={
        "A customer": {"email": "customer1@tigris.demo", "password": "ondi-demo", "tenant": "tigris"},
    },
    data=_session_fields(),
    example=SESSION,
    refusals=[errors.InvalidCredentials(), Telling(errors.TenantRequired([TENANT]), TenantsToChooseData)],
    public=True,
)
refresh = documented(
    "POST auth/refresh",
    "refresh",
    "Get a new pair of tokens",
    message="Session refreshed",
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
    "POST auth/logout",
    "logout",
    "Sign out",
    description="The session of this refresh token ends; its access tokens too.",
    message="Signed out",
    body=RefreshBody,
    body_examples={"A refresh token": {"refresh_token": SESSION["refresh_token"]}},
    data={},
    example={},
    refusals=TOKENS,
    public=True,
)
password = documented(
    "POST auth/password",
    "changePassword",
    "Change one's password",
    message="Password changed",
    description="Every other session of the person ends.",
    body=PasswordBody,
    body_examples={"A change": {"current_password": "ondi-demo", "new_password": "a-better-secret"}},
    data={},
    example={},
    refusals=TOKENS,
)
forgot = documented(
    "POST auth/password/forgot",
    "forgotPassword",
    "Ask for a link to set another password",
    description="The same answer for everybody. The link goes to the address and is good for one hour; asking counts "
    "as a failed sign-in.",
    message="If this address is known here, a link is on its way.",
    body=ForgottenBody,
    body_examples={"A customer": {"email": "customer1@tigris.demo", "tenant": "tigris"}},
    data={},
    example={},
    status=202,
    refusals=[errors.SignInThrottled(900)],
    public=True,
)
reset = documented(
    "POST auth/password/reset",
    "resetPassword",
    "Set another password by a link",
    description="`token` is what the mailed link ends with. Every session of the person ends.",
    message="Password changed",
    body=ResetBody,
    body_examples={"A link": {"token": "WyIwMTk3ZjBhMC…", "new_password": "a-better-secret"}},
    data={},
    example={},
    public=True,
)
me = documented(
    "GET users/me",
    "me",
    "Who am I",
    description="The person of the token, their role, and the tenant they are signed in to.",
    message="User retrieved",
    data={"user": UserData()},
    example={"user": USER},
    refusals=TOKENS,
)
customer_token = documented(
    "POST integrations/tokens",
    "createCustomerToken",
    "Sign a customer in",
    message="Signed in",
    description="For a portal that signs its customers in itself: its server asks, with the scope `tokens:create`, and "
    "hands the access token to the customer's page or app. Nothing renews it: ask again. Also for people without "
    "e-mail or password. Staff of the tenant are refused. Never from a browser: the key would be everybody's.",
    body=CustomerTokenBody,
    body_examples={"A customer": {"customer_external_id": "c-77"}},
    data={name: field for name, field in _session_fields().items() if name not in ("refresh_token", "tenant")},
    example={name: SESSION[name] for name in ("access_token", "token_type", "expires_in", "user")},
    status=201,
    refusals=[errors.ApiKeyInvalid(), PermissionDenied(), errors.CustomerNotFound()],
    api_key=True,
)
