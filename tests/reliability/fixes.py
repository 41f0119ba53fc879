"""`make fix-kills`: every data fix killed with SIGKILL at random points and run again, against an undisturbed run.

Each starts from the same copied database; the rows must be the same in the end, but for the times of day.
"""

import contextlib
import hashlib
import io
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import django
import psycopg
from django.core.management import call_command

from ondi import embedded_postgres

KILLS = int(os.environ.get("FIX_KILLS", "5"))
TICKETS = int(os.environ.get("FIX_TICKETS", "240"))
# What differs from run to run: when it was, and which run it was.
TIMES = (
    "'{closed_at,left_at,updated_at,version,waiting_since,created_at,joined_at,ended_at,erased_at,last_activity_at,"
    "cause}'"
)
# Rows a run adds of its own have ids of their own.
OWN_IDS = {"support_ticketevent", "conversations_participant", "accounts_user", "accounts_membership", "orders_order",
           "deliveries_delivery"}  # fmt: skip
LINKS = "'{id,user_id,customer_id,order_id,password}'"
TABLES = (
    "support_ticket", "support_ticketevent", "conversations_conversation", "conversations_message",
    "conversations_participant", "accounts_membership", "accounts_user", "orders_order", "deliveries_delivery",
)  # fmt: skip


def commands(folder: Path) -> dict[str, list[str]]:
    links, messages = folder / "links.csv", folder / "messages.csv"
    return {
        "close_stale_tickets": ["--days=7"],
        "reopen_tickets": ["--closed-by=lead@tigris.example", "--between", "2000-01-01", "2100-01-01"],
        "reassign_tickets": ["--from=agent@tigris.example", "--to-queue"],
        "relink_tickets": [f"--from={links}"],
        "redact_messages": [f"--from={messages}"],
        "repair": ["--finding=summary_count"],
        "import_orders": [str(folder / "orders.csv"), "--map=deliveries/import_maps/olist.toml"],
        "purge_closed_tickets": ["--older-than=365"],
        "erase_customer": ["--customer=customer@tigris.example"],
    }


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="ondi-kills-"))
    home.chmod(0o755)
    os.environ |= {"ONDI_DATA_DIR": str(home), "DJANGO_SETTINGS_MODULE": "ondi.settings", "DEBUG": "true"}
    embedded_postgres.hold()
    django.setup()
    call_command("migrate", verbosity=0)
    folder = Path(tempfile.mkdtemp(prefix="ondi-kills-files-"))
    populate(folder)
    failed = []
    sys.stdout.write(f"{'command':24}{'kills':>7}{'resumed':>9}  same rows\n")
    chosen = os.environ.get("FIX_COMMANDS", "").split()
    for command, arguments in commands(folder).items():
        if chosen and command not in chosen:
            continue
        clone("base", "calm")
        start = time.monotonic()
        run(command, arguments, "calm")
        took = time.monotonic() - start
        expected = rows_of("calm")
        clone("base", "killed")
        kills = 0
        while kills < KILLS:
            if run_and_kill(command, arguments, "killed", took):
                kills += 1
            else:  # it was quicker, so there is nothing left to kill in this one
                clone("base", "killed")
        resumed = run(command, arguments, "killed")
        same = rows_of("killed") == expected
        changed = expected != rows_of("base")
        sys.stdout.write(f"{command:24}{kills:7}{'yes' if resumed else 'no':>9}  {'yes' if same else 'NO'}\n")
        sys.stdout.flush()
        if not same or not changed:
            failed.append(command)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def populate(folder: Path) -> None:
    """Into `ondi`, which becomes the template `base`."""
    from datetime import timedelta

    from django.db import connections
    from django.utils import timezone

    from conversations.models import Conversation
    from deliveries.models import Delivery
    from ondi.accounts.entering import acting_as
    from ondi.accounts.models import Membership
    from ondi.accounts.services import add_member
    from ondi.tenants.scope import tenant_scope
    from ondi.tenants.services import create_tenant
    from support.services import claim_ticket, close_ticket, open_ticket, post_message

    tenant = create_tenant(slug="tigris", name="Tigris")
    with tenant_scope(tenant.id):
        people = {}
        for name, role in (("agent", "agent"), ("lead", "lead"), ("customer", "customer")):
            member = add_member(tenant_id=tenant.id, email=f"{name}@tigris.example", role=role, first_name=name,
                                is_support_user=role != "customer")  # fmt: skip
            loaded = Membership.objects.select_related("user", "tenant__portal_settings").get(pk=member.pk)
            people[name] = acting_as(loaded)
        links, messages = ["ticket,item"], ["message"]
        for number in range(TICKETS):
            at = timezone.now() - timedelta(days=400 + number)
            ticket = open_ticket(actor=people["customer"], subject=f"No. {number}", message="Hello", priority="low",
                                 source="customer_portal", at=at)  # fmt: skip
            claim_ticket(actor=people["agent"], ticket_id=ticket.id, at=at)
            said = post_message(actor=people["agent"], conversation_id=ticket.conversation_id, content="Hi", at=at)
            messages.append(str(said.id))
            delivery = Delivery.objects.create(tenant=tenant, customer_id=ticket.requester_id, delivery_code=number + 1)
            links.append(f"{ticket.number},delivery:{delivery.delivery_code}")
            if number % 3 == 0:
                close_ticket(actor=people["lead"], ticket_id=ticket.id, at=at)
            if number % 2:
                Conversation.objects.filter(id=ticket.conversation_id).update(message_count=77)
    (folder / "links.csv").write_text("\n".join(links) + "\n")
    (folder / "messages.csv").write_text("\n".join(messages) + "\n")
    header = "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
    header += "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date"
    lines = [f"o{n},c{n},delivered,10/2/2017 10:56,,,10/10/2017 21:25,10/18/2017 0:00" for n in range(TICKETS * 8)]
    (folder / "orders.csv").write_text("\n".join([header, *lines]) + "\n")
    for connection in connections.all():
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
    admin("ALTER DATABASE ondi RENAME TO base")


def admin(statement: str) -> None:
    host = str(embedded_postgres.socket_directory())
    with psycopg.connect(dbname="postgres", user="postgres", host=host, autocommit=True) as superuser:
        superuser.execute(statement)


def clone(source: str, name: str) -> None:
    admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    admin(f"CREATE DATABASE {name} TEMPLATE {source} OWNER ondi_owner")


def in_child(command: str, arguments: list[str], database: str, report: int) -> None:
    """Runs the command in this forked process, which never returns."""
    from django.conf import settings
    from django.db import connections

    settings.DATABASES["default"]["NAME"] = connections["default"].settings_dict["NAME"] = database
    out = io.StringIO()
    with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
        options = ["--batch-size=7"] if command != "erase_customer" else []
        call_command(command, *arguments, "--tenant=tigris", "--apply", *options, stdout=out, stderr=io.StringIO())
    os.write(report, b"resumed" if "resumed, " in out.getvalue() else out.getvalue()[:200].encode() or b"-")
    os._exit(0)


def fork(command: str, arguments: list[str], database: str) -> tuple[int, int]:
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reads)
        in_child(command, arguments, database, writes)
    os.close(writes)
    return pid, reads


def run(command: str, arguments: list[str], database: str) -> bool:
    """To its end; whether it went on with a run that was cut off."""
    pid, report = fork(command, arguments, database)
    os.waitpid(pid, 0)
    told = os.read(report, 1000)
    os.close(report)
    return told == b"resumed"


def run_and_kill(command: str, arguments: list[str], database: str, took: float) -> bool:
    """Somewhere on its way, which takes so many seconds in all; False where it was quicker."""
    pid, report = fork(command, arguments, database)
    # At a moment nobody chose: that is what is tried.
    time.sleep(random.uniform(0.01, 0.8 * took / (KILLS if took > 1 else 1)))
    os.kill(pid, signal.SIGKILL)
    _pid, status = os.waitpid(pid, 0)
    os.close(report)
    return os.WIFSIGNALED(status)


def rows_of(database: str) -> str:
    host = str(embedded_postgres.socket_directory())
    digest = hashlib.sha256()
    with psycopg.connect(dbname=database, user="postgres", host=host) as superuser:
        for table in TABLES:
            but = f"- {TIMES}::text[]" + (f" - {LINKS}::text[]" if table in OWN_IDS else "")
            rows = superuser.execute(f"SELECT (to_jsonb(t) {but})::text FROM {table} AS t").fetchall()
            digest.update("\n".join(sorted(row for (row,) in rows)).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
