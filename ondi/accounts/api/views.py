"""Sign in, refresh, sign out, change the password, and who am I."""

from typing import TypeVar, cast

from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts import sessions
from ondi.accounts.api import docs
from ondi.accounts.api.serializers import (
    ForgottenBody,
    LoginBody,
    PasswordBody,
    RefreshBody,
    ResetBody,
    session_data,
    user_data,
)
from ondi.accounts.authentication import actor_of
from ondi.accounts.credentials import change_password
from ondi.accounts.forgotten import ask_for_reset, reset_password
from ondi.accounts.sign_in import sign_in
from ondi.accounts.tokens import Claims
from ondi.api.client import client_network
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, address_of, valid_body
from ondi.common.errors import DomainError

Outcome = TypeVar("Outcome")


def unless_refused(outcome: Outcome | DomainError) -> Outcome:
    """Raise what a service returned as a refusal, now that it has committed."""
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


# What these calls write must outlive their refusals, so no transaction spans them.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class AuthViewSet(ApiViewSet):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @docs.login
    def login(self, request: Request) -> Response:
        body = valid_body(LoginBody, request)
        session = unless_refused(
            sign_in(
                network=client_network(request._request),
                email=body["email"],
                password=body["password"],
                tenant_slug=body.get("tenant"),
            )
        )
        return success(_("Signed in"), session_data(session))

    @docs.refresh
    def refresh(self, request: Request) -> Response:
        body = valid_body(RefreshBody, request)
        session = unless_refused(sessions.refresh_session(refresh_token=body["refresh_token"]))
        return success(_("Session refreshed"), session_data(session))

    @docs.logout
    def logout(self, request: Request) -> Response:
        body = valid_body(RefreshBody, request)
        sessions.end_session(refresh_token=body["refresh_token"])
        return success(_("Signed out"), {})

    @docs.forgot
    def forgot(self, request: Request) -> Response:
        body = valid_body(ForgottenBody, request)
        refusal = ask_for_reset(
            network=client_network(request._request),
            email=body["email"],
            tenant_slug=body.get("tenant"),
            site=address_of(request),
        )
        unless_refused(refusal)
        return success(_("If this address is known here, a link is on its way."), {}, status=202)

    @docs.reset
    def reset(self, request: Request) -> Response:
        reset_password(**valid_body(ResetBody, request))
        return success(_("Password changed"), {})


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PasswordViewSet(ApiViewSet):
    @docs.password
    def password(self, request: Request) -> Response:
        body = valid_body(PasswordBody, request)
        session_id = cast(Claims, request.auth).session_id
        network = client_network(request._request)
        change_password(actor=actor_of(request), session_id=session_id, network=network, **body)
        return success(_("Password changed"), {})


class UserViewSet(ApiViewSet):
    @docs.me
    def me(self, request: Request) -> Response:
        return success(_("User retrieved"), {"user": user_data(actor_of(request))})
