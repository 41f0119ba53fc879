"""What somebody asks of the queue, as it stands in the address: the same for lists, tabs and saved views."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from support.querysets import TicketQuerySet
from support.queue.filters import FILTERS
from support.queue.known import Known
from support.queue.reader import Reader
from support.queue.tabs import EVERYTHING, SORTS, TABS, Order, Tab

TAB, TERM, SORT, VIEW = "tab", "q", "sort", "view"
FORMER = "__exact"  # addresses that were kept from the first edition
LOOK_EVERYWHERE = frozenset({"promise", "period"})
FIRST_TAB, CLOSED_TAB = "unassigned", "closed"
NAMES = (TAB, SORT, VIEW, *FILTERS, *(f"{name}{FORMER}" for name in FILTERS))


@dataclass(frozen=True, slots=True)
class Wanted:
    """`tab`: one of `TABS`, None for everything; `chosen`: values by filter; `gone`: what there is no such thing of."""

    tab: str | None
    term: str
    sort: str
    chosen: Mapping[str, tuple[str, ...]]
    gone: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> Tab:
        return TABS[self.tab] if self.tab else EVERYTHING

    @property
    def is_always_empty(self) -> bool:
        """Closed tickets by what only open ones have: PostgreSQL would look through all to find none."""
        return self.tab == CLOSED_TAB and any(FILTERS[name].only_open for name in self.chosen)

    @property
    def narrows(self) -> bool:
        return bool(self.chosen or self.term)

    def narrowed(self, tickets: TicketQuerySet, reader: Reader) -> TicketQuerySet:
        """The tab's tickets that every filter lets through; the search is asked apart."""
        if self.is_always_empty:
            return tickets.none()
        conditions = (FILTERS[name].where(values, reader) for name, values in self.chosen.items())
        return self.place.rows(tickets, reader).filter(*conditions)

    def order(self, reader: Reader) -> Order:
        return SORTS[self.sort][1] if self.sort else self.place.order_for(reader)

    def without(self, name: str, value: str = "") -> "Wanted":
        """The same without one value of a filter, or without the search."""
        if name == TERM:
            return replace(self, term="")
        left = tuple(one for one in self.chosen[name] if one != value)
        others = {key: values for key, values in self.chosen.items() if key != name}
        return replace(self, chosen=others | ({name: left} if left else {}))

    def in_tab(self, tab: str) -> "Wanted":
        return replace(self, tab=tab, sort=self.sort if self.sort in TABS[tab].sorts else "")

    def sorted_by(self, sort: str) -> "Wanted":
        return replace(self, sort=sort)

    def query(self) -> str:
        """As it stands in an address; one text for what is the same."""
        said: dict[str, Any] = {TAB: [self.tab] if self.tab else [], TERM: [self.term] if self.term else []}
        said |= {name: self.chosen[name] for name in FILTERS if name in self.chosen}
        return urlencode([*said.items(), (SORT, [self.sort] if self.sort else [])], doseq=True)


def read(address: QueryDict, known: Known) -> Wanted:
    """What an address asks for. What it asks for and is not there is left out, and named in `gone`."""
    chosen, gone = {}, []
    for name, one in FILTERS.items():
        given = dict.fromkeys((*address.getlist(name), *address.getlist(f"{name}{FORMER}")))
        taken = tuple(value for value in given if one.takes(value, known))
        gone += [(name, value) for value in given if value and value not in taken]
        if taken:
            chosen[name] = taken
    term = address.get(TERM, "").strip()
    tab = _tab_of(address, looks_everywhere=bool(term) or not LOOK_EVERYWHERE.isdisjoint(chosen))
    sort = address.get(SORT, "")
    place = TABS[tab] if tab else EVERYTHING
    return Wanted(tab, term, sort if sort in place.sorts else "", chosen, tuple(gone))


def _tab_of(address: QueryDict, *, looks_everywhere: bool) -> str | None:
    """Without one the first, but a search, a list of promises and a period look everywhere."""
    asked = address.get(TAB)
    if asked in TABS:
        return asked
    return None if looks_everywhere else FIRST_TAB
