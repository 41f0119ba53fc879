"""What breaks around the stream, and that every event comes once, in order, to whom it is for."""

import asyncio
import random
import threading
import time
from collections import defaultdict

import pytest
from django.db import connection

from ondi.outbox.relay import relay_all
from ondi.streaming import hub
from tests.factories import MemberFactory, TenantFactory, make_ticket
from tests.streaming import inside, test_pages
from tests.streaming.clients import Client, server
from tests.streaming.test_stream import fed, happen, happen_often, token_of
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


def positions(events):
    return [position for _event, _data, position in events]


class TestFaults:
    def test_a_process_that_is_killed_is_gone_on_from(self, customer):
        token = token_of(customer)
        with server() as running:
            client = running.open(token)
            client.hello()
            happen(customer, 2)
            seen = client.events(3)
            running.kill()
            happen(customer, 2)
            running.start()
            again = running.open(token, f"after={seen[-1][2]}")
            again.hello()
            happen(customer)

            assert positions(seen + again.events(7)) == list(range(1, 11))

    def test_connections_of_the_database_that_are_cut_come_back(self, customer):
        token = token_of(customer)
        with server() as running:
            client = running.open(token)
            client.hello()
            for _time in range(3):
                cut_the_database()
                happen(customer)

            assert positions(client.events(6)) == list(range(1, 7))
            cut_the_database()
            later = client_let_in(running, token)
            happen(customer)
            assert later.next()[2] == 7

    def test_who_reads_a_byte_a_second_holds_nobody_up(self, customer):
        with server() as running:
            slow = running.open(token_of(customer), small=True)
            quick = running.open(token_of(customer))
            quick.hello()
            over = threading.Event()

            def crawl():
                while not over.wait(1):
                    slow.socket.recv(1)

            crawling = threading.Thread(target=crawl)
            crawling.start()
            happen_often(customer, 5_000)
            begun = time.monotonic()
            found = positions(quick.events(5_000))
            over.set()
            crawling.join()

            assert found == list(range(1, 5_001))
            assert time.monotonic() - begun < 10


def cut_the_database():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user "
            "AND datname = current_database() AND pid <> pg_backend_pid()"
        )


def client_let_in(running, token):
    """Once the database answers again; until then it is a coded 503."""
    for _try in range(100):
        client = running.open(token)
        if client.status == 200:
            client.hello()
            return client
        assert client.status == 503
    raise AssertionError("it does not come back")


class TestARestoredDatabase:
    """Of an hour ago, or of a standby that had not heard of the last events yet."""

    @pytest.mark.parametrize("since", [0, 4], ids=["nothing since", "more since"])
    def test_its_listeners_read_the_lists_again_and_go_on(self, customer, owner, monkeypatch, since):
        monkeypatch.setattr(hub, "LOOK_EVERY", 0.1)
        agent = MemberFactory(tenant=customer.tenant, agent=True)
        tokens = [token_of(customer), token_of(agent)]
        happen(customer)

        async def scenario(stream):
            heard = [inside.Heard(stream, token) for token in tokens]
            for one in heard:
                await one.until(lambda one: "hello" in one.text)
            await stream.hub.ask(happen, customer)
            for one in heard:
                await one.until(lambda one: "id: 4\n" in one.text)
                one.text = ""
            restore(owner, customer, gone=2, since=since)
            for one in heard:
                await one.until(lambda one: f"id: {2 + since}\nevent: reset\ndata: {{}}\n\n" in one.text)
                one.text = ""
            await stream.hub.ask(happen, customer)
            for one in heard:
                await one.until(lambda one: f"id: {4 + since}\n" in one.text)
                assert [line for line in one.text.split("\n") if "id: " in line] == [
                    f"id: {3 + since}", f"id: {4 + since}"
                ]  # fmt: skip
                assert "reset" not in one.text

        inside.run(scenario)

    def test_a_page_of_the_admin_looks_again(self, tenant, customer, owner, monkeypatch):
        monkeypatch.setattr(hub, "LOOK_EVERY", 0.1)
        query = test_pages.ticket_of(workbench(MemberFactory(tenant=tenant, agent=True).user))
        happen(customer, 2)

        async def scenario(stream):
            page = inside.Heard(stream, None, query)
            await page.until(lambda one: one.text.count("event: hello") == 1)
            restore(owner, customer, gone=2, since=0)
            await page.until(lambda one: one.text.count("event: hello") == 2)
            await stream.hub.ask(happen, customer)
            await page.until(lambda one: "ticket.opened" in one.text)

        inside.run(scenario)

    def test_events_that_are_only_forgotten_are_none(self, customer, owner, monkeypatch):
        monkeypatch.setattr(hub, "LOOK_EVERY", 0.1)
        token = token_of(customer)

        async def scenario(stream):
            heard = inside.Heard(stream, token)
            await heard.until(lambda one: "hello" in one.text)
            await stream.hub.ask(happen, customer)
            await heard.until(lambda one: "id: 2\n" in one.text)
            owner().execute("DELETE FROM outbox_event")
            await asyncio.sleep(0.5)
            await stream.hub.ask(happen, customer)
            await heard.until(lambda one: "id: 4\n" in one.text)
            assert "reset" not in heard.text

        inside.run(scenario)


def restore(owner, customer, *, gone, since):
    """The database without its last events, and with others that came since, all at once."""
    with owner().transaction():
        run = owner().execute
        run("DELETE FROM outbox_event WHERE seq > (SELECT seq FROM outbox_head) - %s", [gone])
        run("UPDATE outbox_head SET seq = seq - %s", [gone])
        run("UPDATE outbox_position SET position = position - %s", [gone])
        for _one in range(since):
            run(
                "INSERT INTO outbox_entry (tenant_id, kind, person_id, version, data, is_silent, cause, at) "
                "VALUES (%s, 'ticket.closed', %s, 1, '{}', false, '', now())",
                [customer.tenant_id, customer.id],
            )
        run("SELECT ondi_relay(100)")


class TestItsClock:
    def test_silence_is_broken_by_a_comment(self, customer, monkeypatch):
        monkeypatch.setattr(hub, "BEAT_EVERY", 1)
        token = token_of(customer)

        async def scenario(stream):
            heard = inside.Heard(stream, token)
            await heard.until(lambda one: one.text.count("\n:\n\n") + one.text.count("\n\n:\n\n") >= 1)
            await heard.until(lambda one: one.text.count(":\n\n") >= 2)

        inside.run(scenario)

    def test_who_takes_nothing_is_cut_off_and_forgotten(self, customer, monkeypatch):
        monkeypatch.setattr(hub, "SLOW", 0.2)
        token = token_of(customer)
        happen(customer)

        async def scenario(stream):
            stuck, well = inside.Heard(stream, token), inside.Heard(stream, token)
            await stuck.until(lambda one: "hello" in one.text)
            await well.until(lambda one: "hello" in one.text)
            stuck.free.clear()
            await stream.hub.ask(happen, customer)
            await asyncio.wait({stuck.task}, timeout=5)
            await well.until(lambda one: "id: 4" in one.text)
            assert stuck.task.done()
            assert stream.hub.connections == 1
            assert "id: 3" not in stuck.text

        inside.run(scenario)

    def test_rights_are_asked_again_by_itself(self, customer, monkeypatch):
        monkeypatch.setattr(hub, "RIGHTS_EVERY", 0.2)
        token = token_of(customer)

        def leave():
            from ondi.accounts.sessions import end_sessions

            end_sessions(user_id=customer.user_id)

        async def scenario(stream):
            heard = inside.Heard(stream, token)
            await heard.until(lambda one: "hello" in one.text)
            await asyncio.sleep(0.5)
            assert not heard.is_over
            await stream.hub.ask(leave)
            await heard.until(lambda one: one.is_over)
            assert 'event: end\ndata: {"reason":"access_ended"}' in heard.text

        inside.run(scenario)

    def test_without_notifications_it_looks_by_itself(self, customer, monkeypatch):
        monkeypatch.setattr(hub, "CHANNEL", "nothing_ever_comes_here")
        monkeypatch.setattr(hub, "LOOK_EVERY", 0.2)
        token = token_of(customer)

        async def scenario(stream):
            heard = inside.Heard(stream, token)
            await heard.until(lambda one: "hello" in one.text)
            await asyncio.sleep(0.5)
            await stream.hub.ask(happen, customer)
            await heard.until(lambda one: "id: 2" in one.text)

        inside.run(scenario)

    def test_a_tenant_without_listeners_takes_no_memory(self, customer, monkeypatch):
        monkeypatch.setattr(hub, "FORGOTTEN_AFTER", 0.5)
        token = token_of(customer)

        async def scenario(stream):
            heard = inside.Heard(stream, token)
            await heard.until(lambda one: "hello" in one.text)
            assert list(stream.hub.rings) == [customer.tenant_id]
            stream.hub.shut()
            await heard.until(lambda one: one.is_over)
            async with asyncio.timeout(10):
                while stream.hub.rings:
                    await asyncio.sleep(0.05)

        inside.run(scenario)


def test_fifty_clients_in_ten_tenants_cut_at_random_have_each_event_once():
    chance, tenants = random.Random(7), [TenantFactory() for _one in range(10)]
    people = [MemberFactory(tenant=tenant, agent=place == 0) for tenant in tenants for place in range(5)]
    customers, over = [one for one in people if not one.is_support_user], threading.Event()
    found, failures = defaultdict(list), []
    with server() as running:
        followers = [
            threading.Thread(
                target=follow, args=(running.port, token_of(person), found[person.id], over, failures, one)
            )
            for one, person in enumerate(people)
        ]
        for follower in followers:
            follower.start()
        for turn in range(60):
            make_ticket(chance.choice(customers))
            if turn % 3 == 0:
                relay_all()
            if turn == 30:
                cut_the_database()
        relay_all()
        wanted = {person.id: fed(person) for person in people}
        end = time.monotonic() + 30
        while time.monotonic() < end and any(len(found[key]) < len(events) for key, events in wanted.items()):
            time.sleep(0.1)  # the followers are threads of their own
        time.sleep(0.5)
        over.set()
        for follower in followers:
            follower.join(20)

    assert not failures
    assert dict(found) == wanted
    assert sum(map(len, wanted.values())) > 200


def follow(port, token, found, over, failures, seed):
    """Like a portal: cut at random, it goes on from the last position."""
    chance, position = random.Random(seed), 0
    while not over.is_set():
        client = None
        try:
            client = Client(port, token, f"after={position}")
            if client.status == 503:
                continue
            client.hello()
            cut_at = time.monotonic() + chance.uniform(0.1, 1.5)
            while not over.is_set() and time.monotonic() < cut_at:
                event, data, position = client.next(0.2)
                found.append((event, data, position))
        except OSError:  # nothing came for a while, or it was cut from the other side: as any page, it asks again
            continue
        except Exception as error:  # noqa: BLE001 - the outermost of its thread
            failures.append(repr(error))
            return
        finally:
            if client:
                client.close()
