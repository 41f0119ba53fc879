"""One program that is dead or slow holds up no other, and no host gets more calls at a time than it should."""

import threading
import time
from concurrent.futures import wait

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ondi.webhooks.sending import Sending
from tests.webhooks.world import Program, World, listening, running

pytestmark = pytest.mark.django_db(transaction=True)


def work_until(is_so, seconds, sending=None):
    """Turns, as a worker takes them, until it is so; how long it took."""
    began, sending = time.monotonic(), sending or Sending()
    while not is_so():
        assert time.monotonic() - began < seconds, "it does not come"
        if not sending.turn():
            time.sleep(0.02)
    return time.monotonic() - began


def test_a_dead_and_a_slow_program_of_the_same_tenant_hold_up_no_other(world):
    slow, good = Program(delay=14), Program()
    with listening() as (dead, _knocks), running(slow, address="127.0.0.2") as slow_port, running(good) as port:
        world.endpoint(0, url=f"http://127.0.0.3:{dead}/")
        world.endpoint(0, url=f"http://127.0.0.2:{slow_port}/")
        for _endpoint in range(4):
            world.endpoint(port)
        world.say(5)
        world.plan()
        work_until(lambda: len(good.got) == 20, seconds=13)  # before the slow one has answered once
    assert len(slow.got) <= 4


def test_two_slow_programs_leave_the_others_at_their_host_a_place(world):
    """Eight calls go to a host at a time, of which these two could have four each."""
    slow, good = Program(delay=14), Program()
    with running(slow) as slow_port, running(good) as port:
        for _endpoint in range(2):
            world.endpoint(slow_port)
        world.say(5)
        world.plan()
        sending = Sending()
        for _turn in range(5):
            sending.turn()
        assert len(slow.got) == 6
        for _endpoint in range(3):
            world.endpoint(port)
        world.say(4)
        world.plan()
        work_until(lambda: len(good.got) == 12, seconds=8, sending=sending)
    assert len(slow.got) == 6


def test_slow_programs_of_one_tenant_leave_threads_to_the_others(world, settings):
    """Sixteen calls of a tenant, and one more of each that has none: not four of each of its twenty."""
    with running(slow := Program(delay=14), address="127.0.0.1") as port:
        for number in range(8):
            world.endpoint(0, url=f"http://slow-{number}.test:{port}/")
        world.say(6)
        world.plan()
        sending = Sending(lambda *_name: ["127.0.0.1"])
        for _turn in range(20):
            sending.turn()
        assert len(slow.got) == 16
        late, _secret = world.endpoint(0, url=f"http://late.test:{port}/")
        world.say(2)
        world.plan()
        for _turn in range(5):
            sending.turn()
    assert len(slow.got) == 17
    assert [one.attempts for one in world.deliveries(endpoint=late)] == [1, 0]


def test_what_somebody_holds_is_passed_over(world, owner):
    world.endpoint(9)
    world.say(2)
    world.plan()
    held, other = world.deliveries()
    with owner().transaction() as _held, connection.cursor() as cursor:
        owner().execute("SELECT FROM webhooks_delivery WHERE id = %s FOR UPDATE", [held.id])
        cursor.execute("SET statement_timeout = '2s'")
        cursor.execute("SELECT id FROM ondi_claim_deliveries(%s, '1 minute', 50, '{}')", [timezone.now()])
        assert cursor.fetchall() == [(other.id,)]
        cursor.execute("RESET statement_timeout")


def test_many_of_one_tenant_hold_up_nobody_elses(world, settings):
    other = World(settings)
    with running(busy := Program(delay=0.02)) as one, running(program := Program()) as two:
        world.endpoint(one)
        world.say(60)
        world.plan()
        other.endpoint(two)
        other.say(3)
        other.plan()
        work_until(lambda: len(program.got) == 3, seconds=20)
        assert len(busy.got) < 60


@pytest.mark.parametrize(("endpoints", "most"), [(1, 4), (8, 8)])
def test_so_many_calls_at_a_time_to_an_endpoint_and_a_host(world, endpoints, most):
    lock, now, seen = threading.Lock(), [0], []

    def count(handler):
        with lock:
            now[0] += 1
            seen.append(now[0])
        time.sleep(0.2)
        with lock:
            now[0] -= 1
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with running(program := Program(handle=count)) as port:
        for _endpoint in range(endpoints):
            world.endpoint(port)
        world.say(12)
        world.plan()
        # Two processes take what is due, as they please.
        two = Sending()

        def other():
            try:
                while len(program.got) < 12 * endpoints:
                    two.turn()
            finally:
                connection.close()

        thread = threading.Thread(target=other)
        thread.start()
        work_until(lambda: len(program.got) == 12 * endpoints, seconds=20)
        thread.join()
    assert max(seen) == most


def test_what_two_processes_take_is_called_once(world):
    with running(program := Program()) as port:
        world.endpoint(port)
        world.say(20)
        world.plan()
        threads = [threading.Thread(target=lambda: (turns(), connection.close())) for _process in range(3)]

        def turns():
            sending, end = Sending(), time.monotonic() + 3
            while (time.monotonic() < end and len(program.got) < 20) or sending.turn():
                sending.turn()

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(program.got) == len(set(program.ids)) == 20


def test_many_tenants_take_no_more_statements_than_one(world, settings):
    worlds = [world, World(settings), World(settings)]

    def statements(some):
        for one in some:
            one.say(2)
            one.plan()
        sending = Sending()
        with CaptureQueriesContext(connection) as seen:
            sending._begin(timezone.now())
            wait(sending._under_way)
            sending.turn()
        assert {delivery.state for one in some for delivery in one.deliveries()} == {"delivered"}
        return len(seen)

    with running(Program()) as port:
        for one in worlds:
            one.endpoint(port)
        statements(worlds)  # makes the rows of hosts
        assert statements(worlds) == statements([world]) <= 31


def test_a_million_due_of_one_tenant_are_found_quickly(world):
    """Twenty thousand here: the function walks an index, and its time does not grow with them."""
    world.endpoint(9)
    world.say()
    world.plan()
    (delivery,) = world.deliveries()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('ondi.tenants', %s, false)", [str(world.tenant.id)])
        cursor.execute(
            "INSERT INTO webhooks_delivery (id, tenant_id, endpoint_id, position, kind, state, attempts, failures, "
            "next_at, created_at) SELECT gen_random_uuid(), %s, %s, 1000 + n, 'message.created', 'waiting', 0, 0, "
            "now(), now() FROM generate_series(1, 20000) AS n",
            [world.tenant.id, delivery.endpoint_id],
        )
        began = time.monotonic()
        cursor.execute("SELECT * FROM ondi_claim_deliveries(%s, '1 minute', 50, '{}')", [timezone.now()])
        assert len(cursor.fetchall()) == 4
        assert time.monotonic() - began < 0.5
        cursor.execute("SELECT set_config('ondi.tenants', '', false)")
