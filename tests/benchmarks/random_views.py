"""Views of the queue as people make them, and at random: how each is shown among the tickets that are there.

Runs inside the product (`manage.py shell`), with the tenant in scope; the same views in every run.
"""

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.http import QueryDict

from ondi.accounts.actors import Actor
from support.queue.costs import COUNTED, PAGE, costs_of, is_quick
from support.queue.filters import FILTERS
from support.queue.known import Known, known_to
from support.queue.reader import Reader
from support.queue.rows import shown
from support.queue.tabs import TABS
from support.queue.wanted import read

SEED, ROUNDS = 19, 3
# What is chosen from at random, with what is alike for everybody; tags and people are those that are there.
PRIORITIES, SOURCES = ("low", "medium", "high", "urgent"), ("customer_portal", "restaurant", "phone")
TERMS = ("delayed", "last777", "#1042", "refund not received")
Query = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """`seconds`: of processor time, ours and the database's, for a page and the number; the best of some rounds.

    Not of the clock: what else the machine does meanwhile says nothing of a view.
    """

    name: str
    query: str
    cost: float
    seconds: float
    found: int
    is_refused: bool


def first_twenty(known: Known) -> dict[str, Query]:
    """The tabs that people make first."""
    (tag, other, *_tags), (agent, *_people) = known.tags, known.people
    return {
        "mine, urgent": {"tab": "mine", "priority": "urgent"},
        "urgent": {"tab": "open", "priority": "urgent"},
        "urgent or high, nobody's": {"tab": "unassigned", "priority": ["urgent", "high"]},
        "unread": {"tab": "open", "unread": "yes"},
        "mine, unread": {"tab": "mine", "unread": "yes"},
        "by tag": {"tab": "open", "tag": tag},
        "by two tags": {"tab": "open", "tag": [tag, other]},
        "by tag, nobody's": {"tab": "unassigned", "tag": tag},
        "by agent": {"tab": "open", "assignee": agent},
        "by agent, ours": {"tab": "open", "assignee": agent, "waiting_on": "agent"},
        "due today": {"tab": "open", "due": "today", "sort": "due"},
        "overdue": {"tab": "open", "due": "overdue", "sort": "due"},
        "mine, due today": {"tab": "mine", "due": ["overdue", "today"], "sort": "due"},
        "waits on us": {"tab": "open", "waiting_on": "agent"},
        "waits on the customer": {"tab": "open", "waiting_on": "customer", "sort": "newest"},
        "calls": {"tab": "open", "source": "phone"},
        "new today": {"tab": "open", "age": "1", "sort": "newest"},
        "old ones": {"tab": "open", "age": "older"},
        "by priority": {"tab": "open", "sort": "priority"},
        "closed this week": {"tab": "closed", "age": "7"},
    }


def at_random(number: int, known: Known) -> Iterator[Query]:
    chance = random.Random(SEED)
    values = {
        "priority": PRIORITIES, "source": SOURCES, "waiting_on": ("agent", "customer"), "tag": list(known.tags),
        "assignee": ("me", "nobody", *known.people), "age": ("1", "7", "30", "older"), "due": ("overdue", "today"),
        "unread": ("yes",),
    }  # fmt: skip
    for _view in range(number):
        tab = chance.choices(list(TABS), weights=(20, 15, 5, 40, 5, 15))[0]
        fitting = [name for name in values if tab != "closed" or not FILTERS[name].only_open]
        names = chance.sample(fitting, chance.choice((1, 1, 2, 2, 3)))
        query: dict[str, Any] = {"tab": tab}
        query |= {
            name: chance.sample(values[name], min(chance.choice((1, 1, 2, 3)), len(values[name]))) for name in names
        }
        if chance.random() < 0.05:
            query["q"] = chance.choice(TERMS)
        if sorts := TABS[tab].sorts:
            query["sort"] = chance.choice(("", *sorts))
        yield query


def measured(actor: Actor, number: int) -> list[dict[str, Any]]:
    """The first twenty, and so many at random, each as it is shown to this person."""
    reader = Reader.alone(actor)
    known = known_to(reader)
    connection.cursor().execute("SET max_parallel_workers_per_gather = 0")  # their work would count for nothing
    named = {**first_twenty(known), **{f"random {place}": one for place, one in enumerate(at_random(number, known))}}
    return [asdict(_measured(name, urlencode(query, doseq=True), reader, known)) for name, query in named.items()]


def _worked() -> float:
    """How long this process and its server process have worked, in seconds."""
    pid = connection.connection.info.backend_pid
    return time.process_time() + int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _measured(name: str, query: str, reader: Reader, known: Known) -> Shown:
    wanted = read(QueryDict(query), known)
    assert not wanted.gone, wanted
    cost, is_refused = costs_of(wanted, reader), not is_quick(wanted, reader)
    times = []
    for _round in range(1 if is_refused else ROUNDS):
        start = _worked()
        rows = wanted.narrowed(reader.tickets, reader)
        rows = rows.matching_now(wanted.term) if wanted.term else rows
        found = rows.order_by()[: COUNTED + 1].count()
        order = wanted.order(reader)
        list(shown(rows.order_by(*order).values("pk")[:PAGE], order, reader))
        times.append(_worked() - start)
    return Shown(name, query, cost, min(times), found, is_refused)
