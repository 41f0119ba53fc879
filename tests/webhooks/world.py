"""A tenant with a webhook, and programs on this machine that answer as tests say."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

from django.utils import timezone

from ondi.outbox.models import SetAside
from ondi.outbox.relay import relay_all
from ondi.outbox.subscribers import subscribers, take_turn
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.models import Attempt, WebhookDelivery
from ondi.webhooks.sending import send_due
from ondi.webhooks.services import create_endpoint
from support.services import post_message
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket

LOOPBACK = ip_network("127.0.0.0/8")


class Program:
    """What a tenant runs: it keeps what it gets, and answers with `status` and `body`, after `delay` seconds."""

    def __init__(self, status=200, body=b"", delay=0.0, headers=(), handle=None):
        self.status, self.body, self.delay, self.headers, self.handle = status, body, delay, headers, handle
        self.got = []

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _body in self.got]


def _handler(program):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            program.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(program.delay)
            if program.handle:
                self.close_connection = True
                try:
                    program.handle(self)
                except OSError:
                    return
                return
            self.send_response(program.status)
            for name, value in program.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(program.body)))
            self.end_headers()
            self.wfile.write(program.body)

        def log_message(self, *_arguments):
            pass

    return Handler


@contextmanager
def running(program, certificate=None, address="127.0.0.1"):
    """The port at which it answers."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_arguments):
            pass

    server = Server((address, 0), _handler(program))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def listening():
    """A port at which nobody may knock: the number of connections that came."""
    knocks = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.01)
    over = threading.Event()

    def accept():
        while not over.is_set():
            try:
                peer, _address = server.accept()
            except TimeoutError:
                continue
            knocks.append(peer)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], knocks
    finally:
        over.set()
        thread.join()
        server.close()


def refuse_to_resolve(host, port):
    raise AssertionError(f"nothing is resolved in tests, but {host} was")


SUBSCRIBER = next(one for one in subscribers() if one.name == "webhooks")


class World:
    """A tenant whose programs may be called on this machine, its admin, a customer with a ticket."""

    def __init__(self, settings):
        self.tenant = TenantFactory()
        settings.WEBHOOK_PRIVATE_NETWORKS = [*settings.WEBHOOK_PRIVATE_NETWORKS, (self.tenant.slug, LOOPBACK)]
        self.admin = MemberFactory(tenant=self.tenant, admin=True)
        self.customer = MemberFactory(tenant=self.tenant, external_id="customer-1")
        self.ticket = make_ticket(self.customer)
        relay_all()
        while take_turn(SUBSCRIBER):
            pass
        take_turn(SUBSCRIBER)  # begins at the present

    def endpoint(self, port, path="/hook", **values):
        with tenant_scope(self.tenant.id):
            url = values.pop("url", f"http://127.0.0.1:{port}{path}")
            return create_endpoint(actor=actor(self.admin), values={"url": url, "events": ["*"], **values})

    def do(self, service, **details):
        with tenant_scope(self.tenant.id):
            return service(actor=actor(self.admin), **details)

    def say(self, number=1):
        """So many events."""
        with tenant_scope(self.tenant.id):
            who = actor(self.customer)
            for _message in range(number):
                post_message(actor=who, conversation_id=self.ticket.conversation_id, content="Where is it?")

    def plan(self):
        relay_all()
        while take_turn(SUBSCRIBER):
            pass
        with tenant_scope(self.tenant.id):
            assert list(SetAside.objects.values_list("reason", flat=True)) == []

    def send(self, after=timedelta(), resolver=refuse_to_resolve):
        """Plan what happened, and send what is due so long from now."""
        self.plan()
        send_due(at=timezone.now() + after, resolver=resolver)

    def deliveries(self, **wanted):
        with tenant_scope(self.tenant.id):
            return list(
                WebhookDelivery.objects.filter(**wanted).select_related("endpoint").order_by("created_at", "id")
            )

    def attempts(self):
        with tenant_scope(self.tenant.id):
            return list(Attempt.objects.order_by("at", "number"))

    def reload(self, row):
        with tenant_scope(self.tenant.id):
            return type(row).objects.get(pk=row.pk)
