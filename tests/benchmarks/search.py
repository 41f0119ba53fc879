"""`make bench-search`: the agents' search over HTTP, in a tenant of 50,000 tickets among a million.

Loads the tickets first (minutes; `SIZE` sets how many, in 20 tenants) and prints medians in milliseconds.
"""

import os
import statistics
import sys

from tests.benchmarks.load import load
from tests.reliability.product import Product, manage, product

SIZE = int(os.environ.get("SIZE", "1000000"))
TENANTS = 20
ROUNDS = 30
QUEUE = "/messaging/support/tickets"
TERMS = {
    "no term": "", "one ticket": "#1042", "a common word (1 in 10)": "delayed", "Arabic, 1 in 10": "يصل",
    "no hits": "zzqqxx", "a person (1 in 1000)": "last777", "two letters": "ab", "every ticket": "help",
}  # fmt: skip
TOKEN = """
from ondi.accounts.models import Membership
from ondi.accounts.sessions import begin_session
from ondi.tenants.scope import find_tenants, tenant_scope
tenant_id = find_tenants("tenant-3")["tenant-3"]
with tenant_scope(tenant_id):
    agent = Membership.objects.filter(is_support_user=True).first()
print(begin_session(user_id=agent.user_id, tenant_id=tenant_id).access_token)
"""


def main() -> None:
    with product(fill=lambda: load(tickets=SIZE, tenants=TENANTS)) as running:
        measure(running)


def measure(running: Product) -> None:
    token = manage(running.environment, "shell", "--no-imports", "-c", TOKEN).split()[-1]
    caller = running.caller(token)
    sys.stdout.write(f"{'search':26}{'median ms':>10}{'slowest ms':>12}{'total':>8}\n")
    for name, term in TERMS.items():
        path = QUEUE + (f"?search={quoted(term)}" if term else "")
        answers = [caller.call("GET", path) for _round in range(ROUNDS)][3:]
        seconds = [answer.seconds * 1000 for answer in answers]
        total = answers[0].data["pagination"]["total"]
        sys.stdout.write(f"{name:26}{statistics.median(seconds):10.1f}{max(seconds):12.1f}{total:8}\n")


def quoted(term: str) -> str:
    return "".join(f"%{byte:02x}" for byte in term.encode())


if __name__ == "__main__":
    main()
