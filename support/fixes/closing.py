"""Automatic closing: runs that nobody starts by hand, recorded and undone as every data fix is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.datafixes.fixes import FixRefused, Item, after_undo, before_undo
from ondi.datafixes.models import FixRun
from ondi.datafixes.runs import apply_fix
from ondi.tenants.scope import tenant_scope
from support.fixes.tickets import TICKETS, Close, hold_people
from support.models import TicketEvent
from support.querysets import TicketQuerySet
from support.services.undoing import note_undo
from support.unanswered import AUTO_CLOSE, Unanswered
from support.vocabulary import EventKind

MOST_AN_HOUR = 200
HOUR = timedelta(hours=1)
BATCH = 50
log = structlog.get_logger(__name__)


class AutoClose(Close):
    """What customers left unanswered, told to them as a colleague's closing is.

    Messages stay where an undo finds them: it is a further one that says that the ticket is open again.
    """

    cause = AUTO_CLOSE
    announce = True
    footprint = (replace(TICKETS, but=("last_activity_at",)),)

    def __init__(self, found: Unanswered) -> None:
        super().__init__(found.tenant_id)
        self.found = found
        self.arguments = {"days": str(found.days), "warning_days": str(found.warning_days)}

    def tickets(self) -> TicketQuerySet:
        return self.found.to_close(timezone.now())

    def items(self) -> Iterator[Item]:
        """As many as the hour has room for, asked when the run begins: another may have ended a moment ago."""
        yield from islice(super().items(), self._room())

    def has_work(self) -> bool:
        """Whether there is something to close now, or a run of this that was cut off and has to come to its end."""
        cut_off = FixRun.objects.filter(tenant_id=self.tenant_id, command=AUTO_CLOSE, arguments=self.arguments)
        is_due = self._room() > 0 and self.tickets().exists()
        return is_due or cut_off.filter(status__in=(FixRun.Status.RUNNING, FixRun.Status.CUT_OFF)).exists()

    def _room(self) -> int:
        closed = TicketEvent.objects.in_tenants([self.tenant_id]).closings().filter(cause__startswith=f"{AUTO_CLOSE}:")
        return max(0, MOST_AN_HOUR - closed.filter(created_at__gt=timezone.now() - HOUR).count())


def close_unanswered(found: Unanswered) -> int:
    """Close what is due in a run of its own, if anything is; how many."""
    fix = AutoClose(found)
    with tenant_scope(found.tenant_id):
        if not fix.has_work():
            return 0
    try:
        outcome = apply_fix(
            fix, command=AUTO_CLOSE, arguments=fix.arguments, operator="system", plan="", limit=None, batch_size=BATCH,
            max_errors=MOST_AN_HOUR, progress=lambda _more: None,
        )  # fmt: skip
    except FixRefused:  # another process is at it
        return 0
    if outcome.error:
        log.warning("automatic closing cut off", run=str(outcome.run_id))
    return outcome.changed


@after_undo(AUTO_CLOSE)
def tell_of_undo(actor: Actor, items: Sequence[str], at: datetime) -> None:
    note_undo(actor=actor, ticket_ids=[UUID(item) for item in items], kind=EventKind.REOPENED, at=at, announce=True)


before_undo(AUTO_CLOSE)(hold_people)
