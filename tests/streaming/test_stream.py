"""The stream process over HTTP: what it says, to whom, from where on, and how it ends."""

import pytest
from django.utils import timezone

from ondi.accounts.sessions import begin_session
from ondi.outbox.relay import relay_all
from tests.factories import MemberFactory, TenantFactory, make_ticket
from tests.streaming.clients import server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def stream(django_db_setup):
    with server() as running:
        yield running


def token_of(member):
    return begin_session(user_id=member.user_id, tenant_id=member.tenant_id).access_token


def happen(customer, times=1):
    """So many tickets of this customer: two events each."""
    made = [make_ticket(customer) for _time in range(times)]
    relay_all()
    return made


def test_first(stream, tenant):
    customer = MemberFactory(tenant=tenant)
    client = stream.open(token_of(customer))
    assert client.hello() == 0
    (ticket,) = happen(customer)
    t = timezone.now()
    print(client.events(2), timezone.now() - t)
    stream.end()
    print(client.next(), client.next())
    print(stream.log)
    assert 0
