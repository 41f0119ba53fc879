"""Whether a view can be shown quickly: what PostgreSQL expects to read for a page of it, and for its number."""

import json
from typing import Any

from support.querysets import TicketQuerySet
from support.queue.reader import Reader
from support.queue.wanted import Wanted
from support.searching import asked_by, tickets_found

PAGE, COUNTED = 50, 1_000
# In PostgreSQL's own measure, by which a page read in order is 1. `make bench-views` holds that what costs less takes
# less than 150 ms among a million tickets.
MOST = 60_000
# What a search costs PostgreSQL does not estimate: it is done once. Fewer letters have no index.
SHORTEST_TERM, MOST_FOUND = 3, 5_000


def is_quick(wanted: Wanted, reader: Reader) -> bool:
    """Whether a view of this can be saved."""
    if wanted.term and (len(wanted.term) < SHORTEST_TERM or _finds_too_many(wanted.term, reader)):
        return False
    return costs_of(wanted, reader) <= MOST


def _finds_too_many(term: str, reader: Reader) -> bool:
    return tickets_found(reader.tickets, asked_by(term), reader).tickets.capped_count(MOST_FOUND) > MOST_FOUND


def costs_of(wanted: Wanted, reader: Reader) -> float:
    """What its two statements cost by PostgreSQL's estimate, in the tenants in scope: a page, and the number."""
    return sum(map(_estimate, statements_of(wanted, reader)))


def statements_of(wanted: Wanted, reader: Reader) -> tuple[TicketQuerySet, TicketQuerySet]:
    """The keys of a page in its order, and those that are counted, as the queue asks for them."""
    rows = wanted.narrowed(reader.tickets, reader)
    if wanted.term:
        rows = tickets_found(rows, asked_by(wanted.term), reader).tickets
    return keys(rows.order_by(*wanted.order(reader)))[:PAGE], keys(rows.order_by())[: COUNTED + 1]


def keys(rows: TicketQuerySet) -> Any:
    """Keys alone, which the indexes hold."""
    return rows.values("pk")


def _estimate(rows: Any) -> float:
    plan = json.loads(rows.explain(format="json"))
    return float(plan[0]["Plan"]["Total Cost"])
