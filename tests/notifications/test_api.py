"""Notifications by API (API.md, section 11)."""

import pytest

from ondi.tenants.scope import tenant_scope
from support import notices, services
from support.models import Ticket
from tests.factories import MemberFactory
from tests.notifications.world import World

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/messaging/notifications"
NOBODYS = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def portal(api, world):
    return api.as_(world.customer)


def listed(client, **query):
    answer = client.get(PATH, query)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def mark(client, body=None):
    return client.call("PUT", f"{PATH}/mark-read", body=body)


def fields(answer):
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error"), answer.content
    return {name: [one["code"] for one in faults] for name, faults in answer.json()["data"]["fields"].items()}


def test_what_a_notification_says(world, portal):
    message = world.say(world.sara, "It comes today.")
    world.settle()

    data = listed(portal)

    (one,) = data["notifications"]
    assert (data["unread_count"], data["pagination"]["total"]) == (1, 1)
    ticket_id = str(world.ticket.id)
    created = one.pop("created_at")
    assert one == {
        "id": one["id"], "notification_type": "support_reply", "title": f"Answer to ticket #{world.ticket.number}",
        "message": "Where is my lamp?",
        "data": {"ticket_id": ticket_id, "ticket_number": world.ticket.number,
                 "conversation_id": str(world.ticket.conversation_id), "message_id": str(message.id)},
        "action": {"target": "internal", "path": f"/support/tickets/{ticket_id}"}, "is_read": False, "read_at": None,
    }  # fmt: skip
    assert created.endswith("Z")
    assert len(created) == 27


def test_in_the_language_of_the_request_and_with_the_words_of_today(world, portal):
    world.say(world.sara)
    world.settle()
    with tenant_scope(world.tenant.id):
        Ticket.objects.filter(id=world.ticket.id).update(subject="Erased")

    english = listed(portal)["notifications"][0]
    titles = {
        language: listed(portal, language=language)["notifications"][0]["title"] for language in ("ar", "ku", "fa")
    }

    assert english["message"] == "Erased"
    assert len({english["title"], *titles.values()}) == 4
    assert all(str(world.ticket.number) in title for title in titles.values())


def test_staff_read_who_did_it(world, api):
    world.do(services.take_over_ticket, world.yusuf, reason="x")
    world.settle()

    (one,) = listed(api.as_(world.sara))["notifications"]

    assert one["message"] == "Yusuf Aziz: Where is my lamp?"


def test_newest_first_by_pages_of_up_to_a_hundred(world, portal):
    said = [str(world.say(world.sara).id) for _number in range(5)]
    world.settle()

    assert [one["data"]["message_id"] for one in listed(portal, limit=2, page=2)["notifications"]] == said[2:0:-1]
    assert listed(portal, limit=100)["pagination"]["limit"] == 100
    assert fields(portal.get(PATH, {"limit": 101})) == {"limit": ["max_value"]}
    assert fields(portal.get(PATH, {"limit": 0})) == {"limit": ["min_value"]}


def test_filters(world, portal):
    world.say(world.sara)
    world.do(services.close_ticket, world.sara)
    world.settle()
    (closed,) = listed(portal, notification_type="support_ticket_closed")["notifications"]
    assert mark(portal, {"notification_ids": [closed["id"]]}).json()["data"] == {"marked": 1, "unread_count": 1}

    assert [one["id"] for one in listed(portal, read_status="true")["notifications"]] == [closed["id"]]
    unread = listed(portal, read_status="false")
    assert [one["notification_type"] for one in unread["notifications"]] == ["support_reply"]
    assert unread["unread_count"] == 1
    assert len(listed(portal, read_status="", notification_type="")["notifications"]) == 2
    assert fields(portal.get(PATH, {"read_status": "yes"})) == {"read_status": ["invalid_choice"]}
    assert fields(portal.get(PATH, {"notification_type": "x"})) == {"notification_type": ["invalid_choice"]}
    assert fields(portal.get(f"{PATH}?read_status=true&read_status=false")) == {"read_status": ["invalid"]}


class TestMarkRead:
    def test_all(self, world, portal):
        world.say(world.sara)
        world.say(world.sara)
        world.settle()

        for body in (None, {}):
            answer = mark(portal, body)
            assert (answer.status_code, answer.json()["data"]["unread_count"]) == (200, 0)
        assert [one["is_read"] for one in listed(portal)["notifications"]] == [True, True]
        assert listed(portal)["notifications"][0]["read_at"].endswith("Z")

    def test_one_and_all_older(self, world, portal):
        for _number in range(3):
            world.say(world.sara)
        world.settle()
        middle = listed(portal)["notifications"][1]["id"]

        assert mark(portal, {"up_to": middle}).json()["data"] == {"marked": 2, "unread_count": 1}
        assert [one["is_read"] for one in listed(portal)["notifications"]] == [False, True, True]

    def test_what_is_not_theirs_marks_nothing(self, world, portal, api):
        world.say(world.sara)
        world.do(services.write_note, world.yusuf, content="@Sara Kareem")
        world.settle()
        (own,) = listed(portal)["notifications"]
        (foreign,) = listed(api.as_(world.sara))["notifications"]

        for wrong in (foreign["id"], NOBODYS):
            for body in ({"notification_ids": [own["id"], wrong]}, {"up_to": wrong}):
                answer = mark(portal, body)
                assert (answer.status_code, answer.json()["error"]) == (404, "notification_not_found")
        assert listed(portal)["unread_count"] == listed(api.as_(world.sara))["unread_count"] == 1

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ({"notification_ids": []}, "notification_ids"),
            ({"notification_ids": ["x"]}, "notification_ids.0"),
            ({"notification_ids": None}, "notification_ids"),
            ({"notification_ids": [NOBODYS] * 101}, "notification_ids"),
            ({"notification_ids": "x"}, "notification_ids"),
            ({"up_to": "x"}, "up_to"),
            ({"up_to": None}, "up_to"),
            ({"up_to": NOBODYS, "notification_ids": [NOBODYS]}, "up_to"),
            ([], "non_field_errors"),
        ],
        ids=lambda part: str(part)[:60],
    )
    def test_malformed(self, portal, body, fault):
        assert list(fields(mark(portal, body))) == [fault]

    def test_the_same_twice_in_a_list_is_one(self, world, portal):
        world.say(world.sara)
        world.settle()
        (own,) = listed(portal)["notifications"]

        assert mark(portal, {"notification_ids": [own["id"]] * 2}).json()["data"]["marked"] == 1


class TestReading:
    def test_a_conversation_marks_what_tells_of_it(self, world, portal):
        world.say(world.sara)
        world.settle()
        assert listed(portal)["unread_count"] == 1
        portal.get(f"/messaging/conversations/{world.ticket.conversation_id}/messages")

        assert listed(portal)["unread_count"] == 0

    def test_by_read_status_too(self, world, portal):
        message = world.say(world.sara)
        world.settle()
        path = f"/messaging/conversations/{world.ticket.conversation_id}/read-status"
        portal.call("PUT", path, parameters={"message_id": str(message.id)})

        assert listed(portal)["unread_count"] == 0

    def test_of_who_only_looks_on(self, world, api):
        """A mention is read with the conversation, also by who takes no part in it."""
        world.do(services.write_note, world.sara, content="@Yusuf Aziz")
        world.settle()
        agent = api.as_(world.yusuf)
        assert listed(agent)["unread_count"] == 1
        agent.get(f"/messaging/conversations/{world.ticket.conversation_id}/messages")

        assert listed(agent)["unread_count"] == 0

    def test_head_reads_nothing(self, world, portal):
        world.say(world.sara)
        world.settle()
        portal.call("HEAD", f"/messaging/conversations/{world.ticket.conversation_id}/messages")

        assert listed(portal)["unread_count"] == 1


class TestPreferences:
    def change(self, client, **body):
        return client.call("PUT", f"{PATH}/preferences", body=body)

    def test_defaults_of_a_customer(self, portal):
        data = portal.get(f"{PATH}/preferences").json()["data"]

        assert set(data) == {"types", "quiet_hours", "allowed"}
        assert data["quiet_hours"] is None
        assert set(data["types"]) == {notices.REPLY, notices.OPENED, notices.CLOSED, notices.REOPENED}
        assert data["types"]["support_reply"] == {"in_app": "now", "email": "unread", "push": "now"}
        assert data["allowed"]["support_reply"]["email"] == ["now", "unread", "off"]

    def test_staff_have_theirs_and_mentions_cannot_be_switched_off(self, world, api):
        agent = api.as_(world.sara)
        data = agent.get(f"{PATH}/preferences").json()["data"]

        assert data["types"]["support_ticket_new"] == {"in_app": "off", "email": "off", "push": "off"}
        assert data["allowed"]["support_ticket_new"] == {"in_app": ["now", "off"], "email": ["off"], "push": ["off"]}
        assert data["allowed"]["support_mention"]["in_app"] == ["now"]
        refused = self.change(agent, types={"support_mention": {"in_app": "off"}})
        assert fields(refused) == {"types.support_mention.in_app": ["invalid_choice"]}

    def test_what_is_left_out_stays(self, portal):
        hours = {"from": "22:00", "to": "07:00", "time_zone": "Asia/Baghdad"}
        self.change(portal, types={"support_reply": {"email": "off"}}, quiet_hours=hours)
        data = self.change(portal, types={"support_reply": {"push": "off"}}).json()["data"]

        assert data["types"]["support_reply"] == {"in_app": "now", "email": "off", "push": "off"}
        assert data["quiet_hours"] == hours
        assert self.change(portal).json()["data"] == data
        assert portal.get(f"{PATH}/preferences").json()["data"] == data
        assert self.change(portal, quiet_hours=None).json()["data"]["quiet_hours"] is None

    @pytest.mark.parametrize(
        ("body", "faults"),
        [
            ({"types": {"x": {"email": "off"}}}, {"types.x": ["invalid_choice"]}),
            ({"types": {"support_mention": {"email": "off"}}}, {"types.support_mention": ["invalid_choice"]}),
            ({"types": {"support_reply": {"email": "later"}}}, {"types.support_reply.email": ["invalid_choice"]}),
            ({"types": {"support_reply": "off"}}, {"types.support_reply.non_field_errors": ["invalid"]}),
            ({"types": []}, {"types": ["invalid"]}),
            ({"types": None}, {"types": ["null"]}),
            ({"quiet_hours": "night"}, {"quiet_hours.non_field_errors": ["invalid"]}),
            ({"quiet_hours": {}}, {f"quiet_hours.{name}": ["required"] for name in ("from", "to", "time_zone")}),
            ({"quiet_hours": {"from": "25:00", "to": "7:00", "time_zone": "Mars"}},
             {"quiet_hours.from": ["invalid"], "quiet_hours.to": ["invalid"],
              "quiet_hours.time_zone": ["invalid_choice"]}),
            ({"quiet_hours": {"from": "07:00", "to": "07:00", "time_zone": "UTC"}}, {"quiet_hours.to": ["invalid"]}),
            ({"quiet_hours": {"from": 7, "to": "09:00", "time_zone": "UTC"}}, {"quiet_hours.from": ["invalid"]}),
            ({"quiet_hours": {"from": "07:00", "to": "09:00", "time_zone": "../etc/passwd"}},
             {"quiet_hours.time_zone": ["invalid_choice"]}),
        ],
        ids=str,
    )  # fmt: skip
    def test_malformed_changes_nothing(self, portal, body, faults):
        before = portal.get(f"{PATH}/preferences").json()["data"]

        assert fields(self.change(portal, **body)) == faults
        assert portal.get(f"{PATH}/preferences").json()["data"] == before


def test_everybody_reads_their_own(world, api, portal):
    world.say(world.sara)
    world.settle()

    assert listed(portal)["unread_count"] == 1
    for other in (world.sara, world.lead, MemberFactory(tenant=world.tenant), MemberFactory()):
        assert listed(api.as_(other))["notifications"] == []
