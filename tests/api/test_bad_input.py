"""Bad input: a clear, coded error, nothing written, never a 5xx, never HTML."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ondi.tenants.scope import tenant_scope
from support.models import Ticket
from tests.factories import MemberFactory, TenantFactory

pytestmark = pytest.mark.django_db

TICKETS = "/customer/support/tickets"
GOOD = {"subject": "Delivery delayed", "message": "Please help"}


@pytest.fixture
def portal(api):
    return api.as_(MemberFactory(tenant=TenantFactory()))


def fields_of(response):
    assert response.status_code == 400, response.content
    assert response.json()["error"] == "validation_error"
    faults = response.json()["data"]["fields"]
    assert all(set(fault) == {"code", "message"} for found in faults.values() for fault in found)
    return {name: [fault["code"] for fault in found] for name, found in faults.items()}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"subject": ["required"], "message": ["required"]}),
        ({**GOOD, "subject": None}, {"subject": ["null"]}),
        ({**GOOD, "subject": ""}, {"subject": ["blank"]}),
        ({**GOOD, "subject": " \t "}, {"subject": ["blank"]}),
        ({**GOOD, "message": "\n \n"}, {"message": ["blank"]}),
        ({**GOOD, "subject": "x" * 201}, {"subject": ["max_length"]}),
        ({**GOOD, "message": "م" * 8001}, {"message": ["max_length"]}),
        ({**GOOD, "subject": "two\nlines"}, {"subject": ["invalid"]}),
        ({**GOOD, "subject": "nul\x00"}, {"subject": ["invalid"]}),
        ({**GOOD, "message": "bell\x07"}, {"message": ["invalid"]}),
        ({**GOOD, "message": "old mac\rline"}, {"message": ["invalid"]}),
        ({**GOOD, "message": "half \ud800 pair"}, {"message": ["invalid"]}),
        ({**GOOD, "message": "\udfff"}, {"message": ["invalid"]}),
        ({**GOOD, "subject": 5}, {"subject": ["invalid"]}),
        ({**GOOD, "subject": True}, {"subject": ["invalid"]}),
        ({**GOOD, "subject": ["a"]}, {"subject": ["invalid"]}),
        ({**GOOD, "message": {"a": 1}}, {"message": ["invalid"]}),
        ({**GOOD, "priority": "asap"}, {"priority": ["invalid_choice"]}),
        ({**GOOD, "priority": None}, {"priority": ["null"]}),
        ({**GOOD, "priority": ["high"]}, {"priority": ["invalid_choice"]}),
        ({**GOOD, "priority": {"a": "\x00"}}, {"priority": ["invalid_choice"]}),
        ({**GOOD, "source": "restaurant"}, {"source": ["invalid_choice"]}),
        ({**GOOD, "source": "\ud800"}, {"source": ["invalid_choice"]}),
        ({**GOOD, "source": ""}, {"source": ["invalid_choice"]}),
        ({**GOOD, "related_delivery_id": "1"}, {"related_delivery_id": ["invalid"]}),
        ({**GOOD, "related_delivery_id": 7}, {"related_delivery_id": ["invalid"]}),
        ({**GOOD, "related_delivery_id": ""}, {"related_delivery_id": ["invalid"]}),
        ({**GOOD, "related_delivery_id": "0197f0a0000070008000000000000011"}, {"related_delivery_id": ["invalid"]}),
        ({**GOOD, "related_delivery_id": {"id": "\x00"}}, {"related_delivery_id": ["invalid"]}),
        ({**GOOD, "attachments": []}, {"attachments": ["not_allowed"]}),
        ({**GOOD, "attachments": None}, {"attachments": ["not_allowed"]}),
        ([], {"non_field_errors": ["invalid"]}),
        ("text", {"non_field_errors": ["invalid"]}),
        (7, {"non_field_errors": ["invalid"]}),
        (None, {"non_field_errors": ["null"]}),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_faulty_bodies_are_refused_on_their_field(portal, body, expected):
    assert fields_of(portal.call("POST", TICKETS, raw=json.dumps(body).encode())) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"{", b"nonsense", b"\xff\xfe{}", b'{"subject": "\xc3\x28"}', b"[" * 100_000, b'{"a":' * 10_000,
        b'{"subject": NaN}', b'{"subject": Infinity}', b"{'subject': 'x'}", b'{"a": ' + b"[" * 21 + b"]" * 21 + b"}",
        b'{"a": 1' + b"0" * 5000 + b"}", b"\x00",
    ],
    ids=lambda raw: ascii(raw)[:40],
)  # fmt: skip
def test_malformed_json_is_refused(portal, raw):
    response = portal.call("POST", TICKETS, raw=raw)

    assert (response.status_code, response.json()["error"]) == (400, "malformed_json")


def test_twenty_levels_are_understood(portal):
    deep = b"[" * 19 + b"]" * 19

    assert portal.call("POST", TICKETS, raw=b'{"a": ' + deep + b"}").json()["error"] == "validation_error"


def test_text_is_returned_as_sent(portal):
    subject = '  <b>&amp; "quotes" مرحباً 👩‍👩‍👧 é  '
    message = "line one\r\nline\ttwo\n<script>alert('x')</script>  "

    ticket = portal.post(TICKETS, {"subject": subject, "message": message}).json()["data"]["ticket"]

    assert ticket["subject"] == subject.strip()
    assert ticket["conversation"]["last_message"]["preview"] == message.replace("\r\n", "\n")


def test_preview_is_the_first_140_characters(portal):
    message = "ن" * 500

    ticket = portal.post(TICKETS, {"subject": "long", "message": message}).json()["data"]["ticket"]

    assert ticket["conversation"]["last_message"]["preview"] == message[:140]


class TestTransport:
    def test_only_json_is_understood(self, portal):
        for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x",
                             "application/json; charset=latin-1", "application/jsonp"):  # fmt: skip
            response = portal.call("POST", TICKETS, raw=b'{"a": 1}', content_type=content_type)
            assert (response.status_code, response.json()["error"]) == (415, "unsupported_media_type"), content_type

    def test_json_may_name_its_charset(self, portal):
        raw = json.dumps(GOOD).encode()
        assert portal.call("POST", TICKETS, raw=raw, content_type="application/json; charset=UTF-8").status_code == 201

    def test_too_large_a_body_is_read_and_refused(self, portal):
        response = portal.call("POST", TICKETS, raw=b" " * (128 * 1024 + 1))

        assert (response.status_code, response.json()["error"]) == (413, "payload_too_large")
        assert portal.call("POST", TICKETS, raw=json.dumps(GOOD).encode().ljust(128 * 1024)).status_code == 201

    def test_body_without_a_length_is_refused(self, portal):
        response = portal.client.post(
            TICKETS, headers={"Transfer-Encoding": "chunked"}, CONTENT_LENGTH="", content_type="application/json"
        )

        assert (response.status_code, response.json()["error"]) == (411, "length_required")

    def test_nonsense_length_is_refused(self, portal):
        response = portal.client.post(TICKETS, CONTENT_LENGTH="many", content_type="application/json")

        assert response.status_code == 411

    def test_foreign_host_is_refused_in_the_envelope(self, portal):
        response = portal.get("/users/me", Host="evil.example")

        assert (response.status_code, response.json()["error"]) == (400, "validation_error")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["subject", "message", "priority", "source", "related_delivery_id", "related_order_id", "x"])
quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@quick
@given(body=st.dictionaries(keys, anything))
def test_any_json_gets_a_coded_answer(portal, body):
    response = portal.post(TICKETS, body)

    assert response.status_code in (201, 400, 404)
    assert response.json()["success"] is (response.status_code == 201)


@quick
@given(text=st.text(max_size=300))
def test_any_text_is_kept_exactly_or_refused(portal, text):
    response = portal.post(TICKETS, {"subject": "x", "message": text})

    if response.status_code == 201:
        shown = response.json()["data"]["ticket"]["conversation"]["last_message"]["preview"]
        assert shown == text.replace("\r\n", "\n")[:140]
    else:
        assert fields_of(response)["message"][0] in ("blank", "invalid")


@quick
@given(
    path=st.text(st.characters(codec="utf-8"), max_size=40),
    query=st.dictionaries(st.sampled_from(["page", "limit", "status", "source", "language", "tenant_id"]), st.text()),
)
def test_any_path_and_query_get_a_coded_answer(portal, path, query):
    for target in (TICKETS, f"{TICKETS}/" + path.replace("?", "").replace("#", "")):
        response = portal.get(target.replace("\x00", "%00"), query)
        assert response.status_code in (200, 400, 404)
        assert response.headers["Content-Type"] == "application/json"


def test_nothing_was_written_by_refused_requests(portal):
    tenant = TenantFactory()
    other = portal.as_(MemberFactory(tenant=tenant))
    for body in ({}, {**GOOD, "subject": "\x00"}, {**GOOD, "related_order_id": "x"}, []):
        other.post(TICKETS, body)

    with tenant_scope(tenant.id):
        assert not Ticket.objects.exists()
