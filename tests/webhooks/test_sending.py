"""What is sent to whom, when, and what becomes of it."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone
from standardwebhooks import Webhook

from conversations.models import Message
from ondi.notifications.models import Notification
from ondi.outbox import outgoing
from ondi.outbox.models import Event, Installation
from ondi.tenants.scope import tenant_scope
from ondi.webhooks import payloads, sending, services
from ondi.webhooks.chores import forget_webhooks
from ondi.webhooks.models import WebhookDelivery
from ondi.webhooks.sender import Outcome
from ondi.webhooks.sending import send_due
from ondi.webhooks.subscribers import plan_deliveries
from support.fixes.messages import RedactMessages
from tests.webhooks.world import Program, World, running

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def test_a_program_is_told_and_can_verify_it_with_a_foreign_library(world):
    with running(program := Program()) as port:
        _endpoint, secret = world.endpoint(port, header_name="X-Platform-Key", header_value="k3y")
        world.say()
        world.send()

    ((headers, body),) = program.got
    said = Webhook(secret).verify(body, headers)
    assert said == json.loads(body)
    assert set(said) == {"event", "timestamp", "data"}
    assert said["event"] == "message.created"
    assert said["data"]["requester_external_id"] == "customer-1"
    assert said["data"]["ticket_id"] == str(world.ticket.id)
    assert b"Where is it" not in body
    assert headers["x-platform-key"] == "k3y"
    assert headers["host"] == f"127.0.0.1:{port}"
    assert not {"cookie", "authorization"} & set(headers)
    (delivery,) = world.deliveries()
    assert (delivery.state, delivery.next_at, delivery.position) == ("delivered", None, said["data"]["position"])


def test_another_secret_does_not_verify(world):
    with running(program := Program()) as port:
        world.endpoint(port)
        _other, secret = world.endpoint(port, events=["ticket.closed"])
        world.say()
        world.send()

    ((headers, body),) = program.got
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(body, headers)


def test_only_what_was_asked_for_is_sent_and_nothing_silent(world):
    with running(program := Program()) as port:
        world.endpoint(port, events=["ticket.closed"])
        world.say(3)
        world.send()
    assert program.got == []
    assert world.deliveries() == []


def test_what_fails_is_sent_again_after_the_pauses_of_the_schedule_and_is_dead_after_the_last(world):
    pauses = [5, 60, 300, 1800, 7200, 18000, 36000, 50400, 86400]
    with running(program := Program(status=500, body=b"out of order")) as port:
        world.endpoint(port)
        world.say()
        world.plan()
        moment = timezone.now()
        for pause in pauses:
            send_due(at=moment)
            (delivery,) = world.deliveries()
            waits = (delivery.next_at - moment).total_seconds()
            assert 0.8 * pause <= waits <= 1.2 * pause
            send_due(at=delivery.next_at - timedelta(seconds=0.1))
            moment = delivery.next_at
        send_due(at=moment)

    assert len(program.got) == 10
    assert len(set(program.ids)) == 1
    (delivery,) = world.deliveries()
    assert (delivery.state, delivery.next_at) == ("dead", None)
    assert [(one.status, one.error, one.number) for one in world.attempts()] == [
        (500, "refused", number) for number in range(1, 11)
    ]


def test_retry_after_is_heard(world):
    with running(Program(status=429, headers=[("Retry-After", "3600")])) as port:
        world.endpoint(port)
        world.say()
        world.send()
    (delivery,) = world.deliveries()
    assert timedelta(minutes=59) < delivery.next_at - timezone.now() <= timedelta(hours=1)


def test_both_secrets_sign_for_a_day_after_a_rotation_and_then_the_new_one(world):
    with running(program := Program()) as port:
        endpoint, old = world.endpoint(port)
        _endpoint, new = world.do(services.rotate_secret, endpoint_id=endpoint.id)
        world.say()
        world.send()
        world.say()
        world.send(after=DAY + timedelta(minutes=1))

    (first, body), (later, later_body) = program.got
    for secret in (old, new):
        Webhook(secret).verify(body, first)
    assert len(first["webhook-signature"].split()) == 2
    assert len(later["webhook-signature"].split()) == 1
    assert json.loads(later_body)["event"] == "message.created"


def test_gone_disables_at_once_tells_the_admins_and_holds_what_waits(world, api):
    with running(Program(status=410)) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
        world.say()
        world.send()
    endpoint = world.reload(endpoint)
    assert (endpoint.state, endpoint.disabled_reason) == ("disabled", "gone")
    (delivery,) = world.deliveries()
    assert (delivery.state, delivery.next_at) == ("waiting", None)
    told = api.as_(world.admin).get("/messaging/notifications").json()["data"]["notifications"]
    assert [one["notification_type"] for one in told] == ["webhook_disabled"]
    assert told[0]["message"] == "Nothing is sent to 127.0.0.1 until it is turned on again."
    assert told[0]["data"] == {"ticket_id": None, "ticket_number": None, "conversation_id": None, "message_id": None}
    assert told[0]["action"]["path"] == f"/settings/webhooks/{endpoint.id}"


def test_revived_it_gets_what_was_held(world):
    with running(program := Program(status=410)) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
        program.status = 200
        world.do(services.change_endpoint, endpoint_id=endpoint.id, values={"is_active": True})
        world.send(after=timedelta(seconds=1))
    assert [one.state for one in world.deliveries()] == ["delivered"]
    assert world.reload(endpoint).state == "active"


def test_five_days_without_a_success_disable_and_admins_hear_on_the_first_third_and_last(world, api):
    with running(Program(status=500)) as port:
        endpoint, _secret = world.endpoint(port)
        for hours in (0, 23, 25, 60, 73, 100, 121):
            world.say()
            world.send(after=timedelta(hours=hours))
    assert (world.reload(endpoint).state, world.reload(endpoint).disabled_reason) == ("disabled", "failing")
    with tenant_scope(world.tenant.id):
        told = Notification.objects.filter(membership=world.admin).order_by("created_at")
        assert [(one.notification_type, one.data["hours"]) for one in told] == [
            ("webhook_failing", 24), ("webhook_failing", 72), ("webhook_disabled", 72),
        ]  # fmt: skip


def test_a_success_ends_failing(world):
    with running(program := Program(status=500)) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
        assert world.reload(endpoint).state == "failing"
        program.status = 200
        world.send(after=timedelta(seconds=10))
    assert world.reload(endpoint).state == "active"
    assert world.reload(endpoint).last_success_at is not None


def test_after_ten_failures_in_a_row_a_host_gets_one_call_every_so_often(world):
    with running(program := Program(status=500)) as port:
        world.endpoint(port)
        world.say(30)
        world.send()
        tried = len(program.got)
        assert 10 <= tried < 30
        for minutes, more in ((4, 0), (6, 1), (30, 1), (37, 2), (120, 2), (158, 3)):
            world.send(after=timedelta(minutes=minutes))
            assert len(program.got) == tried + more, minutes
        program.status = 200
        world.send(after=timedelta(minutes=158 + 121))
        world.send(after=timedelta(hours=24))
    assert {one.state for one in world.deliveries()} == {"delivered"}


def test_another_tenants_failures_at_a_host_hold_nobody_up(world, settings):
    other = World(settings)
    with running(failing := Program(status=500)) as bad, running(program := Program()) as good:
        other.endpoint(bad)
        other.say(15)
        other.send()
        world.endpoint(good)  # the same host, another port
        world.say()
        world.send()
    assert len(failing.got) >= 10
    assert len(program.got) == 1


def test_killed_between_call_and_record_it_is_called_again_after_the_lease_with_the_same_id(world, monkeypatch):
    with running(program := Program()) as port:
        world.endpoint(port)
        world.say()
        world.plan()
        with monkeypatch.context() as patched:
            patched.setattr(sending, "record", lambda *_arguments: None)  # as one killed before it
            one = sending.Sending()
            while one.turn():
                pass
        world.send()
        assert len(program.got) == 1, "somebody has it until the lease ends"
        world.send(after=sending.LEASE + timedelta(seconds=1))
    assert len(program.got) == 2
    assert len(set(program.ids)) == 1
    assert [one.state for one in world.deliveries()] == ["delivered"]


def test_who_was_frozen_beyond_the_lease_records_nothing(world):
    with running(Program()) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
    (delivery,) = world.deliveries()
    late = sending.Taken(delivery.id, world.tenant.id, endpoint.id, delivery.attempts)
    sending.record([(late, Outcome(1, 500, "refused"))], timezone.now())
    assert [one.state for one in world.deliveries()] == ["delivered"]
    assert len(world.attempts()) == 1


def test_replays_bear_the_same_id(world):
    with running(program := Program()) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
        (delivery,) = world.deliveries()
        world.do(services.replay_delivery, delivery_id=delivery.id)
        world.send(after=timedelta(seconds=1))
        assert world.do(services.replay_since, endpoint_id=endpoint.id, since=timezone.now() - DAY) >= 2
        world.send(after=timedelta(seconds=2))
    assert program.ids[:2] == [program.ids[0]] * 2
    assert program.ids.count(program.ids[0]) == 3
    assert len(set(program.ids)) == len(world.deliveries()) >= 2, "also what was before it was there"


def test_the_dead_are_replayed_together(world):
    with running(program := Program(status=410)) as port:
        endpoint, _secret = world.endpoint(port)
        world.say(2)
        world.send()
        with tenant_scope(world.tenant.id):
            WebhookDelivery.objects.update(state="dead", next_at=None)
        program.status = 200
        world.do(services.change_endpoint, endpoint_id=endpoint.id, values={"is_active": True})
        assert world.do(services.replay_dead, endpoint_id=endpoint.id) == 2
        world.send(after=timedelta(seconds=1))
    assert [one.state for one in world.deliveries()] == ["delivered"] * 2


def test_a_test_is_sent_once_even_to_a_paused_one_and_harms_nothing(world):
    with running(program := Program(status=500)) as port:
        endpoint, secret = world.endpoint(port, is_active=False, events=["ticket.closed"])
        world.do(services.send_test, endpoint_id=endpoint.id)
        world.send(after=timedelta(seconds=1))
        world.send(after=DAY)
    ((headers, body),) = program.got
    said = Webhook(secret).verify(body, headers)
    assert (said["event"], said["data"]["position"], said["data"]["before"]) == ("webhook.test", None, {})
    (delivery,) = world.deliveries()
    assert (delivery.state, delivery.kind) == ("dead", "webhook.test")
    assert (world.reload(endpoint).state, world.reload(endpoint).failing_since) == ("paused", None)


def test_a_paused_one_is_told_nothing_and_gets_what_waited_when_it_goes_on(world):
    with running(program := Program(status=500)) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
        world.do(services.change_endpoint, endpoint_id=endpoint.id, values={"is_active": False})
        world.say()
        world.send(after=DAY)
        assert len(program.got) == 1
        program.status = 200
        world.do(services.change_endpoint, endpoint_id=endpoint.id, values={"is_active": True})
        world.send(after=timedelta(seconds=1))
    assert len(program.got) == 2
    assert [one.state for one in world.deliveries()] == ["delivered"]


@pytest.mark.parametrize("closed", ["a copy", "all", "webhooks", "the tenant"])
def test_nothing_goes_out_while_the_gate_is_closed(world, closed):
    with running(program := Program()) as port:
        world.endpoint(port)
        world.say()
        world.plan()
        if closed == "a copy":
            Installation.objects.update(name="elsewhere")
        elif closed == "the tenant":
            with tenant_scope(world.tenant.id):
                outgoing.stop(tenant_id=world.tenant.id, channel=outgoing.Outgoing.WEBHOOK)
        else:
            outgoing.stop(channel=outgoing.Outgoing.WEBHOOK if closed == "webhooks" else None)
        world.send()
        assert program.got == []
        assert [(one.state, one.attempts) for one in world.deliveries()] == [("waiting", 0)]
        Installation.objects.update(name="the tests")
        with tenant_scope(world.tenant.id):
            outgoing.start(tenant_id=world.tenant.id)
        outgoing.start()
        world.send()
    assert len(program.got) == 1


def test_an_event_that_cannot_be_said_holds_up_no_other(world, monkeypatch):
    say = payloads._SAYS[0]

    def stumble(events):
        if any(event.position == poisonous for event in events):
            raise ValueError
        return say(events)

    with running(program := Program()) as port:
        world.endpoint(port)
        world.say(3)
        world.plan()
        poisonous = world.deliveries()[1].position
        monkeypatch.setattr(payloads, "_SAYS", [stumble])
        world.send()
    assert len(program.got) == 2
    assert sorted(one.state for one in world.deliveries()) == ["delivered", "delivered", "waiting"]
    assert [one.error for one in world.attempts() if one.error] == ["not_written"]


def test_while_the_database_is_away_nothing_counts_as_a_try(world, monkeypatch):
    def be_away(events):
        raise OperationalError

    with running(program := Program()) as port:
        world.endpoint(port)
        world.say()
        with monkeypatch.context() as patched:
            patched.setattr(payloads, "_SAYS", [be_away])
            with pytest.raises(OperationalError):
                world.send()
        assert (program.got, world.attempts()) == ([], [])
        assert [(one.state, one.failures) for one in world.deliveries()] == [("waiting", 0)]
        world.send(after=sending.LEASE + timedelta(seconds=1))
    assert len(program.got) == 1


def test_what_ended_while_the_database_was_away_is_recorded_when_it_is_back(world, monkeypatch):
    def be_away(*_arguments):
        raise OperationalError

    with running(program := Program()) as port:
        world.endpoint(port)
        world.say()
        world.plan()
        one = sending.Sending()
        with monkeypatch.context() as patched:
            patched.setattr(sending, "_breakers", be_away)
            with pytest.raises(OperationalError):
                [one.turn() for _turn in range(100)]
        while one.turn():
            pass
    assert len(program.got) == 1
    assert [(one.state, one.attempts) for one in world.deliveries()] == [("delivered", 1)]


def test_what_cannot_be_recorded_of_one_tenant_is_no_others_trouble(world, settings, monkeypatch):
    other = World(settings)
    insert = sending.insert_rows

    def stumble(*calls):
        if any(call.tenant_id == other.tenant.id for call in calls):
            raise ValueError
        insert(*calls)

    monkeypatch.setattr(sending, "insert_rows", stumble)
    with running(Program()) as port:
        for one in (world, other):
            one.endpoint(port)
            one.say()
            one.plan()
        send_due()
    assert [one.state for one in world.deliveries()] == ["delivered"]
    assert [one.state for one in other.deliveries()] == ["waiting"]


def test_an_event_that_is_no_longer_kept_is_given_up_and_blames_no_program(world, owner):
    with running(program := Program()) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.plan()
        owner().execute("DELETE FROM outbox_event")
        world.send()
    assert program.got == []
    assert [(one.state, one.failures) for one in world.deliveries()] == [("dead", 0)]
    assert [one.error for one in world.attempts()] == ["event_not_kept"]
    assert world.reload(endpoint).failing_since is None


def test_paused_while_it_is_called_it_stays_so_whatever_it_answers(world):
    def pause(handler):
        world.do(services.change_endpoint, endpoint_id=endpoint.id, values={"is_active": False})
        connection.close()
        handler.wfile.write(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")

    with running(Program(handle=pause)) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
    assert (world.reload(endpoint).state, world.reload(endpoint).disabled_at) == ("paused", None)
    assert [(one.state, one.next_at) for one in world.deliveries()] == [("waiting", None)]


def test_what_a_data_fix_takes_back_is_told_to_programs_that_may_have_a_copy(world):
    with running(program := Program()) as port:
        world.endpoint(port)
        with tenant_scope(world.tenant.id):
            said = Message.objects.get(sender=world.customer)
            fix = RedactMessages(world.tenant.id, named=[said.id])
            (item,) = fix.items()
            fix.hold([item])
            assert fix.apply(item, at=timezone.now())
        world.send()
    ((_headers, body),) = program.got
    told = json.loads(body)
    assert (told["event"], told["data"]["message_id"]) == ("message.redacted", str(said.id))


def test_given_again_an_event_is_planned_once(world):
    world.endpoint(9)
    world.say()
    world.plan()
    with tenant_scope(world.tenant.id):
        plan_deliveries(list(Event.objects.order_by("-seq")[:1]))
    assert len(world.deliveries()) == 1


def test_the_answer_is_kept_of_public_programs_alone(world):
    with running(Program(body=b"thanks")) as port:
        world.endpoint(port)
        world.say()
        world.send()
    assert [(one.status, one.answer) for one in world.attempts()] == [(200, "")]


def test_old_ones_go_after_thirty_days_and_their_calls_after_fourteen(world):
    with running(Program()) as port:
        world.endpoint(port)
        world.say()
        world.send()
    now = timezone.now()
    for days, left in ((13, (1, 1)), (15, (1, 0)), (31, (0, 0))):
        with time_machine.travel(now + timedelta(days=days), tick=False):
            forget_webhooks()
        assert (len(world.deliveries()), len(world.attempts())) == left
