"""A portal for the tests."""

import json
from typing import Any

from django.db import connection
from django.test import Client

from ondi.accounts.sessions import begin_session
from ondi.tenants.scope import set_scope


class ApiClient:
    """JSON in, JSON out; signed in with `as_`. Each call starts and ends without a tenant scope.

    (In a test inside one transaction the scope a request sets would live on and hide a missing one.)
    """

    def __init__(self, token: str | None = None, **headers: str) -> None:
        self.token = token
        self.headers = headers
        self.client = Client(raise_request_exception=False)

    def as_(self, member, **headers: str) -> "ApiClient":
        """A client signed in as this person, past the password."""
        session = begin_session(user_id=member.user_id, tenant_id=member.tenant_id)
        return ApiClient(session.access_token, **headers)

    def get(self, path: str, parameters: Any = None, **headers: str):
        return self.call("GET", path, parameters=parameters, **headers)

    def post(self, path: str, body: Any = None, **headers: str):
        return self.call("POST", path, body=body, **headers)

    def call(self, method: str, path: str, *, body: Any = None, parameters: Any = None, raw: bytes | None = None,
             content_type: str = "application/json", **headers: str):  # fmt: skip
        given = {**self.headers, **headers}
        if self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        _forget_scope()
        response = self.client.generic(method, path, data, content_type, headers=given, query_params=parameters)
        _forget_scope()
        return response


def _forget_scope() -> None:
    if connection.in_atomic_block and not connection.needs_rollback:
        set_scope([])
