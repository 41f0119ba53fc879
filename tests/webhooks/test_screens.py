"""The admin's screens of webhooks: whom a tenant's programs are, what was sent to them and what came back."""

import base64
import hashlib
import hmac
import json
import re
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from ondi.common.ids import new_id
from ondi.staff.session_limits import POLL_HEADER
from ondi.staff.verifying import SAMPLES
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.models import Endpoint
from ondi.webhooks.secrets import opened
from ondi.webhooks.services import MOST_ENDPOINTS
from tests.factories import UserFactory, make_webhook
from tests.webhooks.world import Program, running
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
LIST, DELIVERIES = "/admin/webhooks/endpoint/", "/admin/webhooks/webhookdelivery/"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")
GOOD = {"url": "https://platform.example/hook", "events": ["ticket.opened"]}


@pytest.fixture
def admin(world):
    return workbench(world.admin.user)


def add(client, world, **more):
    return client.post(f"{LIST}add/", {"tenant": world.tenant.id, **GOOD, **more})


def told(answer):
    return [str(message) for message in answer.wsgi_request._messages]


def only_endpoint(world):
    with tenant_scope(world.tenant.id):
        return Endpoint.objects.get()


def do(client, endpoint, button, **more):
    return client.post(f"{LIST}{endpoint.id}/do/", {"do": button, **more})


def page_of(client, row, listing=LIST):
    answer = client.get(f"{listing}{row.id}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_secret_is_shown_once_after_adding(admin, world):
    answer = add(admin, world, header_name="X-Key", new_value="k3y-of-theirs", description="The platform")

    endpoint = only_endpoint(world)
    assert answer.status_code == 302
    assert SECRET.search(" ".join(told(answer)))
    assert "platform.example" in told(answer)[-1]
    assert (endpoint.url, endpoint.host, endpoint.header_name) == (GOOD["url"], "platform.example", "X-Key")
    admin.get(LIST)  # shows the message
    for page in (admin.get(LIST).content.decode(), page_of(admin, endpoint)):
        assert GOOD["url"] in page
        assert not SECRET.search(page)
        assert "k3y-of-theirs" not in page


def test_a_page_that_looks_for_news_takes_no_secret_from_the_tab_it_is_for(admin, world):
    add(admin, world)
    endpoint = only_endpoint(world)

    admin.get("/admin/support/ticket/", headers={POLL_HEADER: "1"})
    assert not SECRET.search(admin.get(LIST, headers={POLL_HEADER: "1"}).content.decode())

    assert SECRET.search(page_of(admin, endpoint))
    assert not SECRET.search(page_of(admin, endpoint))


def test_the_secret_stands_from_left_to_right_in_arabic_too(admin, world):
    add(admin, world)
    page = admin.get(f"{LIST}{only_endpoint(world).id}/change/", headers={"Accept-Language": "ar"}).content.decode()
    assert re.search(r'<bdi dir="ltr"[^>]*>whsec_[^<]+</bdi>', page)


def test_a_form_sent_twice_adds_one_and_rotates_once(admin, world):
    form_id = str(new_id())
    assert [add(admin, world, form_id=form_id).status_code for _time in range(2)] == [302, 302]
    endpoint, rotation = only_endpoint(world), str(new_id())

    secrets = [endpoint.secret]
    for _time in range(2):
        do(admin, endpoint, "rotate", form_id=rotation)
        secrets.append(only_endpoint(world).secret)

    assert secrets[0] != secrets[1] == secrets[2]
    assert only_endpoint(world).previous_secret == secrets[0]


def test_two_tabs_rotate_once_and_a_fresh_look_may_rotate_again(admin, world):
    endpoint, first = world.endpoint(1)
    one, other = (made_at(page_of(admin, endpoint)) for _tab in range(2))

    do(admin, endpoint, "rotate", since=one)
    refused = do(admin, endpoint, "rotate", since=other)

    assert told(refused)[-1].startswith("The secret was rotated a moment ago")
    assert opened(only_endpoint(world).previous_secret) == first  # which the program still has
    page = page_of(admin, endpoint)
    assert "The secrets before this one sign too until" in page
    assert SECRET.search(told(do(admin, endpoint, "rotate", since=made_at(page)))[-1])
    assert [opened(one) for one in only_endpoint(world).previous_secrets(timezone.now())][1:] == [first]


def made_at(page):
    return re.search(r'name="since" value="([^"]+)"', page).group(1)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"url": "http://platform.example/hook"}, "This address is not allowed."),
        ({"url": "https://10.0.0.1/hook"}, "This address is not allowed."),
        ({"url": "https://me:secret@platform.example/"}, "This address is not allowed."),
        ({"url": "https://platform.example/#part"}, "This address is not allowed."),
        ({"url": "https://a b/"}, "This value is not valid."),
        ({"url": ""}, "This field is required."),
        ({"url": "https://platform.example/" + "x" * 3_000}, "at most 2000 characters"),
        ({"events": ["no.such"]}, "Select a valid choice."),
        ({"events": []}, "This field is required."),
        ({"description": "x" * 501}, "This text is too long."),
        ({"header_name": "Host", "new_value": "x"}, "This header is one of ours."),
        ({"header_name": "X Key", "new_value": "x"}, "This value is not valid."),
        ({"header_name": "X-Key"}, "This field is required."),
        ({"new_value": "x"}, "This field is required."),
        ({"header_name": "X-Key", "new_value": "ü"}, "This value is not valid."),
    ],
)
def test_what_the_api_refuses_is_refused_with_a_sentence(world, settings, more, sentence):
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    answer = add(workbench(world.admin.user), world, **more)

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    with tenant_scope(world.tenant.id):
        assert not Endpoint.objects.exists()


def test_there_are_at_most_so_many(admin, world):
    for number in range(MOST_ENDPOINTS):
        world.endpoint(0, url=f"https://platform.example/{number}")

    assert told(add(admin, world)) == ["There are as many webhooks as a tenant may have."]
    with tenant_scope(world.tenant.id):
        assert Endpoint.objects.count() == MOST_ENDPOINTS


def test_what_is_left_empty_keeps_the_secret_value_and_an_empty_name_removes_it(admin, world):
    add(admin, world, header_name="X-Key", new_value="k3y")
    endpoint = only_endpoint(world)
    address = f"{LIST}{endpoint.id}/change/"

    admin.post(address, {**GOOD, "url": "https://other.example/", "header_name": "X-Other"})
    changed = only_endpoint(world)
    assert (changed.host, changed.header_name, changed.header_value) == (
        "other.example", "X-Other", endpoint.header_value
    )  # fmt: skip
    assert changed.secret == endpoint.secret

    answer = admin.post(address, {**GOOD, "header_name": ""})
    assert answer.status_code == 302, answer.context["adminform"].errors
    assert (only_endpoint(world).header_name, only_endpoint(world).header_value) == ("", "")


def test_a_test_is_sent_and_its_page_shows_what_was_sent_and_came_back(admin, world):
    program = Program(status=500, body=b"<b>no</b>")
    with running(program) as port:
        endpoint, secret = world.endpoint(port, header_name="X-Key", header_value="k3y-of-theirs")
        assert told(do(admin, endpoint, "test")) == ["The test is on its way. What came back stands below."]
        world.send()
    (delivery,) = world.deliveries()

    page = page_of(admin, delivery, DELIVERIES)

    headers, body = program.got[0]
    assert json.loads(body)["event"] == "webhook.test"
    for shown in (
        "webhook.test", "500 refused", f"webhook-id: {headers['webhook-id']}", "x-key: …", "webhook-signature: v1,…",
        f"POST {endpoint.url}", " ms", "The program answered with an error.",
        "No answer is kept.",  # it lies in a private network
    ):  # fmt: skip
        assert shown in page, shown
    assert "k3y-of-theirs" not in page
    assert secret not in page
    assert headers["webhook-signature"] not in page
    assert str(delivery.id) in page_of(admin, endpoint)


def test_an_answer_is_shown_as_text(admin, world):
    ids = make_webhook(world.admin, description="<script>alert(1)</script>")
    page = admin.get(f"{DELIVERIES}{ids['webhook_delivery_id']}/change/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_is_shown_is_what_was_sent(admin, world):
    program = Program()
    with running(program) as port:
        world.endpoint(port)
        world.say()
        world.send()
    delivery = world.deliveries()[-1]
    answer = admin.get(f"{DELIVERIES}{delivery.id}/change/")

    (body,) = [body for headers, body in program.got if headers["webhook-id"].endswith(f"_{delivery.position}")]
    assert json.loads(answer.context["original"].sent["body"]) == json.loads(body)
    assert f"#{world.ticket.number}" in answer.content.decode()


def test_an_event_that_is_not_kept_has_no_body(admin, world):
    ids = make_webhook(world.admin)
    with tenant_scope(world.tenant.id):
        type(world.deliveries()[0]).objects.update(position=10**9)
    page = admin.get(f"{DELIVERIES}{ids['webhook_delivery_id']}/change/").content.decode()
    assert "There is no body: the event is not kept any more." in page


def test_one_is_sent_again(admin, world):
    ids = make_webhook(world.admin)
    answer = admin.post(f"{DELIVERIES}{ids['webhook_delivery_id']}/replay/")
    assert told(answer) == ["1 is sent again."]
    assert [(one.state, one.failures) for one in world.deliveries()] == [("waiting", 0)]


def test_all_that_were_given_up_are_sent_again(admin, world):
    make_webhook(world.admin)
    assert told(do(admin, only_endpoint(world), "replay_dead")) == ["1 is sent again."]
    assert [one.state for one in world.deliveries()] == ["waiting"]


def test_what_happened_since_a_time_is_sent_again(admin, world):
    endpoint, _secret = world.endpoint(1)
    do(admin, endpoint, "off")
    world.say(3)
    world.plan()
    assert world.deliveries() == []

    hour_ago = timezone.localtime(timezone.now() - timedelta(hours=1), ZoneInfo(world.tenant.time_zone))
    answer = do(admin, endpoint, "replay_since", since=f"{hour_ago:%Y-%m-%dT%H:%M}")

    assert told(answer)[-1].endswith("are sent again.")
    assert len(world.deliveries()) >= 3


@pytest.mark.parametrize(
    ("since", "sentence"),
    [
        ("", "Since: This field is required."),
        ("yesterday", "Since: This value is not valid."),
        ("2001-01-01T00:00", "Since: This value is too small."),
        ("2999-01-01T00:00", "Since: This value is too large."),
    ],
)
def test_a_time_that_does_not_do_is_told(admin, world, since, sentence):
    endpoint, _secret = world.endpoint(1)
    assert told(do(admin, endpoint, "replay_since", since=since)) == [sentence]
    assert world.deliveries() == []


def test_it_is_turned_off_and_on(admin, world):
    endpoint, _secret = world.endpoint(1)
    do(admin, endpoint, "off")
    assert not only_endpoint(world).is_active
    assert 'value="on"' in page_of(admin, endpoint)
    do(admin, endpoint, "on")
    assert only_endpoint(world).is_active
    assert 'value="off"' in page_of(admin, endpoint)


def test_it_is_deleted_with_what_was_sent_after_it_was_asked(admin, world):
    make_webhook(world.admin)
    address = f"{LIST}{only_endpoint(world).id}/delete/"
    assert admin.get(address).status_code == 200
    assert len(world.deliveries()) == 1
    assert admin.post(address, {"post": "yes"}).status_code == 302
    with tenant_scope(world.tenant.id):
        assert not Endpoint.objects.exists()
    assert world.deliveries() == []


def test_the_operator_manages_them_too(world):
    operator = workbench(UserFactory(is_superuser=True))
    assert add(operator, world).status_code == 302
    assert told(do(operator, only_endpoint(world), "test"))[-1].startswith("The test is on its way.")


@pytest.mark.parametrize("button", ["test", "rotate", "replay_dead", "off"])
def test_an_admin_of_another_tenant_does_nothing(world, settings, button):
    endpoint, _secret = world.endpoint(1)
    other = type(world)(settings)
    before = only_endpoint(world).secret
    client = workbench(other.admin.user)

    assert do(client, endpoint, button).status_code == 302
    assert client.get(f"{LIST}{endpoint.id}/change/").status_code == 302
    after = only_endpoint(world)
    assert (after.secret, after.is_active, world.deliveries()) == (before, True, [])


def test_buttons_do_nothing_on_a_get_or_by_another_name(admin, world):
    endpoint, _secret = world.endpoint(1)
    assert admin.get(f"{LIST}{endpoint.id}/do/?do=off").status_code == 302
    assert do(admin, endpoint, "delete").status_code == 302
    assert only_endpoint(world).is_active


# "How to verify": each sample says yes to a call of ours and no to one that was changed.
KEY = base64.b64encode(b"k" * 32).decode()
BODY = b'{"event":"webhook.test","data":{"position":null}}'


def _signed(body=BODY, at=None):
    at = at or int(time.time())
    signature = hmac.new(b"k" * 32, f"evt_1.{at}.".encode() + body, hashlib.sha256).digest()
    others = "v1," + base64.b64encode(b"o" * 32).decode()
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"{others} v1,{base64.b64encode(signature).decode()}",
    }


ENDS = {
    "Python": "\nimport sys, json\nprint(is_genuine(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode()))",
    "JavaScript (Node)": "\nconst [secret, headers, body] = process.argv.slice(2);\n"
    "console.log(isGenuine(secret, JSON.parse(headers), Buffer.from(body)));",
    "PHP": "\nvar_export(is_genuine($argv[1], json_decode($argv[2], true), $argv[3]));",
}
RUNS = {"Python": sys.executable, "JavaScript (Node)": "node", "PHP": "php"}


@pytest.mark.parametrize("language", RUNS)
def test_the_sample_verifies(tmp_path, language):
    if shutil.which(RUNS[language]) is None:
        pytest.skip(f"no {RUNS[language]} on this machine")
    program = tmp_path / "program.js"
    program.write_text(dict(SAMPLES)[language] + ENDS[language])

    def verdict(headers, body):
        ran = subprocess.run(
            [RUNS[language], program, f"whsec_{KEY}", json.dumps(headers), body.decode()],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        return ran.stdout.strip().lower()

    assert verdict(_signed(), BODY) == "true"
    assert verdict(_signed(), BODY + b" ") == "false"
    assert verdict(_signed(at=int(time.time()) - 600), BODY) == "false"


def test_the_sample_of_curl_signs_as_we_do(tmp_path):
    program = Program()
    at = int(time.time())
    (tmp_path / "body.json").write_bytes(BODY)
    with running(program) as port:
        script = dict(SAMPLES)["curl, openssl"].replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        start = f"SECRET='whsec_{KEY}' ID=evt_1 TIME={at}\n"
        subprocess.run(["sh", "-ec", start + script], cwd=tmp_path, check=True, capture_output=True, timeout=30)

    ((headers, body),) = program.got
    assert body == BODY
    assert headers["webhook-signature"] == _signed(at=at)["webhook-signature"].split()[1]


def test_the_samples_are_those_of_the_documents():
    text = (Path(__file__).parents[2] / "docs/operators.md").read_text()
    for language, sample in SAMPLES:
        assert sample in text, language


def test_the_list_shows_how_each_does_and_leads_to_its_deliveries(admin, world):
    with running(Program(status=500)) as port:
        endpoint, _secret = world.endpoint(port, events=["message.created"])
        world.say()
        world.send()
    make_webhook(world.admin, url="https://quiet.example/hook")

    page = admin.get(LIST).content.decode()
    own = admin.get(f"{DELIVERIES}?endpoint__id__exact={endpoint.id}").content.decode()

    assert endpoint.url in page
    assert "message.created" in page
    assert "failing" in page
    assert "message.created" in own
    assert "quiet.example" not in own
    assert "quiet.example" in admin.get(DELIVERIES).content.decode()
