"""API.md section 1, sentence by sentence, on every call that a sentence is about."""

import json

import pytest

from tests.factories import make_ticket
from tests.world import build_world

pytestmark = pytest.mark.django_db

TICKETS, QUEUE, CONVERSATIONS = "/customer/support/tickets", "/messaging/support/tickets", "/messaging/conversations"
SETTINGS = "/delivery/customer-portal/settings"
UNKNOWN = "0197f0a0-0000-7000-8000-0000000000ff"


@pytest.fixture
def world():
    return build_world()


def lists_of(world):
    """Every list: who asks for it, and where."""
    return [
        (world.clients["customer"], TICKETS),
        (world.clients["customer"], CONVERSATIONS),
        (world.clients["customer"], f"{CONVERSATIONS}/{world.ticket.conversation_id}/messages"),
        (world.clients["lead"], QUEUE),
    ]


def bodies_of(world):
    """Every call that takes a body: who makes it, how, and where."""
    conversation = f"{CONVERSATIONS}/{world.ticket.conversation_id}"
    return [
        (world.clients["anonymous"], "POST", "/auth/login"),
        (world.clients["anonymous"], "POST", "/auth/refresh"),
        (world.clients["anonymous"], "POST", "/auth/logout"),
        (world.clients["customer"], "POST", "/auth/password"),
        (world.clients["customer"], "POST", TICKETS),
        (world.clients["customer"], "POST", f"{conversation}/messages"),
        (world.clients["lead"], "PUT", f"{conversation}/participants"),
        (world.clients["lead"], "POST", f"{QUEUE}/{world.ticket.id}/take-over"),
        (world.clients["admin"], "PUT", SETTINGS),
        (world.clients["api_key"], "PUT", "/integrations/orders"),
        (world.clients["api_key"], "PUT", "/integrations/deliveries"),
    ]


def fields_of(answer):
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error"), answer.content
    return {name: [fault["code"] for fault in faults] for name, faults in answer.json()["data"]["fields"].items()}


NO_PAGES = [
    ("page=", "page", "invalid"), ("limit=", "limit", "invalid"), ("page=1&page=1", "page", "invalid"),
    ("limit=5&limit=5", "limit", "invalid"), ("page=0", "page", "min_value"), ("page=-1", "page", "min_value"),
    ("limit=0", "limit", "min_value"), ("limit=51", "limit", "max_value"), ("page=١", "page", "invalid"),
    ("page=1.0", "page", "invalid"), ("page=%201", "page", "invalid"), ("page=1e3", "page", "invalid"),
    ("page=201&limit=50", "page", "max_value"), ("page=10001&limit=1", "page", "max_value"),
    ("page=501", "page", "max_value"), ("page=" + "9" * 5000, "page", "invalid"),
]  # fmt: skip


class TestPages:
    def test_what_is_no_page_is_refused_everywhere(self, world):
        for caller, path in lists_of(world):
            for query, field, code in NO_PAGES:
                assert fields_of(caller.get(f"{path}?{query}")) == {field: [code]}, (path, query)

    def test_last_page_within_the_limit_has_no_next_one(self, world):
        for caller, path in lists_of(world):
            for query in ({"page": "200", "limit": "50"}, {"page": "10000", "limit": "1"}):
                page = caller.get(path, query).json()["data"]["pagination"]
                assert set(page) == {
                    "page", "limit", "total", "total_pages", "has_next_page", "has_previous_page",
                }  # fmt: skip
                assert (page["has_next_page"], page["has_previous_page"]) == (False, True)

    def test_page_past_the_end_is_empty(self, world):
        for caller, path in lists_of(world):
            answer = caller.get(path, {"page": "9"})
            rows = next(value for value in answer.json()["data"].values() if isinstance(value, list))
            assert (answer.status_code, rows) == (200, [])


FILTERS = {
    TICKETS: ("source", "status", "related_order_id", "related_delivery_id"),
    CONVERSATIONS: ("type", "status"),
    QUEUE: (
        "assignment_scope", "status", "source", "priority", "waiting_on", "order_id", "delivery_id", "search",
        "assigned_to",
    ),
}  # fmt: skip


class TestFilters:
    def test_empty_one_is_an_absent_one(self, world):
        for caller, path in lists_of(world):
            whole = caller.get(path).json()["data"]
            for name in FILTERS.get(path, ("timestamp_range",)):
                answer = caller.get(path, {name: ""})
                assert answer.status_code == 200, (path, name)
                assert answer.json()["data"] == whole

    def test_given_twice_is_refused(self, world):
        for caller, path in lists_of(world):
            for name in FILTERS.get(path, ("timestamp_range",)):
                answer = caller.get(path, [(name, "open"), (name, "closed")])
                assert fields_of(answer) == {name: ["invalid"]}, (path, name)

    def test_unknown_ones_are_ignored(self, world):
        for caller, path in lists_of(world):
            known = caller.get(path).json()
            assert caller.get(f"{path}?requester=x&tenant=&colour=red&colour=blue&%00=%00").json() == known

    def test_what_is_no_id_is_refused(self, world):
        bare = UNKNOWN.replace("-", "")
        for path, names in FILTERS.items():
            caller = world.clients["lead" if path == QUEUE else "customer"]
            for name in names:
                if name.endswith("_id") or name == "assigned_to":
                    for value in ("x", "\x00", bare, f"{{{UNKNOWN}}}", f"urn:uuid:{UNKNOWN}", f" {UNKNOWN}", "%"):
                        assert fields_of(caller.get(path, {name: value})) == {name: ["invalid"]}, (name, value)
                    assert caller.get(path, {name: UNKNOWN.upper()}).status_code == 200


NO_OBJECTS = [(b"[]", "invalid"), (b'"x"', "invalid"), (b"7", "invalid"), (b"true", "invalid"), (b"null", "null")]


@pytest.mark.django_db(transaction=True)  # /auth/* has no transaction of its own
class TestBodies:
    def test_what_is_no_object_is_refused(self, world):
        for caller, method, path in bodies_of(world):
            for raw, code in NO_OBJECTS:
                assert fields_of(caller.call(method, path, raw=raw)) == {"non_field_errors": [code]}, (path, raw)

    def test_only_json_is_read(self, world):
        for caller, method, path in bodies_of(world):
            answer = caller.call(method, path, raw=b"a=b", content_type="application/x-www-form-urlencoded")
            assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type"), path

    def test_twenty_levels_and_no_more(self, world):
        for caller, method, path in bodies_of(world):
            answers = [
                caller.call(method, path, raw=b'{"x": ' + b"[" * depth + b"]" * depth + b"}").json()
                for depth in (19, 20)
            ]
            assert answers[0].get("error") != "malformed_json", path
            assert answers[1]["error"] == "malformed_json", path

    def test_size_counts_before_anything_else(self, world):
        for caller, method, path in bodies_of(world):
            limit = 2 * 1024 * 1024 if path.startswith("/integrations/") else 128 * 1024
            answer = caller.call(method, path, raw=b" " * (limit + 1))
            assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large"), path
            assert caller.call(method, path, raw=b" " * limit).json()["error"] == "malformed_json", path

    def test_what_is_not_ours_to_take_is_ignored(self, world):
        extra = {
            "tenant": "x", "status": "closed", "assigned_to": UNKNOWN, "requester": UNKNOWN, "id": UNKNOWN,
            "created_at": "1999-01-01T00:00:00Z", "sender": None, "unknown": [1], "": "",
        }  # fmt: skip
        portal = world.clients["customer"]

        ticket = portal.post(TICKETS, {"subject": "x", "message": "y", **extra}).json()["data"]["ticket"]
        said = portal.post(f"{CONVERSATIONS}/{ticket['conversation']['id']}/messages", {"content": "z", **extra})

        assert (ticket["status"], ticket["assigned_to_user"]) == ("open", None)
        assert UNKNOWN not in json.dumps([ticket, said.json()])
        assert said.json()["data"]["message"]["sender"]["id"] == str(world.people["customer"].user_id)

    def test_attachments_are_not_allowed(self, world):
        portal = world.clients["customer"]
        for path, body in (
            (TICKETS, {"subject": "x", "message": "y"}),
            (f"{CONVERSATIONS}/{world.ticket.conversation_id}/messages", {"content": "x"}),
        ):
            for value in ([], None, "x", [{"url": "http://example.org"}]):
                assert fields_of(portal.post(path, {**body, "attachments": value})) == {"attachments": ["not_allowed"]}


# White space, zero-width and filler characters, marks of direction, tags and selectors of variants.
SHOW_NOTHING = (
    "", " ", "\t", "\n", "\u200b", "\u2800", "\u3164", "\u00ad", "\ufeff", "\u200e", "\u200f\u061c", "\u2060",
    "\u00a0", "\u3000", "\u115f", "\uffa0", "\u180e", "\ufe0f", "\u034f", "\U000e0041", " \u200b\u2800\n",
)  # fmt: skip


class TestText:
    def texts(self, world):
        """Every text of a body: who sends it, where, its field, and the rest of the body."""
        conversation = f"{CONVERSATIONS}/{world.ticket.conversation_id}/messages"
        return [
            (world.clients["customer"], TICKETS, "subject", {"message": "y"}),
            (world.clients["customer"], TICKETS, "message", {"subject": "x"}),
            (world.clients["customer"], conversation, "content", {}),
            (world.clients["lead"], f"{QUEUE}/{world.ticket.id}/take-over", "reason", {}),
        ]

    def test_what_shows_nothing_is_blank(self, world):
        for caller, path, field, rest in self.texts(world):
            for text in SHOW_NOTHING:
                assert fields_of(caller.post(path, {**rest, field: text})) == {field: ["blank"]}, (field, ascii(text))

    def test_control_characters_are_refused_and_not_cleaned(self, world):
        for caller, path, field, rest in self.texts(world):
            for sign in ("\x00", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\x9f", "\ud800", "\udfff", "\r"):
                raw = json.dumps({**rest, field: f"a{sign}b"}).encode()
                assert fields_of(caller.call("POST", path, raw=raw)) == {field: ["invalid"]}, (field, ascii(sign))

    def test_lines_end_in_lf(self, world):
        portal = world.clients["customer"]
        conversation = f"{CONVERSATIONS}/{world.ticket.conversation_id}/messages"

        said = portal.post(conversation, {"content": "one\r\ntwo\n\tthree"}).json()["data"]["message"]

        assert said["content"] == "one\ntwo\n\tthree"
        assert portal.get(conversation).json()["data"]["messages"][0]["content"] == "one\ntwo\n\tthree"

    def test_subject_is_one_line_and_trimmed(self, world):
        portal = world.clients["customer"]
        for line_end in ("\n", "\r\n", "\u2028", "\u2029"):
            refused = portal.post(TICKETS, {"subject": f"a{line_end}b", "message": "y"})
            assert fields_of(refused) == {"subject": ["invalid"]}, ascii(line_end)
            taken = portal.post(TICKETS, {"subject": f" {line_end} a  b\u3000", "message": "y"})
            assert taken.json()["data"]["ticket"]["subject"] == "a  b"

    def test_lengths_count_code_points(self, world):
        portal = world.clients["customer"]
        family = "\U0001f469\u200d\U0001f467"  # three code points, one sign

        assert portal.post(TICKETS, {"subject": family * 66 + "ab", "message": "y"}).status_code == 201
        assert fields_of(portal.post(TICKETS, {"subject": family * 67, "message": "y"})) == {"subject": ["max_length"]}


class TestNotFound:
    def test_missing_foreign_and_anothers_are_the_same_bytes(self, world):
        foreign = make_ticket(world.people["foreign_customer"])
        neighbour = make_ticket(world.people["another_customer"])
        portal, workbench = world.clients["customer"], world.clients["lead"]
        for caller, path, ids in (
            (portal, TICKETS + "/{}", (foreign.id, neighbour.id)),
            (portal, CONVERSATIONS + "/{}", (foreign.conversation_id, neighbour.conversation_id)),
            (portal, CONVERSATIONS + "/{}/messages", (foreign.conversation_id, neighbour.conversation_id)),
            (workbench, QUEUE + "/{}", (foreign.id,)),
            (workbench, CONVERSATIONS + "/{}/messages", (foreign.conversation_id,)),
        ):
            missing = caller.get(path.format(UNKNOWN))
            assert missing.status_code == 404
            for other in ids:
                answer = caller.get(path.format(other))
                assert (answer.status_code, answer.content) == (404, missing.content), path

    def test_malformed_id_is_not_found(self, world):
        portal, workbench = world.clients["customer"], world.clients["lead"]
        for text in ("x", "1", "0", UNKNOWN[:-1], UNKNOWN.replace("-", ""), "%00", "%ff", "..%2f", "é"):
            for caller, path in (
                (portal, f"{TICKETS}/{text}"), (portal, f"{CONVERSATIONS}/{text}"),
                (portal, f"{CONVERSATIONS}/{text}/messages"), (workbench, f"{QUEUE}/{text}"),
            ):  # fmt: skip
                answer = caller.get(path)
                assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), path


@pytest.mark.django_db(transaction=True)
class TestHeaders:
    def test_every_answer_has_its_headers(self, world):
        answers = [caller.get(path) for caller, path in lists_of(world)]
        answers += [caller.call(method, path, raw=b"{") for caller, method, path in bodies_of(world)]
        paths = ("/", "/schema", "/nope", "/users/me", "/health/live")
        answers += [world.clients["anonymous"].get(path) for path in paths]
        for answer in answers:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert len(answer.headers["X-Request-ID"]) == 36

    def test_head_answers_as_get_and_moves_nothing(self, world):
        portal, workbench = world.clients["customer"], world.clients["lead"]
        workbench.post(f"{QUEUE}/{world.ticket.id}/assign-to-me")
        conversation = f"{CONVERSATIONS}/{world.ticket.conversation_id}"
        workbench.post(f"{conversation}/messages", {"content": "Hello"})

        unread = portal.get(conversation).json()["data"]["conversation"]["unread_count"]

        answer = portal.call("HEAD", f"{conversation}/messages")

        assert (answer.status_code, answer.content) == (200, b"")
        assert portal.get(conversation).json()["data"]["conversation"]["unread_count"] == unread > 0
        portal.get(f"{conversation}/messages")
        assert portal.get(conversation).json()["data"]["conversation"]["unread_count"] == 0
