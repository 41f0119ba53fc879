"""What people ask the search: words in any order, "phrases", and operators as `status:open`, one language everywhere.

What cannot be understood is said in a sentence each, and the rest is searched. (The API's `search` takes every word
literally: `TicketQuerySet.matching`.)
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _

from ondi.accounts.models import Membership
from ondi.accounts.querysets import MembershipQuerySet
from ondi.common.compiled import AnyOf
from ondi.common.searching import ids_found, pieces_of
from ondi.common.text import is_storable
from ondi.common.times import within_reach
from support.models import Tag, TicketTag
from support.querysets import TagQuerySet, TicketQuerySet
from support.vocabulary import Priority, TicketStatus

MOST_WORDS = 20
STATUS, PRIORITY, TAG, ASSIGNEE, BEFORE, AFTER = OPERATORS = (
    "status", "priority", "tag", "assignee", "before", "after",
)  # fmt: skip
ME, NOBODY = "me", "nobody"
CHOICES: Mapping[str, Any] = {STATUS: TicketStatus, PRIORITY: Priority}
Names = Mapping[tuple[str, str], Sequence[UUID]]  # of what operator and name stand for
_DAY = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})")


class Searcher(Protocol):
    """Whose search it is: they see tickets of `support_tenant_ids`, and are `membership_ids`."""

    @property
    def support_tenant_ids(self) -> Collection[UUID]: ...
    @property
    def membership_ids(self) -> Collection[UUID]: ...
    def zone_in(self, *tenant_ids: UUID) -> ZoneInfo: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """`words` have to occur, each of them; `narrowing`: the values of each operator; `faults`: sentences."""

    words: Sequence[str]
    narrowing: Mapping[str, Sequence[str]]
    faults: Sequence[str]

    @property
    def plain(self) -> str:
        """The words alone, as they are typed where there are no operators; a phone number may have a lone digit."""
        words = (word.removeprefix("#") if len(word) == 2 else word for word in self.words)
        return " ".join(f'"{word}"' if " " in word else word for word in words)


def asked_by(text: str) -> Asked:
    """What a search says. Asks nothing of the database, so names of tags and people are not judged yet."""
    words: list[str] = []
    narrowing: dict[str, list[str]] = {}
    faults: list[str] = []
    for name, said, is_quoted in pieces_of(text) if is_storable(text) else ():
        if name in OPERATORS:
            narrowing.setdefault(name, []).append(said)
        elif word := f"{name}:{said}" if name else said.strip():
            words.append(word)
            faults += [_unknown(name)] if name and not said.startswith("//") else []
            faults += [_empty(word[:-1])] if not is_quoted and word[:-1].lower() in OPERATORS else []
    searched = [_whole_number(word) for word in words if len(word) > 1 or word.isdecimal()]
    if len(searched) < len(words):
        faults.append(_("A single letter is not searched."))
    if len(searched) > MOST_WORDS:
        faults.append(_("Only the first %(count)d words were searched.") % {"count": MOST_WORDS})
    return Asked(searched[:MOST_WORDS], narrowing, faults)


def _whole_number(word: str) -> str:
    """One digit is in nearly every text: it asks for the ticket of that number."""
    return f"#{word}" if len(word) == 1 else word


def _isolated(text: str) -> str:
    """For a sentence that may go the other way than the text."""
    return f"\u2068{text}\u2069"


def _unknown(name: str) -> str:
    said = {"name": _isolated(f"{name}:"), "operators": _isolated(", ".join(OPERATORS))}
    return _("“%(name)s” was searched as a word. What narrows a search: %(operators)s.") % said


def _empty(name: str) -> str:
    said = {"name": _isolated(f"{name}:")}
    return _("Write what you look for right behind “%(name)s”, without a blank.") % said


@dataclass(frozen=True, slots=True)
class Found:
    """`faults`: sentences of what could not be understood; `is_narrowed`: an operator was."""

    tickets: TicketQuerySet
    faults: Sequence[str]
    is_narrowed: bool


def tickets_found(tickets: TicketQuerySet, asked: Asked, searcher: Searcher) -> Found:
    """These tickets narrowed to what is asked; none where nothing is.

    One statement for words, one for names; both at once, for pages that count and then read.
    """
    narrowed, faults = _narrowed(tickets, asked.narrowing, searcher)
    is_narrowed = sum(map(len, asked.narrowing.values())) > len(faults)
    if asked.words:
        narrowed = narrowed.filter(AnyOf(F("conversation_id"), ids_found("ondi_search_tickets", list(asked.words))))
    elif not is_narrowed:
        narrowed = narrowed.none()
    return Found(narrowed, [*asked.faults, *faults], is_narrowed)


def _narrowed(
    tickets: TicketQuerySet, narrowing: Mapping[str, Sequence[str]], searcher: Searcher
) -> tuple[TicketQuerySet, list[str]]:
    """Every operator narrows; of several values of one, but of days, any will do."""
    known = _known_names(narrowing, searcher)
    faults: list[str] = []
    for name, values in narrowing.items():
        conditions = [_condition(name, value, known, searcher) for value in values]
        faults += [_bad(name, value) for value, found in zip(values, conditions, strict=True) if found is None]
        understood = [found for found in conditions if found is not None]
        joined = Q.AND if name in (BEFORE, AFTER) else Q.OR
        tickets = tickets.filter(Q(*understood, _connector=joined))
    return tickets, faults


def _condition(name: str, value: str, known: Names, searcher: Searcher) -> Q | None:
    """What an operator with this value wants of a ticket; None where the value says nothing."""
    if name in CHOICES:
        chosen = _chosen(value, CHOICES[name].choices)
        return Q(**{name: chosen}) if chosen else None
    if name in (BEFORE, AFTER):
        moment = _start_of(value, searcher.zone_in(*searcher.support_tenant_ids))
        return Q(**{"created_at__lt" if name == BEFORE else "created_at__gte": moment}) if moment else None
    if name == TAG:
        tags = known.get((TAG, value), ())
        tagged = TicketTag.objects.filter(tenant_id__in=searcher.support_tenant_ids, tag__in=tags)
        return Q(id__in=tagged.values("ticket_id")) if tags else None
    if whose := _whose(value):
        return Q(assignee__in=searcher.membership_ids) if whose == ME else Q(assignee=None)
    people = known.get((ASSIGNEE, value), ())
    return Q(assignee__in=people) if people else None


def _known_names(narrowing: Mapping[str, Sequence[str]], searcher: Searcher) -> Names:
    """The tags and colleagues that these names are of, in one statement; in none where no name is given."""
    tenants = searcher.support_tenant_ids
    rows = [_named(_tags(tenants, name), TAG, name) for name in narrowing.get(TAG, ())]
    rows += [
        _named(_colleagues(tenants, name), ASSIGNEE, name) for name in narrowing.get(ASSIGNEE, ()) if not _whose(name)
    ]
    known: dict[tuple[str, str], list[UUID]] = {}
    for operator, name, key in rows[0].union(*rows[1:]) if rows else ():
        known.setdefault((operator, name), []).append(key)
    return known


def _named(rows: Any, operator: str, name: str) -> Any:
    said = {"operator": Value(operator, output_field=TextField()), "said": Value(name, output_field=TextField())}
    return rows.annotate(**said).order_by().values_list("operator", "said", "id")


def _tags(tenants: Collection[UUID], name: str) -> TagQuerySet:
    named = Tag.objects.in_tenants(tenants).alias(folded=Func("name", function="ondi_fold", output_field=TextField()))
    return named.filter(folded=Func(Value(name), function="ondi_fold", output_field=TextField()))


def _colleagues(tenants: Collection[UUID], name: str) -> MembershipQuerySet:
    """Staff, also former, in whose name every word stands."""
    names = Concat("first_name", Value(" "), "last_name", output_field=TextField())
    people = Membership.objects.in_tenants(tenants).staff().alias(names=names)
    for word in name.split():
        people = people.filter(names__folded=word)
    return people


def _whose(value: str) -> str | None:
    return _chosen(value, [(ME, _("Me")), (NOBODY, _("Nobody"))])


def _chosen(value: str, choices: Iterable[tuple[str, Any]]) -> str | None:
    """The code that is meant, by itself or by what its reader sees of it."""
    said = value.strip().casefold()
    return next((code for code, label in choices if said in (code, str(label).casefold())), None)


def _start_of(value: str, zone: ZoneInfo) -> datetime | None:
    """When this day begins there; None for what is no day."""
    found = _DAY.fullmatch(value.strip())
    try:
        year, month, day = map(int, found.groups()) if found else (0, 0, 0)
        return within_reach(datetime(year, month, day, tzinfo=zone))
    except ValueError:
        return None


def _bad(name: str, value: str) -> str:
    said = {"name": _isolated(f"{name}:"), "value": _isolated(value)}
    if name in CHOICES:
        said["values"] = _isolated(", ".join(CHOICES[name].values))
        return _("“%(value)s” is left out: behind “%(name)s” stands one of %(values)s.") % said
    if name in (BEFORE, AFTER):
        return _("“%(value)s” is left out: behind “%(name)s” stands a day, as 2026-11-30.") % said
    if name == TAG:
        return _("“%(value)s” is left out: there is no such tag.") % said
    return _("“%(value)s” is left out: behind “%(name)s” stands a colleague's name, me or nobody.") % said
