"""As it is shipped: beside `make serve`, and behind the nginx of `deploy/`."""

import shutil
from urllib.parse import urlsplit

import pytest

from ondi.outbox.relay import relay_all
from tests.factories import MemberFactory, make_ticket
from tests.reliability.slow_clients import nginx
from tests.streaming.clients import Client, server
from tests.streaming.test_stream import ticket_of, token_of

has_nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not has_nginx, reason="needs nginx: make chaos-deps")
def test_behind_nginx_it_comes_at_once_and_the_envelope_stays(tenant):
    customer = MemberFactory(tenant=tenant)
    with server() as running, nginx("127.0.0.1:1", f"127.0.0.1:{running.port}") as url:
        port = urlsplit(url).port
        clients = [Client(port, token_of(customer)), Client(port, None, ticket_of(customer))]
        for client in clients:
            assert client.hello() == 0
        make_ticket(customer)
        relay_all()
        for client in clients:
            assert [position for _event, _data, position in client.events(2)] == [1, 2]
        refused = Client(port, "nonsense")
        assert (refused.status, b"token_invalid" in refused.rest()) == (401, True)
        running.end()
        for client in clients:
            assert client.next() == ("end", {"reason": "shutdown"}, None)
        away = Client(port, token_of(customer))
        assert (away.status, b"service_unavailable" in away.rest()) == (503, True)
        for client in (*clients, refused, away):
            client.close()
