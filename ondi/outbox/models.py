"""What happened, on its way from who wrote it to who is told.

A change and its `Entry` are one statement. The relay takes entries out in the order of their ids, numbers them and
keeps them as `Event`s; subscribers read those. Only the owner's functions write events and numbers.
"""

import functools
import operator
from collections.abc import Collection, Mapping
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone

from ondi.common.ids import new_id
from ondi.common.personal import NotPersonal
from ondi.common.querysets import TenantQuerySet
from ondi.tenants.models import TenantOwned


class EventQuerySet(TenantQuerySet["Event"]):
    def standing_at(self, positions: Mapping[UUID, Collection[int]]) -> Self:
        """Those at these positions, by tenant."""
        if not positions:
            return self.none()
        places = (Q(tenant_id=tenant_id, position__in=own) for tenant_id, own in positions.items())
        return self.filter(functools.reduce(operator.or_, places))


class PositionQuerySet(TenantQuerySet["Position"]):
    pass


class Happening(models.Model):
    """What entries and events say alike: ids, numbers, moments and codes, never words. No links: it outlives rows."""

    tenant_id = models.UUIDField()
    kind = models.CharField(max_length=40)
    # What it is about, within which order is kept; `version`: what that has after the change, where it counts.
    subject_id = models.UUIDField(null=True)
    version = models.PositiveIntegerField(null=True)
    person_id = models.UUIDField(null=True)  # the membership whose matter it is
    actor_id = models.UUIDField(null=True)  # the membership who did it; None: the system
    data = models.JSONField(default=dict)
    is_silent = models.BooleanField(default=False)  # a repair or import: kept and counted, and nobody is told
    cause = models.CharField(max_length=64, default="", blank=True)
    at = models.DateTimeField(default=timezone.now)

    personal = NotPersonal("ids, numbers and codes, never words")

    class Meta:
        abstract = True


class Entry(Happening):
    """Written and not yet numbered. The database draws the id, in the statement that inserts it."""

    id = models.BigAutoField(primary_key=True)

    def __str__(self) -> str:
        return self.kind


class Event(Happening):
    """Kept for `EVENTS_KEPT`. `seq` counts over all tenants without a gap, `position` within one."""

    seq = models.BigIntegerField(primary_key=True)
    position = models.BigIntegerField()
    relayed_at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "position"], name="outbox_event_position")]
        indexes = [models.Index(fields=["tenant_id", "person_id", "position"], name="outbox_event_of_person")]

    def __str__(self) -> str:
        return f"{self.position} {self.kind}"


class Position(models.Model):
    """The last position given in a tenant."""

    tenant_id = models.UUIDField(primary_key=True)
    position = models.BigIntegerField()

    personal = NotPersonal("a number")

    objects = PositionQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.position)


class Head(models.Model):
    """The last `seq` given; one row."""

    seq = models.BigIntegerField(default=0)

    personal = NotPersonal("a number")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="outbox_head_is_one")]

    def __str__(self) -> str:
        return str(self.seq)


class Cursor(models.Model):
    """How far a subscriber has come. Locked by the process that runs its turn."""

    subscriber = models.CharField(primary_key=True, max_length=40)
    seq = models.BigIntegerField()
    moved_at = models.DateTimeField(default=timezone.now)

    personal = NotPersonal("a number")

    def __str__(self) -> str:
        return f"{self.subscriber} {self.seq}"


class SetAside(models.Model):
    """An event that a subscriber failed at. `next_at`: when it is tried again; None: a person has to look."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    subscriber = models.CharField(max_length=40)
    seq = models.BigIntegerField()
    attempts = models.PositiveSmallIntegerField(default=1)
    reason = models.CharField(max_length=200)
    next_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    personal = NotPersonal("a number and the kind of an error")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "subscriber", "seq"], name="outbox_set_aside_once")]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="outbox_set_aside_due")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} {self.seq}"


class Chore(models.Model):
    """When work that repeats was last begun."""

    name = models.CharField(primary_key=True, max_length=40)
    last_at = models.DateTimeField()

    personal = NotPersonal("a moment")

    def __str__(self) -> str:
        return self.name


class Process(models.Model):
    """A process beside the web's, as it last said that it lives (`beats.py`). Of the installation, no tenant's.

    `turns`: when each of its parts last came round, by name, in seconds since 1970.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=40)
    turns = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)

    personal = NotPersonal("the name of a machine, numbers and moments")

    def __str__(self) -> str:
        return f"{self.kind} on {self.host}, process {self.pid}"


class Installation(models.Model):
    """Which installation this database writes to the world for, and by which channels it does not. One row at most.

    `name`: empty where none has adopted it. `stopped`: channels; an empty one stands for all.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    name = models.CharField(max_length=100, default="", blank=True)
    stopped = models.JSONField(default=list)
    adopted_at = models.DateTimeField(default=timezone.now)

    personal = NotPersonal("the name of a database")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="outbox_installation_is_one")]

    def __str__(self) -> str:
        return self.name


class Stop(TenantOwned):
    """That nothing goes out by a channel, or by any (empty), for a tenant."""

    channel = models.CharField(max_length=8, default="", blank=True)
    since = models.DateTimeField(default=timezone.now)

    personal = NotPersonal("which channel of a business")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "channel"], name="outbox_stop_once")]

    def __str__(self) -> str:
        return self.channel or "everything"
