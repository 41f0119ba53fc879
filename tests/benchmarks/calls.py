"""`make bench-calls`: how long from a commit to the call of a program, while two of a hundred are dead and slow.

`ENDPOINTS` (100) webhooks of `TENANTS` (25) on this machine, each at an address of its own, and `RATE` (10) events a
second for `SECONDS` (60), each told to all webhooks of its tenant; by `manage.py work` of the served product and one
more, with all limits as they are. First all answer at once; then one never answers and one does after 14 s, both of one
tenant. Ends with 1 where the p95 of the others is over 2 s.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.reliability.mails import start_django
from tests.reliability.product import ROOT, Product, free_port, manage, product, wait_until

ENDPOINTS, TENANTS = int(os.environ.get("ENDPOINTS", "100")), int(os.environ.get("TENANTS", "25"))
RATE, SECONDS = float(os.environ.get("RATE", "10")), int(os.environ.get("SECONDS", "60"))
WRITERS = 2
DEAD, SLOW = 0, TENANTS  # both of the first tenant
SLOW_ANSWER, NEVER = 14.0, 3600.0
MOST = 2.0
ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
Key = tuple[str, int]  # a message, and the endpoint that is told of it


@dataclass
class Programs:
    """The receivers: when each was called first with which message. `delays`: of those that do not answer at once."""

    port: int
    called: dict[Key, float] = field(default_factory=dict)
    delays: dict[int, float] = field(default_factory=dict)

    def run(self) -> None:
        """In a thread of its own, until the process ends."""
        loop = asyncio.new_event_loop()
        for number in range(ENDPOINTS):
            loop.run_until_complete(asyncio.start_server(self._answer(number), address(number), self.port))
        threading.Thread(target=loop.run_forever, daemon=True).start()

    def _answer(self, number: int) -> Any:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                body = await reader.readexactly(int(head.split("content-length:")[1].split()[0]))
                self.called.setdefault((json.loads(body)["data"]["message_id"], number), time.monotonic())
                await asyncio.sleep(self.delays.get(number, 0))
                writer.write(ANSWER)
                await writer.drain()
            except (OSError, asyncio.IncompleteReadError):
                pass  # its caller gave up
            finally:
                writer.close()

        return answer


@dataclass
class Writer:
    """A customer of each tenant, and their ticket."""

    tenant_id: Any
    customer: Any
    conversation_id: Any
    endpoints: list[int]


def address(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


def main() -> None:
    networks = ",".join(f"tenant-{number}=127.0.0.0/8" for number in range(TENANTS))
    more = {"ONDI_INSTALLATION": "calls", "WEBHOOK_PRIVATE_NETWORKS": networks}
    with product(workers=1, tenants=TENANTS, customers=1, agents=1, **more) as running:
        manage(running.environment, "outgoing", "adopt")
        start_django(running.environment)
        programs = Programs(free_port())
        programs.run()
        writers = prepared_writers(running, programs.port)
        command = [sys.executable, "manage.py", "work"]
        with subprocess.Popen(command, cwd=ROOT, env=running.environment) as work:
            try:
                measured(writers, programs, seconds=3)  # until all is warm
                well = measured(writers, programs, SECONDS)
                programs.delays |= {DEAD: NEVER, SLOW: SLOW_ANSWER}
                badly = measured(writers, programs, SECONDS)
            finally:
                work.terminate()
    near = {number: lags for number, lags in badly.items() if number % TENANTS == DEAD}
    first, second = told("all answer at once", well), told("one is dead, one slow", badly)
    told("of these, of their tenant", near)
    sys.stdout.write(f"p95 with the two: {second / first:.2f} times the one without\n")
    sys.exit(second > MOST)


def prepared_writers(running: Product, port: int) -> list[Writer]:
    """Somebody in each tenant whose messages are told to its webhooks."""
    from ondi.accounts.entering import acting_as
    from ondi.accounts.models import Membership
    from ondi.accounts.services import add_member
    from ondi.tenants.scope import tenant_scope
    from ondi.webhooks.services import create_endpoint
    from support.services import open_ticket

    found = []
    for place, tenant in enumerate(running.tenants):
        people = Membership.objects.select_related("user", "tenant__portal_settings")
        with tenant_scope(tenant["id"]):
            admin = add_member(tenant_id=tenant["id"], email="admin@calls.example", first_name="Admin", role="admin")
            customer = acting_as(people.get(role="customer"))
            endpoints = list(range(place, ENDPOINTS, TENANTS))
            for number in endpoints:
                values = {"url": f"http://{address(number)}:{port}/hook", "events": ["message.created"]}
                create_endpoint(actor=acting_as(people.get(id=admin.id)), values=values)
            ticket = open_ticket(
                actor=customer, subject="Where is it?", message="It has not come.", priority="medium",
                source="customer_portal",
            )  # fmt: skip
        found.append(Writer(customer.tenant_id, customer, ticket.conversation_id, endpoints))
    return found


def measured(writers: list[Writer], programs: Programs, seconds: float) -> dict[int, list[float]]:
    """From each commit to the first call, by the endpoint; of those that answer at once."""
    from django.db import connection

    from ondi.tenants.scope import tenant_scope
    from support.services import post_message

    committed: dict[Key, float] = {}

    def write(number: int) -> None:
        begun = time.monotonic()
        for turn in range(int(RATE * seconds / WRITERS)):
            time.sleep(max(0.0, begun + turn * WRITERS / RATE - time.monotonic()))  # until it is due
            writer = writers[(turn * WRITERS + number) % len(writers)]
            with tenant_scope(writer.tenant_id):
                message = post_message(
                    actor=writer.customer, conversation_id=writer.conversation_id, content="Where is it?"
                )
            at = time.monotonic()
            committed.update({(str(message.id), one): at for one in writer.endpoints if one not in programs.delays})
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: committed.keys() <= programs.called.keys(), "calls do not come")
    lags: dict[int, list[float]] = defaultdict(list)
    for (message, number), at in committed.items():
        lags[number].append(max(0.0, programs.called[message, number] - at))
    return lags


def told(what: str, lags: dict[int, list[float]]) -> float:
    """Write the figures; the p95 in seconds."""
    every = sorted(lag for own in lags.values() for lag in own)
    p95 = every[int(len(every) * 0.95)]
    sys.stdout.write(
        f"{what:26} {len(lags):4} webhooks, {len(every):6,} calls: from commit to call "
        f"p50 {statistics.median(every) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, most {every[-1] * 1000:.0f} ms\n"
    )
    return p95


if __name__ == "__main__":
    main()
