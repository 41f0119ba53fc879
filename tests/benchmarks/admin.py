"""`make bench-admin`: pages of the desk over HTTP, for a tenant of ten thousand tickets, of 50,000 among a million, and
of a million.

Loads the tickets first (minutes; `LOADS` sets how many in how many tenants) and prints medians in milliseconds.
"""

import json
import os
import statistics
import sys
import time

from tests.benchmarks.load import load
from tests.reliability.product import Product, manage, product, told_by

LOADS = os.environ.get("LOADS", "10000/1,1000000/20,1000000/1").split(",")
ROUNDS = 15
COMMAND = [sys.executable, "-m", "tests.benchmarks.admin"]
QUEUE = "/admin/support/ticket/"
PAGES = {
    "unassigned": QUEUE, "mine": f"{QUEUE}?tab=mine", "all open": f"{QUEUE}?tab=open", "closed": f"{QUEUE}?tab=closed",
    "high priority": f"{QUEUE}?tab=open&priority__exact=high", "search, 1 in 10": f"{QUEUE}?q=delayed",
    "search, no hit": f"{QUEUE}?q=zzqqxx", "search, a number": f"{QUEUE}?q=%231042", "ticket": "{ticket}",
    "front page, 7 days": "/admin/", "front page, 30 days": "/admin/?days=30",
    "customers": "/admin/accounts/membership/?people=customers", "orders": "/admin/orders/order/",
    "deliveries": "/admin/deliveries/delivery/", "events": "/admin/support/ticketevent/",
    "conversations": "/admin/conversations/conversation/", "messages": "/admin/conversations/message/",
}  # fmt: skip
SESSION = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from ondi.accounts.models import Membership
from ondi.tenants.scope import find_tenants, tenant_scope
from support.models import Ticket
tenant_id = find_tenants("tenant-0")["tenant-0"]
with tenant_scope(tenant_id):
    user = Membership.objects.filter(is_support_user=True).select_related("user").first().user
    ticket = Ticket.objects.filter(status="open").order_by("-id").first()
session = import_module(settings.SESSION_ENGINE).SessionStore()
now = timezone.now().timestamp()
session.update({SESSION_KEY: str(user.id), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[-1],
                HASH_SESSION_KEY: user.get_session_auth_hash(), "began_at": now, "seen_at": now})
session.create()
print(f"{settings.SESSION_COOKIE_NAME}={session.session_key} {ticket.id}")
"""


def main() -> None:
    if len(sys.argv) > 1:
        tickets, tenants = map(int, sys.argv[1].split("/"))
        with product(fill=lambda: load(tickets=tickets, tenants=tenants), STAFF_SECOND_FACTOR="false") as running:
            sys.stdout.write(json.dumps(measure(running)))
        return
    measured = [json.loads(told_by([*COMMAND, load])) for load in LOADS]
    heads = "".join(f"{load:>14}" for load in LOADS)
    sys.stdout.write(f"\n{'tickets/tenants, ms':24}{heads}\n")
    for name in PAGES:
        sys.stdout.write(f"{name:24}{''.join(f'{found[name]:14.1f}' for found in measured)}\n")


def measure(running: Product) -> dict[str, float]:
    cookie, ticket = manage(running.environment, "shell", "--no-imports", "-c", SESSION).splitlines()[-1].split()
    caller = running.caller()
    found = {}
    for name, page in PAGES.items():
        path = page.format(ticket=f"{QUEUE}{ticket}/change/")
        seconds = []
        for _round in range(ROUNDS):
            start = time.monotonic()
            caller.connection.request("GET", path, headers={"Cookie": cookie})
            answer = caller.connection.getresponse()
            answer.read()
            seconds.append((time.monotonic() - start) * 1000)
            if answer.status != 200:
                sys.exit(f"{path} answered {answer.status}")
        found[name] = statistics.median(seconds[3:])
    return found


if __name__ == "__main__":
    main()
