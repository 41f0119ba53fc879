"""The create race against the served product: many clients at once for one item, round after round."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.reliability.product import Product
from tests.reliability.work import TICKETS


def create_race(running: Product, *, clients: int, rounds: int) -> tuple[dict[str, Any], list[str]]:
    """Each round one customer's delivery, and so many clients who open a ticket on it in the same moment."""
    people, faults, seen = running.customers(), [], Counter[int]()
    deliveries = make_deliveries(running, rounds)
    callers = [running.caller() for _client in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        for number, (place, delivery) in enumerate(deliveries):
            token = people[place][1]
            start = threading.Barrier(clients, timeout=60)

            def call(caller: Any, token: str = token, delivery: str = delivery, start: Any = start) -> Any:
                caller.token = token
                start.wait()
                return caller.call("POST", TICKETS, {"subject": "x", "message": "x", "related_delivery_id": delivery})

            answers = list(pool.map(call, callers))
            statuses = Counter(answer.status for answer in answers)
            seen += statuses
            named = {answer.data["existing_ticket_id"] for answer in answers if answer.status == 409}
            won = {answer.data["ticket"]["id"] for answer in answers if answer.status == 201}
            if statuses != {201: 1, 409: clients - 1} or named != won:
                faults.append(f"round {number}: {dict(statuses)}, {len(named)} tickets named")
    with running.owner() as owner:
        doubled = owner.execute(
            "SELECT delivery_id::text FROM support_ticket WHERE delivery_id IS NOT NULL GROUP BY 1 HAVING count(*) <> 1"
        ).fetchall()
    faults += [f"more than one ticket on {delivery}" for (delivery,) in doubled]
    return {"rounds": rounds, "clients": clients, "answers": dict(sorted(seen.items()))}, faults


def make_deliveries(running: Product, how_many: int) -> list[tuple[int, str]]:
    """Deliveries of the first tenant's customers: whose they are, by the customer's place, and their ids."""
    with running.owner() as owner:
        rows = owner.execute(
            "INSERT INTO deliveries_delivery (id, tenant_id, customer_id, status, created_at, updated_at) "
            "SELECT gen_random_uuid(), tenant_id, id, 'created', now(), now() FROM accounts_membership "
            "JOIN generate_series(1, %s) ON true WHERE tenant_id = %s AND role = 'customer' "
            "ORDER BY generate_series, created_at, id LIMIT %s RETURNING id::text, customer_id::text",
            [how_many, running.tenants[0]["id"], how_many],
        ).fetchall()
    places = {person["id"]: place for place, person in enumerate(running.tenants[0]["people"])}
    return [(places[customer], delivery) for delivery, customer in rows]
