"""`make bench-idle`: what a desk of twenty agents who only look asks of the database, by the stream and by polling.

Real pages in Chromium, each agent's own: half of them show the queue, half a ticket each. Statements are those that
`pg_stat_statements` counts as sent by the application (BEGIN and COMMIT too), for `SECONDS` (300: the longest pause that
anything makes) each: with nobody, by the stream, and in browsers without EventSource, whose pages poll and try no stream.
What the stream process asks with nobody is taken from both. The work process, which asks fifty things a second and
nothing for who only looks, is held still. Ends with 1 where the stream saves less than 95 %.

`TOP` (0) shows so many of the statements of each part.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from playwright.sync_api import Browser

from ondi import embedded_postgres
from tests.benchmarks.relay import end_the_served_one
from tests.e2e.browsing import chromium
from tests.reliability.product import Product, manage, product

SECONDS, TOP = int(os.environ.get("SECONDS", "300")), int(os.environ.get("TOP", "0"))
AGENTS, GOAL = 20, 0.95
SETTLED = 30  # seconds, until every page listens and has looked a second time
QUEUE = "/admin/support/ticket/"
SESSIONS = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from ondi.accounts.models import Membership, User
from ondi.tenants.scope import find_tenants, tenant_scope
now = timezone.now().timestamp()
with tenant_scope(find_tenants("tenant-0")["tenant-0"]):
    for member in Membership.objects.filter(is_support_user=True).select_related("user"):
        User.objects.filter(id=member.user_id).update(email=member.email)  # as they would sign in
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session.update({SESSION_KEY: str(member.user.id), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[-1],
                        HASH_SESSION_KEY: member.user.get_session_auth_hash(), "began_at": now, "seen_at": now})
        session.create()
        print(settings.SESSION_COOKIE_NAME, session.session_key)
"""
COUNT = "SELECT COALESCE(sum(calls), 0)::bigint FROM pg_stat_statements WHERE userid = 'ondi'::regrole"
MOST = """
    SELECT calls, query FROM pg_stat_statements WHERE userid = 'ondi'::regrole ORDER BY calls DESC LIMIT %s
"""


def main() -> None:
    embedded_postgres.SERVER_SETTINGS |= {"shared_preload_libraries": "pg_stat_statements"}
    more = {"STAFF_SECOND_FACTOR": "false", "DEBUG": "true"}
    with (
        product(tenants=1, customers=1, agents=AGENTS, **more) as running,
        chromium() as browser,
        statistics() as asked,
    ):
        people = [line.split() for line in manage(running.environment, "shell", "-c", SESSIONS).splitlines()[-AGENTS:]]
        pages = [QUEUE] * (AGENTS // 2) + [f"{QUEUE}{key}/change/" for key in tickets(running, AGENTS // 2)]
        time.sleep(SETTLED)  # until what opened the tickets is told
        end_the_served_one(running)
        nobody = count(asked, "with nobody")
        with open_pages(browser, running, people, pages):
            streamed = count(asked, "by the stream")
        with open_pages(browser, running, people, pages, polls=True):
            polled = count(asked, "by polling")
    saved = 1 - (streamed - nobody) / (polled - nobody)
    sys.stdout.write(f"without what happens with nobody: {streamed - nobody} and {polled - nobody}, "
                     f"{saved * 100:.1f} % fewer\n")  # fmt: skip
    sys.exit(saved < GOAL)


@contextmanager
def statistics() -> Iterator[psycopg.Connection]:
    """The server's own, by its superuser: in a database beside the product's, so that a copy of that is as it was."""
    host = str(embedded_postgres.socket_directory())
    with psycopg.connect(dbname="postgres", user="postgres", host=host, autocommit=True) as asked:
        asked.execute("CREATE EXTENSION pg_stat_statements")
        yield asked


def tickets(running: Product, number: int) -> list[str]:
    caller = running.caller(running.customers()[0][1])
    bodies = [{"subject": f"Ticket {place}", "message": "Please help."} for place in range(number)]
    return [caller.call("POST", "/customer/support/tickets", body).body["data"]["ticket"]["id"] for body in bodies]


@contextmanager
def open_pages(
    browser: Browser, running: Product, people: list[list[str]], pages: list[str], *, polls: bool = False
) -> Iterator[None]:
    """Everybody's page open, and quiet. `polls`: in browsers that know no streams."""
    contexts = []
    for (name, value), page in zip(people, pages, strict=True):
        context = browser.new_context()
        contexts.append(context)
        context.add_cookies([{"name": name, "value": value, "url": running.url}])
        if polls:
            context.add_init_script("delete window.EventSource")
        shown = context.new_page()
        shown.goto(running.url + page)
        shown.locator("#ticket, #wb-tabs").first.wait_for(state="attached")
    time.sleep(SETTLED)
    yield
    for context in contexts:
        context.close()


def count(asked: psycopg.Connection, what: str) -> int:
    asked.execute("SELECT pg_stat_statements_reset()")
    time.sleep(SECONDS)
    (found,) = asked.execute(COUNT).fetchone() or (0,)
    sys.stdout.write(f"{what}: {found} statements in {SECONDS} s\n")
    for calls, query in asked.execute(MOST, [TOP]).fetchall():
        sys.stdout.write(f"{calls:8} {' '.join(query.split())[:140]}\n")
    sys.stdout.flush()
    return int(found)


if __name__ == "__main__":
    main()
