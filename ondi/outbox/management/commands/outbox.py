"""`manage.py outbox`: what subscribers failed at, and what is to become of it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ondi.common.ids import parse_id
from ondi.outbox.models import SetAside
from ondi.tenants.models import Tenant
from ondi.tenants.scope import find_tenants, tenant_scope

SHOWN = 200


class Command(BaseCommand):
    help = (
        "Events that a subscriber failed at. `list`: the newest of them, with the reason and when each is tried again; "
        "`retry`: try it again now; `drop`: give it up. For retry and drop an id of the list, or --all with --tenant."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "retry", "drop"])
        parser.add_argument("id", nargs="?", help="For retry and drop: which one.")
        parser.add_argument("--tenant", metavar="SLUG", help="Only this tenant's.")
        parser.add_argument("--subscriber", metavar="NAME", help="Only this subscriber's.")
        parser.add_argument("--all", action="store_true", help="For retry and drop: all of them.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "list":
            self._list(options)
        else:
            self._change(options)

    def _change(self, options: dict[str, Any]) -> None:
        if bool(options["id"]) == options["all"]:
            raise CommandError(f"Name one to {options['what']}, or say --all.")
        wanted: dict[str, Any] = {}
        if options["id"]:
            wanted["id"] = parse_id(options["id"])
        changed = 0
        for _slug, tenant_id in self._tenants(options):
            with tenant_scope(tenant_id):
                found = self._of(options).filter(**wanted)
                changed += found.update(next_at=timezone.now()) if options["what"] == "retry" else found.delete()[0]
        if options["id"] and not changed:
            raise CommandError(f"There is none of the id {options['id']}.")
        done = "will be tried at once" if options["what"] == "retry" else "given up"
        self.stdout.write(f"{changed} {done}.")

    def _list(self, options: dict[str, Any]) -> None:
        rows, tenants = [], {}
        for slug, tenant_id in self._tenants(options):
            with tenant_scope(tenant_id):
                tenants[tenant_id] = Tenant.objects.get(id=tenant_id)
                rows += [(slug, aside) for aside in self._of(options).order_by("-created_at", "-id")[:SHOWN]]
        rows.sort(key=lambda row: row[1].created_at, reverse=True)
        if options["json"]:
            told = [
                {
                    "id": aside.id, "tenant": slug, "subscriber": aside.subscriber, "seq": aside.seq,
                    "attempts": aside.attempts, "reason": aside.reason, "next_at": aside.next_at,
                    "created_at": aside.created_at,
                }
                for slug, aside in rows
            ]  # fmt: skip
            self.stdout.write(json.dumps(told, indent=2, default=str))
            return
        for slug, aside in rows:
            again = f"again at {tenants[aside.tenant_id].in_words(aside.next_at)}" if aside.next_at else "waits for you"
            said = (
                aside.id,
                slug,
                aside.subscriber,
                f"event {aside.seq}",
                f"{aside.attempts} times",
                aside.reason,
                again,
            )
            self.stdout.write("  ".join(map(str, said)))

    def _tenants(self, options: dict[str, Any]) -> list[tuple[str, Any]]:
        found = find_tenants(*[] if options["tenant"] is None else [options["tenant"]])
        if options["tenant"] is not None and not found:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        return sorted(found.items())

    def _of(self, options: dict[str, Any]) -> Any:
        found = SetAside.objects.all()
        return found if options["subscriber"] is None else found.filter(subscriber=options["subscriber"])
