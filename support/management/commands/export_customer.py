"""`manage.py export_customer`: everything about one person, for themselves."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from conversations.models import Message, Participant
from deliveries.models import Delivery
from ondi.accounts.models import RefreshFamily
from ondi.common.files import create_private
from ondi.tenants.scope import find_tenants, tenant_scope
from orders.models import Order, OrderItem
from support.fixes.tickets import person_named
from support.models import Ticket, TicketEvent, TicketNote


class Command(BaseCommand):
    help = (
        "Write everything the tenant holds about one customer into a ZIP of JSON files: the person, tickets, messages, "
        "notes, events, orders, deliveries, sessions. Changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--customer", required=True, metavar="PERSON", help="E-mail, external id or id.")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE.zip")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = find_tenants(options["tenant"]).get(options["tenant"])
        if tenant_id is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        person = person_named(tenant_id, options["customer"])
        own = {"tenant_id": tenant_id}
        with tenant_scope(tenant_id):
            tickets = Ticket.objects.filter(**own, requester=person)
            conversations, orders = tickets.values("conversation_id"), Order.objects.filter(**own, customer=person)
            parts: dict[str, QuerySet[Any]] = {
                "tickets": tickets,
                "messages": Message.objects.filter(**own, conversation__in=conversations),
                "participants": Participant.objects.filter(**own, conversation__in=conversations),
                "notes": TicketNote.objects.filter(**own, ticket__in=tickets),
                "events": TicketEvent.objects.filter(**own, ticket__in=tickets),
                "orders": orders,
                "order_items": OrderItem.objects.filter(**own, order__in=orders),
                "deliveries": Delivery.objects.filter(**own, customer=person),
                "sessions": RefreshFamily.objects.filter(**own, user=person.user_id),
            }
            them = type(person).objects.filter(pk=person.pk).values().get()
            counts = self._write(options["out"], them, parts)
        self.stdout.write(f"{options['out']}: " + ", ".join(f"{number} {name}" for name, number in counts.items()))

    def _write(self, path: Path, person: Mapping[str, Any], parts: dict[str, QuerySet[Any]]) -> dict[str, int]:
        """Raises `CommandError` where the file cannot be written."""
        counts = {}
        try:
            with create_private(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("person.json", _json(person))
                for name, rows in parts.items():
                    found = list(rows.order_by("pk").values())
                    archive.writestr(f"{name}.json", _json(found))
                    counts[name] = len(found)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        return counts


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
