"""What a queue's filters can name, and the views that its reader has: one statement for all of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models.functions import JSONObject

from ondi.accounts.models import Membership
from ondi.tenants.models import Tenant
from support.models import SavedView, Tag
from support.queue.reader import Reader


@dataclass(frozen=True, slots=True)
class Known:
    """`tags`, `people`, `tenants`: names by id, in their order; `people` are the reader's colleagues."""

    tags: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    tenants: Mapping[str, str] = field(default_factory=dict)
    views: Sequence[SavedView] = ()
    can_be_mine: bool = False


def known_to(reader: Reader) -> Known:
    """One statement."""
    tenants = {str(actor.tenant_id): actor.tenant.name for actor in reader.people}
    tags = Tag.objects.in_tenants(reader.tenant_ids).order_by("name", "id")
    colleagues = Membership.objects.in_tenants(reader.tenant_ids).support_users().exclude(id__in=reader.membership_ids)
    views = SavedView.objects.shown_to(reader.people)
    row = Tenant.objects.values(
        tags=_rows(tags, "id", "name"),
        people=_rows(colleagues.order_by("first_name", "last_name", "id"), "id", "first_name", "last_name"),
        views=_rows(views, *(field.attname for field in SavedView._meta.concrete_fields)),
    ).first()  # of any tenant in the scope
    found: dict[str, Any] = {name: rows or [] for name, rows in (row or {}).items()}  # none at all is NULL
    return Known(
        tags={one["id"]: one["name"] for one in map(_read, found.get("tags", ()))},
        people={one["id"]: str(Membership(**one)) for one in map(_read, found.get("people", ()))},
        tenants=tenants if len(tenants) > 1 else {},
        views=[_view(_read(one)) for one in found.get("views", ())],
        can_be_mine=reader.works,
    )


def _rows(rows: Any, *names: str) -> ArraySubquery:
    return ArraySubquery(rows.values(row=JSONObject(**{name: name for name in names})))


def _read(row: Any) -> dict[str, Any]:
    return json.loads(row) if isinstance(row, str) else row  # type: ignore[no-any-return]


def _view(row: dict[str, Any]) -> SavedView:
    ids = {name: UUID(row[name]) if row[name] else None for name in ("id", "tenant_id", "owner_id")}
    return SavedView(**row | ids)
