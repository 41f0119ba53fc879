"""The one envelope of every answer."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.response import Response

from ondi.common.errors import DomainError, Kind

STATUS_OF_KIND = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.UNPROCESSABLE: 422,
    Kind.THROTTLED: 429,
    Kind.UNAVAILABLE: 503,
}
RETRY_AFTER_SECONDS = 2


def success(message: str, data: Mapping[str, Any], status: int = 200) -> Response:
    return Response({"success": True, "message": message, "data": data}, status=status)


def error_body(error: DomainError) -> dict[str, Any]:
    body: dict[str, Any] = {"success": False, "message": str(error.message), "error": error.code}
    if error.data is not None:
        body["data"] = error.data
    return body


def error_headers(error: DomainError) -> dict[str, str]:
    if error.kind is Kind.UNAUTHENTICATED:
        return {"WWW-Authenticate": "Bearer"}
    if error.kind is Kind.UNAVAILABLE:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if error.kind is Kind.THROTTLED and (retry_after := getattr(error, "retry_after", None)):
        return {"Retry-After": str(retry_after)}
    return {}


def error_response(error: DomainError, status: int | None = None) -> HttpResponse:
    """The error as a finished answer, for places outside of a view."""
    body = orjson.dumps(error_body(error))
    return HttpResponse(
        body,
        content_type="application/json",
        status=status or STATUS_OF_KIND[error.kind],
        headers={"Content-Length": str(len(body)), **error_headers(error)},
    )
