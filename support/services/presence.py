"""Who has a ticket on their screen."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ondi.common.prepared import fetch_prepared
from ondi.streaming.rule import PRESENCE_CHANNEL, Subject, Viewing, register_presence
from ondi.tenants.scope import set_scope
from support.models import Ticket, TicketViewer
from support.querysets import PRESENCE

# In the order of the keys, so that processes which note the same people wait for each other and never in a circle.
# What was purged, and who left, meanwhile is passed over.
_NOTE = """
    WITH page AS (
        SELECT * FROM unnest(%(tenants)s::uuid[], %(tickets)s::uuid[], %(people)s::uuid[])
            AS page (tenant_id, ticket_id, membership_id)
    ), before AS (
        SELECT viewer.tenant_id, viewer.ticket_id, viewer.membership_id FROM support_ticketviewer AS viewer
        WHERE (viewer.tenant_id, viewer.ticket_id) IN (SELECT tenant_id, ticket_id FROM page)
            AND viewer.seen_at >= %(since)s
    ), noted AS (
        INSERT INTO support_ticketviewer (id, tenant_id, ticket_id, membership_id, seen_at)
        SELECT gen_random_uuid(), page.tenant_id, page.ticket_id, page.membership_id, %(at)s FROM page
        JOIN support_ticket AS ticket ON (ticket.tenant_id, ticket.id) = (page.tenant_id, page.ticket_id)
        JOIN accounts_membership AS person ON (person.tenant_id, person.id) = (page.tenant_id, page.membership_id)
        WHERE person.ended_at IS NULL
        ORDER BY page.tenant_id, page.ticket_id, page.membership_id
        ON CONFLICT (tenant_id, ticket_id, membership_id) DO UPDATE SET seen_at = excluded.seen_at
        RETURNING tenant_id, ticket_id, membership_id
    )
    SELECT tenant_id, ticket_id, membership_id, false FROM before
    UNION ALL SELECT came.*, true FROM (SELECT * FROM noted EXCEPT SELECT * FROM before) AS came
"""
# One that is locked is just being noted, by another process that shows it to the same person.
_FORGET = """
    DELETE FROM support_ticketviewer WHERE id IN (
        SELECT viewer.id FROM support_ticketviewer AS viewer
        JOIN unnest(%(tenants)s::uuid[], %(tickets)s::uuid[], %(people)s::uuid[], %(moments)s::timestamptz[])
            AS page (tenant_id, ticket_id, membership_id, noted_at) USING (tenant_id, ticket_id, membership_id)
        WHERE viewer.seen_at <= page.noted_at FOR UPDATE OF viewer SKIP LOCKED
    ) RETURNING tenant_id, ticket_id, membership_id
"""
_NOTIFY = "SELECT pg_notify(%(channel)s, said) FROM unnest(%(said)s::text[]) AS said"


def note_presence(*, ticket: Ticket, membership_id: UUID, at: datetime | None = None) -> None:
    """This person has the ticket open now. One statement, also while others do the same; locks their own row only."""
    seen = TicketViewer(
        tenant_id=ticket.tenant_id, ticket=ticket, membership_id=membership_id, seen_at=at or timezone.now()
    )
    TicketViewer.objects.bulk_create(
        [seen], update_conflicts=True, unique_fields=["tenant", "ticket", "membership"], update_fields=["seen_at"]
    )


@transaction.atomic
def keep_presence(opened: Collection[Viewing], left: Mapping[Viewing, datetime]) -> dict[Subject, frozenset[UUID]]:
    """Note who has these tickets open by the stream, in one statement, and forget who `left`; who is at them then.

    Nobody is forgotten who was noted after that moment, by another page of theirs. Who came and who went is notified.
    The scope is that of the pages, which the stream let in. Locks the rows of those who are noted, by key.
    """
    at = timezone.now()
    set_scope({one.tenant_id for one in (*opened, *left)})
    here = fetch_prepared(_NOTE, {**_columns(opened), "at": at, "since": at - PRESENCE}) if opened else []
    went = fetch_prepared(_FORGET, {**_columns(left), "moments": list(left.values())}) if left else []
    said = [f"{tenant} {ticket} {person} gone" for tenant, ticket, person in went]
    said += [f"{tenant} {ticket} {person} here" for tenant, ticket, person, is_new in here if is_new]
    if said:
        fetch_prepared(_NOTIFY, {"channel": PRESENCE_CHANNEL, "said": said})
    viewers: dict[Subject, set[UUID]] = defaultdict(set)
    for tenant, ticket, person, _is_new in here:
        viewers[tenant, ticket].add(person)
    for tenant, ticket, person in went:
        viewers[tenant, ticket].discard(person)
    return {subject: frozenset(people) for subject, people in viewers.items()}


def _columns(pages: Collection[Viewing]) -> dict[str, list[UUID | None]]:
    return {
        "tenants": [one.tenant_id for one in pages],
        "tickets": [one.subject_id for one in pages],
        "people": [one.membership_id for one in pages],
    }


register_presence(keep_presence)
