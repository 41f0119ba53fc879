"""Secrets are rotated while calls go on, and programs take the new ones over when they come to it: none is refused."""

import threading
from collections import deque

import pytest
from django.db import connection
from standardwebhooks import Webhook, WebhookVerificationError

from ondi.webhooks import services
from ondi.webhooks.sending import Sending
from tests.reliability.product import wait_until
from tests.webhooks.world import Program, running

pytestmark = pytest.mark.django_db(transaction=True)


class Verifying(list):
    """What a program was called with, judged at once by the secret that it had then."""

    def __init__(self, secret):
        self.secret, self.refused = secret, 0

    def append(self, call):
        headers, body = call
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
        super().append(call)


@pytest.mark.parametrize("behind", [1, 6])
def test_nothing_is_refused_though_the_secret_is_rotated_again_and_again(world, behind):
    """`behind`: how many rotations later the program takes a secret over; what was signed before the first has come."""
    over = threading.Event()

    def work():
        sending = Sending()
        while not over.is_set() or sending.turn():
            sending.turn()
        connection.close()

    with running(program := Program()) as port:
        endpoint, secret = world.endpoint(port)
        program.got = Verifying(secret)
        working = threading.Thread(target=work)
        working.start()
        try:
            given, said = deque(maxlen=behind), 0
            for _rotation in range(12):
                world.say(2)
                world.plan()
                said += 2
                if len(given) == behind:
                    before, taken_over = given[0]
                    wait_until(lambda: len(set(program.ids)) >= before, "calls do not come")  # noqa: B023
                    program.got.secret = taken_over
                given.append((said, world.do(services.rotate_secret, endpoint_id=endpoint.id)[1]))
        finally:
            over.set()
            working.join()
    assert program.got.refused == 0
    assert len(set(program.ids)) == 24
    assert {one.state for one in world.deliveries()} == {"delivered"}


def test_eleven_sign_and_no_more(world):
    with running(program := Program()) as port:
        endpoint, first = world.endpoint(port)
        secrets = [first, *(world.do(services.rotate_secret, endpoint_id=endpoint.id)[1] for _rotation in range(12))]
        world.say()
        world.send()
    ((headers, body),) = program.got
    assert len(headers["webhook-signature"].split()) == 11
    for secret in secrets[2:]:
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[1]).verify(body, headers)
