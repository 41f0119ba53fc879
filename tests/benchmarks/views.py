"""`make bench-views`: 200 random saved views at a million tickets: each is shown quickly, or was refused when it was saved.

Loads the tickets first (minutes; `SIZE` sets how many, `TENANTS` among how many; `FOLDER` keeps them for another run).
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondi import embedded_postgres
from tests.benchmarks.load import load
from tests.reliability.product import ENVIRONMENT, leave_in_order, manage, prepared

SIZE, TENANTS = int(os.environ.get("SIZE", "1000000")), int(os.environ.get("TENANTS", "1"))
FOLDER = os.environ.get("FOLDER")
VIEWS, MOST_SECONDS, MOST_REFUSED = 200, 0.15, 10
MEASURE = """
import json
from ondi.accounts.entering import enter_staff
from ondi.accounts.models import Membership
from ondi.tenants.scope import find_tenants, tenant_scope
from tests.benchmarks.random_views import measured
tenant_id = find_tenants("tenant-0")["tenant-0"]
with tenant_scope(tenant_id):
    user_id = Membership.objects.support_users().order_by("id").first().user_id
    (actor,) = enter_staff(user_id)
    print(json.dumps(measured(actor, {views})))
"""
# Which of a hundred a row belongs to, by its number: for each question another, and the same in every run.
_HALF = "n >= {low} AND n < {high}"
_OF_A_HUNDRED = "(abs(hashint8extended({of}, {question})) % 100)"


def _hundred(question: int, of: str = "n") -> str:
    return _OF_A_HUNDRED.format(of=of, question=question)


# A hundred agents a tenant: the ten of the load, and the next ninety of its people, who are nobody's customers then.
AGENTS = 100
KEYS = (
    f"""UPDATE bench_key SET
            agent = CASE WHEN agent IS NOT NULL THEN pg_temp.v7(3, n % {{tenants}} + {{tenants}} * {_hundred(1)}) END,
            customer = pg_temp.v7(3, {{tenants}} * ({AGENTS} + (n / {{tenants}}) % ({{of_a_tenant}} - {AGENTS})) + n % {{tenants}})
        WHERE {_HALF}""",
    f"""UPDATE accounts_membership SET role = 'agent', is_support_user = true
        WHERE {{low}} = 0 AND id IN (SELECT pg_temp.v7(3, n) FROM generate_series(0, {AGENTS} * {{tenants}} - 1) AS n)""",
)
ROWS = (
    """INSERT INTO support_tag (id, tenant_id, name) SELECT pg_temp.v7(0, 9000000000 + k * {tenants} + t), pg_temp.v7(1, t), 'tag ' || k
       FROM generate_series(1, 30) AS k, generate_series(0, {tenants} - 1) AS t WHERE {low} = 0""",
    # The first tag is on three tickets of ten, the thirtieth on one of a hundred.
    f"""INSERT INTO support_tickettag (id, tenant_id, ticket_id, tag_id)
        SELECT gen_random_uuid(), tenant, ticket, pg_temp.v7(0, 9000000000 + k * {{tenants}} + n % {{tenants}})
        FROM bench_key, generate_series(1, 30) AS k WHERE {_hundred(2, "n * 31 + k")} < 30 / k AND {_HALF}""",
    f"""UPDATE support_ticket AS ticket SET source = CASE WHEN {_hundred(3)} < 30 THEN 'phone' ELSE 'restaurant' END
        FROM bench_key AS key WHERE key.ticket = ticket.id AND {_hundred(3)} < 45 AND {_HALF}""",
    f"""UPDATE support_ticket AS ticket SET
            waiting_on = CASE WHEN {_hundred(4)} < 40 THEN 'customer' ELSE 'agent' END,
            follow_up_at = CASE WHEN {_hundred(5)} < 5 THEN now() + interval '1 day' END,
            due_at = CASE WHEN {_hundred(6)} < 60 THEN now() + ({_hundred(7)} - 20) * interval '1 hour' END
        FROM bench_key AS key WHERE key.ticket = ticket.id AND key.open AND {_HALF}""",
    f"""UPDATE conversations_participant AS part SET last_read_sequence = 1
        FROM bench_key AS key WHERE part.id = pg_temp.v7(7, {{tickets}} + n) AND key.open AND {_hundred(8)} < 20 AND {_HALF}""",
)


def a_million(folder: Path | None) -> dict[str, str]:
    """The database with the tickets in it, and the environment of processes that use it."""
    if folder is not None and (folder / "data").exists():
        leave_in_order()
        os.environ["ONDI_DATA_DIR"] = str(folder / "data")
        embedded_postgres.hold()
        environment = {**os.environ, **ENVIRONMENT}
        manage(environment, "migrate", "--verbosity=0")
        return environment
    _home, environment = prepared(folder)
    load(tickets=SIZE, tenants=TENANTS, keys=KEYS, rows=ROWS)
    return environment


def main() -> None:
    environment = a_million(Path(FOLDER) if FOLDER else None)
    found = json.loads(manage(environment, "shell", "--no-imports", "-c", MEASURE.format(views=VIEWS)).splitlines()[-1])
    failed = list(faults_in(found))
    sys.stdout.writelines(f"missed: {one}\n" for one in failed)
    sys.exit(bool(failed))


def faults_in(found: list[dict[str, Any]]) -> Iterator[str]:
    refused = [one for one in found if one["is_refused"]]
    shown = sorted((one for one in found if not one["is_refused"]), key=lambda one: one["seconds"])
    median, slowest = shown[len(shown) // 2]["seconds"], shown[-1]["seconds"]
    sys.stdout.write(
        f"{len(shown)} views shown, median {median * 1000:.1f} ms, slowest {slowest * 1000:.1f} ms; "
        f"{len(refused)} refused\n"
    )
    for one in (*shown[-5:], *refused):
        sys.stdout.write(f"{one['seconds'] * 1000:8.1f} ms  cost {one['cost']:10.0f}  {one['name']}: {one['query']}\n")
    yield from (f"{one['name']} takes {one['seconds']:.3f} s" for one in shown if one["seconds"] > MOST_SECONDS)
    yield from (f"{one['name']} is refused" for one in refused if not one["name"].startswith("random"))
    if len(refused) > MOST_REFUSED:
        yield f"{len(refused)} are refused"


if __name__ == "__main__":
    main()
