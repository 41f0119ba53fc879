"""`make bench`: the product against a floor without a framework, interleaved, on the same tables.

Loads `SIZE` tickets (100,000) in 20 tenants, one customer of 5,000 among them, starts both as in production and
measures each call at 1 and 8 clients in `ROUNDS` (5) turns of `SECONDS` (2). Ratios are the result, for both run on
the same machine at the same time; milliseconds are orientation. Writes `docs/bench/`: JSON, a Markdown table, a plot.
"""

import contextlib
import http.client
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.load import load
from tests.reliability.product import ENVIRONMENT, ROOT, Product, free_port, manage, product, wait_until

SIZE, ROUNDS = int(os.environ.get("SIZE", "100000")), int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "2"))
CLIENTS = (1, 8)
OF_ONE = min(5000, SIZE // 40)
BYTES_A_TICKET = 9_000
FOLDER = ROOT / "docs" / "bench"
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
    heavy, usual = Membership.objects.filter(is_support_user=False).order_by("id")[:2]
    newest = list(Ticket.objects.order_by("-id").values_list("id", flat=True)[: {of_one} + 25])
    for owner, keys in ((usual, newest[:25]), (heavy, newest[25:])):
        Ticket.objects.filter(id__in=keys).update(requester=owner)
        talks = Ticket.objects.filter(id__in=keys).values("conversation_id")
        Participant.objects.filter(conversation__in=talks).update(membership=owner)
    mine = Ticket.objects.filter(requester=usual, status="open").order_by("-id").first()
    agent = Membership.objects.filter(is_support_user=True).first()
print(json.dumps({{"usual": token(usual), "heavy": token(heavy), "agent": token(agent), "ticket": str(mine.id),
                  "open_talk": str(mine.conversation_id)}}))
"""


@dataclass
class Measured:
    """Of one program: answers a second, seconds of each answer, processor seconds an answer; by round."""

    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


@dataclass
class Program:
    name: str
    url: str
    pids: Callable[[], list[int]]

    def processor_seconds(self) -> float:
        return sum(_processor(pid) for pid in self.pids())


def main() -> None:
    refuse_without_room()
    with product(
        fill=lambda: load(tickets=SIZE, tenants=20), customers=0, JWT_SIGNING_KEY=ENVIRONMENT["JWT_SIGNING_KEY"]
    ) as running:
        people = json.loads(manage(running.environment, "shell", "--no-imports", "-c", PEOPLE.format(of_one=OF_ONE)))
        with floor(running) as bare:
            programs = [Program("product", running.url, running.workers), bare]
            found = {name: measure(programs, call, people) for name, call in calls(people).items()}
    report(found)


def refuse_without_room() -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < SIZE * BYTES_A_TICKET:
        sys.exit(f"Too little disk: {SIZE:,} tickets take about {SIZE * BYTES_A_TICKET // 10**6:,} MB.")


@contextlib.contextmanager
def floor(running: Product) -> Iterator[Program]:
    """The floor beside the product, by the same server with as many processes and threads."""
    port = free_port()
    environment = {**running.environment, "FLOOR_DATABASE": f"dbname=ondi user=ondi host={running.socket_directory()}"}
    command = [
        str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--blocking-threads", "4", "--log-level", "warning", "tests.benchmarks.floor:application",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), "the floor is not up")
        yield Program("floor", f"http://127.0.0.1:{port}", lambda: [int(pid) for pid in children.read_text().split()])
    finally:
        process.terminate()
        process.wait(timeout=30)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.connect()
        return True
    return False


def calls(people: dict[str, str]) -> dict[str, tuple[str, str, str, Any, int]]:
    """Name: whose token, method, path, body, status. `close` closes what `create` opened."""
    new = {"subject": "Delivery delayed", "message": "My delivery is delayed, please help"}
    talk = f"/messaging/conversations/{people['open_talk']}/messages"
    return {
        "list": ("usual", "GET", LIST, None, 200),
        "list of 5,000": ("heavy", "GET", LIST, None, 200),
        "its page 250": ("heavy", "GET", f"{LIST}?page={OF_ONE // 20}", None, 200),
        "get": ("usual", "GET", f"{LIST}/{people['ticket']}", None, 200),
        "create": ("usual", "POST", LIST, new, 201),
        "message": ("usual", "POST", talk, {"content": "Hello"}, 201),
        "message list": ("usual", "GET", talk, None, 200),
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


def run(program: Program, call: Any, people: dict[str, str], clients: int, seconds: float) -> list[float]:
    """How long each answer took, of so many clients in so many seconds."""
    times: list[list[float]] = [[] for _client in range(clients)]
    deadline = time.monotonic() + seconds

    def ask(mine: list[float]) -> None:
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
                raise SystemExit(f"{program.name}: {method} {address} answered {answer.status}")
        connection.close()

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for mine in times for one in mine]


def _opened(connection: http.client.HTTPConnection, headers: dict[str, str]) -> str:
    connection.request("POST", LIST, json.dumps({"subject": "To close", "message": "Please"}), headers)
    return str(json.loads(connection.getresponse().read())["data"]["ticket"]["id"])


def _processor(pid: int) -> float:
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def report(found: dict[str, dict[int, dict[str, Measured]]]) -> None:
    rows = []
    for name, by_clients in found.items():
        for clients, both in by_clients.items():
            ours, floors = both["product"], both["floor"]
            ratios = sorted(mine / bare for mine, bare in zip(ours.rates, floors.rates, strict=True))
            rows.append({
                "call": name, "clients": clients, "ratio": statistics.median(ratios), "lowest": ratios[0],
                "highest": ratios[-1], "per_second": statistics.median(ours.rates),
                "floor_per_second": statistics.median(floors.rates), "p50_ms": _quantile(ours.times, 0.5),
                "p99_ms": _quantile(ours.times, 0.99), "floor_p50_ms": _quantile(floors.times, 0.5),
                "processor_ms": 1000 * statistics.median(ours.processor),
                "processor_ratio": statistics.median(ours.processor) / max(1e-9, statistics.median(floors.processor)),
            })  # fmt: skip
    about = {
        "date": time.strftime("%Y-%m-%d"), "tickets": SIZE, "rounds": ROUNDS, "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"bench-{SIZE}.json").write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")
    lines = [f"{about['tickets']:,} tickets, {about['machine']}, Python {about['python']}, {about['date']}", "",
             "| call | clients | ratio to the floor | spread | a second | p50 ms | p99 ms | processor, times the floor's |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    lines += [
        f"| {one['call']} | {one['clients']} | {one['ratio']:.2f} | {one['lowest']:.2f}–{one['highest']:.2f} | "
        f"{one['per_second']:.0f} | {one['p50_ms']:.1f} | {one['p99_ms']:.1f} | {one['processor_ratio']:.1f} |"
        for one in rows
    ]
    table = "\n".join(lines) + "\n"
    (FOLDER / f"bench-{SIZE}.md").write_text(table)
    (FOLDER / f"bench-{SIZE}.svg").write_text(plot(rows))
    sys.stdout.write(table)


def _quantile(times: list[float], fraction: float) -> float:
    ordered = sorted(times)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * fraction))]


def plot(rows: list[dict[str, Any]]) -> str:
    """Bars of the ratio at one client."""
    single = [row for row in rows if row["clients"] == 1]
    bars = []
    for place, row in enumerate(single):
        y, width = 20 + 26 * place, 420 * min(1, row["ratio"])
        bars.append(
            f'<text x="110" y="{y + 13}" text-anchor="end">{row["call"]}</text><rect x="120" y="{y}" width="{width:.0f}" '
            f'height="18" fill="#9810fa"/><text x="{126 + width:.0f}" y="{y + 13}">{row["ratio"]:.2f}</text>'
        )
    height = 40 + 26 * len(single)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="620" height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="620" height="{height}" fill="#fff"/><line x1="540" x2="540" y1="14" y2="{height - 14}" '
        f'stroke="#888"/><text x="544" y="{height - 6}">floor</text>{"".join(bars)}</svg>\n'
    )


if __name__ == "__main__":
    main()
