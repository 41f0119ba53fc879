"""What can go wrong at the door."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class TokenInvalid(DomainError):
    code = "token_invalid"
    kind = Kind.UNAUTHENTICATED
    message = _("This token is not valid. Please sign in again.")


class TokenExpired(DomainError):
    code = "token_expired"
    kind = Kind.UNAUTHENTICATED
    message = _("This token has expired.")


class TokenReused(DomainError):
    code = "token_reused"
    kind = Kind.UNAUTHENTICATED
    message = _("This token was used before. The session has been ended; please sign in again.")


class InvalidCredentials(DomainError):
    code = "invalid_credentials"
    kind = Kind.UNAUTHENTICATED
    message = _("E-mail or password is not right.")


class TenantRequired(DomainError):
    code = "tenant_required"
    kind = Kind.INVALID
    message = _("You belong to several tenants. Please name one.")

    def __init__(self, tenants: Sequence[dict[str, Any]]) -> None:
        super().__init__({"tenants": list(tenants)})


class SignInThrottled(DomainError):
    """Too many failed sign-ins for this address and e-mail; `retry_after` in seconds."""

    code = "throttled"
    kind = Kind.THROTTLED
    message = _("Too many failed sign-ins. Please wait and try again.")

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class EmailTaken(DomainError):
    code = "email_taken"
    kind = Kind.CONFLICT
    message = _("There is already a login with this e-mail.")


class InvitationInvalid(DomainError):
    code = "invitation_invalid"
    kind = Kind.NOT_FOUND
    message = _("This link is spent or too old. Ask for a new one.")


class CustomerNotFound(DomainError):
    code = "customer_not_found"
    kind = Kind.NOT_FOUND
    message = _("There is no customer with this external id.")


class ApiKeyEnded(DomainError):
    code = "api_key_ended"
    kind = Kind.CONFLICT
    message = _("This API key is revoked or has expired. Issue a new one.")


class ApiKeyInvalid(DomainError):
    code = "api_key_invalid"
    kind = Kind.UNAUTHENTICATED
    message = _("This API key is not valid.")
