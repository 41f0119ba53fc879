"""Running a fix: planned, in batches, recorded, resumed where a run was cut off, and undone."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from ondi.datafixes.fixes import UNDONE, Batch, Fix, Item, reason
from ondi.datafixes.images import changed, current, put_back, rows_in
from ondi.datafixes.models import FixImage, FixRun
from ondi.tenants.scope import tenant_scope

SAMPLE = 5
SHORT = 0.5  # seconds a batch may take
LOCK_WAIT = "2s"
LOCK_TRIES = 3
FAULTS_SHOWN = 50


class FixRefused(Exception):
    """The run does not begin, or does not go on; the text says why."""


@dataclass(slots=True)
class Plan:
    """What a run would do: how much, an example, and a hash that tells whether it is still the same."""

    count: int = 0
    sample: list[Item] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    hash: str = ""


@dataclass(slots=True)
class Outcome:
    """What a run did. `faults`: item and reason."""

    run_id: UUID | None = None
    changed: int = 0
    unchanged: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)
    resumed: bool = False
    seconds: float = 0.0


def plan_of(fix: Fix, limit: int | None) -> Plan:
    """Read what would be done; the transaction it reads in cannot write."""
    plan, digest = Plan(), hashlib.sha256()
    with transaction.atomic(), tenant_scope(fix.tenant_id):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        for item in islice(fix.items(), limit):
            if item.fault:
                plan.faults.append((item.label, item.fault))
                continue
            if item.is_right:
                continue
            plan.count += 1
            told = json.dumps([item.key, dict(item.before), dict(item.after)], sort_keys=True, default=str)
            digest.update(told.encode())
            if len(plan.sample) < SAMPLE:
                plan.sample.append(item)
    plan.hash = digest.hexdigest()
    return plan


@contextmanager
def alone(command: str, tenant_id: UUID) -> Iterator[None]:
    """No other run of this command in this tenant meanwhile. Raises `FixRefused` where one is under way.

    The lock is the connection's, so it is gone with the process, however that ends.
    """
    number = int.from_bytes(hashlib.sha256(f"{command} {tenant_id}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        if not (cursor.fetchone() or [False])[0]:
            raise FixRefused(f"Another run of {command} is under way in this tenant.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def apply_fix(
    fix: Fix,
    *,
    command: str,
    arguments: Mapping[str, Any],
    operator: str,
    plan: str,
    limit: int | None,
    batch_size: int,
    max_errors: int,
    progress: Callable[[int], object],
) -> Outcome:
    """Fix everything `fix.items()` names, in short transactions. A run that was cut off goes on under its record.

    `plan`: the hash of the plan this is meant to be; empty: whatever there is now. `max_errors`: stop after so
    many failed items. `progress` is told how many more are done. Raises `FixRefused`.
    """
    with alone(command, fix.tenant_id):
        run, resumed = _begin(fix, command, arguments, operator, plan, limit)
        outcome = Outcome(run_id=run.id, resumed=resumed)
        start, size = time.monotonic(), batch_size
        items = islice(fix.items(), limit)
        for batch in _batches(fix, items, batch_size):
            waiting = list(batch)
            while waiting:
                size, done = _one_batch(fix, run, waiting[:size], size, batch_size, outcome)
                waiting = waiting[done:]
                progress(done)
            if len(outcome.faults) > max_errors:
                break
        run.status = FixRun.Status.FAILED if outcome.faults else FixRun.Status.DONE
        run.finished_at = timezone.now()
        with tenant_scope(fix.tenant_id):
            run.save()
        outcome.seconds = time.monotonic() - start
        return outcome


def _begin(
    fix: Fix, command: str, arguments: Mapping[str, Any], operator: str, plan: str, limit: int | None
) -> tuple[FixRun, bool]:
    with tenant_scope(fix.tenant_id):
        same = FixRun.objects.filter(tenant_id=fix.tenant_id, command=command, arguments=dict(arguments))
        cut_off = same.filter(status=FixRun.Status.RUNNING).order_by("-started_at", "-id").first()
        if cut_off is not None and plan in ("", cut_off.plan):
            return cut_off, True
    if plan and plan_of(fix, limit).hash != plan:
        raise FixRefused("The data is no longer what the plan was made of. Look at a new plan first. Nothing was done.")
    with tenant_scope(fix.tenant_id):
        return FixRun.objects.create(
            tenant_id=fix.tenant_id,
            command=command,
            arguments=dict(arguments),
            operator=operator,
            is_final=fix.is_final,
            plan=plan,
            started_at=timezone.now(),
        ), False


def _batches(fix: Fix, items: Iterator[Item], size: int) -> Iterator[Sequence[Item]]:
    """Pieces of what there is to do, each read in a transaction of its own that ends before it is worked on."""
    while True:
        with tenant_scope(fix.tenant_id):
            batch = list(islice(items, size))
        if not batch:
            return
        yield batch


def _one_batch(fix: Fix, run: FixRun, batch: Sequence[Item], size: int, most: int, outcome: Outcome) -> tuple[int, int]:
    """Try these together; returns the size for the next ones and how many of these are done.

    A batch that waits for a lock too long is tried again with half as many, a single item three times.
    """
    start = time.monotonic()
    for _attempt in range(LOCK_TRIES):
        try:
            result = _commit_batch(fix, run, batch)
            break
        except OperationalError as error:
            if len(batch) > 1:
                return max(1, len(batch) // 2), 0
            result = Batch(faults=[(batch[0].label, reason(error))])
    outcome.changed += result.changed
    outcome.unchanged += result.unchanged
    outcome.faults += result.faults
    took = time.monotonic() - start
    return max(1, size // 2) if took > SHORT else min(most, size * 2), len(batch)


def _commit_batch(fix: Fix, run: FixRun, batch: Sequence[Item]) -> Batch:
    todo = [item for item in batch if not item.fault and not item.is_right]
    with tenant_scope(fix.tenant_id):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
        parameters = {"tenant": fix.tenant_id, **fix.parameters(todo)}
        before = {} if fix.is_final else rows_in(fix.footprint, parameters)
        result = fix.apply_all(todo, at=run.started_at)
        result.unchanged += sum(item.is_right for item in batch)
        result.faults += [(item.label, item.fault) for item in batch if item.fault]
        if not fix.is_final and result.changed:
            _keep_images(fix, run, parameters, before)
        run.changed += result.changed
        run.failed += len(result.faults)
        run.save(update_fields=["changed", "failed"])
    return result


def _keep_images(fix: Fix, run: FixRun, parameters: Mapping[str, Any], before: Mapping[Any, Any]) -> None:
    after = rows_in(fix.footprint, parameters)
    order = {part.table: place for place, part in enumerate(fix.footprint)}
    touched = sorted(before.keys() | after.keys(), key=lambda row: (row[0], order[row[1]], row[2]))
    FixImage.objects.bulk_create(
        FixImage(
            tenant_id=fix.tenant_id,
            run=run,
            item=item,
            position=place,
            table_name=table,
            row_id=row_id,
            before=before.get((item, table, row_id)),
            after=after.get((item, table, row_id)),
        )
        for place, (item, table, row_id) in enumerate(touched)
        if before.get((item, table, row_id)) != after.get((item, table, row_id))
    )


def undo_run(run: FixRun, *, progress: Callable[[int], object]) -> Outcome:
    """Put every row of a run back, item by item. An item with a row that changed since is named and left alone.

    Locks the rows. Run again it goes on where it was. Raises `FixRefused` for a run that is final or under way.
    """
    if run.is_final:
        raise FixRefused(f"{run.command} is final: it kept nothing to go back to.")
    with alone(run.command, run.tenant_id):
        outcome = Outcome(run_id=run.id)
        with tenant_scope(run.tenant_id):
            items = list(
                FixImage.objects.filter(tenant_id=run.tenant_id, run=run)
                .order_by("-item")
                .values_list("item", flat=True)
                .distinct()
            )
        for item in items:
            fault = _undo_item(run, item, outcome)
            if fault:
                outcome.faults.append((item, fault))
            progress(1)
        run.status = FixRun.Status.FAILED if outcome.faults else FixRun.Status.UNDONE
        with tenant_scope(run.tenant_id):
            run.save(update_fields=["status"])
        return outcome


def _undo_item(run: FixRun, item: str, outcome: Outcome) -> str:
    """Why this item stays as it is; empty where it is what it was."""
    try:
        with tenant_scope(run.tenant_id):
            images = FixImage.objects.filter(tenant_id=run.tenant_id, run=run, item=item).order_by("-position", "-id")
            todo = []
            for image in images:
                now = current(image.table_name, image.row_id)
                if changed(now, image.before):
                    if changed(now, image.after):
                        return f"{image.table_name} {image.row_id} changed since"
                    todo.append(image)
            for image in todo:
                put_back(image.table_name, image.row_id, image.before, image.after)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            if todo and run.command in UNDONE:
                UNDONE[run.command](run.tenant_id, [item], timezone.now())
            outcome.changed += bool(todo)
            outcome.unchanged += not todo
    except IntegrityError as error:
        return reason(error)
    return ""
