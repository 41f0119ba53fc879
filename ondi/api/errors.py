"""Errors that belong to the API itself, and the translation of everyone else's."""

from typing import Any, ClassVar

import structlog
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext_lazy as _
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ondi.api.responses import STATUS_OF_KIND, error_body, error_headers
from ondi.api.units import asks_for_retry
from ondi.common.connections import replace_broken_connections
from ondi.common.errors import FIELD_MESSAGES, DomainError, InvalidInput, Kind, NotFound, PermissionDenied
from ondi.common.errors import ServiceUnavailable as ServiceUnavailable

logger = structlog.get_logger("ondi.api")

SHUTDOWN_CLASS = "57P"
DATABASE_IS_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class NotAuthenticated(DomainError):
    code = "not_authenticated"
    kind = Kind.UNAUTHENTICATED
    message = _("Please sign in.")


class MalformedJson(DomainError):
    code = "malformed_json"
    kind = Kind.INVALID
    message = _("The body is not valid JSON.")


class BadRequest(DomainError):
    """A request Django itself refuses, as one for a host that is not ours."""

    code = "validation_error"
    kind = Kind.INVALID
    message = _("The request is not valid.")


class HttpError(DomainError):
    """A refusal that only makes sense in HTTP."""

    status: ClassVar[int]
    kind = Kind.INVALID


class MethodNotAllowed(HttpError):
    code = "method_not_allowed"
    status = 405
    message = _("This method is not allowed here.")


class LengthRequired(HttpError):
    code = "length_required"
    status = 411
    message = _("The request must say how long its body is (Content-Length).")


class PayloadTooLarge(HttpError):
    code = "payload_too_large"
    status = 413
    message = _("The body is too large.")


class UnsupportedMediaType(HttpError):
    code = "unsupported_media_type"
    status = 415
    message = _("Only application/json is understood here.")


class InternalError(HttpError):
    code = "internal_error"
    status = 500
    message = _("Something went wrong on our side.")


class Throttled(DomainError):
    """Too many requests; `retry_after` in seconds."""

    code = "throttled"
    kind = Kind.THROTTLED
    message = _("Too many requests. Please slow down.")

    def __init__(self, retry_after: float | None) -> None:
        super().__init__()
        self.retry_after = max(1, int(-(-(retry_after or 1) // 1)))


class IdempotencyInProgress(DomainError):
    code = "idempotency_in_progress"
    kind = Kind.CONFLICT
    message = _("The first request with this Idempotency-Key is still running.")


class IdempotencyKeyReused(DomainError):
    code = "idempotency_key_reused"
    kind = Kind.UNPROCESSABLE
    message = _("This Idempotency-Key was used for a different request.")


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: any exception as the envelope, the transaction marked for rollback.

    None for a bug, and for what the whole request is repeated for (`in_one_unit`).
    """
    if asks_for_retry(exception):
        return None
    error = as_domain_error(exception)
    if error is None:
        return None
    set_rollback()
    return Response(error_body(error), status=status_of(error), headers=error_headers(error))


def status_of(error: DomainError) -> int:
    return error.status if isinstance(error, HttpError) else STATUS_OF_KIND[error.kind]


def as_domain_error(exception: Exception) -> DomainError | None:
    """What Django, DRF and the database raise, in our own words; None where it is not known."""
    match exception:
        case DomainError():
            return exception
        case exceptions.ValidationError():
            return invalid_input(exception.detail)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return NotAuthenticated()
        case exceptions.PermissionDenied() | DjangoPermissionDenied():
            return PermissionDenied()
        case exceptions.NotFound() | Http404():
            return NotFound()
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed()
        case exceptions.Throttled():
            return Throttled(getattr(exception, "wait", None))
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType()
        case exceptions.ParseError() | UnreadablePostError():
            return MalformedJson()
        case SuspiciousOperation():
            return BadRequest()
        case _ if isinstance(exception, DATABASE_IS_AWAY):
            note_absence(exception)
            return ServiceUnavailable()
    return None


def note_absence(error: Exception) -> None:
    """Log that the database did not answer; where a connection broke, have the others looked after."""
    cause = error.__cause__ or error
    logger.error("database_unavailable", reason=type(cause).__name__)
    state = getattr(cause, "sqlstate", None) or SHUTDOWN_CLASS  # without a state the connection itself is at fault
    if state.startswith(SHUTDOWN_CLASS):
        replace_broken_connections(getattr(connection, "pool", None))


def invalid_input(detail: Any) -> InvalidInput:
    """DRF's nested error details, flattened to dotted fields with the codes of API.md."""
    fields: dict[str, list[str]] = {}
    _collect(detail, "", fields)
    return InvalidInput(fields)


def _collect(detail: Any, name: str, fields: dict[str, list[str]]) -> None:
    if isinstance(detail, dict):
        for key, value in detail.items():
            _collect(value, f"{name}.{key}" if name else str(key), fields)
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, item in enumerate(detail):
            _collect(item, f"{name}.{index}" if name else str(index), fields)
    else:
        for item in detail if isinstance(detail, list) else [detail]:
            code = item.code if item.code in FIELD_MESSAGES else "invalid"
            fields.setdefault(name or "non_field_errors", []).append(code)
