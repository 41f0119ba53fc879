"""Putting the rows of a run back: looked at first, whole items at a time, and what stays is named."""

from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from ondi.accounts.actors import Actor
from ondi.datafixes import images
from ondi.datafixes.batches import Pace, is_lost, wait_briefly, work_off
from ondi.datafixes.fixes import HELD, UNDONE, Batch, FixRefused
from ondi.datafixes.links import Hanging, Link, links_of_database, what_hangs_on
from ondi.datafixes.models import FixImage, FixRun
from ondi.datafixes.runs import Outcome, alone, status_of
from ondi.tenants.scope import tenant_scope

AT_ONCE = 500
Row = tuple[str, UUID]
Becomes = dict[Row, Mapping[str, Any] | None]


def undo_run(run: FixRun, *, progress: Callable[[int], object], dry_run: bool = False) -> Outcome:
    """Put the rows of a run back, item by item, the last one first; what belongs together goes together or not at all.

    An item stays, and is named with the reason, where one of its rows changed since, where something that the run did
    not make hangs on a row that would go, or where another item that stays hangs on it. Locks the rows. Run again it
    goes on where it was. `dry_run`: only look. From when it begins nothing is raised: what ended it is the outcome's
    `error`. Raises `FixRefused` for a run that is final or under way.
    """
    if run.is_final:
        raise FixRefused(f"{run.command} is final: it kept nothing to go back to.")
    autodiscover_modules("fixes.undoing")  # what follows, and what is held first, say the apps
    with alone(run.command, run.tenant_id):
        outcome = Outcome(run.id, status_of([run])[run.id])
        undo = _Undo(run, links_of_database(), dry_run=dry_run)
        with outcome.cut_off_by_anything():
            left = undo.items()
            while left:
                _pass(undo, left, outcome, progress)
                tried, left = len(left), [item for item, _reason in outcome.faults]
                if len(left) == tried:
                    break  # else what hung on an item that came first may be gone now
        if not dry_run and not is_lost():
            _close(run, outcome)
        return outcome


def _close(run: FixRun, outcome: Outcome) -> None:
    if not outcome.error and not outcome.faults:
        run.status = FixRun.Status.UNDONE
    elif outcome.faults and run.status not in (FixRun.Status.HALF_UNDONE, FixRun.Status.UNDONE):
        run.status = FixRun.Status.UNDO_REFUSED
    with tenant_scope(run.tenant_id):
        run.save(update_fields=["status"])
    outcome.status = run.status


def _pass(undo: "_Undo", items: Sequence[str], outcome: Outcome, progress: Callable[[int], object]) -> None:
    """Try these once; those that stay are the outcome's faults."""
    undo.held.clear()
    outcome.faults = []
    for done, batch in work_off(items, undo.put_back, name=str, pace=Pace(size=AT_ONCE, most=AT_ONCE)):
        outcome.take(batch)
        progress(done)


@dataclass(slots=True)
class _Undo:
    run: FixRun
    links: Sequence[Link]
    dry_run: bool
    # Rows that items which stay hang on, with the item; and, where we only look, what rows would have become.
    held: dict[Row, str] = field(default_factory=dict)
    became: Becomes = field(default_factory=dict)

    def items(self) -> list[str]:
        """The items of the run, the last taken first."""
        with tenant_scope(self.run.tenant_id), connection.cursor() as cursor:
            cursor.execute(
                "SELECT item FROM datafixes_fiximage WHERE tenant_id = %s AND run_id = %s "
                "GROUP BY item ORDER BY max(position) DESC, max(id::text) DESC",
                [self.run.tenant_id, self.run.id],
            )
            return [item for (item,) in cursor.fetchall()]

    def put_back(self, items: Sequence[str]) -> Batch:
        """Put back what can be of these, in a transaction of its own."""
        with tenant_scope(self.run.tenant_id):
            wait_briefly()
            found = self._images(items)
            if not self.dry_run and self.run.command in HELD:
                HELD[self.run.command](self.run.tenant_id, [image.before for image in found if image.before])
            look = _Look(self, found)
            if not self.dry_run:
                _restore([image for images_ in look.todo.values() for image in images_], alone=len(items) == 1)
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                if look.todo and self.run.status != FixRun.Status.HALF_UNDONE:
                    half = FixRun.objects.filter(tenant_id=self.run.tenant_id, id=self.run.id)
                    half.update(status=FixRun.Status.HALF_UNDONE)
                if look.todo and self.run.command in UNDONE:
                    actor = Actor.system(self.run.tenant_id, f"undo:{self.run.id}")
                    UNDONE[self.run.command](actor, list(look.todo), timezone.now())
            if look.todo:
                self.run.status = FixRun.Status.HALF_UNDONE
        self.held |= look.held
        if self.dry_run:
            self.became |= look.becomes()
        return Batch(len(look.todo), len(items) - len(look.todo) - len(look.stay), list(look.stay.items()))

    def _images(self, items: Collection[str]) -> list[FixImage]:
        found = FixImage.objects.filter(tenant_id=self.run.tenant_id, run=self.run, item__in=items)
        return list(found.order_by("-position", "-id"))


class _Look:
    """What can be put back of these images and what has to stay. Locks the rows, unless nothing will be done.

    `todo`: images by item, the last written first; `stay`: reasons by item; `held`: rows that what stays hangs on.
    """

    def __init__(self, undo: _Undo, found: Sequence[FixImage]) -> None:
        self.undo = undo
        self.todo: dict[str, list[FixImage]] = {}
        self.stay: dict[str, str] = {}
        self.held = dict(undo.held)
        self.owners = {_row(image): image.item for image in found}
        self.now = self._rows_now(found)
        for image in found:
            row = self.now.get(_row(image))
            if images.changed(image.table_name, row, image.before):
                self.todo.setdefault(image.item, []).append(image)
                if images.changed(image.table_name, row, image.after):
                    self.stay[image.item] = f"{image.table_name} {image.row_id} changed since"
        self._keep_whole()

    def becomes(self) -> Becomes:
        """What rows will be when this is done; None: gone."""
        return {_row(image): image.before for images_ in self.todo.values() for image in images_}

    def _rows_now(self, found: Sequence[FixImage]) -> dict[Row, Mapping[str, Any]]:
        wanted: dict[str, list[UUID]] = {}
        for image in found:
            wanted.setdefault(image.table_name, []).append(image.row_id)
        deleting = {image.table_name for image in found if image.before is None}
        now: dict[Row, Mapping[str, Any]] = {}
        for table in sorted(wanted, key=images.lock_place):
            # FOR UPDATE, so that nothing new comes to hang on a row that goes.
            lock = "" if self.undo.dry_run else "FOR UPDATE" if table in deleting else "FOR NO KEY UPDATE"
            found_now = images.rows_now(table, wanted[table], lock)
            now |= {(table, row_id): row for row_id, row in found_now.items()}
        return now

    def _keep_whole(self) -> None:
        """Until nothing more has to stay: what something else hangs on, and what hangs on something that stays."""
        deleting: dict[str, list[UUID]] = {}
        for table, row_id in (row for row, before in self.becomes().items() if before is None):
            deleting.setdefault(table, []).append(row_id)
        hanging = [one for table, keys in deleting.items() for one in what_hangs_on(self.undo.links, table, keys)]
        judged = -1
        while judged < len(self.stay):
            judged = len(self.stay)
            becomes = ChainMap(self.becomes(), self.undo.became)
            for one in hanging:
                item = self.owners[one.parent, one.parent_id]
                if item in self.todo and not _lets_go(one, becomes):
                    self.stay.setdefault(item, f"{one.child} {one.child_id} hangs on {one.parent} {one.parent_id}")
            for row, item in self.owners.items():
                if item in self.stay:
                    self._hold_parents_of(row, item)
            for row in self.held.keys() & self.owners.keys():
                item, other = self.owners[row], self.held[row]
                if item != other and item in self.todo:
                    self.stay.setdefault(item, f"{other} stays, and hangs on {row[0]} {row[1]}")
            for item in self.stay:
                self.todo.pop(item, None)

    def _hold_parents_of(self, row: Row, item: str) -> None:
        for link in self.undo.links:
            if link.child == row[0] and (parent := self.now.get(row, {}).get(link.column)):
                self.held[link.parent, UUID(parent)] = item


def _lets_go(one: Hanging, becomes: Mapping[Row, Mapping[str, Any] | None]) -> bool:
    """Whether the row that hangs there will be gone itself, or hang on something else."""
    child = (one.child, one.child_id)
    if child not in becomes:
        return False
    row = becomes[child]
    return row is None or row.get(one.column) != str(one.parent_id)


def _row(image: FixImage) -> Row:
    return image.table_name, image.row_id


def _restore(todo: Sequence[FixImage], *, alone: bool) -> None:
    """Make these rows what they were: all at once; where they are of one item, row by row, as places become free.

    Raises `IntegrityError` where something else has the place of one.
    """
    try:
        with transaction.atomic():
            _restore_together(todo)
    except IntegrityError:
        if not alone:
            raise
        while todo:
            waiting = [image for image in todo if not _restored(image)]
            if len(waiting) == len(todo):
                raise
            todo = waiting


def _restored(image: FixImage) -> bool:
    """Make this row what it was; False where something has its place, which may be a row that is still to be moved."""
    try:
        with transaction.atomic():
            _restore_together([image])
    except IntegrityError:
        return False
    return True


def _restore_together(todo: Sequence[FixImage]) -> None:
    gone: dict[str, list[UUID]] = {}
    different: dict[str, list[Mapping[str, Any]]] = {}
    missing: dict[str, list[Mapping[str, Any]]] = {}
    for image in todo:
        if image.before is None:
            gone.setdefault(image.table_name, []).append(image.row_id)
        else:
            rows = missing if image.after is None else different
            rows.setdefault(image.table_name, []).append(image.before)
    for table, keys in gone.items():
        images.take_away(table, keys)
    for table, rows_of_table in different.items():
        images.set_back(table, rows_of_table)
    for table, rows_of_table in missing.items():
        images.bring_back(table, rows_of_table)
