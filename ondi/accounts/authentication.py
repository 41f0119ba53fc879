"""A bearer token becomes an actor, and the transaction enters their tenant."""

from typing import cast

import structlog
from django.utils import translation
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from ondi.accounts.actors import Actor
from ondi.accounts.audit import note_caller
from ondi.accounts.entering import enter
from ondi.accounts.errors import TokenInvalid
from ondi.accounts.tokens import Claims, read_access_token
from ondi.api.language import answer_language

logger = structlog.get_logger("ondi.audit")


def actor_of(request: Request) -> Actor:
    """The person a signed-in API request comes from."""
    return cast(Actor, request.user)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Actor, Claims] | None:
        """The actor and the token's claims; None without a bearer token.

        Raises `TokenExpired` or `TokenInvalid`, the latter also for people who are disabled, left, or
        whose tenant is suspended: they are out on their next request.
        """
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        claims = read_access_token(token.strip())
        actor = enter(claims.user_id, claims.tenant_id, claims.session_id)
        if actor is None:
            logger.warning("entry_refused", user_id=str(claims.user_id), tenant_id=str(claims.tenant_id))
            raise TokenInvalid
        note_caller(request._request, user_id=actor.user_id, tenant_ids=actor.tenant_ids)
        translation.activate(answer_language(request._request, actor.tenant.language))
        return actor, claims

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
