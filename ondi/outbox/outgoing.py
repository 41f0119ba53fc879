"""Whether anything may leave: by mail, push or call. A copy of a database writes to nobody.

A database goes with the installation that adopted it. Elsewhere, restored or cloned, its installation is another than
the environment's `ONDI_INSTALLATION`: then nothing goes out, and what is due waits, until it is adopted there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ondi.outbox.models import Installation, Stop


class Outgoing(StrEnum):
    """The ways by which something leaves."""

    EMAIL = "email"
    PUSH = "push"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Gate:
    """Of one channel: whether it is closed to all, and to which tenants."""

    is_closed: bool
    stopped: Collection[UUID]

    def lets_out(self, tenant_id: UUID) -> bool:
        return not self.is_closed and tenant_id not in self.stopped


def gate(channel: Outgoing) -> Gate:
    """As it stands now. Two statements."""
    installation = Installation.objects.first()
    if installation is None or not _is_here(installation) or {"", channel} & set(installation.stopped):
        return Gate(is_closed=True, stopped=())
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ondi_stopped(%s)", [channel.value])
        return Gate(is_closed=False, stopped={tenant_id for (tenant_id,) in cursor.fetchall()})


def due_by_tenant(way: Gate, function: str, *arguments: Any) -> Iterator[tuple[UUID, list[UUID]]]:
    """What an owner's function says is due, by tenant: its rows are (id, tenant), its last argument whom to pass over.

    None where nothing may go out.
    """
    if way.is_closed:
        return
    placeholders = ", ".join(["%s"] * (len(arguments) + 1))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, tenant_id FROM {function}({placeholders})", [*arguments, list(way.stopped)])  # noqa: S608 - ours
        rows = cursor.fetchall()
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for key, tenant_id in rows:
        found[tenant_id].append(key)
    yield from found.items()


def _is_here(installation: Installation) -> bool:
    return bool(settings.INSTALLATION) and installation.name == settings.INSTALLATION


def is_ours() -> bool:
    """Whether this database belongs to the installation it runs in."""
    installation = Installation.objects.first()
    return installation is not None and _is_here(installation)


def adopted_by() -> str:
    """The installation of this database; empty where none has adopted it."""
    return Installation.objects.values_list("name", flat=True).first() or ""


def adopt(name: str) -> None:
    """Let what is due in this database go out from this installation, and from no other."""
    Installation.objects.update_or_create(id=1, defaults={"name": name, "adopted_at": timezone.now()})


@transaction.atomic
def stop(*, channel: Outgoing | None = None, tenant_id: UUID | None = None) -> None:
    """Let nothing more out by this channel or any, for this tenant, which is in scope, or all. What is due waits."""
    if tenant_id is not None:
        Stop.objects.get_or_create(tenant_id=tenant_id, channel=channel or "")
        return
    one, _is_new = Installation.objects.select_for_update().get_or_create(id=1)
    one.stopped = sorted({*one.stopped, channel or ""})
    one.save()


@transaction.atomic
def start(*, channel: Outgoing | None = None, tenant_id: UUID | None = None) -> None:
    """Take back what `stop` said of this tenant, which is in scope, or of all; without a channel of each of them."""
    if tenant_id is not None:
        stops = Stop.objects.filter(tenant_id=tenant_id)
        (stops if channel is None else stops.filter(channel=channel)).delete()
        return
    one, _is_new = Installation.objects.select_for_update().get_or_create(id=1)
    one.stopped = [] if channel is None else [known for known in one.stopped if known != channel]
    one.save()
