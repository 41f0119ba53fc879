"""`make soak`: the mixed load of a working day for a bounded time, and the create race at its end.

Prints a table and exits with 1 on a lost write, another tenant's row, a 5xx that is not a coded 503, a wrong
answer of the race, or workers that grow. `SOAK_SECONDS` (180), `SOAK_CLIENTS` (16), `SOAK_ROUNDS` (50) and
`SOAK_RACERS` (200) set how much.
"""

import os
import random
import statistics
import sys
import threading
import time
import uuid
from collections import defaultdict
from typing import Any

from tests.reliability.caller import Caller
from tests.reliability.chaos import report
from tests.reliability.product import Product, product
from tests.reliability.race import create_race
from tests.reliability.work import TICKETS, Ledger, faults_of

SECONDS = float(os.environ.get("SOAK_SECONDS", "180"))
CLIENTS = int(os.environ.get("SOAK_CLIENTS", "16"))
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "50"))
RACERS = int(os.environ.get("SOAK_RACERS", "200"))
WARM_UP = 0.3  # of the time; until then the workers load what they need
MAY_GROW = 1.15
QUEUE = "/messaging/support/tickets"


class Soak:
    """The clients of a soak, what they saw and how long it took."""

    def __init__(self, running: Product, seconds: float) -> None:
        self.running = running
        self.start = time.monotonic()
        self.deadline = self.start + seconds
        self.ledger = Ledger()
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def run(self, clients: int) -> None:
        people = self.running.customers()
        workbenches = self.running.agents()
        crowd = [
            threading.Thread(target=self._customer, args=(number, *people[number % len(people)]))
            for number in range(clients)
        ]
        crowd += [
            threading.Thread(target=self._agent, args=workbench) for workbench in workbenches[: max(1, clients // 4)]
        ]
        for client in crowd:
            client.start()
        for client in crowd:
            client.join()

    def _customer(self, number: int, tenant: int, token: str) -> None:
        caller = self.running.caller(token)
        own: list[dict[str, Any]] = []
        try:
            while time.monotonic() < self.deadline:
                self._one_action(caller, tenant, own)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs into the report
            self.ledger.faults.append(f"customer {number}: {type(error).__name__} {error}")
        self.ledger.take_in(caller)

    def _one_action(self, caller: Caller, tenant: int, own: list[dict[str, Any]]) -> None:
        """70 list, 20 get, 7 message, 3 create and close, of a hundred."""
        dice = random.random() * 100 if own else 99
        ticket = random.choice(own) if own else {}
        if dice < 70:
            answer = self._timed("list", caller, "GET", f"{TICKETS}?limit=20")
            self._look(tenant, [row["subject"] for row in answer.data["tickets"]])
        elif dice < 90:
            answer = self._timed("get", caller, "GET", f"{TICKETS}/{ticket['id']}")
            self._look(tenant, [answer.data["ticket"]["subject"]])
        elif dice < 97:
            word = uuid.uuid4().hex
            path = f"/messaging/conversations/{ticket['conversation']['id']}/messages"
            if self._timed("message", caller, "POST", path, {"content": word}).status == 201:
                self.ledger.messages.add(word)
        else:
            word = f"{tenant}-{uuid.uuid4().hex}"
            answer = self._timed("create", caller, "POST", TICKETS, {"subject": word, "message": "x"})
            self.ledger.tickets[word] = answer.data["ticket"]["id"]
            own.append(answer.data["ticket"])
            if len(own) > 20:
                closing = own.pop(0)
                self._timed("close", caller, "POST", f"{TICKETS}/{closing['id']}/close")
                self.ledger.closed.add(closing["id"])

    def _agent(self, tenant: int, token: str) -> None:
        caller = self.running.caller(token)
        try:
            while time.monotonic() < self.deadline:
                answer = self._timed("queue", caller, "GET", f"{QUEUE}?status=open")
                self._look(tenant, [row["subject"] for row in answer.data["tickets"]])
                self._timed("search", caller, "GET", f"{QUEUE}?search={tenant}-a")
                caller.insist("POST", f"{QUEUE}/next")
                time.sleep(0.2)  # an agent reads before the next ticket
        except Exception as error:  # noqa: BLE001 - as above
            self.ledger.faults.append(f"agent: {type(error).__name__} {error}")
        self.ledger.take_in(caller)

    def _timed(self, name: str, caller: Caller, method: str, path: str, body: Any = None) -> Any:
        answer = caller.insist(method, path, body)
        self.seconds[name].append(answer.seconds)
        return answer

    def _look(self, tenant: int, subjects: list[str]) -> None:
        """Every subject begins with its tenant."""
        self.ledger.faults += [f"a leak: {word}" for word in subjects if not word.startswith(f"{tenant}-")]

    def table(self) -> list[str]:
        rows = [f"  {'call':10}{'number':>8}{'per s':>8}{'p50 ms':>9}{'p99 ms':>9}"]
        for name, seconds in sorted(self.seconds.items()):
            cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [seconds[0]] * 99
            rate = len(seconds) / (self.deadline - self.start)
            rows.append(f"  {name:10}{len(seconds):8}{rate:8.1f}{cuts[49] * 1000:9.1f}{cuts[98] * 1000:9.1f}")
        return rows


def soak(running: Product, *, seconds: float, clients: int) -> tuple[dict[str, Any], list[str]]:
    """Load for so many seconds. Returns figures and faults."""
    load, warm = Soak(running, seconds), {}
    timer = threading.Timer(seconds * WARM_UP, lambda: warm.update(running.memory()))
    timer.start()
    load.run(clients)
    end = running.memory()
    faults = faults_of(running, load.ledger)
    for pid, kilobytes in end.items():
        if pid not in warm:
            faults.append(f"worker {pid} was started anew")
        elif kilobytes > warm[pid] * MAY_GROW:
            faults.append(f"worker {pid} grew from {warm[pid]} to {kilobytes} KiB")
    sys.stdout.write("\n".join(["", *load.table(), ""]))
    return {
        "acknowledged writes": load.ledger.writes, "answers": dict(sorted(load.ledger.seen.items())),
        "memory (MiB), warm": [kilobytes // 1024 for kilobytes in warm.values()],
        "memory (MiB), end": [kilobytes // 1024 for kilobytes in end.values()],
    }, faults  # fmt: skip


def main() -> None:
    failed = False
    with product(tenants=4, customers=10, agents=2) as running:
        for name, run in (
            ("soak", lambda: soak(running, seconds=SECONDS, clients=CLIENTS)),
            ("create race", lambda: create_race(running, clients=RACERS, rounds=ROUNDS)),
        ):
            figures, faults = run()
            report(name, figures, faults)
            failed = failed or bool(faults)
    sys.exit(failed)


if __name__ == "__main__":
    main()
