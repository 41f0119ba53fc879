"""Random timelines of answers, reading, wishes, quiet hours and kills, against what people were promised.

Of each only what happened, and which words arrived when, is looked at. `TIMELINES` sets how many there are.
"""

import os
import random
import re
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from ondi.accounts.models import User
from ondi.notifications import mails
from ondi.notifications.gathering import gather_mails
from ondi.notifications.mails import send_due
from ondi.notifications.models import Dispatch, Notification
from ondi.notifications.preferences import change_preferences
from ondi.tenants.scope import tenant_scope
from support import notices
from support.settings.services import update_portal_settings
from tests.factories import MemberFactory, actor, make_ticket
from tests.notifications.test_audiences import read
from tests.notifications.world import World

pytestmark = pytest.mark.django_db(transaction=True)
TIMELINES = int(os.environ.get("TIMELINES", "48"))
BUSY, QUIET_AFTER = 30, 75  # minutes in which things happen, and after which all that was to come has come
WINDOW, LONGEST = 2, 10
MINUTE = timedelta(minutes=1)


@dataclass
class Timeline:
    """All in minutes. `said`: by sequence; `read`: how far, when; `off`, `quiet`: from, until."""

    person: object
    ticket: object
    said: dict[int, int] = field(default_factory=dict)
    read: list[tuple[int, int]] = field(default_factory=list)
    wishes: list[tuple[int, str]] = field(default_factory=lambda: [(0, "unread")])
    quiet: list[tuple[int, int]] = field(default_factory=list)
    mailed: list[tuple[int, str, list[int]]] = field(default_factory=list)

    def read_at(self, sequence):
        return min((minute for minute, upto in self.read if upto >= sequence), default=None)

    def wish_at(self, minute):
        return [wish for since, wish in self.wishes if since <= minute][-1]

    def is_quiet(self, minute):
        return any(begin <= minute < end for begin, end in self.quiet)


@pytest.mark.parametrize("seed", range(max(1, TIMELINES // 24)))
def test_what_was_promised_is_kept(seed, monkeypatch):
    """In every second world workers are killed between the server's yes and our record."""
    is_killed = bool(seed % 2)
    chance, world = random.Random(seed), World()
    admin = MemberFactory(tenant=world.tenant, admin=True)
    with tenant_scope(world.tenant.id):
        update_portal_settings(actor=actor(admin), changes={"mail_content": "full"})
    lines = [begin(world) for _number in range(24)]
    record = mails._record

    def record_or_die(*arguments):
        if is_killed and chance.random() < 0.1:
            raise KeyboardInterrupt
        record(*arguments)

    monkeypatch.setattr(mails, "_record", record_or_die)
    start = timezone.now().replace(second=0, microsecond=0) + timedelta(days=1)
    for minute in range(QUIET_AFTER):
        with time_machine.travel(start + minute * MINUTE, tick=False):
            if minute < BUSY:
                for line in lines:
                    live(world, line, minute, chance, start)
            world.settle()
            work(lines, minute)

    for line in lines:
        hold(line, is_killed=is_killed)
    with tenant_scope(world.tenant.id):
        told = [(one.membership_id, one.position) for one in Notification.objects.all()]
        assert len(told) == len(set(told))
        assert not Dispatch.objects.filter(channel="email", state__in=["waiting", "in_mail"]).exists()
    assert sum(len(line.mailed) for line in lines) > 10, "the timelines try something"


def begin(world):
    person = MemberFactory(tenant=world.tenant)
    User.objects.filter(id=person.user_id).update(email_proved_at=timezone.now())
    return Timeline(person, make_ticket(person, agent=world.sara))


def live(world, line, minute, chance, start):
    """What happens to one in this minute, before anybody works."""
    if chance.random() < 0.15:
        message = world.say(world.sara, f"word-{len(line.said)}-", line.ticket)
        line.said[message.sequence] = minute
    if line.said and chance.random() < 0.06:
        upto = chance.choice(list(line.said))
        read(world, line.person, upto, line.ticket)
        line.read.append((minute, upto))
    if chance.random() < 0.02:
        wish = chance.choice(["off", "now", "unread"])
        with tenant_scope(world.tenant.id):
            change_preferences(actor=actor(line.person), changes={"types": {notices.REPLY: {"email": wish}}})
        line.wishes.append((minute, wish))
    if not line.quiet and chance.random() < 0.02:
        end = minute + chance.randint(3, 20)
        hours = {"from": clock(start, minute), "to": clock(start, end), "time_zone": "UTC"}
        with tenant_scope(world.tenant.id):
            change_preferences(actor=actor(line.person), changes={"quiet_hours": hours})
        line.quiet.append((minute, end))


def clock(start, minute):
    return (start + minute * MINUTE).strftime("%H:%M")


def work(lines, minute):
    before = len(mail.outbox)
    gather_mails()
    for _time in range(1000):
        try:
            if not send_due():
                break
        except KeyboardInterrupt:
            continue
    by_address = {line.person.email: line for line in lines}
    for one in mail.outbox[before:]:
        line = by_address[one.to[0]]
        words = [list(line.said)[int(place)] for place in re.findall(r"word-(\d+)-", one.body)]
        line.mailed.append((minute, one.extra_headers["Message-ID"], words))


def hold(line, *, is_killed):
    """What was promised to one. What a killed worker had taken waits for its lease to end."""
    names = {}
    for minute, name, sequences in line.mailed:
        assert sequences, "a mail says something"
        assert not line.is_quiet(minute)
        assert line.wish_at(minute) != "off"
        assert names.setdefault(name, minute) == minute or is_killed, "again only after a kill"
        for sequence in sequences:
            read_at = line.read_at(sequence)
            assert read_at is None or read_at > minute, "never what was read before"
        if {wish for since, wish in line.wishes if since <= minute} == {"unread"}:
            assert minute >= min(line.said[sequence] for sequence in sequences) + WINDOW, "later ones join"
    for sequence, said in line.said.items():
        under = {name for _minute, name, sequences in line.mailed if sequence in sequences}
        assert len(under) <= 1, "one mail each"
        if {wish for _since, wish in line.wishes} != {"unread"} or line.quiet:
            continue
        read_at = line.read_at(sequence)
        if read_at is not None and read_at <= said + WINDOW:
            assert not under, "read before its window ended"
        if read_at is None or (read_at > said + LONGEST and not is_killed):
            ((first, *_again),) = [[m for m, name, _s in line.mailed if name in under]]
            assert is_killed or first <= said + LONGEST, "unread for ten minutes is mailed"
