"""Access and refresh tokens: simplejwt's, carrying the tenant and the session they belong to."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from ondi.accounts.errors import TokenExpired, TokenInvalid
from ondi.common.ids import new_id, parse_id

LONGEST_TOKEN = 4096
GOOD_REMEMBERED = 10_000
_good: "OrderedDict[str, Claims]" = OrderedDict()


class KeyRing(TokenBackend):
    """Signs with the current key and accepts, beside its signatures, those of the other verification keys.

    So a key is changed without signing anybody out: docs/deploying.md, "Changing keys".
    """

    def __init__(self, signing_key: str, verification_keys: Sequence[str], **options: Any) -> None:
        super().__init__(signing_key=signing_key, **options)
        self._others = [TokenBackend(signing_key=key, **options) for key in verification_keys]

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Raises `TokenBackendExpiredToken` for a good signature that came too late, else `TokenBackendError`."""
        refusal: TokenBackendError
        for decode in (super().decode, *(other.decode for other in self._others)):
            try:
                return decode(token, verify)
            except TokenBackendExpiredToken:
                raise
            except TokenBackendError as error:
                refusal = error
        raise refusal


KEY_RING = KeyRing(
    settings.SIMPLE_JWT["SIGNING_KEY"],
    settings.JWT_VERIFICATION_KEYS,
    algorithm=settings.SIMPLE_JWT["ALGORITHM"],
    audience=settings.SIMPLE_JWT["AUDIENCE"],
    issuer=settings.SIMPLE_JWT["ISSUER"],
    leeway=settings.CLOCKS_APART,  # of iat, nbf and exp
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says, every claim of the type it must have."""

    user_id: UUID
    tenant_id: UUID
    session_id: UUID
    jti: UUID
    ends_at: float = 0.0  # when the token that said it expires, in seconds since 1970


class OurAccessToken(AccessToken):
    _token_backend = KEY_RING


class OurRefreshToken(RefreshToken):
    _token_backend = KEY_RING


def issue_access_token(claims: Claims) -> str:
    return _sign(OurAccessToken(), Claims(claims.user_id, claims.tenant_id, claims.session_id, new_id()))


def issue_refresh_token(claims: Claims, issued_at: datetime) -> str:
    """The refresh token with this `jti`. Same claims and time, same token, byte for byte."""
    token = OurRefreshToken()
    token.set_iat(at_time=issued_at)
    token.set_exp(from_time=issued_at, lifetime=settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"])
    return _sign(token, claims)


def read_access_token(text: str) -> Claims:
    """Raises `TokenExpired` or `TokenInvalid`.

    What a good token says is remembered while it is good: a portal sends the same one for a quarter of an hour.
    """
    known = _good.get(text)
    if known is None:
        known = _read(OurAccessToken, text)
        _good[text] = known
        while len(_good) > GOOD_REMEMBERED:
            _good.popitem(last=False)
    if known.ends_at <= (timezone.now() - settings.CLOCKS_APART).timestamp():
        _good.pop(text, None)
        raise TokenExpired
    return known


def read_refresh_token(text: str) -> Claims:
    """Raises `TokenExpired` or `TokenInvalid`."""
    return _read(OurRefreshToken, text)


def _sign(token: Token, claims: Claims) -> str:
    token["user_id"] = str(claims.user_id)
    token["tenant_id"] = str(claims.tenant_id)
    token["session_id"] = str(claims.session_id)
    token["jti"] = str(claims.jti)
    return str(token)


def _read(kind: type[Token], text: str) -> Claims:
    if len(text) > LONGEST_TOKEN or not text.isascii():
        raise TokenInvalid
    try:
        payload: dict[str, Any] = kind(text).payload  # type: ignore[arg-type]  # the stub wants a Token
    except ExpiredTokenError as error:
        raise TokenExpired from error
    except (TokenError, TypeError, ValueError, OverflowError) as error:
        # simplejwt lets some malformed but well-signed claims through as plain Python errors
        raise TokenInvalid from error
    ids = [parse_id(payload.get(name)) for name in ("user_id", "tenant_id", "session_id", "jti")]
    if any(found is None for found in ids):
        raise TokenInvalid
    user_id, tenant_id, session_id, jti = (found for found in ids if found is not None)
    return Claims(user_id, tenant_id, session_id, jti, float(payload["exp"]))
