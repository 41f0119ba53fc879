"""A line in the log for every attempt to reach another tenant's row.

The caller gets the plain 404 of a row that does not exist. Whether it was somebody else's is asked
afterwards, in a transaction of its own, so that the line outlives whatever the refusal undid.
"""

import re
from collections.abc import Callable, Collection
from uuid import UUID

import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.http.request import RawPostDataException
from django.http.response import HttpResponseBase

from ondi.tenants.scope import tenant_scope

logger = structlog.get_logger("ondi.audit")

IDS_LOOKED_AT = 200
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Not found, a link not found, or several people some of whom were not found. Other refusals are of rows one sees.
_REFUSALS = (400, 404, 207)


def note_caller(request: HttpRequest, *, user_id: UUID, tenant_ids: Collection[UUID]) -> None:
    """Who a request turned out to come from, for its line in the log and for the audit."""
    request.caller_tenant_ids = tenant_ids  # type: ignore[attr-defined]
    only = next(iter(tenant_ids)) if len(tenant_ids) == 1 else None
    structlog.contextvars.bind_contextvars(user_id=str(user_id), tenant_id=only and str(only))


class CrossTenantAuditMiddleware:
    """Logs `cross_tenant_refusal` with the caller and the rows, by id and tenant, they were refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        tenant_ids = getattr(request, "caller_tenant_ids", ())
        if tenant_ids and _may_be_a_refusal(request, response):
            self._audit(request, tenant_ids)
        return response

    def _audit(self, request: HttpRequest, tenant_ids: Collection[UUID]) -> None:
        named = list(dict.fromkeys(_ID.findall(_words_of(request))))[:IDS_LOOKED_AT]
        if not named:
            return
        try:
            foreign = _foreign_rows(tenant_ids, named)
        except DatabaseError:
            logger.exception("cross_tenant_audit_failed")
            return
        if foreign:
            logger.warning("cross_tenant_refusal", rows=[{"id": str(row), "tenant_id": str(of)} for row, of in foreign])


def _may_be_a_refusal(request: HttpRequest, response: HttpResponseBase) -> bool:
    """The admin answers some refusals with a redirect or the form again, so there every post counts."""
    refused = response.status_code in _REFUSALS
    posted_form = request.method == "POST" and hasattr(request, "staff")
    return refused or posted_form or getattr(request, "row_not_found", False)


def _words_of(request: HttpRequest) -> str:
    """Everything in the request that may name a row."""
    try:
        body = request.body.decode("utf-8", "replace")
    except RawPostDataException:  # a form with files, read as a stream
        body = " ".join(value for values in request.POST.lists() for value in values[1])
    return f"{request.get_full_path()} {body}"


def _foreign_rows(tenant_ids: Collection[UUID], named: list[str]) -> list[tuple[UUID, UUID]]:
    with tenant_scope(*tenant_ids), connection.cursor() as cursor:
        cursor.execute("SELECT id, tenant_id FROM ondi_foreign_rows_2(%s::uuid[])", [named])
        return list(cursor.fetchall())
