"""A request the database broke off for another's sake is tried again as a whole, at most three times."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from psycopg import errors

from ondi.api.units import RETRIES, in_one_unit
from ondi.tenants.scope import set_scope, tenant_scope
from support.models import Ticket, TicketEvent
from tests.factories import MemberFactory, TenantFactory, make_ticket, reload
from tests.races import deadlocks_so_far
from tests.reliability.product import somebody_waits_for, wait_until
from tests.workbench import workbench

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture
def customer():
    return MemberFactory(tenant=TenantFactory(allow_customer_close=True))


@pytest.fixture
def ticket(customer):
    return make_ticket(customer)


@pytest.fixture
def stranger(owner):
    """A transaction of somebody who takes locks in the wrong order, and is never the one to be broken off.

    PostgreSQL breaks off who first looks for a deadlock when there is one: whose wait is `deadlock_timeout` long then.
    """
    info = owner().info
    with psycopg.connect(dbname=info.dbname, user="postgres", host=info.host, port=info.port or None) as other:
        other.execute("SET deadlock_timeout = '10min'")
        yield other
        other.rollback()


def cross(stranger, ticket, call):
    """Hold the conversation, let the call take the ticket, then want the ticket: the call is the victim."""
    stranger.execute("SELECT FROM conversations_conversation WHERE id = %s FOR UPDATE", [ticket.conversation_id])
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(lambda: (call(), connections.close_all())[0])
        wait_until(lambda: somebody_waits_for(stranger), "nobody came for the lock")
        stranger.execute("SELECT FROM support_ticket WHERE id = %s FOR UPDATE", [ticket.id])
        stranger.commit()
        return future.result(timeout=30)


def test_deadlock_in_the_api_is_not_noticed_by_the_caller(api, owner, stranger, customer, ticket):
    portal = api.as_(customer)
    before = deadlocks_so_far(owner())

    answer = cross(stranger, ticket, lambda: portal.post(f"/customer/support/tickets/{ticket.id}/close"))

    assert (answer.status_code, answer.json()["data"]["ticket"]["status"]) == (200, "closed")
    with tenant_scope(ticket.tenant_id):
        assert TicketEvent.objects.filter(ticket=ticket, kind="closed").count() == 1
    assert deadlocks_so_far(owner()) == before + 1


def test_deadlock_in_the_admin_is_not_noticed_either(stranger, customer, ticket):
    browser = workbench(MemberFactory(tenant=customer.tenant, agent=True).user)

    answer = cross(stranger, ticket, lambda: browser.post(f"/admin/support/ticket/{ticket.id}/action/close/"))

    assert answer.status_code == 302
    assert reload(ticket).status == "closed"


def serialization_failures(ticket, how_many):
    """A view that meets somebody else's write the first so many times it runs."""
    runs = []

    def view(request):
        runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            set_scope([ticket.tenant_id])
            cursor.execute("SELECT subject FROM support_ticket WHERE id = %s", [ticket.id])
            if len(runs) <= how_many:
                thread = threading.Thread(target=write_elsewhere)
                thread.start()
                thread.join()
            cursor.execute("UPDATE support_ticket SET subject = 'mine' WHERE id = %s", [ticket.id])
        return HttpResponse(request.body)

    def write_elsewhere():
        with transaction.atomic():
            set_scope([ticket.tenant_id])
            Ticket.objects.filter(id=ticket.id).update(subject="theirs")
        connections.close_all()

    return in_one_unit(view), runs


@pytest.mark.parametrize("failures", [0, 1, RETRIES])
def test_serialization_failures_are_ridden_out(ticket, failures):
    view, runs = serialization_failures(ticket, failures)

    answer = view(RequestFactory().post("/", b"the body", "text/plain"))

    assert answer.content == b"the body"
    assert len(runs) == failures + 1
    assert reload(ticket).subject == "mine"


def test_after_three_repetitions_the_error_stands(ticket):
    view, runs = serialization_failures(ticket, RETRIES + 1)

    with pytest.raises(OperationalError) as raised:
        view(RequestFactory().post("/", b"", "text/plain"))

    assert isinstance(raised.value.__cause__, errors.SerializationFailure)
    assert len(runs) == RETRIES + 1


def test_other_errors_are_not_repeated(ticket):
    runs = []

    def view(request):
        runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(1)")

    with pytest.raises(OperationalError):
        in_one_unit(view)(RequestFactory().get("/"))
    assert len(runs) == 1


def test_a_lock_held_too_long_is_a_coded_503(api, owner, stranger, customer, ticket):
    """The application waits ten seconds for a lock; here half a second is enough to see it."""
    portal = api.as_(customer)
    stranger.execute("SELECT FROM support_ticket WHERE id = %s FOR UPDATE", [ticket.id])
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '500ms'")

    answer = portal.post(f"/customer/support/tickets/{ticket.id}/close")

    assert (answer.status_code, answer.json()["error"]) == (503, "service_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    stranger.rollback()
    assert portal.post(f"/customer/support/tickets/{ticket.id}/close").status_code == 200


def test_every_timeout_is_set():
    with connection.cursor() as cursor:
        found = {}
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            found[name] = cursor.fetchone()[0]
    assert found == {
        "statement_timeout": "15s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "1min",
    }  # fmt: skip
    options = connection.settings_dict["OPTIONS"]
    assert {"connect_timeout", "tcp_user_timeout", "keepalives_idle"} <= set(options)
