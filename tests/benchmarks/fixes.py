"""`make bench-fixes`: `close_stale_tickets` over 100,000 of a million tickets, while the API answers; then an import
of 20,000 orders, and its undo.

Prints the rate, the most memory the command took, and how long the API's callers waited meanwhile. Exits with 1
where it took 200 MB or more, the API failed, or the undo took more than five times as long as the import.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg

from ondi import embedded_postgres
from tests.benchmarks.load import load
from tests.benchmarks.search import QUEUE, TOKEN
from tests.reliability.product import manage, product, resident

SIZE = int(os.environ.get("SIZE", "1000000"))
MOST_KILOBYTES = 200_000
ORDERS = 20_000
UNDO_AT_MOST = 5  # times the import
MAPPING = "deliveries/import_maps/olist.toml"
ROOT = Path(__file__).resolve().parents[2]
FIRST_TENANT = "from ondi.tenants.scope import find_tenants; print(min(find_tenants()))"
STALE = """
UPDATE support_ticket SET waiting_on = 'customer' WHERE status = 'open';
UPDATE support_ticket SET last_activity_at = last_activity_at - interval '1 year' WHERE status = 'open';
"""


def main() -> None:
    with product(fill=fill) as running:
        caller = running.caller(manage(running.environment, "shell", "--no-imports", "-c", TOKEN).split()[-1])
        command = [sys.executable, "manage.py", "close_stale_tickets", "--days=30", "--all-tenants", "--apply"]
        start = time.monotonic()
        fixing = subprocess.Popen(command, cwd=ROOT, env=running.environment, stdout=subprocess.PIPE, text=True)
        waits: list[float] = []
        failures: list[int] = []
        most = 0

        def ask() -> None:
            while fixing.poll() is None:
                answer = caller.call("GET", QUEUE)
                waits.append(answer.seconds * 1000)
                if answer.status != 200:
                    failures.append(answer.status)
                time.sleep(0.05)  # an agent who looks now and then, not a load

        asking = threading.Thread(target=ask)
        asking.start()
        while fixing.poll() is None:
            most = max(most, resident(fixing.pid))
            time.sleep(0.2)  # between two looks at its memory
        asking.join()
        seconds = time.monotonic() - start
        said = fixing.stdout.read() if fixing.stdout else ""
        imported, undone = import_and_undo(running.environment)
    changed = sum(int(line.split(": ")[1].split()[0]) for line in said.splitlines() if " changed, " in line)
    waits.sort()
    sys.stdout.write(
        f"{changed:,} closed in {seconds:.0f} s, {changed / seconds:.0f} a second; at most {most / 1000:.0f} MB\n"
        f"the API meanwhile: {len(waits)} answers, median {statistics.median(waits):.0f} ms, "
        f"99 of 100 within {waits[int(len(waits) * 0.99)]:.0f} ms, {len(failures)} failed\n"
    )
    sys.stdout.write(
        f"{ORDERS:,} orders imported in {imported:.1f} s, undone in {undone:.1f} s: {undone / imported:.2f} times\n"
    )
    is_slow = undone > UNDO_AT_MOST * imported
    sys.exit(most >= MOST_KILOBYTES or bool(failures) or changed < SIZE // 10 or is_slow)


def import_and_undo(environment: dict[str, str]) -> tuple[float, float]:
    """How many seconds each took, the start of the command included."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
                   "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\n")  # fmt: skip
        file.writelines(
            f"bench{number},buyer{number // 2},delivered,10/2/2017 10:56,,,10/10/2017 21:25,10/18/2017 0:00\n"
            for number in range(ORDERS)
        )
        file.flush()
        tenant = manage(environment, "shell", "--no-imports", "-c", FIRST_TENANT).split()[-1]
        start = time.monotonic()
        said = manage(environment, "import_orders", file.name, f"--tenant={tenant}", f"--map={MAPPING}", "--apply")
        middle = time.monotonic()
        undone = manage(environment, "data_fixes", "undo", said.rpartition("data_fixes undo ")[2].split()[0])
    assert f"{ORDERS} created" in said, said
    assert ", 0 refused" in undone, undone
    return middle - start, time.monotonic() - middle


def fill() -> None:
    host = str(embedded_postgres.socket_directory())
    load(tickets=SIZE, tenants=20)
    with psycopg.connect(dbname="ondi", user="postgres", host=host, autocommit=True) as superuser:
        superuser.execute(STALE)
        superuser.execute("VACUUM ANALYZE support_ticket")


if __name__ == "__main__":
    main()
