"""What people are promised, said a second time: from what happened to one ticket's two people, what each is told.

Nothing of the product is imported; the names are those of API.md, section 11. All moments are seconds since 1970.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

CUSTOMER, AGENT = "customer", "agent"
NOW, UNREAD, OFF = "now", "unread", "off"
IN_APP, EMAIL, PUSH = "in_app", "email", "push"
MINUTE = 60
JOINS_FOR = 10 * MINUTE
LEASE = 10 * MINUTE
USELESS_AFTER = 24 * 60 * MINUTE
ON_SCREEN, HELD_FOR, SEEN_FOR = 10, 15, 8
WINDOW = {CUSTOMER: 2 * MINUTE, AGENT: 5 * MINUTE}
# What happens -> who is told, and as what.
TOLD = {
    "answered": (CUSTOMER, "support_reply"),
    "closed": (CUSTOMER, "support_ticket_closed"),
    "reopened": (CUSTOMER, "support_ticket_reopened"),
    "asked": (AGENT, "support_customer_replied"),
    "mentioned": (AGENT, "support_mention"),
}
TO_CUSTOMERS = {IN_APP: NOW, EMAIL: UNREAD, PUSH: NOW}
DEFAULTS = {
    "support_reply": TO_CUSTOMERS,
    "support_ticket_closed": TO_CUSTOMERS,
    "support_ticket_reopened": TO_CUSTOMERS,
    "support_customer_replied": {IN_APP: NOW, EMAIL: UNREAD, PUSH: OFF},
    "support_mention": {IN_APP: NOW, EMAIL: NOW, PUSH: OFF},
}
SPEAKER = {"answered": AGENT, "asked": CUSTOMER}


@dataclass(frozen=True)
class Happening:
    """`place`: of a message, where it stands; of reading, how far. `said`: what a person wishes, or a turn saw."""

    at: int
    what: str
    who: str = ""
    place: int | None = None
    said: Any = None


@dataclass
class Way:
    """By which something goes out: when it comes up, and what became of it."""

    comes_up: int
    state: str = "waiting"
    reason: str = ""
    done_at: int | None = None


@dataclass
class Telling:
    """That somebody is told of something."""

    of: Happening
    person: str
    kind: str
    told_at: int
    shown_at: int
    is_listed: bool
    ways: dict[str, Way] = field(default_factory=dict)


@dataclass
class Mail:
    """`sent`: when the server took it, and what of; more than once where a worker died before it could say so."""

    tells: list[Telling]
    created_at: int
    comes_up: int
    state: str = "waiting"
    tries: int = 0
    sent: list[tuple[int, list[Happening]]] = field(default_factory=list)


class Promise:
    """Goes through a history, from turn to turn of the workers."""

    def __init__(self, history: list[Happening]) -> None:
        self.history = history
        self.tellings: list[Telling] = []
        self.mails: dict[str, list[Mail]] = {CUSTOMER: [], AGENT: []}
        last = 0
        for one in history:
            if one.what == "turn":
                self.wished_anew(last, one.at)
                self.tell(last, one.at)
                for person in (CUSTOMER, AGENT):
                    self.push(person, one.at)
                    self.gather(person, one.at)
                    self.send(person, one.at, one.said.get(person, []))
                last = one.at

    # What is so at a moment, each time looked up in all that happened.

    def past(self, at: int) -> list[Happening]:
        return [one for one in self.history if one.at <= at]

    def wish(self, person: str, kind: str, channel: str, at: int) -> str:
        wishes = [one for one in self.past(at) if one.what == "wished" and one.who == person]
        said = [one.said[kind, channel] for one in wishes if (kind, channel) in one.said]
        return said[-1] if said else DEFAULTS[kind][channel]

    def told_from(self, person: str, moment: int, at: int) -> int:
        """`moment`, or where that is in the quiet hours that they have at `at`, their end."""
        hours = [one.said for one in self.past(at) if one.what == "quiet" and one.who == person]
        return quiet_until(*hours[-1], moment) if hours and hours[-1] else moment

    def read_at(self, person: str, of: Happening, told_at: int | None, at: int) -> int | None:
        """When they read it, until `at`; before it was told only what moves their marker counts."""
        for one in self.past(at):
            if one.who != person or one.at < of.at:
                continue
            was_told = told_at is not None and told_at <= one.at
            if one.what == "read" and (one.place >= of.place if of.place is not None else was_told):
                return one.at
            if SPEAKER.get(one.what) == person and one is not of:
                return one.at
            if one.what == "looked" and was_told:
                return one.at
            if one.what == "stayed" and was_told and one.at - of.at >= SEEN_FOR:
                return one.at
        return None

    # What the workers do in a turn.

    def tell(self, last: int, at: int) -> None:
        for one in self.history:
            if last < one.at <= at and one.what in TOLD:
                person, kind = TOLD[one.what]
                self.tell_one(one, person, kind, at)

    def tell_one(self, of: Happening, person: str, kind: str, at: int) -> None:
        wishes = {channel: self.wish(person, kind, channel, at) for channel in (IN_APP, EMAIL, PUSH)}
        if self.read_at(person, of, None, at) is not None or set(wishes.values()) == {OFF}:
            return
        there = [one.at for one in self.past(at) if one.what == "stayed" and one.who == person]
        shown_at = of.at + HELD_FOR if there and there[-1] >= of.at - ON_SCREEN else of.at
        telling = Telling(of, person, kind, at, shown_at, wishes[IN_APP] == NOW)
        for channel in (EMAIL, PUSH):
            if wishes[channel] != OFF:
                telling.ways[channel] = Way(self.told_from(person, self.goes_at(telling, channel, at), at))
        self.tellings.append(telling)

    def goes_at(self, telling: Telling, channel: str, at: int) -> int:
        waits = self.wish(telling.person, telling.kind, channel, at) == UNREAD
        return telling.shown_at + (WINDOW[telling.person] if waits else 0)

    def waiting(self, person: str, channel: str) -> list[Telling]:
        own = [one for one in self.tellings if one.person == person and channel in one.ways]
        return [one for one in own if one.ways[channel].state == "waiting"]

    def wished_anew(self, last: int, at: int) -> None:
        """What waits is looked at when its person changed what they wish."""
        for one in self.history:
            if last < one.at <= at and one.what in ("wished", "quiet"):
                for channel in (EMAIL, PUSH):
                    for telling in self.waiting(one.who, channel):
                        telling.ways[channel].comes_up = one.at

    def dropped(self, telling: Telling, channel: str, at: int) -> bool:
        way = telling.ways[channel]
        if self.read_at(telling.person, telling.of, telling.told_at, at) is not None:
            way.reason = "read"
        elif self.wish(telling.person, telling.kind, channel, at) == OFF:
            way.reason = "switched_off"
        elif way.comes_up < at - USELESS_AFTER:
            way.reason = "too_old"
        else:
            return False
        way.state, way.done_at = "dropped", at
        return True

    def push(self, person: str, at: int) -> None:
        for one in self.waiting(person, PUSH):
            way = one.ways[PUSH]
            if way.comes_up > at or self.dropped(one, PUSH, at):
                continue
            goes_at = self.told_from(person, max(at, self.goes_at(one, PUSH, at)), at)
            if goes_at > at:
                way.comes_up = goes_at
            else:
                way.state, way.done_at = "done", at

    def gather(self, person: str, at: int) -> None:
        """One mail a person and ticket."""
        waiting = self.waiting(person, EMAIL)
        if not any(one.ways[EMAIL].comes_up <= at for one in waiting):
            return
        left = [one for one in waiting if not self.dropped(one, EMAIL, at)]
        if not left:
            return
        at_once = [one.shown_at for one in left if self.wish(person, one.kind, EMAIL, at) == NOW]
        last = max(self.goes_at(one, EMAIL, at) for one in left)
        goes_at = min([last, min(one.shown_at for one in left) + JOINS_FOR, *at_once])
        goes_at = self.told_from(person, max(at, goes_at), at)
        if goes_at > at:
            for one in left:
                one.ways[EMAIL].comes_up = max(one.ways[EMAIL].comes_up, goes_at)
            return
        for one in left:
            one.ways[EMAIL].state = "in_mail"
        self.mails[person].append(Mail(left, at, at))

    def send(self, person: str, at: int, seen: list[tuple[int, str]]) -> None:
        """`seen`: which of their mails was tried in this turn, counted from 0, and how that ended."""
        ends = dict(seen)
        for number, mail in enumerate(self.mails[person]):
            if mail.state != "waiting" or mail.comes_up > at:
                assert number not in ends, (
                    f"at {at} mail {number} of {person}, {mail.state} until {mail.comes_up}, was tried"
                )
                continue
            mail.tries += 1
            if at - mail.created_at > USELESS_AFTER:
                self.settle(mail, "dropped", "too_old", at)
                continue
            in_mail = [one for one in mail.tells if one.ways[EMAIL].state == "in_mail"]
            left = [one for one in in_mail if not self.dropped(one, EMAIL, at)]
            if not left:
                mail.state = "dropped"
                continue
            quiet_end = self.told_from(person, at, at)
            if quiet_end > at:
                mail.comes_up = quiet_end
                continue
            assert number in ends, f"at {at} mail {number} of {person}, due at {mail.comes_up}, was not tried"
            self.tried(mail, ends[number], left, at)

    def tried(self, mail: Mail, end: str, left: list[Telling], at: int) -> None:
        if end in ("sent", "sent and died"):
            mail.sent.append((at, [one.of for one in left]))
        if end == "sent":
            self.settle(mail, "sent", "", at)
        elif end in ("sent and died", "died"):
            mail.comes_up = at + LEASE
        elif end == "later":
            mail.comes_up = at + min(MINUTE * 2 ** (mail.tries - 1), 60 * MINUTE)
        else:
            assert end == "no server", end
            mail.comes_up = at + MINUTE

    def settle(self, mail: Mail, state: str, reason: str, at: int) -> None:
        mail.state = state
        for one in mail.tells:
            way = one.ways[EMAIL]
            if way.state == "in_mail":
                way.state, way.reason, way.done_at = "done" if state == "sent" else "dropped", reason, at


def quiet_until(begin: str, end: str, zone: str, at: int) -> int:
    today = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    for day in (today - timedelta(days=2), today - timedelta(days=1), today):
        since, until = _night(begin, end, zone, day)
        if since <= at < until:
            return until
    return at


@cache
def _night(begin: str, end: str, zone: str, day: date) -> tuple[int, int]:
    last = day + timedelta(days=1) if end <= begin else day
    return _shows(zone, day, begin), _shows(zone, last, end)


@cache
def _shows(zone: str, day: date, clock: str) -> int:
    """The first minute at which a clock there shows this; what it skips it would have shown, had it not been moved."""
    wanted = datetime.combine(day, datetime.strptime(clock, "%H:%M").time())
    minute = int((datetime.combine(day, datetime.min.time(), ZoneInfo("UTC")) - timedelta(hours=15)).timestamp())
    before = _wall(zone, minute - MINUTE)
    while (shown := _wall(zone, minute)) < wanted:
        before, minute = shown, minute + MINUTE
    return minute if shown == wanted else minute + int((wanted - before).total_seconds()) - MINUTE


def _wall(zone: str, moment: int) -> datetime:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).replace(tzinfo=None)
