"""A look at the product from inside its process, for `make bench`: statements of each call, plans of the hot ones.

Run by `manage.py shell`.
"""

import json
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ondi.accounts.actors import Actor
from ondi.accounts.entering import enter
from ondi.accounts.tokens import read_access_token
from ondi.tenants.scope import tenant_scope
from support.models import Ticket
from tests.benchmarks.bench import LIST, calls
from tests.plans import faults

PAGE_ROWS = 50  # the longest page
NOT_COUNTED = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


def look(people: dict[str, str]) -> str:
    """JSON of `statements` and `plans`, by call."""
    counted = {name: statements(call, people[call[0]]) for name, call in calls(people).items()}
    return json.dumps({"statements": counted, "plans": plans(people)})


def statements(call: Any, token: str) -> int:
    """How many the call takes once it is warm."""
    _who, method, path, body, status = call
    caller = Client(headers={"Authorization": f"Bearer {token}", "Host": "127.0.0.1"})
    for _turn in range(2):
        address = path.format(new=_opened(caller)) if "{new}" in path else path
        with CaptureQueriesContext(connection) as queries:
            answer = caller.generic(method, address, json.dumps(body) if body else "", "application/json")
        assert answer.status_code == status, answer.content
    return sum(query["sql"].split()[0] not in NOT_COUNTED for query in queries.captured_queries)


def _opened(caller: Client) -> str:
    answer = caller.post(LIST, {"subject": "To close", "message": "Please"}, "application/json")
    return str(answer.json()["data"]["ticket"]["id"])


def plans(people: dict[str, str]) -> dict[str, list[str]]:
    customer, agent = _entered(people["heavy"]), _entered(people["agent"])
    with tenant_scope(customer.tenant_id):
        own = Ticket.objects.requested_by(customer).open().order_by("-id")
        return faults(customer, agent, own[0], trifle=PAGE_ROWS)


def _entered(token: str) -> Actor:
    claims = read_access_token(token)
    with tenant_scope(claims.tenant_id):
        actor = enter(claims.user_id, claims.tenant_id, claims.session_id)
    assert actor is not None
    return actor
