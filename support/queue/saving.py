"""Saving views of the queue: who may, what is refused, and in which order they stand."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.http import QueryDict

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership, SettingsChange
from ondi.common.database import broken_constraint
from ondi.common.errors import DomainError
from ondi.tenants.models import PortalSettings
from support.models import SavedView
from support.queue.costs import is_quick
from support.queue.filters import FILTERS
from support.queue.known import known_to
from support.queue.reader import Reader
from support.queue.refusals import (
    CannotSaveViews,
    TooManyViews,
    ViewAlwaysEmpty,
    ViewAsksForNothing,
    ViewAsksForUnknown,
    ViewNameTaken,
    ViewNotFound,
    ViewTooSlow,
)
from support.queue.wanted import SORT, TAB, TERM, Wanted, read
from support.view_querysets import LEADING
from support.vocabulary import LONGEST_VIEW_QUERY, Audience

MOST_OWN, MOST_SHARED = 20, 40
NAMES = {"support_view_own_name", "support_view_shared_name"}


def saving_refusal(actor: Actor, audience: str) -> DomainError | None:
    """Why this person may not save, change or delete views for these people."""
    if actor.membership_id is None or not actor.is_support_user:
        return CannotSaveViews()
    return None if audience == Audience.OWN or actor.role in LEADING else CannotSaveViews()


def audiences_for(actor: Actor) -> list[Audience]:
    """For whom this person may save views."""
    return [audience for audience in Audience if saving_refusal(actor, audience) is None]


@transaction.atomic
def save_view(*, actor: Actor, name: str, audience: str, query: str, view_id: UUID | None = None) -> SavedView:
    """Keep a list of the queue as a tab, or change one. `query`: as it stands in the queue's address.

    A new one stands last; one for other people moves to their end. Views of several people are recorded with who
    changed what. Locks the tenant's settings. Raises `CannotSaveViews`, `ViewNotFound`, `TooManyViews`,
    `ViewNameTaken`, and what `checked_query` raises.
    """
    _hold(actor)
    view = _own_or_shared(actor, view_id) if view_id else SavedView(tenant_id=actor.tenant_id)
    if refusal := saving_refusal(actor, audience):
        raise refusal
    before = _told(view) if view_id else {}
    moves = view_id is None or view.audience != audience
    is_renamed_only = view_id is not None and query == view.query
    view.name, view.query = name, query if is_renamed_only else checked_query(actor, query)
    view.audience, view.owner_id = audience, actor.membership_id if audience == Audience.OWN else None
    if moves:
        view.position = _last_place(view)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        if broken_constraint(error) in NAMES:
            raise ViewNameTaken from error
        raise
    _record(actor, before, _told(view))
    return view


@transaction.atomic
def delete_view(*, actor: Actor, view_id: UUID) -> SavedView:
    """Take a view away; what it was. Locks the tenant's settings. Raises `CannotSaveViews` and `ViewNotFound`."""
    _hold(actor)
    view = _own_or_shared(actor, view_id)
    view.delete()
    _record(actor, _told(view), {})
    return view


@transaction.atomic
def move_view(*, actor: Actor, view_id: UUID, steps: int) -> SavedView:
    """Let a view stand so many places further on, or before, among those of the same people.

    Beyond the ends it stays at the end. Locks the tenant's settings. Raises `CannotSaveViews` and `ViewNotFound`.
    """
    _hold(actor)
    view = _own_or_shared(actor, view_id)
    order = list(SavedView.objects.beside(view))
    place = order.index(view)
    order.insert(max(place + steps, 0), order.pop(place))
    for position, one in enumerate(order, 1):
        one.position = position
    SavedView.objects.bulk_update(order, ["position"])
    return view


def forget_views(*, membership: Membership) -> int:
    """Delete somebody's own views, as they no longer work here; how many there were. Locks nothing else."""
    found = SavedView.objects.in_tenants([membership.tenant_id]).filter(owner=membership)
    return found.delete()[0]


def checked_query(actor: Actor, query: str) -> str:
    """The query as it is kept, for this person's tenant.

    Raises `ViewAsksForNothing`, `ViewAsksForUnknown` for what the queue's filters do not take, `ViewAlwaysEmpty`, and
    `ViewTooSlow` where PostgreSQL expects to read far more than is shown, or the search finds too much.
    """
    if len(query) > LONGEST_VIEW_QUERY:
        raise ViewAsksForUnknown
    address, reader = QueryDict(query), Reader.alone(actor)
    wanted = read(address, known_to(reader))
    if not (wanted.narrows or wanted.sort):
        raise ViewAsksForUnknown if wanted.gone else ViewAsksForNothing
    if wanted.gone or not _is_all_taken(address, wanted):
        raise ViewAsksForUnknown
    if wanted.is_always_empty:
        raise ViewAlwaysEmpty
    if not is_quick(wanted, reader):
        raise ViewTooSlow
    return wanted.query()


def _is_all_taken(address: QueryDict, wanted: Wanted) -> bool:
    """Whether the queue knows everything that an address says."""
    is_known = all(name in (TAB, TERM, SORT, *FILTERS) for name in address)
    tab, sort = address.get(TAB), address.get(SORT)
    return is_known and tab in (None, "", wanted.tab) and sort in (None, "", wanted.sort) and "\x00" not in wanted.term


def _hold(actor: Actor) -> None:
    """So that nobody saves beside this: of two, the second sees what the first did."""
    PortalSettings.objects.select_for_update().get_or_create(tenant_id=actor.tenant_id)


def _own_or_shared(actor: Actor, view_id: UUID) -> SavedView:
    view = SavedView.objects.shown_to([actor]).filter(id=view_id).first()
    if view is None:
        raise ViewNotFound
    if refusal := saving_refusal(actor, view.audience):
        raise refusal
    return view


def _last_place(view: SavedView) -> int:
    """Behind all that stand with it. Raises `TooManyViews`."""
    others = SavedView.objects.in_tenants([view.tenant_id]).filter(owner=view.owner_id).exclude(id=view.id)
    if others.count() >= (MOST_OWN if view.owner_id else MOST_SHARED):
        raise TooManyViews
    last = others.filter(audience=view.audience).aggregate(last=Max("position"))["last"]
    return (last or 0) + 1


def _told(view: SavedView) -> dict[str, str]:
    return {"audience": view.audience, "name": view.name, "query": view.query}


def _record(actor: Actor, before: dict[str, str], after: dict[str, str]) -> None:
    """As changes of settings are kept, but for what is somebody's own."""
    changed = {part for part in (*before, *after) if before.get(part) != after.get(part)}
    if not changed or {before.get("audience", Audience.OWN), after.get("audience", Audience.OWN)} == {Audience.OWN}:
        return
    name = after.get("name") or before["name"]
    SettingsChange.objects.create(
        tenant_id=actor.tenant_id,
        actor_id=actor.membership_id,
        before={f"view.{name}.{part}": before[part] for part in sorted(changed) if part in before},
        after={f"view.{name}.{part}": after[part] for part in sorted(changed) if part in after},
    )
