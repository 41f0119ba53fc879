"""Random timelines of two people and a ticket, against `model.py`, which says the same promises a second time.

Everything is compared: who was told of what, listed or not, by which way and when, or why not; which mails the server
took, when, under which name, and with whose words. A timeline is one person's; `TIMELINES` sets how many there are.
"""

import os
import random
import re
import smtplib
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from conversations.models import Conversation
from conversations.services import mark_read
from ondi.accounts.models import User
from ondi.notifications.dispatches import push_due
from ondi.notifications.gathering import gather_mails
from ondi.notifications.letters import message_id
from ondi.notifications.mails import send_due
from ondi.notifications.models import Dispatch, Mail, Notification
from ondi.notifications.preferences import change_preferences
from ondi.notifications.transport import MailServerTrouble
from ondi.outbox.models import Event
from ondi.tenants.scope import tenant_scope
from support import services
from support.admin.notifications import ON_SCREEN_FOR, note_read
from support.settings.services import update_portal_settings
from tests.factories import MemberFactory, actor, make_ticket
from tests.notifications import model
from tests.notifications.model import AGENT, CUSTOMER, EMAIL, IN_APP, MINUTE, NOW, OFF, PUSH, UNREAD, Happening, Promise
from tests.notifications.world import World

pytestmark = pytest.mark.django_db(transaction=True)
TIMELINES = int(os.environ.get("TIMELINES", "192"))
IN_A_WORLD = 48  # tickets, of two people each
BUSY, HOURS, FOREVER = 30 * MINUTE, 60 * MINUTE, sys.maxsize
ZONES = (
    "UTC", "Asia/Baghdad", "Asia/Kathmandu", "Europe/Berlin", "America/New_York", "America/St_Johns",
    "Australia/Lord_Howe", "Pacific/Kiritimati", "Africa/Casablanca",
)  # fmt: skip
# Shortly before the clock is moved: in Berlin, New York and on Lord Howe forward, and back.
CHANGES = (
    "2026-03-29T00:40", "2026-10-25T00:10", "2026-03-08T06:40", "2026-11-01T05:10",
    "2026-10-03T15:10", "2026-04-04T14:40",
)  # fmt: skip
POSSIBLE = {IN_APP: (NOW, OFF), EMAIL: (NOW, UNREAD, OFF), PUSH: (NOW, UNREAD, OFF)}
KINDS = {
    CUSTOMER: ("support_reply", "support_ticket_closed", "support_ticket_reopened"),
    AGENT: ("support_customer_replied", "support_mention"),
}


class Server(BaseEmailBackend):
    """Takes a mail, has it come again later, is away, or the worker dies before or after its yes."""

    chance = random.Random()
    taken: ClassVar[dict] = {}  # by address: when, under which name, and the places of the messages it quotes
    ends: ClassVar[dict] = {}  # by name, of one worker's turn
    is_away = False

    def send_messages(self, messages):
        (message,) = messages
        name = message.extra_headers["Message-ID"]
        end = "no server" if self.is_away else self.chance.choices(ENDS, WEIGHTS)[0]
        self.ends[name] = end
        if end in ("sent", "sent and died"):
            words = [int(place) for place in re.findall(r"word-(\d+)-", message.body)]
            self.taken[message.to[0]].append((int(time.time()), name, words))
        if end in ("died", "sent and died"):
            raise KeyboardInterrupt
        if end == "later":
            raise smtplib.SMTPRecipientsRefused({message.to[0]: (451, b"later")})
        if end == "no server":
            raise smtplib.SMTPServerDisconnected
        return 1


ENDS, WEIGHTS = ("sent", "later", "died", "sent and died"), (88, 4, 4, 4)


@dataclass
class Line:
    """One timeline: its two people, and what happened so far. `places`: how many messages there are."""

    people: dict
    ticket: object
    places: int
    is_open: bool = True
    history: list = field(default_factory=list)

    def note(self, at, what, who="", place=None, said=None):
        self.history.append(Happening(at, what, who, place, said))


@pytest.mark.parametrize("seed", range(max(1, TIMELINES // (2 * IN_A_WORLD))))
def test_everybody_is_told_what_was_promised(seed, settings):
    chance = random.Random(seed)
    settings.EMAIL_BACKEND = f"{__name__}.Server"
    Server.chance, Server.taken, Server.ends, Server.is_away = chance, defaultdict(list), {}, False
    with time_machine.travel(0, tick=False) as clock:
        clock.move_to(start := start_of(chance))
        world = World()
        lines = begin(world, chance)
        turns = run(world, lines, chance, clock, start)
        world.settle()
    with tenant_scope(world.tenant.id):
        compare(lines, turns)


def start_of(chance):
    day = (
        chance.choice(CHANGES)
        if chance.random() < 0.3
        else f"2026-{chance.randint(1, 12):02}-11T{chance.randint(0, 23):02}:00"
    )
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def begin(world, chance):
    """Every one a ticket with a customer and an agent of their own; nobody was told anything yet."""
    admin = MemberFactory(tenant=world.tenant, admin=True)
    with tenant_scope(world.tenant.id):
        update_portal_settings(actor=actor(admin), changes={"mail_content": "full"})
    lines = []
    for number in range(IN_A_WORLD):
        agent = MemberFactory(tenant=world.tenant, agent=True, first_name=f"Agent{number}x", last_name="")
        people = {CUSTOMER: MemberFactory(tenant=world.tenant), AGENT: agent}
        ticket = make_ticket(people[CUSTOMER], agent=agent)
        with tenant_scope(world.tenant.id):
            places = Conversation.objects.values_list("message_count", flat=True).get(id=ticket.conversation_id)
        lines.append(Line({who: actor(person) for who, person in people.items()}, ticket, places))
    User.objects.update(email_proved_at=timezone.now())
    world.settle()
    with tenant_scope(world.tenant.id):
        Notification.objects.all().delete()
    world.colleague = actor(world.yusuf)
    return lines


def run(world, lines, chance, clock, start):
    """Turn by turn: when each was, and how its tries ended, by mail."""
    moment = int(start.timestamp())
    busy_until, calm_at = moment + BUSY, moment + HOURS
    later = [calm_at + hours * HOURS for hours in (1, 3, 7, 13, 21, 22, 47)]
    moments = []
    while moment < calm_at:
        moment += chance.choice((20, MINUTE, 2 * MINUTE) if moment < busy_until else (MINUTE, 2 * MINUTE, 5 * MINUTE))
        moments.append(moment)
    before, turns = int(start.timestamp()), {}
    for turn in [*moments, *later]:
        if turn <= busy_until:
            for at, number, happen in happenings(chance, before, turn):
                clock.move_to(at)
                with tenant_scope(world.tenant.id):
                    happen(world, lines[number], at, chance)
        clock.move_to(turn)
        Server.is_away = chance.random() < 0.05 and turn <= calm_at
        turns[turn] = work(world)
        before = turn
    return turns


def happenings(chance, before, turn):
    """When, to which ticket, and what: one thing at most to each, to half of them nothing."""
    kinds, weights = zip(*HAPPENS, strict=True)
    found = chance.choices(kinds, weights, k=IN_A_WORLD)
    moments = [(chance.randint(before + 1, turn - 1), number) for number, happen in enumerate(found) if happen]
    return [(at, number, found[number]) for at, number in sorted(moments)]


def say(what, who):
    def happen(_world, line, at, _chance):
        if line.is_open:
            line.places += 1
            services.post_message(
                actor=line.people[who],
                conversation_id=line.ticket.conversation_id,
                content=f"word-{line.places}-",
            )
            line.note(at, what, who, line.places)

    return happen


def mention(world, line, at, _chance):
    name = line.people[AGENT].first_name
    services.write_note(actor=world.colleague, ticket_id=line.ticket.id, content=f"@{name} look")
    line.note(at, "mentioned")


def turn_over(_world, line, at, _chance):
    """Close what is open, and open what is closed."""
    service = services.close_ticket if line.is_open else services.reopen_ticket
    service(actor=line.people[AGENT], ticket_id=line.ticket.id)
    line.places += 1
    line.note(at, "closed" if line.is_open else "reopened", AGENT, line.places)
    line.is_open = not line.is_open


def read(_world, line, at, chance):
    place = chance.randint(max(1, line.places - 2), line.places)
    reader = line.people[CUSTOMER]
    mark_read(
        tenant_id=reader.tenant_id, membership_id=reader.membership_id,
        conversation_id=line.ticket.conversation_id, sequence=place,
    )  # fmt: skip
    line.note(at, "read", CUSTOMER, place)


def look(_world, line, at, _chance):
    note_read(line.people[AGENT], line.ticket.conversation_id)
    line.note(at, "looked", AGENT)


def stay(_world, line, at, _chance):
    services.note_presence(ticket=line.ticket, membership_id=line.people[AGENT].membership_id)
    note_read(line.people[AGENT], line.ticket.conversation_id, told_before=ON_SCREEN_FOR)
    line.note(at, "stayed", AGENT)


def wish(_world, line, at, chance):
    who = chance.choice((CUSTOMER, AGENT))
    kind, channel = chance.choice(KINDS[who]), chance.choice(list(POSSIBLE))
    when = chance.choice(POSSIBLE[channel])
    if (kind, channel) == ("support_mention", IN_APP):
        return
    change_preferences(actor=line.people[who], changes={"types": {kind: {channel: when}}})
    line.note(at, "wished", who, said={(kind, channel): when})


def want_quiet(_world, line, at, chance):
    """Hours that are on, or soon will be; or none any more."""
    who, hours = chance.choice((CUSTOMER, AGENT)), None
    if chance.random() < 0.8:
        zone = chance.choice(ZONES)
        begin = at + chance.randint(-90, 20) * MINUTE
        end = begin + chance.choice((10, 30, 60, 90, 8 * 60)) * MINUTE
        hours = (wall(begin, zone), wall(end, zone), zone)
        if hours[0] == hours[1]:  # while the clock is moved
            return
    said = dict(zip(("from", "to", "time_zone"), hours, strict=True)) if hours else None
    change_preferences(actor=line.people[who], changes={"quiet_hours": said})
    line.note(at, "quiet", who, said=hours)


def wall(moment, zone):
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%H:%M")


HAPPENS = (
    (None, 50), (say("asked", CUSTOMER), 9), (say("answered", AGENT), 12), (mention, 3), (turn_over, 4), (read, 8),
    (look, 3), (stay, 5), (wish, 4), (want_quiet, 2),
)  # fmt: skip


def work(world):
    """A turn of each worker; who dies is followed by another at once. How each mail that was taken ended."""
    world.settle()
    while push_due():
        pass
    while gather_mails():
        pass
    ends = {}
    while True:
        Server.ends.clear()
        before, end = tries(world), ""
        try:
            is_over = not send_due()
        except KeyboardInterrupt:
            is_over, end = False, "died"
        except MailServerTrouble:
            is_over, end = False, "no server"
        if is_over:
            return ends
        for mail_id, number in tries(world).items():
            if number != before.get(mail_id, 0):  # not handed over: judged, or with a worker who came no further
                ends[mail_id] = Server.ends.get(message_id(mail_id), end)


def tries(world):
    with tenant_scope(world.tenant.id):
        return dict(Mail.objects.exclude(attempts=0).values_list("id", "attempts"))


def compare(lines, turns):
    told = grouped(Notification.objects.all(), "membership_id")
    mails = grouped(Mail.objects.order_by("id"), "membership_id")
    ways = grouped(Dispatch.objects.all(), "notification_id")
    for line in lines:
        own = {who: [one.id for one in mails[person.membership_id]] for who, person in line.people.items()}
        for turn, ends in turns.items():
            tried = {who: [(n, ends[key]) for n, key in enumerate(keys) if key in ends] for who, keys in own.items()}
            line.note(turn, "turn", said=tried)
        line.history.sort(key=lambda one: one.at)
        promise = Promise(line.history)
        for who, person in line.people.items():
            found = [one for one in told[person.membership_id] if not read_before_told(one, turns)]
            assert sorted(as_told(one, ways[one.id]) for one in found) == sorted(as_promised(promise, who))
            names = {message_id(key): number for number, key in enumerate(own[who])}
            sent = sorted((at, names[name], words) for at, name, words in Server.taken[person.email])
            assert sent == sorted(promised_mails(promise, who))
    pushed = Event.objects.filter(kind="notification.due").values_list("data__notification_id", flat=True)
    done = Dispatch.objects.filter(channel=PUSH, state="done").values_list("notification_id", flat=True)
    assert sorted(pushed) == sorted(map(str, done)), "each push once"
    assert Server.taken, "the timelines try something"


def grouped(rows, name):
    found = defaultdict(list)
    for one in rows:
        found[getattr(one, name)].append(one)
    return found


def read_before_told(one, turns):
    """Written and marked in one turn, which comes to the same as never told."""
    told_at = min(turn for turn in turns if turn >= one.created_at.timestamp())
    return one.read_at is not None and one.read_at.timestamp() <= told_at


def as_told(one, ways):
    went = sorted((way.channel, way.state, way.reason, seconds(way.done_at)) for way in ways)
    return seconds(one.created_at), one.notification_type, one.is_listed, seconds(one.read_at), went


def as_promised(promise, who):
    for one in promise.tellings:
        if one.person == who:
            went = sorted((channel, way.state, way.reason, way.done_at or 0) for channel, way in one.ways.items())
            read_at = promise.read_at(who, one.of, one.told_at, FOREVER) or 0
            yield one.of.at, one.kind, one.is_listed, read_at, went


def promised_mails(promise, who):
    for number, mail in enumerate(promise.mails[who]):
        for at, told in mail.sent:
            yield at, number, [one.place for one in told if one.what in model.SPEAKER]


def seconds(moment):
    return int(moment.timestamp()) if moment else 0
