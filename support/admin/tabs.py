"""The tabs of the queue with their counts, the saved views behind the built-in ones, and what an address asks for."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib.admin import ListFilter
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ondi.common.ids import parse_id
from ondi.staff.entry import Staff, staff_at
from support.admin.pages import tickets_seen_by
from support.models import SavedView
from support.querysets import TicketQuerySet, capped_counts
from support.queue.known import Known, known_to
from support.queue.reader import Reader
from support.queue.tabs import TABS
from support.queue.wanted import NAMES, VIEW, Wanted, read
from support.vocabulary import WaitingOn

COUNTED_AT_MOST = 1_000
VIEWS_COUNTED = 8  # so many views, the first, say how many tickets they have


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks of the queue. `view`: the saved view whose tab it came from."""

    reader: Reader
    known: Known
    wanted: Wanted
    view: SavedView | None


def asked_at(request: HttpRequest) -> Asked:
    """Found once a request; one statement."""
    found = getattr(request, "asked_of_queue", None)
    if not isinstance(found, Asked):
        reader = Reader.serving(staff_at(request))
        known = known_to(reader)
        view_id = parse_id(request.GET.get(VIEW))
        view = next((one for one in known.views if one.id == view_id), None)
        wanted = read(request.GET, known)
        found = Asked(_in_zone_of(wanted, reader, staff_at(request)), known, wanted, view)
        request.asked_of_queue = found  # type: ignore[attr-defined]
    return found


def _in_zone_of(wanted: Wanted, reader: Reader, staff: Staff) -> Reader:
    """Days of one tenant's list begin where that tenant is."""
    tenants = wanted.chosen.get("tenant", ())
    return replace(reader, zone=staff.zone_in(UUID(tenants[0]))) if len(tenants) == 1 else reader


class QueueFilter(ListFilter):
    """All that the queue can be narrowed by, as one filter, so that it holds for paging, searching and bulk actions."""

    title = _("view")
    template = "support/no_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in NAMES:
            params.pop(name, None)

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Any:
        return ()

    def expected_parameters(self) -> list[str | None]:
        return list(NAMES)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, TicketQuerySet)
        asked = asked_at(request)
        return asked.wanted.narrowed(queryset, asked.reader)


def tab_links(request: HttpRequest) -> dict[str, Any]:
    """The built-in tabs with their counts, and how many tickets wait for this very person; one statement."""
    return _links(request, Reader.serving(staff_at(request)), None)


def queue_links(request: HttpRequest) -> dict[str, Any]:
    """As `tab_links`, with the saved views behind them."""
    asked = asked_at(request)
    return _links(request, asked.reader, asked)


def _links(request: HttpRequest, reader: Reader, asked: Asked | None) -> dict[str, Any]:
    tickets = reader.tickets
    rows = {name: tab.rows(tickets, reader) for name, tab in TABS.items()}
    waiting = rows["mine"].filter(waiting_on=WaitingOn.AGENT)
    views = _views(asked) if asked else []
    counted = {
        str(view.id): _rows_of(view, wanted, reader) for view, wanted in views[:VIEWS_COUNTED] if _counts(wanted)
    }
    counts = capped_counts({**rows, "waiting": waiting, **counted}, COUNTED_AT_MOST)
    chosen = asked.wanted.tab if asked and asked.view is None else None
    links = [
        _link(tab.label, counts[name], _query_of(asked, name), is_chosen=name == chosen) for name, tab in TABS.items()
    ]
    links += [
        _link(view.name, counts.get(str(view.id)), f"{view.query}&{VIEW}={view.id}", is_own=True,
              is_chosen=bool(asked and asked.view == view), is_broken=bool(wanted.gone))
        for view, wanted in views
    ]  # fmt: skip
    return {"tabs": links, "waiting": counts["waiting"]}


def _link(label: str | Promise, count: int | None, query: str, *, is_chosen: bool, **more: bool) -> dict[str, Any]:
    shown = "" if count is None else _shown(count)
    return {"label": label, "count": shown, "chosen": is_chosen, "query": f"?{query}", **more}


def _views(asked: Asked) -> list[tuple[SavedView, Wanted]]:
    return [(view, read(QueryDict(view.query), asked.known)) for view in asked.known.views]


def _counts(wanted: Wanted) -> bool:
    """A search is not asked again for a number, and what asks for something that is gone has none."""
    return not wanted.term and not wanted.gone


def _rows_of(view: SavedView, wanted: Wanted, reader: Reader) -> TicketQuerySet:
    return wanted.narrowed(reader.tickets.in_tenants([view.tenant_id]), reader)


def _query_of(asked: Asked | None, name: str) -> str:
    """A tab's address: search and filters stay, but those of a view; the page begins anew."""
    return asked.wanted.in_tab(name).query() if asked and asked.view is None else f"tab={name}"


def waiting_for(staff: Staff) -> int:
    """How many open tickets of this person wait for their answer, counted a little beyond a thousand."""
    mine = TABS["mine"].rows(tickets_seen_by(staff), Reader.serving(staff))
    return mine.filter(waiting_on=WaitingOn.AGENT).capped_count(COUNTED_AT_MOST)


def _shown(count: int) -> str:
    return f"{COUNTED_AT_MOST:,}+" if count > COUNTED_AT_MOST else f"{count:,}"
