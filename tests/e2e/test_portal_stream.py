"""A native EventSource behind the shipped nginx, whose line is cut every 5 s and whose token ends: every event once.

Two things are not as shipped. Of deploy/nginx.conf addresses, ports and certificate are replaced; and the tokens are
good for 15 s in place of 15 minutes (`brief_tokens`), so that a minute sees them renewed.
"""

import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.e2e.browsing import Caller, Customer, demo
from tests.e2e.portal import kinds_of_the_document, open_portal, portal, told
from tests.reliability.product import two_free_ports
from tests.reliability.relay import Relay
from tests.reliability.slow_clients import nginx

PERSON, SECONDS, CUT_EVERY = "customer3@tigris.demo", 55, 5


class Line:
    """The line between the browser and nginx."""

    def __init__(self, url):
        address = urlsplit(url)
        self.relay = Relay(lambda: socket.create_connection((address.hostname, address.port), timeout=5))
        self.url, self.cuts = f"http://127.0.0.1:{self.relay.port}", 0

    def cut(self):
        self.cuts += bool(self.relay.cut())


@pytest.fixture
def behind_nginx():
    """The product, the line to its nginx, and the origin of a portal that may call it."""
    port = two_free_ports()
    with portal() as origin, nginx(f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}") as url:
        line = Line(url)
        with demo(
            PORT=str(port), PUBLIC_URL=line.url, STREAM_URL=line.url, TRUSTED_PROXY_COUNT="1",
            CORS_ALLOWED_ORIGINS=origin, DJANGO_SETTINGS_MODULE="tests.e2e.brief_tokens",
        ) as running:  # fmt: skip
            yield running, line, origin


def test_every_event_comes_once_through_cuts_and_renewals(behind_nginx, browser):
    running, line, origin = behind_nginx
    customer, agent = Customer(running.url, PERSON), Caller(running.url, "agent1@tigris.demo")
    stranger = Customer(running.url, "customer4@tigris.demo")
    ticket, foreign = customer.open_ticket("Where is my parcel"), stranger.open_ticket("Not theirs")
    agent.post(f"/messaging/support/tickets/{ticket['id']}/assign-to-me", {})
    page, faults = browser.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    open_portal(page, origin, line.url, PERSON, ticket)
    ((start, kind, _data),) = told(page)
    assert kind == "hello"

    said, begun = [], time.monotonic()
    while (seconds := time.monotonic() - begun) < SECONDS:
        if seconds > (line.cuts + 1) * CUT_EVERY:
            line.cut()
        said.append(f"This is {len(said)}")
        (agent, customer)[len(said) % 2].say(ticket, said[-1])
        if len(said) % 10 == 0:
            stranger.say(foreign, "Not for them")
        if len(said) % 20 == 0:
            for action in ("close", "reopen"):
                agent.post(f"/messaging/support/tickets/{ticket['id']}/{action}", {})
        page.wait_for_timeout(400)

    happened = [one for one in customer.changes(start) if one[1] in kinds_of_the_document()]
    page.wait_for_function(f"told.filter(([, kind]) => kind !== 'hello').length >= {len(happened)}", timeout=20_000)
    line.cut()
    page.wait_for_timeout(6_000)  # it is back, and is told nothing twice
    heard = told(page)
    hellos = [one for one in heard if one[1] == "hello"]
    assert [(position, kind) for position, kind, _data in heard if kind != "hello"] == happened
    assert {kind for _position, kind in happened} >= {"message.created", "ticket.closed", "ticket.reopened"}
    assert len(happened) > len(said) >= 60
    assert line.cuts >= 10
    assert len(hellos) >= 9  # of a pause at its longest the next cut meets no stream
    assert page.evaluate("renewals") >= 2
    assert [text for text in page.locator("#chat li").all_inner_texts() if text.startswith("This is")] == said
    assert not faults
