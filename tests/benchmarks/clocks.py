"""`make bench-clocks`: a million clocks that run, in twenty tenants: what looking at them costs, the queue by due, and a
calendar's new hours for all of a tenant's while the API answers.

Loads the tickets first, then the product itself promises (some ten minutes; `CLOCKS` sets how many, `TENANTS` among how
many). Ends with 1 where a look takes 100 ms, the queue by due a tenth longer than the one by waiting, planning and
applying a minute, or the API meanwhile a tenth longer than before and after.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.load import load
from tests.benchmarks.report import quantile
from tests.reliability.caller import Caller
from tests.reliability.product import ENVIRONMENT, ROOT, Product, manage, owner, product

CLOCKS, TENANTS = int(os.environ.get("CLOCKS", "1000000")), int(os.environ.get("TENANTS", "20"))
LOOKS, PAGES = 30, 200
MOST_OF_A_LOOK, MOST_OF_A_CHANGE, MOST_TIMES = 0.1, 60, 1.1  # seconds, seconds, times
THINKS = 0.05  # seconds between two calls of somebody who works
QUEUE = "/messaging/support/tickets"
FIRST, HOURS = "tenant-0", "Opening hours"
# Around the clock, so that what is promised is due far from now; by priority, so that it is not all due at once.
PROMISE = """
from django.utils import timezone
from ondi.accounts.actors import Actor
from ondi.common.ids import new_id
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Policy
from support.services.promises import policy_version, save_calendar, save_policy
from support.vocabulary import Metric
for tenant_id in find_tenants().values():
    who, at = Actor.operator(tenant_id, new_id()), timezone.now()
    with tenant_scope(tenant_id):
        calendar = save_calendar(actor=who, name={hours!r}, time_zone="Asia/Baghdad", days=[[[0, 1440]]] * 7,
                                 exceptions={{}}, at=at)
        for place, priority in enumerate(("low", "medium", "high", "urgent"), 1):
            version = policy_version(
                actor=who, calendar_id=calendar.id, match={{"priority": [priority]}}, warn_percent=80, at=at,
                targets={{Metric.FIRST_RESPONSE: 6000 // place, Metric.RESOLUTION: 9000 // place}},
                pauses_on_customer=True, pauses_while_snoozed=False)
            policy = Policy(tenant_id=tenant_id, name=priority, position=place)
            save_policy(actor=who, policy=policy, version=version)
"""
ROUNDS = "from support.workers import clocks\nwhile clocks():\n    pass"
CHANGE = """
from datetime import timedelta
from django.utils import timezone
from ondi.accounts.actors import Actor
from ondi.common.ids import new_id
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Calendar
from support.services.promises import close_on
tenant_id = find_tenants({slug!r})[{slug!r}]
with tenant_scope(tenant_id):
    tomorrow = timezone.localdate() + timedelta(days=1)
    close_on(actor=Actor.operator(tenant_id, new_id()), calendar_id=Calendar.objects.get().id, days={{tomorrow: "Eid"}})
"""
TOKENS = """
from ondi.accounts.sessions import begin_session
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Ticket
for slug in ("tenant-0", "tenant-1"):
    tenant_id = find_tenants(slug)[slug]
    with tenant_scope(tenant_id):
        ticket = Ticket.objects.open().exclude(assignee=None).select_related("assignee").first()
    print(begin_session(user_id=ticket.assignee.user_id, tenant_id=tenant_id).access_token, ticket.id, ticket.conversation_id)
"""
RUNNING = "SELECT count(*) FROM support_ticketclock WHERE running_since > now() - interval '1 day'"
LOOK = "SELECT count(*) FROM ondi_tickets_to_attend_2(now() + %s, 500)"


def main() -> None:
    with product(fill=fill) as running:
        failed = [*look(), *turns_of_a_queue(running), *change_of_hours(running)]
    sys.stdout.writelines(f"missed: {one}\n" for one in failed)
    sys.exit(bool(failed))


def fill() -> None:
    load(tickets=CLOCKS // 2, tenants=TENANTS, open_one_in=1)
    environment = {**os.environ, **ENVIRONMENT}
    start = time.monotonic()
    manage(environment, "shell", "--no-imports", "-c", PROMISE.format(hours=HOURS))
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", ROUNDS]
    both = [subprocess.Popen(command, cwd=ROOT, env=environment) for _each in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    seconds = time.monotonic() - start
    with owner() as database:
        (running,) = database.execute(RUNNING).fetchone()  # type: ignore[misc]
        database.execute("VACUUM ANALYZE support_ticket, support_ticketclock, support_ticketterms")
    assert running == CLOCKS, running
    sys.stdout.write(f"{running:,} clocks run, {CLOCKS / 2 / seconds:.0f} tickets promised a second\n")


def look() -> Iterator[str]:
    """What is asked every second: where nothing wants to be looked at, and where everything does."""
    with owner() as database:
        for name, ahead in (("nothing", "0 days"), ("everything", "30 days")):
            times = []
            for _look in range(LOOKS):
                start = time.perf_counter()
                database.execute(LOOK, [ahead])
                times.append(time.perf_counter() - start)
            slowest = max(times)
            sys.stdout.write(
                f"a look, {name} is due: {statistics.median(times) * 1000:.2f} ms, at most {slowest * 1000:.2f}\n"
            )
            if slowest > MOST_OF_A_LOOK:
                yield f"a look with {name} due takes {slowest:.3f} s"


def turns_of_a_queue(running: Product) -> Iterator[str]:
    token = people(running)[0][0]
    caller = running.caller(token)
    times: dict[str, list[float]] = {"": [], "&sort=due": []}
    for _page in range(PAGES):
        for sort, found in times.items():
            found.append(called(caller, f"{QUEUE}?status=open{sort}"))
    waiting, due = (statistics.median(found) for found in times.values())
    sys.stdout.write(f"queue by waiting {waiting * 1000:.1f} ms, by due {due * 1000:.1f}: {due / waiting:.2f} times\n")
    if due > MOST_TIMES * waiting:
        yield f"the queue by due takes {due / waiting:.2f} times"


def change_of_hours(running: Product) -> Iterator[str]:
    """Planned and applied beside agents of this tenant and of another who look and write."""
    manage(running.environment, "shell", "--no-imports", "-c", CHANGE.format(slug=FIRST))
    command = ["apply_calendar", f"--tenant={FIRST}", f"--calendar={HOURS}", "--json"]
    before = meanwhile(running, lambda: time.sleep(MOST_OF_A_CHANGE / 2))[1]
    said: list[str] = []

    def plan_and_apply() -> None:
        said.append(manage(running.environment, *command))
        said.append(manage(running.environment, *command, "--apply"))

    seconds, during = meanwhile(running, plan_and_apply)
    after = meanwhile(running, lambda: time.sleep(MOST_OF_A_CHANGE / 2))[1]
    changed = json.loads(said[-1])[0]["changed"]
    rate = changed / seconds
    sys.stdout.write(f"new hours for {changed:,} tickets: plan and apply in {seconds:.1f} s, {rate:.0f} a second\n")
    if seconds > MOST_OF_A_CHANGE or changed != CLOCKS // 2 // TENANTS:
        yield f"{changed:,} tickets in {seconds:.0f} s"
    for name, of in (("p50", 0.5), ("p95", 0.95)):
        idle = statistics.mean((quantile(before, of), quantile(after, of)))
        busy = quantile(during, of)
        sys.stdout.write(
            f"{len(during)} calls, {name}: {idle:.1f} ms, meanwhile {busy:.1f} ms: {busy / idle:.2f} times\n"
        )
        if name == "p95" and busy > MOST_TIMES * idle:
            yield f"the API's p95 is {busy / idle:.2f} times"


def meanwhile(running: Product, do: Callable[[], object]) -> tuple[float, list[float]]:
    """How long that takes, and each call of people who work meanwhile."""
    with working(running) as times:
        start = time.monotonic()
        do()
        return time.monotonic() - start, times


@contextmanager
def working(running: Product) -> Iterator[list[float]]:
    times: list[float] = []
    ended = threading.Event()

    def work(token: str, ticket: str, conversation: str) -> None:
        caller = running.caller(token)
        while not ended.is_set():
            for method, path, body in (
                ("GET", f"{QUEUE}?status=open&sort=due", None), ("GET", f"{QUEUE}/{ticket}", None),
                ("POST", f"/messaging/conversations/{conversation}/messages", {"content": "It comes."}),
            ):  # fmt: skip
                times.append(called(caller, path, method, body))
                ended.wait(THINKS)

    threads = [threading.Thread(target=work, args=one) for one in people(running)]
    for thread in threads:
        thread.start()
    try:
        yield times
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def called(caller: Caller, path: str, method: str = "GET", body: Any = None) -> float:
    answer = caller.call(method, path, body)
    assert answer.status in (200, 201), answer
    return answer.seconds


def people(running: Product) -> list[list[str]]:
    said = manage(running.environment, "shell", "--no-imports", "-c", TOKENS)
    return [line.split() for line in said.splitlines()[-2:]]


if __name__ == "__main__":
    main()
