"""`make bench-capacity`: what happens beyond capacity. Requests come when they come, whether earlier ones are done or not.

Loads `SIZE` tickets (100,000), finds how many mixed requests a second (70 lists, 20 reads, 7 messages, 3 tickets of a
hundred) the product answers when asked as quickly as it answers, then offers 50 to 150 per cent of that for `SECONDS`
(10) each. An answer is good when it is right and comes within a second of the moment it was due. Ends with 1 where
goodput beyond capacity falls below 0.8 of its peak, an answer is neither good nor a quick 429 or 503, or memory grows.
"""

import itertools
import json
import queue
import random
import re
import socket
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.bench import SIZE, filled, whole_number
from tests.benchmarks.report import quantile
from tests.reliability.product import Product, children_of, manage, processor_seconds

SECONDS = whole_number("SECONDS", 10, 1)
SHARES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.5)  # the last twice, for the memory
SENDERS = 120
GOOD_WITHIN, LEAST_GOODPUT, MOST_GROWTH_KB = 1.0, 0.8, 10_000
LIST = "/customer/support/tickets"
PEOPLE = """
import json
from ondi.accounts.models import Membership
from ondi.accounts.sessions import begin_session
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Ticket
found = []
for tenant_id in find_tenants().values():
    with tenant_scope(tenant_id):
        for ticket in Ticket.objects.filter(status="open").select_related("requester").order_by("-id")[:10]:
            session = begin_session(user_id=ticket.requester.user_id, tenant_id=tenant_id)
            found.append([session.access_token, str(ticket.id), str(ticket.conversation_id)])
print(json.dumps(found))
"""


@dataclass
class Seen:
    """Of one load: seconds of the good answers and of the refusals, how many came late, and statuses nobody wants."""

    good: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    late: int = 0
    wrong: "Counter[str]" = field(default_factory=Counter)


def main() -> None:
    with filled(SIZE) as running:
        sys.exit(bool(measure(running)))


def measure(running: Product) -> list[str]:
    people = json.loads(manage(running.environment, "shell", "--no-imports", "-c", PEOPLE))
    hurried(running, people, SECONDS / 2)
    busy = processor_of(running)
    capacity = hurried(running, people, SECONDS)
    own, database = (
        1000 * (after - before) / (capacity * SECONDS)
        for before, after in zip(busy, processor_of(running), strict=True)
    )
    sys.stdout.write(
        f"Asked by 16 as quickly as it answers: {capacity:.0f} a second. Processor time a request: "
        f"{own:.2f} ms in the product, {database:.2f} ms in PostgreSQL.\n\n"
    )
    sys.stdout.write(
        "| offered | a second | good a second | p50 ms | p99 ms | refused | slowest refusal ms | late | wrong | memory MB |\n"
    )
    sys.stdout.write("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
    peak, memories, broken = 0.0, [], []
    for share in SHARES:
        seen = offered(running, people, capacity * share)
        goodput, slowest = len(seen.good) / SECONDS, 1000 * max(seen.refused, default=0)
        peak = max(peak, goodput)
        memories.append(sum(running.memory().values()))
        sys.stdout.write(
            f"| {share:.0%} | {capacity * share:.0f} | {goodput:.0f} | {quantile(seen.good, 0.5):.0f} | "
            f"{quantile(seen.good, 0.99):.0f} | {len(seen.refused)} | {slowest:.0f} | {seen.late} | "
            f"{sum(seen.wrong.values())} | {memories[-1] / 1000:.0f} |\n"
        )
        sys.stdout.flush()
        if seen.wrong:
            broken.append(f"at {share:.0%}: {dict(seen.wrong)}")
        if slowest > 1000 * 2 * GOOD_WITHIN:
            broken.append(f"at {share:.0%}: a refusal took {slowest:.0f} ms")
        if share > 1 and goodput < LEAST_GOODPUT * peak:
            broken.append(f"at {share:.0%}: goodput {goodput / peak:.2f} of its peak")
    if (growth := memories[-1] - memories[-2]) > MOST_GROWTH_KB:
        broken.append(f"memory grew by {growth} kB")
    sys.stdout.write(f"\nPeak {peak:.0f} good answers a second. Broken: {'; '.join(broken) or 'nothing'}.\n")
    return broken


def processor_of(running: Product) -> tuple[float, float]:
    """Seconds of processor time until now: of the workers, and of PostgreSQL, all its processes."""
    postmaster = int((running.folder / "data" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    database = processor_seconds(postmaster, with_ended=True) + sum(map(processor_seconds, children_of(postmaster)))
    return sum(map(processor_seconds, running.workers())), database


def hurried(running: Product, people: list[list[str]], seconds: float) -> float:
    """Good answers a second, sixteen asking one after another."""
    deadline, counts = time.monotonic() + seconds, [0] * 16

    def ask(place: int) -> None:
        line = Line(running)
        while time.monotonic() < deadline:
            counts[place] += line.ask(people) < 300

    _side_by_side(ask, 16)
    return sum(counts) / seconds


def offered(running: Product, people: list[list[str]], rate: float) -> Seen:
    """So many requests a second, each due at its own moment."""
    seen, due = Seen(), queue.SimpleQueue[float | None]()
    moments = itertools.accumulate(random.expovariate(rate) for _number in range(int(rate * SECONDS)))
    start = time.monotonic() + 0.2
    for moment in moments:
        due.put(start + moment)
    for _sender in range(SENDERS):
        due.put(None)

    def send(_place: int) -> None:
        line = Line(running)
        while (moment := due.get()) is not None:
            time.sleep(max(0.0, moment - time.monotonic()))  # until it is due
            try:
                status = line.ask(people)
            except OSError as error:
                seen.wrong[type(error).__name__] += 1
                line = Line(running)
                continue
            seconds = time.monotonic() - moment
            if status in (429, 503):
                seen.refused.append(seconds)
            elif status >= 300:
                seen.wrong[str(status)] += 1
            elif seconds > GOOD_WITHIN:
                seen.late += 1
            else:
                seen.good.append(seconds)

    _side_by_side(send, SENDERS)
    return seen


class Line:
    """A connection that is kept open, by hand: a client that takes a processor would measure itself."""

    def __init__(self, running: Product) -> None:
        host, port = running.url.removeprefix("http://").split(":")
        self.host = f"{host}:{port}"
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, people: list[list[str]]) -> int:
        """One request of the mix; the status of its answer. Raises `OSError` where the connection broke."""
        token, ticket, conversation = random.choice(people)
        method, path, body = random.choices(
            [
                ("GET", LIST, ""),
                ("GET", f"{LIST}/{ticket}", ""),
                ("POST", f"/messaging/conversations/{conversation}/messages", '{"content": "Where is it?"}'),
                ("POST", LIST, '{"subject": "Delivery delayed", "message": "Please help"}'),
            ],
            (70, 20, 7, 3),
        )[0]
        self.socket.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        answer = b""
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more()
        length = int(re.search(rb"content-length: (\d+)", answer[:end].lower())[1])  # type: ignore[index]
        while len(answer) < end + 4 + length:
            answer += self._more()
        return int(answer[9:12])

    def _more(self) -> bytes:
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        return piece


def _side_by_side(work: Any, number: int) -> None:
    with ThreadPoolExecutor(number) as pool:
        list(pool.map(work, range(number)))


if __name__ == "__main__":
    main()
