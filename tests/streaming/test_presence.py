"""Who has a ticket open counts as present by the stream alone, and the others' pages are told when that changes."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Sized
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.streaming import hub, presence, rule
from ondi.streaming.app import Stream
from ondi.tenants.scope import tenant_scope
from support.models import TicketViewer
from support.services import close_ticket, keep_presence
from tests.factories import MemberFactory, TenantFactory, UserFactory, make_ticket
from tests.streaming import inside
from tests.streaming.clients import server, split
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
LIVE = "/admin/support/ticket/live/"


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def ticket(tenant):
    return make_ticket(MemberFactory(tenant=tenant))


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(presence, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(presence, "KEEP_EVERY", 0.3)
    monkeypatch.setattr(presence, "BACK_WITHIN", timedelta(seconds=0.5))


@pytest.fixture
def kept():
    """What was noted, turn by turn: who is there, and who left."""
    turns, (found,) = [], rule._presence

    def noting(opened, left):
        turns.append((set(opened), set(left)))
        return found(opened, left)

    rule.register_presence(noting)
    yield turns
    rule.register_presence(found)


def page_of(person, ticket=None):
    """The query by which a page of this person comes in, that shows this ticket."""
    answer = workbench(person.user).post(LIVE, {"ticket": str(ticket.id)} if ticket else {})
    assert answer.status_code == 200
    return split(answer.json()["url"])


def present(ticket):
    with tenant_scope(ticket.tenant_id):
        return {one.membership_id: one.seen_at for one in TicketViewer.objects.filter(ticket=ticket)}


def poll(person, ticket):
    workbench(person.user).get(f"/admin/support/ticket/{ticket.id}/news/")


def told(heard):
    """How often a page was told that who has its ticket open changed."""
    return heard.text.count("event: viewers\n")


async def until(holds, seconds=10):
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.02)


async def opened(stream, query):
    heard = inside.Heard(stream, None, query)
    await heard.until(lambda one: "hello" in one.text)
    return heard


def leave(heard):
    heard.task.cancel()


def at_two(scenario):
    """Run `scenario(first, second)`: two processes of the stream, as far as they know."""

    async def both(first):
        second = Stream()
        following = asyncio.create_task(second.hub.run())
        await asyncio.sleep(0.3)  # until both listen
        try:
            return await scenario(first, second)
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    return inside.run(both)


def test_who_opens_a_ticket_is_present_while_its_page_is_open(ticket, sara, quick):
    query = page_of(sara, ticket)

    async def scenario(stream):
        async def seen():
            return (await stream.hub.ask(present, ticket)).get(sara.id)

        heard = await opened(stream, query)
        await until(seen)
        first = await seen()

        async def is_renewed():
            return await seen() > first

        async def is_gone():
            return await seen() is None

        await until(is_renewed)
        leave(heard)
        await until(is_gone)
        return heard.text

    assert "viewers" not in inside.run(scenario), "nobody is told of themselves"


def test_a_page_that_shows_no_ticket_notes_nothing(sara, quick, kept):
    query = page_of(sara)

    async def scenario(stream):
        await opened(stream, query)
        await asyncio.sleep(1)

    inside.run(scenario)
    assert kept == []


def test_all_pages_of_a_process_are_renewed_at_once_over_all_tenants(quick, kept):
    people = [MemberFactory(agent=True) for _one in range(3)]
    tickets = [make_ticket(MemberFactory(tenant=person.tenant)) for person in people]
    queries = [page_of(person, ticket) for person, ticket in zip(people, tickets, strict=True)]

    async def scenario(stream):
        for query in queries:
            await opened(stream, query)
        kept.clear()
        await asyncio.sleep(1.2)

    inside.run(scenario)
    whole = {(person.id, ticket.id) for person, ticket in zip(people, tickets, strict=True)}
    renewed = [{(one.membership_id, one.subject_id) for one in turn} for turn, _left in kept]
    assert renewed.count(whole) >= 2
    assert len(renewed) <= 6


@pytest.mark.parametrize("processes", [1, 2])
def test_colleagues_are_told_who_came_and_who_went(ticket, sara, yusuf, quick, processes, monkeypatch):
    monkeypatch.setattr(presence, "KEEP_EVERY", 60)  # so by notification
    hers, his = page_of(sara, ticket), page_of(yusuf, ticket)

    async def scenario(first, second):
        heard = await opened(first, hers)
        other = await opened(second if processes == 2 else first, his)
        await heard.until(lambda one: told(one) == 1)
        leave(other)
        await heard.until(lambda one: told(one) == 2)
        await asyncio.sleep(0.5)
        return heard.text

    text = at_two(scenario)
    assert text.count("event: viewers\n") == 2
    data = json.loads(text.split("event: viewers\ndata: ")[1].split("\n")[0])
    assert data == {"tenant_id": str(ticket.tenant_id), "subject_id": str(ticket.id)}
    assert "id: " not in text
    assert set(present(ticket)) == {sara.id}


def test_who_comes_later_is_told_of_those_who_were_there(ticket, sara, yusuf, quick):
    """Given Sara's page at another process, when Yusuf's joins, then it looks, whenever it had looked before."""
    hers, his = page_of(sara, ticket), page_of(yusuf, ticket)

    async def scenario(first, second):
        await opened(first, hers)
        await asyncio.sleep(0.5)
        await (await opened(second, his)).until(told)

    at_two(scenario)


def test_pages_that_poll_and_deaf_connections_are_found_by_looking(ticket, sara, yusuf, quick, monkeypatch):
    """Given no notification, when somebody who polls comes and goes, then the page is told all the same."""
    monkeypatch.setattr("support.services.presence.PRESENCE", timedelta(seconds=1))
    query = page_of(sara, ticket)

    async def scenario(stream):
        heard = await opened(stream, query)
        await stream.hub.ask(poll, yusuf, ticket)
        await heard.until(lambda one: told(one) == 1)
        await heard.until(lambda one: told(one) == 2)

    inside.run(scenario)


def test_who_was_at_a_process_that_was_killed_is_gone_before_long(ticket, sara, yusuf, quick, monkeypatch):
    hers, his = page_of(sara, ticket), page_of(yusuf, ticket)

    with server() as other:

        async def scenario(stream):
            heard = await opened(stream, hers)
            await asyncio.sleep(0.3)
            client = await asyncio.to_thread(other.open, None, his)
            await heard.until(lambda one: told(one) == 1)
            await asyncio.to_thread(other.kill)
            monkeypatch.setattr("support.services.presence.PRESENCE", timedelta(seconds=2))
            await heard.until(lambda one: told(one) == 2)
            return client.status

        assert inside.run(scenario) == 200
    assert yusuf.id in present(ticket), "its row has ended by itself"


def test_a_look_that_took_long_does_not_undo_what_was_heard_meanwhile(ticket, sara, yusuf, quick, monkeypatch):
    """Given a look that is answered late, when Yusuf came in between, then Sara's page is told of that once."""
    hers, his = page_of(sara, ticket), page_of(yusuf, ticket)
    (found,), held = rule._presence, threading.Event()

    def late(opened, left):
        now = found(opened, left)
        held.wait(2)
        return now

    async def scenario(first, second):
        heard = await opened(first, hers)
        await asyncio.sleep(0.3)
        rule.register_presence(late)
        await asyncio.sleep(0.5)  # until the first is in such a look
        rule.register_presence(found)
        await opened(second, his)
        await heard.until(told)
        held.set()
        await asyncio.sleep(1)
        return told(heard)

    assert at_two(scenario) == 1


def test_nothing_is_kept_of_what_is_heard_of_tickets_that_no_page_here_shows():
    """Given a process that nobody's page is at, then what others tell all day does not fill its memory."""
    nobody = presence.Presence(ask=None)

    nobody.hear(f"{uuid4()} {uuid4()} {uuid4()} here")

    assert [name for name, value in vars(nobody).items() if isinstance(value, Sized) and value] == []


def test_who_loads_the_page_again_never_seemed_gone(ticket, sara, yusuf, quick, monkeypatch):
    monkeypatch.setattr(presence, "BACK_WITHIN", timedelta(seconds=2))
    hers, first, second = page_of(sara, ticket), page_of(yusuf, ticket), page_of(yusuf, ticket)

    async def scenario(stream):
        heard = await opened(stream, hers)
        before = await opened(stream, first)
        await heard.until(lambda one: told(one) == 1)
        leave(before)
        await opened(stream, second)
        await asyncio.sleep(3)
        return told(heard)

    assert inside.run(scenario) == 1


def test_of_two_tabs_one_is_enough_at_one_process_or_two(ticket, sara, quick):
    queries = [page_of(sara, ticket) for _one in range(3)]

    async def scenario(first, second):
        tabs = [await opened(one, query) for one, query in zip((first, first, second), queries, strict=True)]
        await asyncio.sleep(0.5)
        for tab in tabs[:2]:
            leave(tab)
            await asyncio.sleep(1.5)
            assert sara.id in await first.hub.ask(present, ticket)
        leave(tabs[2])

        async def is_gone():
            return not await first.hub.ask(present, ticket)

        await until(is_gone)

    at_two(scenario)


@pytest.mark.parametrize(("polled", "stays"), [("before", False), ("after", True)])
def test_only_a_poll_after_its_page_left_keeps_somebody(ticket, sara, quick, monkeypatch, polled, stays):
    """Given a page that polled after it was last noted, when it closes, then that is no other page of theirs."""
    query = page_of(sara, ticket)

    async def scenario(stream):
        heard = await opened(stream, query)
        await asyncio.sleep(0.2)
        monkeypatch.setattr(presence, "KEEP_EVERY", 60)
        if polled == "before":
            await stream.hub.ask(poll, sara, ticket)
        leave(heard)
        await asyncio.sleep(0.25)  # until it was missed
        if polled == "after":
            await stream.hub.ask(poll, sara, ticket)
        await asyncio.sleep(1.5)

    inside.run(scenario)
    assert (sara.id in present(ticket)) == stays


def test_pages_of_other_tickets_and_tenants_hear_nothing(tenant, ticket, sara, yusuf, quick):
    other, foreign = make_ticket(MemberFactory(tenant=tenant)), MemberFactory(agent=True)
    theirs = make_ticket(MemberFactory(tenant=foreign.tenant))
    queries = [page_of(yusuf, other), page_of(yusuf), page_of(foreign, theirs), page_of(foreign)]
    query = page_of(sara, ticket)

    async def scenario(first, second):
        deaf = [await opened(one, query) for query in queries for one in (first,)]
        heard = await opened(second, query)
        await asyncio.sleep(1)
        leave(heard)
        await asyncio.sleep(1.5)
        return "".join(one.text for one in deaf)

    assert "viewers" not in at_two(scenario)


def test_the_operator_is_told_and_is_nobody_there(ticket, sara, quick):
    root = UserFactory(is_superuser=True)
    answer = workbench(root).post(LIVE, {"ticket": str(ticket.id)})
    operators, hers = split(answer.json()["url"]), page_of(sara, ticket)

    async def scenario(stream):
        heard = await opened(stream, operators)
        await opened(stream, hers)
        await heard.until(told)

    inside.run(scenario)
    assert set(present(ticket)) == {sara.id}


def test_who_loses_the_right_is_present_no_more(ticket, sara, yusuf, quick, monkeypatch):
    monkeypatch.setattr(hub, "RIGHTS_EVERY", 0.2)
    hers, his = page_of(sara, ticket), page_of(yusuf, ticket)

    def demote():
        with tenant_scope(ticket.tenant_id):
            Membership.objects.filter(id=yusuf.id).update(is_support_user=False)

    async def scenario(stream):
        heard = await opened(stream, hers)
        other = await opened(stream, his)
        await heard.until(lambda one: told(one) == 1)
        await stream.hub.ask(demote)
        await other.until(lambda one: one.is_over)
        await heard.until(lambda one: told(one) == 2)

    inside.run(scenario)
    assert set(present(ticket)) == {sara.id}


def test_a_page_whose_ticket_was_purged_keeps_nobody_else_from_being_noted(tenant, ticket, sara, yusuf, quick):
    gone = make_ticket(MemberFactory(tenant=tenant))
    hers, his = page_of(sara, gone), page_of(yusuf, ticket)

    async def scenario(stream):
        await opened(stream, hers)
        await asyncio.sleep(0.5)
        await stream.hub.ask(purge)
        await opened(stream, his)
        begun = timezone.now() + timedelta(seconds=0.5)  # so that it was renewed beside the other

        async def is_noted():
            return (await stream.hub.ask(present, ticket)).get(yusuf.id, begun) > begun

        await until(is_noted)

    def purge():
        with tenant_scope(gone.tenant_id), connection.cursor() as cursor:
            close_ticket(actor=Actor.system(gone.tenant_id, "purge"), ticket_id=gone.id)
            cursor.execute("SELECT ondi_purge_tickets(%s)", [[gone.id]])

    inside.run(scenario)
    assert not present(gone)


def test_who_is_just_being_noted_by_another_process_is_not_taken_away(ticket, sara, owner):
    """Given another transaction that holds the row, when its page left here, then nothing waits, and it stays."""
    page = rule.Viewing(ticket.tenant_id, ticket.id, sara.id)
    keep_presence([page], {})

    with owner().transaction():
        owner().execute("SELECT FROM support_ticketviewer FOR UPDATE")
        keep_presence([], {page: timezone.now()})

    assert set(present(ticket)) == {sara.id}


@pytest.mark.parametrize("key", ["nonsense", "", "\x00", "0197f0a0-0000-7000-8000-000000000012", "foreign"])
def test_a_ticket_that_is_not_theirs_is_refused(sara, key):
    if key == "foreign":
        key = str(make_ticket(MemberFactory()).id)

    answer = workbench(sara.user).post(LIVE, {"ticket": key})

    assert (answer.status_code, answer.json()) == (404, {"url": None})
