"""Many events on the real schedule, with the clock moved, to a program that fails 30 % of the calls and hangs 5 %.

Each next moment is the first at which something is due, so every call is made at its moment. A call that hangs takes
its fifteen seconds only where this runs at length, and there four do, side by side; of the others the program closes
the connection after a moment, which is a call without an answer too. Nothing fails seven times in a row: at ten a
host's calls are held back, which `test_sending` has.

`CALLS_ON_SCHEDULE` sets how many events there are (60; 1,000 in `make chaos`).
"""

import os
import random
import threading
import time
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from ondi.tenants.scope import tenant_scope
from ondi.webhooks.models import WebhookDelivery
from ondi.webhooks.sender import LIMIT
from ondi.webhooks.sending import send_due
from tests.webhooks.world import Program, refuse_to_resolve, running

EVENTS = int(os.environ.get("CALLS_ON_SCHEDULE", "60"))
FAILS, HANGS, MOST_REQUESTS, MOST_IN_A_ROW = 0.30, 0.05, 1.7, 6
HANG_TO_THE_END = 4 if EVENTS >= 1_000 else 0
PAUSES = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 86_400)  # seconds; API.md, section 12


class Fickle:
    """Answers by chance, which is the same of an event and a try each time this runs."""

    def __init__(self):
        self.calls, self.acknowledged = defaultdict(list), Counter()
        self.hung, self._in_a_row, self._lock = 0, 0, threading.Lock()

    def __call__(self, request):
        name, at = request.headers["webhook-id"], int(request.headers["webhook-timestamp"])
        with self._lock:
            self.calls[name].append(at)
            drawn = random.Random(f"2 {name.rsplit('_')[-1]} {len(self.calls[name])}").random()
            fails = drawn < FAILS + HANGS and self._in_a_row < MOST_IN_A_ROW
            self._in_a_row = self._in_a_row + 1 if fails else 0
            hangs = fails and drawn < HANGS
            self.hung += hangs
            goes_on = hangs and self.hung <= HANG_TO_THE_END
        if hangs:
            time.sleep(LIMIT + 1 if goes_on else 0.01)
            return
        if not fails:
            self.acknowledged[name] += 1
        request.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % (500 if fails else 200))


def first_due(world):
    with tenant_scope(world.tenant.id):
        return WebhookDelivery.objects.waiting().aggregate(first=Min("next_at"))["first"]


@pytest.mark.django_db(transaction=True)
def test_each_is_acknowledged_once_on_its_schedule_in_few_requests_and_none_that_was_taken_back(world):
    with running(Program(handle=(fickle := Fickle()))) as port:
        world.endpoint(port)
        for number in range(EVENTS):
            world.say()
            if number % 10 == 0:
                with transaction.atomic():
                    world.say()
                    transaction.set_rollback(True)
        world.plan()
        at = timezone.now()
        while (due := first_due(world)) is not None:
            at = max(at, due)
            send_due(at=at, resolver=refuse_to_resolve)

    assert [one.state for one in world.deliveries()] == ["delivered"] * EVENTS
    names = {f"evt_{world.tenant.id.hex}_{one.position}" for one in world.deliveries()}
    assert fickle.acknowledged == dict.fromkeys(names, 1)
    requests = sum(map(len, fickle.calls.values()))
    assert requests == len(world.attempts()) <= MOST_REQUESTS * EVENTS
    (_first,) = {times[0] for times in fickle.calls.values()}
    for times in fickle.calls.values():
        for pause, (one, next_one) in zip(PAUSES, pairwise(times), strict=False):
            assert 0.8 * pause - 1 <= next_one - one <= 1.2 * pause + 1, "in whole seconds"
