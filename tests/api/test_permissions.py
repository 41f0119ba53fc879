"""Who gets what from every route: the whole table. A route that is missing here fails the build."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories import PASSWORD
from tests.world import PERSONAS, build_world

pytestmark = pytest.mark.django_db(transaction=True)  # /auth/* commits what it does, refused or not

# HTML, the document about the API, and two redirects
NO_API = ("admin/", "admin/i18n/setlang/", "schema", "docs", "admin", "")
NEW = {"subject": "Help", "message": "Please help"}


# Fourteen wrong passwords in a row for one e-mail: the last four are not even looked at.
THROTTLED = dict.fromkeys(PERSONAS[10:], 429)


def everyone(status, **others):
    """The same for all, but for those named. Nobody passes without a token that is in force."""
    table = dict.fromkeys(PERSONAS, status)
    return {**table, **others}


def signed_in(status, **others):
    shut_out = dict.fromkeys(("anonymous", "operator", "disabled", "suspended", "api_key"), 401)
    return everyone(status, **{**shut_out, **others})


def support_users_only(status, **others):
    """For support users only."""
    return signed_in(403, **{"support_user": status, "lead": status, **others})


SETTINGS = "delivery/customer-portal/settings"
CONVERSATION = "messaging/conversations/<str:conversation_id>"
QUEUED = "messaging/support/tickets/<str:ticket_id>"
READERS = {"customer": 200, "support_user": 200, "lead": 200}  # the customer, and the tenant's support users

# (method, route): (body, who gets which status). The platform operator has no token: no tenant, no API.
TABLE = {
    ("GET", "health/live"): (None, everyone(200)),
    ("GET", "health/ready"): (None, everyone(200)),
    ("POST", "auth/login"): ({"email": "nobody@example.org", "password": "wrong"}, everyone(401, **THROTTLED)),
    ("POST", "auth/refresh"): ({"refresh_token": "x"}, everyone(401)),
    ("POST", "auth/logout"): ({"refresh_token": "x"}, everyone(401)),
    ("POST", "auth/password"): ({"current_password": "wrong", "new_password": "x"}, signed_in(400)),
    ("POST", "auth/password/forgot"): ({"email": "nobody@example.org"}, everyone(202, **THROTTLED)),
    ("POST", "auth/password/reset"): ({"token": "x", "new_password": "x"}, everyone(400)),
    ("GET", "users/me"): (None, signed_in(200)),
    ("GET", "customer/support/tickets"): (None, signed_in(200)),
    ("POST", "customer/support/tickets"): (NEW, signed_in(201)),
    ("GET", "customer/support/tickets/<str:ticket_id>"): (None, signed_in(404, customer=200)),
    ("POST", "customer/support/tickets/<str:ticket_id>/close"): (None, signed_in(404, customer=200)),
    ("GET", "customer/support/summary"): (None, signed_in(200)),
    ("GET", "customer/delivery/portal-settings"): (None, signed_in(200)),
    ("GET", SETTINGS): (None, signed_in(403, admin=200)),
    ("PUT", SETTINGS): ({}, signed_in(403, admin=200)),
    ("PUT", "integrations/orders"): ({"orders": [{}]}, everyone(401, api_key=200)),
    ("PUT", "integrations/deliveries"): ({"deliveries": [{}]}, everyone(401, api_key=200)),
    ("GET", "integrations/changes"): (None, everyone(401, api_key=200)),
    ("GET", "messaging/changes"): (None, signed_in(200)),
    ("GET", "messaging/conversations"): (None, signed_in(200)),
    ("GET", CONVERSATION): (None, signed_in(404, **READERS)),
    ("GET", CONVERSATION + "/messages"): (None, signed_in(404, **READERS)),
    ("POST", CONVERSATION + "/messages"): (
        {"content": "Hello"},
        signed_in(404, customer=201, support_user=403, lead=403),
    ),
    ("PUT", CONVERSATION + "/read-status"): (
        None,
        signed_in(404, customer=400, support_user=403, lead=403),
    ),
    ("PUT", CONVERSATION + "/participants"): ({}, signed_in(404, customer=403, support_user=403, lead=400)),
    ("GET", "messaging/support/tickets"): (None, support_users_only(200)),
    ("POST", "messaging/support/tickets/next"): (None, support_users_only(404, support_user=200)),
    ("GET", QUEUED): (None, support_users_only(200)),
    ("POST", QUEUED + "/assign-to-me"): (None, support_users_only(409, support_user=200)),
    ("POST", QUEUED + "/take-over"): ({"reason": "away"}, support_users_only(200)),
    ("POST", QUEUED + "/release"): (None, support_users_only(409)),
    ("GET", QUEUED + "/notes"): (None, support_users_only(200)),
    ("GET", QUEUED + "/events"): (None, support_users_only(200)),
    ("POST", QUEUED + "/assign"): ({}, support_users_only(400)),
    ("POST", QUEUED + "/priority"): ({"priority": "high"}, support_users_only(200)),
    ("POST", QUEUED + "/tags"): ({"add": []}, support_users_only(200)),
    ("POST", QUEUED + "/snooze"): ({"until": None}, support_users_only(200)),
    ("POST", QUEUED + "/change-link"): ({"related_order_id": None}, support_users_only(200)),
    ("POST", QUEUED + "/note"): ({"content": "x"}, support_users_only(201)),
    ("POST", QUEUED + "/close"): (None, support_users_only(200)),
    ("POST", QUEUED + "/reopen"): (None, support_users_only(200)),
}


def routes(resolver=None, prefix=""):
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver) and path != "admin/":
            yield from routes(entry, path)
        elif isinstance(entry, URLPattern) and path not in NO_API:
            for method in set(entry.callback.actions) - {"head"}:
                yield method.upper(), path


def test_every_route_is_in_the_table():
    assert set(routes()) == set(TABLE)


@pytest.mark.parametrize(("method", "route"), TABLE, ids=" ".join)
def test_everyone_gets_what_the_table_says(method, route):
    body, expected = TABLE[method, route]
    world = build_world()
    path = world.path(route)

    got = {name: world.clients[name].call(method, path, body=body) for name in PERSONAS}

    assert {name: response.status_code for name, response in got.items()} == expected
    for response in got.values():
        assert response.json()["success"] is (response.status_code < 400)
        if response.status_code == 401:
            assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "route"), TABLE, ids=" ".join)
def test_other_methods_are_refused_in_the_envelope(method, route):
    world = build_world()
    path = world.path(route)
    allowed = {known for known, other in TABLE if other == route} | ({"HEAD"} if ("GET", route) in TABLE else set())

    for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
        callers = {"messaging/support": "lead", "delivery/customer-portal": "admin", "integrations": "api_key"}
        caller = world.clients[next((who for start, who in callers.items() if route.startswith(start)), "customer")]
        response = caller.call(wrong, path)
        assert (wrong, response.status_code, response.json()["error"]) == (wrong, 405, "method_not_allowed")


def test_platform_operator_gets_no_token(api):
    world = build_world()

    response = api.post("/auth/login", {"email": world.operator.email, "password": PASSWORD})

    assert (response.status_code, response.json()["error"]) == (401, "invalid_credentials")


def test_foreign_tenant_in_the_query_is_not_found_before_permissions_and_body(api):
    world = build_world()
    portal = world.clients["customer"]

    assert portal.get("/customer/support/tickets", {"tenant_id": str(world.tenant.id)}).status_code == 200
    foreign = portal.post(f"/customer/support/tickets?tenant_id={world.foreign.id}", {})
    assert (foreign.status_code, foreign.json()["error"]) == (404, "not_found")
