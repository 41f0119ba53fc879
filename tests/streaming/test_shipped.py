"""As it is shipped: beside `make serve`, and behind the nginx of `deploy/`."""

import shutil
from urllib.parse import urlsplit

import pytest
import urllib3
from django.conf import settings

from ondi.files.checking import check_due
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not has_nginx, reason="needs nginx: make chaos-deps")
def test_behind_nginx_files_come_and_go_and_the_envelope_stays(tenant, api):
    body = b"It was broken when it came.\n" * 20_000
    wanted = {"file_name": "note.txt", "content_type": "text/plain", "size": len(body)}
    portal = api.as_(MemberFactory(tenant=tenant))
    draft = portal.post("/messaging/attachments", wanted).json()["data"]["attachment"]
    with server() as running, nginx("127.0.0.1:1", f"127.0.0.1:{running.port}") as url:

        def there(link):
            return url + link[len(settings.STREAM_URL) :]

        upload = there(draft["upload"]["url"])
        typed = {"Content-Type": "text/plain"}
        assert urllib3.request("PUT", upload, body=body, headers=typed).status == 200
        assert check_due() == 1
        link = portal.get(f"/messaging/attachments/{draft['id']}").json()["data"]["attachment"]["download_url"]
        got = urllib3.request("GET", there(link))
        assert (got.status, got.data) == (200, body)
        assert got.headers["cache-control"] == "private, max-age=3600, immutable"
        part = urllib3.request("GET", there(link), headers={"Range": "bytes=3-5"})
        assert (part.status, part.data) == (206, body[3:6])
        said = {"Content-Length": str(27 * 2**20)}
        too_large = Client(urlsplit(url).port, path=urlsplit(upload).path, method="PUT", **said)
        assert (too_large.status, b"payload_too_large" in too_large.rest()) == (413, True)
        too_large.close()
        running.end()
        away = urllib3.request("GET", there(link), retries=False)
        assert (away.status, away.json()["error"]) == (503, "service_unavailable")
