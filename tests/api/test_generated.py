"""Generated requests against every route: whatever comes, the answer is an envelope and never a 5xx.

The short form of `make fuzz`, which sets `GENERATED_EXAMPLES` higher and adds what schemathesis makes of the
OpenAPI document.
"""

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.registry.document import body_fields, query_parameters
from tests.registry.routes import ROUTES
from tests.world import build_world

pytestmark = pytest.mark.django_db(transaction=True)  # /auth/* has no transaction of its own

EXAMPLES = int(os.environ.get("GENERATED_EXAMPLES", "12"))
_EACH = [(route.method, route.path) for route in ROUTES]
FIELDS = sorted(
    {"attachments", *(step for one in _EACH for place in body_fields(*one) for step in place if isinstance(step, str))}
)
PARAMETERS = sorted({"tenant_id", *(name for one in _EACH for name in query_parameters(*one))})
WORDS = st.sampled_from(
    ["open", "closed", "urgent", "storefront", "customer_portal", "text", "add", "remove", "admin", "en", "ar", "0",
     "-1", "1e400", "99999999999999999999", "0197f0a0-0000-7000-8000-000000000000",
     "2026-01-01T00:00:00Z,2026-01-02T00:00:00Z", "9999-12-31T23:59:59Z", "\x00", "\ud800", "%", "'",
     "#1042", "١٢٣", "\u202e"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    WORDS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8).map(lambda body: json.dumps(body).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=200),
)
QUERIES = st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=30) | WORDS, max_size=4)
HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "Accept-Language", "X-Request-ID", "Accept", "Origin", "X-Forwarded-For"]),
    HEADER_TEXT, max_size=3,
)  # fmt: skip
CALLERS = ("customer", "lead", "admin", "api_key", "anonymous")


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_whatever_comes_is_answered_in_the_envelope(route):
    world = build_world()
    path = world.path(route.path)

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(body=BODIES, query=QUERIES, headers=HEADERS, caller=st.sampled_from(CALLERS), words=WORDS)
    def send(body, query, headers, caller, words):
        filled = path if len(words) != 36 else path.replace(str(world.ticket.id), words)
        sane = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
        raw = None if route.method == "GET" else body
        answer = world.clients[caller].call(route.method, filled, parameters=sane, raw=raw, **headers)

        assert answer.status_code < 500, answer.content
        assert set(answer.json()) <= {"success", "message", "data", "error"}
        assert answer.json()["success"] is (answer.status_code < 400)

    send()
