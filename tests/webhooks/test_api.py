"""The calls with which an admin manages webhooks (API.md, section 12)."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Scope
from ondi.common.errors import NotFound, PermissionDenied
from ondi.outbox.models import Event
from ondi.tenants.scope import tenant_scope
from ondi.webhooks import services
from ondi.webhooks.errors import SubscriptionNotFound
from ondi.webhooks.models import Attempt, Endpoint, WebhookDelivery
from ondi.webhooks.services import create_endpoint, replay_since
from support.fixes.final import EraseCustomer
from tests.client import ApiClient
from tests.factories import MemberFactory, TenantFactory, actor, make_webhook
from tests.webhooks.world import Program, World, running

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/webhooks/subscriptions"
GOOD = {"webhook_url": "https://platform.example/hook", "events": ["ticket.opened", "message.created"]}
KEYS = {
    "id", "webhook_url", "module_id", "events", "description", "is_active", "secret_header_name", "state",
    "failing_since", "disabled_reason", "last_success_at", "created_at",
}  # fmt: skip


@pytest.fixture
def admin(api):
    member = MemberFactory(tenant=TenantFactory(), admin=True)
    client = api.as_(member)
    client.member = member
    return client


def faults(answer):
    assert answer.status_code == 400, answer.content
    return {name: [one["code"] for one in found] for name, found in answer.json()["data"]["fields"].items()}


def created(admin, **more):
    answer = admin.post(URL, {**GOOD, **more})
    assert answer.status_code == 201, answer.content
    return answer.json()["data"]["subscription"]


def test_a_secret_is_shown_once(admin):
    made = created(admin, secret_header_name="X-Key", secret_header_value="k3y", description="The platform")
    assert set(made) == {*KEYS, "secret"}
    assert made["secret"].startswith("whsec_")
    assert (made["state"], made["module_id"], made["secret_header_name"]) == ("active", "SUPPORT", "X-Key")
    for answer in (admin.get(f"{URL}/{made['id']}"), admin.get(URL)):
        assert made["secret"] not in answer.content.decode()
        assert "k3y" not in answer.content.decode()
    assert set(admin.get(f"{URL}/{made['id']}").json()["data"]["subscription"]) == KEYS


def test_secrets_are_kept_encrypted(admin, owner):
    made = created(admin, secret_header_name="X-Key", secret_header_value="k3y-in-plain")
    admin.post(f"{URL}/{made['id']}/rotate-secret")
    kept = owner().execute("SELECT e::text FROM webhooks_endpoint AS e").fetchone()[0]
    assert made["secret"] not in kept
    assert "k3y-in-plain" not in kept


@pytest.mark.parametrize("path", ["", "/{id}/rotate-secret"])
def test_the_same_key_again_makes_nothing_new_and_shows_no_secret(admin, path, owner):
    first = created(admin)
    key = {"Idempotency-Key": "k"}
    address, body = URL + path.format(id=first["id"]), GOOD if not path else None
    answer = admin.post(address, body, **key).json()["data"]["subscription"]
    admin.call("PATCH", f"{URL}/{answer['id']}", body={"description": "changed since"})

    again = admin.post(address, body, **key)

    assert again.headers["Idempotency-Replayed"] == "true"
    shown = again.json()["data"]["subscription"]
    assert (shown["id"], shown["secret"], shown["description"]) == (answer["id"], None, "changed since")
    assert answer["secret"] is not None
    assert answer["secret"] not in str(owner().execute("SELECT response FROM api_idempotencyrecord").fetchall())
    with tenant_scope(admin.member.tenant_id):
        assert Endpoint.objects.count() == (2 if not path else 1)


def test_twenty_and_no_more(admin):
    for _number in range(20):
        created(admin)
    answer = admin.post(URL, GOOD)
    assert (answer.status_code, answer.json()["error"]) == (409, "subscription_limit_reached")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"webhook_url": "http://platform.example/"}, {"webhook_url": ["not_allowed"]}),
        ({"webhook_url": "https://user:word@platform.example/"}, {"webhook_url": ["not_allowed"]}),
        ({"webhook_url": "https://platform.example/#part"}, {"webhook_url": ["not_allowed"]}),
        ({"webhook_url": "https://platform.example/" + "x" * 3000}, {"webhook_url": ["max_length"]}),
        ({"webhook_url": "https://10.0.0.1/"}, {"webhook_url": ["not_allowed"]}),
        ({"webhook_url": "https://2130706433/"}, {"webhook_url": ["not_allowed"]}),
        ({"webhook_url": "nothing"}, {"webhook_url": ["invalid"]}),
        ({"webhook_url": 7}, {"webhook_url": ["invalid"]}),
        ({"events": []}, {"events": ["invalid"]}),
        ({"events": ["ticket.eaten"]}, {"events": ["invalid_choice"]}),
        ({"module_id": "OTHER"}, {"module_id": ["invalid_choice"]}),
        ({"secret_header_name": "Host", "secret_header_value": "x"}, {"secret_header_name": ["not_allowed"]}),
        ({"secret_header_name": "Content-Type", "secret_header_value": "x"}, {"secret_header_name": ["not_allowed"]}),
        ({"secret_header_name": "WEBHOOK-ID", "secret_header_value": "x"}, {"secret_header_name": ["not_allowed"]}),
        ({"secret_header_name": "cookie", "secret_header_value": "x"}, {"secret_header_name": ["not_allowed"]}),
        ({"secret_header_name": "X: y", "secret_header_value": "x"}, {"secret_header_name": ["invalid"]}),
        ({"secret_header_name": "x" * 65, "secret_header_value": "x"}, {"secret_header_name": ["max_length"]}),
        ({"secret_header_name": "X-Key"}, {"secret_header_value": ["required"]}),
        ({"secret_header_value": "x"}, {"secret_header_name": ["required"]}),
        ({"secret_header_name": "X-Key", "secret_header_value": "a\r\nb: c"}, {"secret_header_value": ["invalid"]}),
        ({"secret_header_name": "X-Key", "secret_header_value": "x" * 1025}, {"secret_header_value": ["max_length"]}),
    ],
)
def test_what_cannot_be_called_is_refused(admin, change, fault):
    assert faults(admin.post(URL, {**GOOD, **change})) == fault


def test_changing_pausing_reviving_and_deleting(admin):
    made = created(admin, secret_header_name="X-Key", secret_header_value="k3y")
    one = f"{URL}/{made['id']}"

    def change(**body):
        answer = admin.call("PATCH", one, body=body)
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]["subscription"]

    assert change(description="new")["description"] == "new"
    assert change(is_active=False)["state"] == "paused"
    assert change(events=["*"])["events"] == ["*"]
    assert change(secret_header_name=None)["secret_header_name"] is None
    with tenant_scope(admin.member.tenant_id):
        Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="failing", failing_since=timezone.now())
    assert admin.get(one).json()["data"]["subscription"]["state"] == "disabled"
    revived = change(is_active=True)
    assert (revived["state"], revived["disabled_reason"], revived["failing_since"]) == ("active", None, None)
    assert admin.call("DELETE", one).status_code == 200
    answer = admin.get(one)
    assert (answer.status_code, answer.json()["error"]) == (404, "subscription_not_found")


def test_deliveries_show_what_came_back(world, api):
    admin = api.as_(world.admin)
    with running(Program(status=500)) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
        tested = admin.post(f"{URL}/{endpoint.id}/test")
        assert tested.status_code == 202
        assert (tested.json()["data"]["delivery"]["event"], tested.json()["data"]["delivery"]["attempts"]) == (
            "webhook.test", [],
        )  # fmt: skip
        world.send(after=timedelta(seconds=1))

    listed = admin.get(f"{URL}/{endpoint.id}/deliveries").json()["data"]
    test, told = listed["deliveries"]
    assert (test["event"], test["state"], test["position"]) == ("webhook.test", "dead", None)
    assert (told["event"], told["state"], told["ticket_id"]) == ("message.created", "waiting", str(world.ticket.id))
    assert [set(one) for one in told["attempts"]] == [{"at", "status", "milliseconds", "error"}]
    assert (told["attempts"][0]["status"], told["attempts"][0]["error"]) == (500, "refused")
    assert listed["pagination"]["total"] == 2
    for query, number in (({"state": "dead"}, 1), ({"event": "message.created"}, 1), ({"state": "delivered"}, 0)):
        assert admin.get(f"{URL}/{endpoint.id}/deliveries", query).json()["data"]["pagination"]["total"] == number
    assert faults(admin.get(f"{URL}/{endpoint.id}/deliveries", {"state": "odd"})) == {"state": ["invalid_choice"]}
    assert faults(admin.get(f"{URL}/{endpoint.id}/deliveries", {"event": "odd"})) == {"event": ["invalid_choice"]}


def test_replays(admin):
    ids = make_webhook(admin.member)
    one = f"{URL}/{ids['subscription_id']}"
    answer = admin.post(f"{URL}/deliveries/{ids['webhook_delivery_id']}/replay")
    assert (answer.status_code, answer.json()["data"]["delivery"]["state"]) == (202, "waiting")
    assert admin.post(f"{one}/replay", {"state": "dead"}).json()["data"] == {"replayed": 0}
    now = timezone.now()
    assert admin.post(f"{one}/replay", {"since": (now - timedelta(days=1)).isoformat()}).json()["data"] == {
        "replayed": 0
    }
    assert faults(admin.post(f"{one}/replay", {"since": (now - timedelta(days=31)).isoformat()})) == {
        "since": ["min_value"]
    }
    assert faults(admin.post(f"{one}/replay", {"since": (now + timedelta(days=1)).isoformat()})) == {
        "since": ["max_value"]
    }
    assert faults(admin.post(f"{one}/replay", {})) == {"since": ["required"]}
    assert faults(admin.post(f"{one}/replay", {"since": now.isoformat(), "state": "dead"})) == {
        "state": ["not_allowed"]
    }


def test_what_happened_since_is_sent_and_nothing_else(world, settings, owner):
    """Also where other tenants are in scope; not what was silent, of another kind, older, or is under way just now."""
    other = World(settings)
    other.say()
    world.endpoint(9, events=["message.created"])
    endpoint, _secret = world.endpoint(9, events=["message.created"])
    world.say(4)
    world.plan()
    since = timezone.now() - timedelta(hours=1)
    with tenant_scope(world.tenant.id):
        WebhookDelivery.objects.filter(endpoint=endpoint).delete()
        silent, old, _wanted, under_way = Event.objects.filter(kind="message.created").order_by("-seq")[:4]
        WebhookDelivery.objects.create(
            tenant=world.tenant, endpoint=endpoint, position=under_way.position, kind=under_way.kind, attempts=1,
            leased_until=timezone.now() + timedelta(minutes=1), failures=3,
        )  # fmt: skip
    owner().execute("UPDATE outbox_event SET is_silent = true WHERE seq = %s", [silent.seq])
    owner().execute("UPDATE outbox_event SET at = %s WHERE seq = %s", [since - timedelta(minutes=1), old.seq])
    with tenant_scope(world.tenant.id):
        sent = Event.objects.filter(kind="message.created", is_silent=False, at__gte=since).count() - 1

    with tenant_scope(world.tenant.id, other.tenant.id):
        assert replay_since(actor=actor(world.admin), endpoint_id=endpoint.id, since=since) == sent

    told = world.deliveries(endpoint=endpoint)
    assert {one.kind for one in told} == {"message.created"}
    assert not {silent.position, old.position} & {one.position for one in told}
    assert [one.failures for one in told if one.position == under_way.position] == [3]
    assert len(told) == sent + 1


@pytest.mark.parametrize(
    ("service", "details"),
    [
        (services.create_endpoint, {"values": {"url": GOOD["webhook_url"]}}),
        (services.change_endpoint, {"endpoint_id": UUID(int=1), "values": {}}),
        (services.delete_endpoint, {"endpoint_id": UUID(int=1)}),
        (services.rotate_secret, {"endpoint_id": UUID(int=1)}),
        (services.send_test, {"endpoint_id": UUID(int=1)}),
        (services.replay_delivery, {"delivery_id": UUID(int=1)}),
        (services.replay_dead, {"endpoint_id": UUID(int=1)}),
        (services.replay_since, {"endpoint_id": UUID(int=1), "since": timezone.now()}),
    ],
)
def test_every_service_refuses_all_but_admins_and_admins_what_is_not_there(world, service, details):
    ids = make_webhook(world.admin)
    there = {
        "endpoint_id": ids["subscription_id"], "delivery_id": ids["webhook_delivery_id"],
    }  # fmt: skip
    for who in (MemberFactory(tenant=world.tenant, lead=True), world.customer):
        for given in (details, details | {name: there[name] for name in details.keys() & there.keys()}):
            with tenant_scope(world.tenant.id), pytest.raises(PermissionDenied):
                service(actor=actor(who), **given)
    if details.keys() & there.keys():
        with pytest.raises((SubscriptionNotFound, NotFound)):
            world.do(service, **details)


def test_who_is_no_admin_sees_no_webhooks(admin, api):
    one = f"{URL}/{make_webhook(admin.member)['subscription_id']}"
    lead = api.as_(MemberFactory(tenant=admin.member.tenant, lead=True))
    for path in (URL, one, f"{one}/deliveries"):
        assert lead.get(path).status_code == 403


def test_erasing_somebody_empties_what_programs_answered(admin):
    ids = make_webhook(admin.member, description="Layla Hassan")
    customer = MemberFactory(tenant=admin.member.tenant, first_name="Layla", last_name="Hassan")
    fix = EraseCustomer(admin.member.tenant_id, customer=customer)
    with tenant_scope(admin.member.tenant_id):
        assert Attempt.objects.get().answer == "Layla Hassan"
        (item,) = fix.items()
        fix.hold([item])
        assert fix.apply(item, at=timezone.now())
        assert Attempt.objects.get().answer == ""
        assert WebhookDelivery.objects.filter(id=ids["webhook_delivery_id"]).exists()


def test_who_is_erased_is_told_and_later_replays_hold_no_word_of_theirs(world):
    with running(program := Program()) as port:
        endpoint, _secret = world.endpoint(port)
        world.say()
        world.send()
        fix = EraseCustomer(world.tenant.id, customer=world.customer)
        with tenant_scope(world.tenant.id):
            (item,) = fix.items()
            fix.hold([item])
            fix.apply(item, at=timezone.now())
        world.send(after=timedelta(seconds=1))
        before = len(program.got)
        world.do(replay_since, endpoint_id=endpoint.id, since=timezone.now() - timedelta(days=1))
        world.send(after=timedelta(seconds=2))
    assert b"person.erased" in b"".join(body for _headers, body in program.got)
    assert b"customer-1" in program.got[0][1]
    assert b"customer-1" not in b"".join(body for _headers, body in program.got[before:])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE webhooks_delivery SET state = 'odd'",
        "UPDATE webhooks_delivery SET next_at = now()",
        "UPDATE webhooks_delivery SET leased_until = now()",
        "UPDATE webhooks_endpoint SET disabled_at = now()",
        "UPDATE webhooks_endpoint SET disabled_reason = 'gone'",
        "UPDATE webhooks_endpoint SET header_name = 'X'",
        "UPDATE webhooks_endpoint SET previous_secret = 'x'",
    ],
)
def test_the_database_refuses_what_makes_no_sense(admin, statement):
    make_webhook(admin.member)
    with (
        pytest.raises(Exception, match="violates check constraint"),
        tenant_scope(admin.member.tenant_id),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_a_system_manages_no_webhooks(admin):
    with tenant_scope(admin.member.tenant_id), pytest.raises(PermissionDenied):
        create_endpoint(actor=Actor.system(admin.member.tenant_id, "fix"), values={"url": GOOD["webhook_url"]})


def test_a_program_with_every_scope_manages_none(admin):
    """A program has no membership either, as the operator, who does manage them."""
    created(admin)
    with tenant_scope(admin.member.tenant_id):
        _key, text = issue_api_key(tenant_id=admin.member.tenant_id, name="platform", scopes=Scope.values)
    program = ApiClient(**{"X-API-Key": text})

    assert program.get(URL).status_code == 401
    assert program.post(URL, GOOD).status_code == 401
    with tenant_scope(admin.member.tenant_id):
        assert Endpoint.objects.count() == 1
