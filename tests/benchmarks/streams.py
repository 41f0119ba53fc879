"""`make bench-stream`: what open streams cost, and how long from commit to client.

First `RATE` (100) events a second for `SECONDS` (30), while 1,000 clients in 50 tenants listen: milliseconds from commit
to client. Then `IDLE` (5,000) connections of 1,000 people on one stream process, idle for `IDLE_SECONDS` (60): memory and
processor time of that process, connections to the database, and what the next connection is told. Ends with 1 where a
promise is missed (`PROMISES`).
"""

import asyncio
import json
import os
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.reliability.product import owner, processor_seconds
from tests.reliability.streams import Client, Streaming, Told, Writers, streaming

RATE, SECONDS = int(os.environ.get("RATE", "100")), float(os.environ.get("SECONDS", "30"))
IDLE, IDLE_SECONDS = int(os.environ.get("IDLE", "5000")), float(os.environ.get("IDLE_SECONDS", "60"))
TENANTS, PEOPLE = 50, 20
AT_ONCE = 50
PROMISES = {
    "p95 from commit to client (ms)": 400, "kB a connection": 45, "% of a core, idle": 2, "connections to the database": 4,
}  # fmt: skip
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'ondi'"


def main() -> None:
    with streaming(tenants=TENANTS, people=PEOPLE) as running:
        figures = asyncio.run(measure(running))
    missed = [what for what, most in PROMISES.items() if figures[what] > most]
    for what, figure in figures.items():
        promised = f" (promised: at most {PROMISES[what]})" if what in PROMISES else ""
        sys.stdout.write(f"{what}: {figure}{promised}{' MISSED' if what in missed else ''}\n")
    sys.exit(bool(missed) or not figures["the next one is told"].startswith("503 service_unavailable"))


class Timed(Client):
    """`heard`: each event with the moment it came."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.heard: list[tuple[str, float]] = []

    def hear(self, one: Told) -> None:
        self.heard.append((one.ticket, time.monotonic()))


async def measure(running: Streaming) -> dict[str, Any]:
    figures = await how_long(running)
    running.kill()
    running.work.terminate()  # whose connections to the database are none of the stream's
    running.work.wait()
    running.environment["STREAM_CONNECTIONS"] = str(IDLE)
    await asyncio.to_thread(running.start)
    return figures | await what_it_costs(running)


async def how_long(running: Streaming) -> dict[str, Any]:
    clients = [Timed(running.port, person) for person in running.people]
    async with listening(clients):
        begun = processor_seconds(running.process.pid)
        with Writers(running.people, RATE) as writers:
            await asyncio.sleep(SECONDS)
            await asyncio.to_thread(writers.end)
        await asyncio.sleep(2)  # for the last ones
        busy = processor_seconds(running.process.pid) - begun
    lags = sorted(
        1000 * max(0.0, at - writers.written[ticket]) for client in clients for ticket, at in client.heard
    )  # fmt: skip
    return {
        "events": len(writers.written), "told": len(lags), "p50 from commit to client (ms)": round(statistics.median(lags)),
        "p95 from commit to client (ms)": round(lags[int(len(lags) * 0.95)]),
        "slowest (ms)": round(lags[-1]), "% of a core meanwhile": round(100 * busy / SECONDS, 1),
    }  # fmt: skip


async def what_it_costs(running: Streaming) -> dict[str, Any]:
    clients = [Client(running.port, running.people[place % len(running.people)]) for place in range(IDLE)]
    async with listening(clients[:AT_ONCE]):
        pass  # what is loaded with the first ones is none of the connections'
    process, before = running.process.pid, memory(running.process.pid)
    async with listening(clients[AT_ONCE:]), listening(clients[:AT_ONCE]):
        begun = processor_seconds(process)
        await asyncio.sleep(IDLE_SECONDS)
        busy, after = processor_seconds(process) - begun, memory(process)
        with owner() as reader:
            (connections,) = reader.execute(CONNECTED).fetchone()
        return {
            "connections": sum(client.seen["200"] for client in clients) - AT_ONCE,
            **{f"{what} before and after (MB)": (before[what] // 1000, after[what] // 1000) for what in before},
            "kB a connection": round(max(after[what] - before[what] for what in before) / IDLE, 1),
            "beats": sum(client.seen["beats"] for client in clients),
            "% of a core, idle": round(100 * busy / IDLE_SECONDS, 1),
            "connections to the database": connections,
            "the next one is told": await refused(running),
        }  # fmt: skip


@asynccontextmanager
async def listening(clients: Sequence[Client]) -> AsyncIterator[None]:
    """All of them let in, a few at once; hung up at the end."""
    following: list[asyncio.Task[None]] = []
    try:
        for start in range(0, len(clients), AT_ONCE):
            some = clients[start : start + AT_ONCE]
            following += [asyncio.create_task(client.follow()) for client in some]
            while any(client.begun is None for client in some):
                await asyncio.sleep(0.01)
        yield
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await asyncio.sleep(2)  # until the other side has noticed


async def refused(running: Streaming) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        b"GET /messaging/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Authorization: Bearer %s\r\n\r\n" % running.people[0].token.encode()
    )
    head, body = (await reader.read()).split(b"\r\n\r\n")
    writer.close()
    again = re.search(rb"retry-after: (\d+)", head)
    return f"{int(head.split()[1])} {json.loads(body)['error']}, again in {again and int(again[1])} s"


def memory(pid: int) -> dict[str, int]:
    """Kilobytes of a process: all that is resident, and its share of what it shares."""
    found = re.findall(r"^(Rss|Pss): +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return {what.upper(): int(size) for what, size in found}


if __name__ == "__main__":
    main()
