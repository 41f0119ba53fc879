"""Who gets what from every route of the registry."""

import importlib
import inspect

import pytest

from ondi.api.document import SchemaViewSet
from ondi.api.views import ApiViewSet
from support.actions import ACTIONS
from tests.factories import PASSWORD
from tests.messages import APPS, ROOT
from tests.registry.routes import ACTION_ROWS, ROUTES, patterns, routes_there_are
from tests.world import PERSONAS, build_world

pytestmark = pytest.mark.django_db(transaction=True)  # /auth/* commits what it does, refused or not


def test_every_route_is_in_the_registry():
    """All other tests of every route read it, so this is the one place where a missing row is told."""
    for name in {name for name, action in ACTIONS.items() if action.operation} - set(ACTION_ROWS):
        pytest.fail(f"add {name!r}: ActionRow(statements, about, who) to ACTION_ROWS in tests/registry/routes.py")
    known = [(route.method, route.path) for route in ROUTES]
    for method, path in set(routes_there_are()) - set(known):
        pytest.fail(f"add Route({method!r}, {path!r}, who, statements) to tests/registry/routes.py")
    assert sorted(known) == sorted(routes_there_are()), "a row has no route, or stands twice"


def views_there_are():
    """Every view set of the product, but the one that hands out the document."""
    files = {
        path for app in APPS for pattern in ("**/*views.py", "**/api/**/*.py") for path in (ROOT / app).glob(pattern)
    }
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files if path.stem != "__init__"]
    values = {value for module in map(importlib.import_module, modules) for value in vars(module).values()
              if isinstance(value, type)}  # fmt: skip
    return {value for value in values if issubclass(value, ApiViewSet)} - {ApiViewSet, SchemaViewSet}


def answers_requests(name, method):
    takes = inspect.signature(method).parameters if inspect.isfunction(method) else ()
    return "request" in takes and not name.startswith("_") and not hasattr(ApiViewSet, name)


def test_every_method_of_every_view_is_a_route():
    routed = {(one.callback.cls, name) for one in patterns() for name in one.callback.actions.values()}
    assert len(views_there_are()) > 10
    for view in views_there_are():
        for name, method in vars(view).items():
            if answers_requests(name, method):
                assert hasattr(method, "at"), f"{view.__name__}.{name}: say its address, documented('GET address', …)"
                assert (view, name) in routed, f"name {view.__name__} in routes_of(…) of its app's urls.py"


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_everyone_gets_what_the_table_says(route):
    world = build_world()
    path = world.path(route.path)

    got = {name: world.clients[name].call(route.method, path, body=route.body(world)) for name in PERSONAS}

    assert {name: response.status_code for name, response in got.items()} == route.who
    for response in got.values():
        assert response.json()["success"] is (response.status_code < 400)
        if response.status_code == 401:
            assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", dict.fromkeys(route.path for route in ROUTES))
def test_other_methods_are_refused_in_the_envelope(path):
    world = build_world()
    rows = {route.method: route for route in ROUTES if route.path == path}
    allowed = set(rows) | ({"HEAD"} if "GET" in rows else set())
    who = next(iter(rows.values())).who
    callers = ("customer", "lead", "admin", "api_key")
    caller = next((name for name in callers if who[name] not in (401, 403)), "customer")

    for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
        response = world.clients[caller].call(wrong, world.path(path))
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
