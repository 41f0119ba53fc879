"""`make chaos`: break what can break, under load, and see that nothing acknowledged is lost.

Each scenario runs in a process of its own on a database of its own and prints its figures; the whole exits
with 1 when one of them lost or doubled a write, answered with a 5xx that is not a coded 503, or did not come
back by itself. `CHAOS_KILLS` sets how many workers are killed (200), `CHAOS_STOPS` how often the database is stopped
(3), `CHAOS_AWAY` for how many seconds (6), `CHAOS_EVENTS` how many changes are followed (1,000,000);
what the scenarios of mails, webhooks, copies and streams take is in their modules.
"""

import atexit
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.reliability import clocks, copies, drafts, events, files, mails, slow_clients, streams, webhooks
from tests.reliability.product import ROOT, Product, database_url, product, somebody_waits_for, wait_until
from tests.reliability.relay import Relay
from tests.reliability.work import TICKETS, Ledger, faults_of, run_clients

KILLS = int(os.environ.get("CHAOS_KILLS", "200"))
STOPS = int(os.environ.get("CHAOS_STOPS", "3"))
AWAY = float(os.environ.get("CHAOS_AWAY", "6"))
EVENTS = int(os.environ.get("CHAOS_EVENTS", "1000000"))
WRITERS, SUBJECTS, EVENT_STOPS = 64, 20, 20
RECOVERS_WITHIN = 5.0
GIVES_UP = 60.0
BOUNDED = 30.0  # seconds; the longest wait is the database connection's twenty
Figures = dict[str, Any]
NOT_RUN = "not run"


def undisturbed(seconds: float) -> None:
    """Let the clients work for so long: harm is done in the midst of load, and load follows on it."""
    time.sleep(seconds)


def workers_killed() -> tuple[Figures, list[str]]:
    """`kill -9` of workers at random points of create, message and close, while another one answers."""
    with product(workers=6) as running:
        killed = 0

        def harm() -> None:
            nonlocal killed
            deadline = time.monotonic() + 60 + KILLS * 3
            while killed < KILLS and time.monotonic() < deadline:
                # On a slow machine none would come up between the kills, and nothing be tried.
                killed += running.caller().is_ready() and running.kill_a_worker()
                undisturbed(0.3)
            undisturbed(1)

        ledger = run_clients(running, harm, most=90 + KILLS * 3)
        return {**figures_of(ledger), "workers killed": killed}, [
            *faults_of(running, ledger), *([] if killed == KILLS else [f"only {killed} were killed"]),
        ]  # fmt: skip


def database_restarted() -> tuple[Figures, list[str]]:
    """PostgreSQL stopped and started during load, politely and by crash."""
    with product() as running:
        recoveries: list[float] = []
        outage = Outage(running)

        def harm() -> None:
            for how in ("fast", "immediate", "immediate")[:STOPS]:
                undisturbed(3)
                running.stop_database(how)
                outage.observe(AWAY)
                running.start_database()
                recoveries.append(wait_until(running.caller().is_ready, "no recovery", 30))
                recoveries[-1] = max(recoveries[-1], outage.until_everyone_is_served())
            undisturbed(1)

        ledger = run_clients(running, harm, most=240)
        late = [f"recovered after {seconds:.1f} s" for seconds in recoveries if seconds > RECOVERS_WITHIN]
        return {
            **figures_of(ledger), "stops": STOPS, "answers while away": outage.answers,
            "slowest of these (s)": round(outage.slowest, 1), "recovery (s)": [round(found, 1) for found in recoveries],
        }, [*faults_of(running, ledger), *outage.faults, *late]  # fmt: skip


def pool_exhausted() -> tuple[Figures, list[str]]:
    """One database connection for four threads, and somebody sits on a row."""
    with product(workers=1, DATABASE_POOL_SIZE="1", WEB_THREADS="4") as running, running.owner() as owner:
        customer = running.caller(running.customers()[0][1])
        ticket = customer.insist("POST", TICKETS, {"subject": "x", "message": "x"}).data["ticket"]
        owner.autocommit = False
        owner.execute("SELECT FROM support_ticket WHERE id = %s FOR UPDATE", [ticket["id"]])
        outage = Outage(running)
        closing = threading.Thread(target=lambda: customer.call("POST", f"{TICKETS}/{ticket['id']}/close"))
        closing.start()
        wait_until(lambda: somebody_waits_for(owner), "the close does not come to the lock")
        outage.observe(seconds=8)
        owner.rollback()
        closing.join()
        recovery = outage.until_everyone_is_served()
        return {
            "answers meanwhile": outage.answers, "slowest of these (s)": round(outage.slowest, 1),
            "recovery (s)": round(recovery, 1),
        }, [*outage.faults, *customer.faults, *late(recovery)]  # fmt: skip


def connection_black_holed() -> tuple[Figures, list[str]]:
    """The network to the database swallows everything and says nothing."""
    relay = Relay()
    with product(DATABASE_URL=relay.address("ondi"), DATABASE_OWNER_URL=relay.address("ondi_owner")) as running:
        outage = Outage(running)
        relay.swallows.set()
        outage.observe(seconds=25)
        relay.swallows.clear()
        recovery = outage.until_everyone_is_served()
        return {
            "answers meanwhile": outage.answers, "slowest of these (s)": round(outage.slowest, 1),
            "recovery (s)": round(recovery, 1),
        }, [*outage.faults, *late(recovery)]  # fmt: skip


def disk_full() -> tuple[Figures, list[str]]:
    """The database's disk, a small one made for this, has no room left, and then has again."""
    if os.getuid() != 0:
        return {NOT_RUN: "it mounts a small disk, which only root may"}, []
    disk = Path(tempfile.mkdtemp(prefix="ondi-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", disk], check=True)
    atexit.register(subprocess.run, ["umount", "--lazy", disk], check=False)  # after the database, which goes first
    with product(folder=disk) as running:
        ballast = disk / "ballast"
        outage = Outage(running)

        def harm() -> None:
            undisturbed(3)
            fill(ballast)
            undisturbed(10)  # of us: the clients go on, with no room left
            outage.observe(seconds=5)
            ballast.unlink()
            running.start_database()  # where it gave up, as its supervisor would
            recoveries.append(outage.until_everyone_is_served())
            undisturbed(1)

        recoveries: list[float] = []
        ledger = run_clients(running, harm, most=120)
        return {**figures_of(ledger), "recovery (s)": [round(found, 1) for found in recoveries]}, [
            *faults_of(running, ledger), *outage.faults,
        ]  # fmt: skip


def followers_killed() -> tuple[Figures, list[str]]:
    """Relay and workers killed at random, the database stopped, while many write: every event once, in order."""
    with product(workers=1, tenants=3, customers=1, agents=1) as running, running.owner() as owner:
        subjects = events.make_subjects(owner, [UUID(tenant["id"]) for tenant in running.tenants], SUBJECTS)
        command = [sys.executable, "manage.py", "work"]
        environment = {**running.environment, "DATABASE_URL": database_url("ondi")}
        workers = [subprocess.Popen(command, cwd=ROOT, env=environment) for _worker in range(2)]
        over, harm = threading.Event(), Counter[str]()

        def do_harm() -> None:
            while not over.wait(random.random() * 2) and harm["kills"] < KILLS:
                place = random.randrange(len(workers))
                workers[place].kill()
                workers[place].wait()
                workers[place] = subprocess.Popen(command, cwd=ROOT, env=environment)
                harm["kills"] += 1
                if harm["kills"] % (KILLS // EVENT_STOPS or 1) == 0 and harm["stops"] < EVENT_STOPS:
                    running.stop_database("immediate")
                    running.start_database()
                    harm["stops"] += 1

        harming = threading.Thread(target=do_harm)
        harming.start()
        try:
            changes = -(-EVENTS // WRITERS)
            written = events.write(
                running.owner, subjects, writers=WRITERS, changes=changes, longest_sleep=0.002, goes_on=harming.is_alive
            )
        finally:
            over.set()
            harming.join()
        with running.owner() as reader:
            empty = "SELECT NOT EXISTS (SELECT FROM outbox_entry)"
            took = wait_until(lambda: reader.execute(empty).fetchone()[0], "the relay does not come through", 60)
            faults = events.faults_of(reader, written)
        if harm["kills"] < KILLS:
            faults.append(f"only {harm['kills']} were killed")
        for worker in workers:
            worker.terminate()
            worker.wait(timeout=30)
        return {
            "changes": written.number, "taken back": written.taken_back,
            "unanswered": sum(map(len, written.unknown.values())), **harm, "caught up (s)": round(took, 1),
        }, faults  # fmt: skip


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:  # a buffer would fail once more when the file is closed
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass


class Outage:
    """Asks all the time while something is wrong: every answer comes, in bounded time, and is a coded 503 or right."""

    def __init__(self, running: Product) -> None:
        self.running = running
        self.answers: dict[str, int] = {}
        self.slowest = 0.0
        self.faults: list[str] = []

    def observe(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        threads = [threading.Thread(target=self._ask, args=(deadline, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ask(self, deadline: float, number: int) -> None:
        people = self.running.customers()
        caller = self.running.caller(people[number % len(people)][1])
        while time.monotonic() < deadline:
            try:
                answer = caller.call("GET", TICKETS)
            except OSError as error:
                self.faults.append(f"no answer: {error}")
                continue
            name = "coded 503" if answer.is_coded_503 else str(answer.status)
            self.answers[name] = self.answers.get(name, 0) + 1
            self.slowest = max(self.slowest, answer.seconds)
            if answer.seconds > BOUNDED:
                self.faults.append(f"an answer took {answer.seconds:.0f} s")
        self.faults += caller.faults

    def until_everyone_is_served(self) -> float:
        """Seconds until half a second of reads has gone through without a refusal: no pool holds a dead connection."""

        start = time.monotonic()
        while True:
            before, began = dict(self.answers), time.monotonic()
            self.observe(seconds=0.5)
            served = self.answers.get("200", 0) > before.get("200", 0)
            if served and self.answers.get("coded 503", 0) == before.get("coded 503", 0):
                return began - start
            if began - start > GIVES_UP:
                return GIVES_UP


def late(recovery: float) -> list[str]:
    return [f"recovered after {recovery:.1f} s"] if recovery > RECOVERS_WITHIN else []


def figures_of(ledger: Ledger) -> Figures:
    return {
        "acknowledged writes": ledger.writes, "answers": dict(sorted(ledger.seen.items())),
        "connections broken": ledger.broken,
    }  # fmt: skip


SCENARIOS: dict[str, Callable[[], tuple[Figures, list[str]]]] = {
    "workers killed": workers_killed,
    "database restarted": database_restarted,
    "pool exhausted": pool_exhausted,
    "connection black-holed": connection_black_holed,
    "disk full": disk_full,
    "slow clients": slow_clients.through_the_proxy,
    "followers killed": followers_killed,
    "mail server away": mails.server_away,
    "programs called": webhooks.called_by_killed_workers,
    "programs called on schedule": webhooks.called_on_schedule,
    "copy kept": copies.copy_kept,
    "streams cut": streams.clients_cut,
    "files killed": files.killed_on_disk,
    "files in a bucket killed": files.killed_in_a_bucket,
    "clocks killed": clocks.killed_while_due,
    "answers killed": drafts.killed_while_sending,
}


def main() -> None:
    if len(sys.argv) > 1:
        figures, faults = SCENARIOS[sys.argv[1]]()
        report(sys.argv[1], figures, faults)
        sys.exit(bool(faults))
    failed = [
        name for name in SCENARIOS
        if subprocess.run([sys.executable, "-m", "tests.reliability.chaos", name], check=False).returncode
    ]  # fmt: skip
    sys.exit(f"make chaos: failed: {', '.join(failed)}" if failed else 0)


def report(name: str, figures: Figures, faults: list[str]) -> None:
    verdict = "FAILED" if faults else NOT_RUN if NOT_RUN in figures else "held"
    lines = [f"\n=== {name}: {verdict}"]
    lines += [f"  {what:24} {value}" for what, value in figures.items()]
    lines += [f"  ! {fault}" for fault in faults[:20]]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
