"""One line for every request: who answered what, how long it took, what it cost the database."""

import time
from collections.abc import Callable
from typing import Any

import structlog
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

logger = structlog.get_logger("ondi.request")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLogMiddleware:
    """Logs request id, tenant id (once known), route, status, milliseconds and statements.

    The route is the pattern, never the path, and the query is left out: both may hold anything. Who signs
    in binds `tenant_id` and `user_id` with `structlog.contextvars`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.META["ondi.request_id"])
        counter = StatementCounter()
        start = time.perf_counter()
        with connection.execute_wrapper(counter):
            response = self.get_response(request)
        logger.info(
            "request",
            method=request.method if request.method in METHODS else "other",
            route=request.resolver_match.route if request.resolver_match else None,
            status=response.status_code,
            ms=round((time.perf_counter() - start) * 1000, 1),
            statements=counter.statements,
        )
        return response


class StatementCounter:
    """Counts what goes to the database, but for transactions and savepoints."""

    def __init__(self) -> None:
        self.statements = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements += not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))
        return execute(sql, params, many, context)
