"""What is gone for good: a person's words and identity, and old tickets. Both by functions of the schema's owner."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from ondi.accounts.models import Membership
from ondi.accounts.roles import Role
from ondi.common.prepared import insert_rows
from ondi.common.times import iso
from ondi.common.upsert import hold_intake
from ondi.datafixes.fixes import Batch, FixOneByOne, Item
from ondi.outbox.publishing import entry
from ondi.webhooks.services import forget_answers
from support.fixes.tickets import TicketFix
from support.models import Ticket
from support.publishing import PERSON_ERASED
from support.querysets import TicketQuerySet


class EraseCustomer(FixOneByOne):
    is_final = True

    def __init__(self, tenant_id: UUID, *, customer: Membership) -> None:
        super().__init__(tenant_id)
        self.customer = customer

    def items(self) -> Iterator[Item]:
        customer = self.customer
        if customer.role != Role.CUSTOMER:
            yield Item(str(customer.id), str(customer.id), fault="this person is staff; end their membership instead")
            return
        if customer.erased_at is None:
            tickets = Ticket.objects.filter(tenant_id=self.tenant_id, requester=customer).count()
            yield Item(str(customer.id), f"customer {customer.id}", {"tickets": tickets}, {"words": "erased"})

    def hold(self, items: Sequence[Item]) -> None:
        """No batch that is taken in meanwhile writes their orders and deliveries anew."""
        hold_intake(self.tenant_id)

    def apply(self, item: Item, *, at: datetime) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ondi_erase_customer(%s)", [item.key])
            erased = bool((cursor.fetchone() or [False])[0])
        if erased:
            forget_answers(self.tenant_id)
            insert_rows(entry(PERSON_ERASED, tenant_id=self.tenant_id, person_id=UUID(item.key), at=at))
        return erased


class PurgeClosed(TicketFix):
    is_final = True
    footprint = ()

    def __init__(self, tenant_id: UUID, *, days: int) -> None:
        super().__init__(tenant_id)
        self.before = timezone.now() - timedelta(days=days)

    def tickets(self) -> TicketQuerySet:
        return Ticket.objects.closed().filter(closed_at__lt=self.before)

    def item_of(self, ticket: Ticket) -> Item:
        return Item(str(ticket.id), f"#{ticket.number}", {"closed_at": iso(ticket.closed_at)}, {"ticket": "deleted"})

    def apply_all(self, items: Sequence[Item], *, at: datetime) -> Batch:
        still = self.tickets().filter(tenant_id=self.tenant_id, id__in=[item.key for item in items])
        with connection.cursor() as cursor:
            cursor.execute("SELECT ondi_purge_tickets(%s)", [list(still.values_list("id", flat=True))])
            gone = int((cursor.fetchone() or [0])[0])
        return Batch(changed=gone, unchanged=len(items) - gone)
