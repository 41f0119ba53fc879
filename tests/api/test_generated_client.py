"""A client that a generator makes of the document makes the five calls and a chat. `make clients` has more of them."""

import sys

import httpx
import pytest

from ondi.api.document import document
from tests.clients.generate import PACKAGE, python_client
from tests.factories import PASSWORD, DeliveryFactory, MemberFactory, TenantFactory, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)  # the calls go through the server's own door


@pytest.fixture
def client_package(tmp_path, monkeypatch):
    (tmp_path / "schema.json").write_bytes(document())
    package = python_client(tmp_path / "schema.json", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE or name == "tests.clients.walk"]:
        del sys.modules[name]


def test_generated_python_client_makes_the_five_calls_and_a_chat(client_package):
    from ondi.wsgi import application
    from tests.clients.walk import Client, walk

    tenant = TenantFactory(allow_customer_close=True)
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    make_ticket(customer, delivery=DeliveryFactory(tenant=tenant, customer=customer))
    door = Client("http://localhost", httpx_args={"transport": httpx.WSGITransport(application)})

    walk(door, tenant=tenant.slug, customer=customer.user.email, agent=agent.user.email, password=PASSWORD)
