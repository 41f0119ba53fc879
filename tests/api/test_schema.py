"""The OpenAPI document is valid, complete and true."""

import io
import json

import jsonschema
import pytest
from django.core.management import call_command

from tests.api.test_permissions import TABLE
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, make_ticket

TICKETS = "/customer/support/tickets"


@pytest.fixture(scope="module")
def schema():
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


def test_document_is_openapi_3_1(schema):
    assert schema["openapi"].startswith("3.1")


def test_every_call_is_documented_with_examples(schema):
    documented = {
        (method.upper(), path.strip("/").replace("{", "<str:").replace("}", ">")): call
        for path, calls in schema["paths"].items()
        for method, call in calls.items()
    }
    assert set(documented) == set(TABLE)
    for route, call in documented.items():
        assert call["summary"], route
        body = call.get("requestBody", {}).get("content", {}).get("application/json")
        assert body is None or body["examples"], route
        for status, answer in call["responses"].items():
            assert answer["content"]["application/json"]["examples"], (route, status)


def test_examples_fit_their_schemas(schema):
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            for status, answer in call["responses"].items():
                content = answer["content"]["application/json"]
                for name, example in content["examples"].items():
                    check(schema, content["schema"], example["value"], f"{method} {path} {status} {name}")


@pytest.mark.django_db
def test_answers_fit_the_document(schema, api):
    tenant = TenantFactory(allow_customer_close=True, acknowledgement_html={"en": "<p>Hello</p>"})
    customer, agent = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant, agent=True)
    delivery = DeliveryFactory(tenant=tenant, customer=customer)
    order = OrderFactory(tenant=tenant, customer=customer, total_amount="10.00")
    ticket = make_ticket(customer, order=order, agent=agent)
    portal = api.as_(customer)
    new = {"subject": "x", "message": "y", "related_delivery_id": str(delivery.id)}
    one = "/customer/support/tickets/{ticket_id}"
    answers = [
        ("post", TICKETS, portal.post(TICKETS, new)),
        ("post", TICKETS, portal.post(TICKETS, new)),
        ("post", TICKETS, portal.post(TICKETS, {})),
        ("get", TICKETS, portal.get(TICKETS)),
        ("get", TICKETS, portal.get(TICKETS, {"page": 0})),
        ("get", one, portal.get(f"{TICKETS}/{ticket.id}")),
        ("get", one, portal.get(f"{TICKETS}/x")),
        ("post", one + "/close", portal.post(f"{TICKETS}/{ticket.id}/close")),
        ("get", "/customer/support/summary", portal.get("/customer/support/summary")),
        ("get", "/users/me", portal.get("/users/me")),
        ("get", "/users/me", api.get("/users/me")),
        ("get", "/health/ready", api.get("/health/ready")),
    ]
    for method, path, response in answers:
        documented = schema["paths"][path][method]["responses"][str(response.status_code)]
        check(schema, documented["content"]["application/json"]["schema"], response.json(), f"{method} {path}")


def check(schema, part, value, where):
    """Validate against a part of the document; keys the document does not name are an error too."""
    resolver_schema = {**strict(part), "components": strict(schema["components"])}
    try:
        jsonschema.validate(value, resolver_schema, format_checker=jsonschema.FormatChecker(["uuid"]))
    except jsonschema.ValidationError as error:
        pytest.fail(f"{where}: {error.message} at {list(error.absolute_path)}")


def strict(part):
    """The same schema, with objects closed to further keys where their keys are named."""
    if isinstance(part, dict):
        closed = {name: strict(value) for name, value in part.items()}
        if isinstance(closed.get("properties"), dict) and closed.get("type") == "object":
            closed.setdefault("additionalProperties", False)
        return closed
    return [strict(item) for item in part] if isinstance(part, list) else part


@pytest.mark.django_db
def test_document_and_its_page_are_served_without_a_token(api):
    document, page = api.get("/schema"), api.get("/docs")

    assert json.loads(document.content)["info"]["title"] == "OnDi Support"
    assert page.status_code == 200
    assert b"http://" not in page.content.replace(b"http://testserver", b"")
    assert b"https://" not in page.content, "the page works offline"


@pytest.mark.django_db
def test_front_door_leads_to_the_docs(api):
    assert api.get("/").headers["Location"] == "/docs"
    assert api.get("/admin").headers["Location"] == "/admin/"
