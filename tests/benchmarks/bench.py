"""`make bench`: the product against a floor without a framework, interleaved, on the same tables.

Loads `SIZE` tickets (100,000) in 20 tenants, one customer of 5,000 among them, starts both as in production and
measures each call at 1 and 8 clients in `ROUNDS` (5) turns of `SECONDS` (2), `RUNS` times (1). Ratios are the result,
for both run on the same machine at the same time; milliseconds are orientation. Then the same calls with row-level
security and without, the statements of each, and the plans. Writes `docs/bench/`; ends with 1 where a must is missed.
"""

import contextlib
import http.client
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from ondi import embedded_postgres
from ondi.serve import usable_port
from tests.benchmarks.load import load
from tests.benchmarks.report import Measured, Run, report
from tests.reliability.product import (
    ENVIRONMENT,
    ROOT,
    Product,
    beside,
    children_of,
    manage,
    processor_seconds,
    product,
    two_free_ports,
)


def whole_number(name: str, default: int, least: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) >= least):
        sys.exit(f"error: {name} must be a whole number from {least:,}, not {text!r}.")
    return int(text)


SIZE, ROUNDS, RUNS = whole_number("SIZE", 100_000, 2_000), whole_number("ROUNDS", 5, 1), whole_number("RUNS", 1, 1)
SECONDS = whole_number("SECONDS", 2, 1)
CLIENTS = (1, 8)
OF_ONE = min(5000, SIZE // 40)
BYTES_A_TICKET = 5_000
LIST, QUEUE = "/customer/support/tickets", "/messaging/support/tickets"
PEOPLE = """
import json
from conversations.models import Participant
from ondi.accounts.models import Membership
from ondi.accounts.sessions import begin_session
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Ticket
tenant = find_tenants("tenant-3")["tenant-3"]
def token(member):
    return begin_session(user_id=member.user_id, tenant_id=tenant).access_token
with tenant_scope(tenant):
    customers = Membership.objects.filter(is_support_user=False).order_by("id")
    heavy, usual = customers[2 * {number} : 2 * {number} + 2]
    newest = list(Ticket.objects.order_by("-id").values_list("id", flat=True)[: {of_one} + 25])
    for owner, keys in ((usual, newest[:25]), (heavy, newest[25:])):
        Ticket.objects.filter(id__in=keys).update(requester=owner)
        threads = Ticket.objects.filter(id__in=keys).values("conversation_id")
        Participant.objects.filter(conversation__in=threads, role="customer").update(membership=owner)
    own = Ticket.objects.filter(requester=usual).select_related("conversation").order_by("-id")
    mine = own.filter(status="open").first()
    quiet = own.exclude(id=mine.id).first().conversation
    agent = Membership.objects.filter(is_support_user=True).first()
print(json.dumps({{"usual": token(usual), "heavy": token(heavy), "agent": token(agent), "ticket": str(mine.id),
                  "open_talk": str(mine.conversation_id), "quiet_talk": str(quiet.id),
                  "last_message": str(quiet.last_message_id)}}))
"""

WALLED_CALLS = ("list", "list of 5,000", "get", "create", "message")


@dataclass
class Program:
    name: str
    url: str
    pids: Callable[[], list[int]]

    def processor_seconds(self) -> float:
        return sum(map(processor_seconds, self.pids()))


def main() -> None:
    with filled(SIZE) as running:
        runs = ((number, one_run(running, number)) for number in range(1, RUNS + 1))
        missed = [must for number, found in runs for must in report(found, size=SIZE, number=number)]
    sys.exit(bool(missed))


@contextlib.contextmanager
def filled(size: int) -> Iterator[Product]:
    """The product with so many tickets; ends with a plain sentence where that cannot be."""
    refuse_what_cannot_be(size)
    try:
        with product(
            fill=lambda: load(tickets=size, tenants=20), JWT_SIGNING_KEY=ENVIRONMENT["JWT_SIGNING_KEY"]
        ) as running:
            yield running
    except embedded_postgres.EmbeddedPostgresError as error:
        embedded_postgres.explain_and_exit(error)


def refuse_what_cannot_be(size: int) -> None:
    if os.environ.get("DATABASE_URL"):
        sys.exit("error: unset DATABASE_URL: the bench fills a database of its own and throws it away.")
    if os.environ.get("PORT"):
        usable_port(os.environ["PORT"])
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < size * BYTES_A_TICKET:
        needed = size * BYTES_A_TICKET // 10**6
        sys.exit(f"error: too little disk: {size:,} tickets take about {needed:,} MB, {free // 10**6:,} MB are free.")


def one_run(running: Product, number: int) -> Run:
    people = people_of(running, of_one=OF_ONE, number=number)
    command = f"from tests.benchmarks.look import look; print(look({people!r}))"
    inside = json.loads(manage(running.environment, "shell", "--no-imports", "-c", command))
    with floor(running) as bare:
        programs = [Program("product", running.url, running.workers), bare]
        found = {name: measure(programs, call, people) for name, call in calls(people).items()}
    walls = {name: walled(running, programs[0], calls(people)[name], people) for name in WALLED_CALLS}
    return Run(found, walls, late_page(programs[0], people), inside["statements"], inside["plans"])


def people_of(running: Product, *, of_one: int, number: int = 0) -> dict[str, str]:
    """Tokens and tickets of a usual customer, of one with `of_one` tickets, and of an agent.

    Others with each `number`: a run leaves its customer with thousands of tickets.
    """
    command = PEOPLE.format(of_one=of_one, number=number)
    found = manage(running.environment, "shell", "--no-imports", "-c", command)
    with running.owner() as owner:
        owner.execute("VACUUM ANALYZE")  # as happens by itself after a while
    return json.loads(found)  # type: ignore[no-any-return]


def late_page(program: Program, people: dict[str, str]) -> float:
    """The p50 of the last page of 5,000 over that of the first, in turns."""
    times: dict[str, list[float]] = {"list of 5,000": [], "its page 250": []}
    for _turn in range(ROUNDS):
        for name, found in times.items():
            found += run(program, calls(people)[name], people, 1, SECONDS)
    first, last = map(statistics.median, times.values())
    return last / first


@contextlib.contextmanager
def floor(running: Product) -> Iterator[Program]:
    """The floor beside the product, by the same server with as many processes, each at work on as many at once."""
    port = two_free_ports()
    database = make_conninfo(
        dbname="ondi", user="ondi", host=running.socket_directory(), options="-c plan_cache_mode=force_generic_plan"
    )
    environment = {**running.environment, "FLOOR_DATABASE": database}
    command = [
        str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--blocking-threads", "4", "--log-level", "warning", "tests.benchmarks.floor:application",
    ]  # fmt: skip
    with beside(command, port, "the floor", cwd=ROOT, env=environment) as process:
        yield Program("floor", f"http://127.0.0.1:{port}", lambda: children_of(process.pid))


def calls(people: dict[str, str]) -> dict[str, tuple[str, str, str, Any, int]]:
    """Name: whose token, method, path, body, status. `close` closes what `create` opened; `poll` finds nothing new."""
    new = {"subject": "Delivery delayed", "message": "My delivery is delayed, please help"}
    conversation = f"/messaging/conversations/{people['open_talk']}/messages"
    poll = f"/messaging/conversations/{people['quiet_talk']}/messages?after={people['last_message']}"
    return {
        "list": ("usual", "GET", LIST, None, 200),
        "list of 5,000": ("heavy", "GET", LIST, None, 200),
        "its page 250": ("heavy", "GET", f"{LIST}?page={OF_ONE // 20}", None, 200),
        "get": ("usual", "GET", f"{LIST}/{people['ticket']}", None, 200),
        "create": ("usual", "POST", LIST, new, 201),
        "message": ("usual", "POST", conversation, {"content": "Hello"}, 201),
        "message list": ("usual", "GET", conversation, None, 200),
        "poll": ("usual", "GET", poll, None, 200),
        "queue": ("agent", "GET", QUEUE, None, 200),
        "search": ("agent", "GET", f"{QUEUE}?search=%231042", None, 200),
        "close": ("usual", "POST", LIST + "/{new}/close", None, 200),
    }


def measure(programs: list[Program], call: Any, people: dict[str, str]) -> dict[int, dict[str, Measured]]:
    """Both in turns, at each number of clients."""
    found: dict[int, dict[str, Measured]] = {}
    for clients in CLIENTS:
        found[clients] = {program.name: Measured() for program in programs}
        for program in programs:  # warm: connections, plans, compiled statements
            run(program, call, people, clients, SECONDS / 4)
        for turn in range(ROUNDS):
            for program in programs if turn % 2 else programs[::-1]:
                busy, times = program.processor_seconds(), run(program, call, people, clients, SECONDS)
                of = found[clients][program.name]
                of.rates.append(len(times) / SECONDS)
                of.times += times
                of.processor.append((program.processor_seconds() - busy) / max(1, len(times)))
    return found


def walled(running: Product, program: Program, call: Any, people: dict[str, str]) -> float:
    """The call's p50 at one client with row-level security, over that without: the middle of many short pairs."""
    with running.owner() as owner:
        tables = [name for (name,) in owner.execute("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity")]

        def wall(change: str) -> None:
            owner.execute("; ".join(f"ALTER TABLE {table} {change} ROW LEVEL SECURITY" for table in tables))

        def p50(change: str) -> float:
            wall(change)
            run(program, call, people, 1, SECONDS / 4)  # plans are made anew
            return statistics.median(run(program, call, people, 1, SECONDS / 2))

        try:
            pairs = []
            for turn in range(2 * ROUNDS):  # neither is always the later
                order = ("ENABLE", "DISABLE") if turn % 2 else ("DISABLE", "ENABLE")
                times = {change: p50(change) for change in order}
                pairs.append(times["ENABLE"] / times["DISABLE"])
        finally:
            wall("ENABLE")
    return statistics.median(pairs)


def run(program: Program, call: Any, people: dict[str, str], clients: int, seconds: float) -> list[float]:
    """How long each answer took, of so many clients in so many seconds."""
    deadline = time.monotonic() + seconds

    def ask(_client: int) -> list[float]:
        mine = []
        who, method, path, body, status = call
        headers = {"Authorization": f"Bearer {people[who]}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(*program.url.removeprefix("http://").split(":"))  # type: ignore[arg-type]
        text = b"" if body is None else json.dumps(body).encode()
        while time.monotonic() < deadline:
            address = path.format(new=_opened(connection, headers)) if "{new}" in path else path
            start = time.perf_counter()
            connection.request(method, address, text, headers)
            answer = connection.getresponse()
            answer.read()
            mine.append(time.perf_counter() - start)
            if answer.status != status:
                raise RuntimeError(f"{program.name}: {method} {address} answered {answer.status}")
        connection.close()
        return mine

    with ThreadPoolExecutor(clients) as pool:
        return [one for mine in pool.map(ask, range(clients)) for one in mine]


def _opened(connection: http.client.HTTPConnection, headers: dict[str, str]) -> str:
    connection.request("POST", LIST, json.dumps({"subject": "To close", "message": "Please"}), headers)
    return str(json.loads(connection.getresponse().read())["data"]["ticket"]["id"])


if __name__ == "__main__":
    main()
