"""Who has a ticket on their screen."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from support.models import Ticket, TicketViewer


def note_presence(*, ticket: Ticket, membership_id: UUID, at: datetime | None = None) -> None:
    """This person has the ticket open now. One statement, also while others do the same; locks their own row only."""
    seen = TicketViewer(
        tenant_id=ticket.tenant_id, ticket=ticket, membership_id=membership_id, seen_at=at or timezone.now()
    )
    TicketViewer.objects.bulk_create(
        [seen], update_conflicts=True, unique_fields=["tenant", "ticket", "membership"], update_fields=["seen_at"]
    )
