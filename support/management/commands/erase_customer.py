"""`manage.py erase_customer`."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from ondi.datafixes.command import FixCommand
from support.fixes.final import EraseCustomer
from support.fixes.tickets import person_named


class Command(FixCommand):
    help = (
        "FINAL. Erase one customer of a tenant: names, phone, e-mail, external ids, text of their tickets' messages "
        "and notes, subjects, addresses, kept answers, images of data fixes, admin log, sign-in records, sessions. How "
        "many tickets there were, and when, stays. There is no undo: nothing is kept of what was there."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--customer", required=True, metavar="PERSON", help="E-mail, external id or id.")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> EraseCustomer:
        return EraseCustomer(tenant_id, customer=person_named(tenant_id, options["customer"]))

    def arguments_of(self, fix: Any, options: dict[str, Any]) -> dict[str, Any]:
        """The record of the run names the person by the id alone."""
        return {"customer": str(fix.customer.id)}
