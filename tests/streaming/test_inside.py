"""What the application decides, run in this process: `make mutants` comes by nowhere else."""

import asyncio
import json
import re
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from psycopg.conninfo import make_conninfo
from structlog.testing import capture_logs

from ondi.accounts.models import Membership
from ondi.accounts.tokens import read_access_token
from ondi.streaming import hub, news
from ondi.streaming.app import Stream
from ondi.streaming.rule import Reader
from ondi.tenants.scope import tenant_scope
from tests.factories import MemberFactory, TenantFactory
from tests.streaming import inside
from tests.streaming.test_stream import ending, happen, ticket_of, token_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


def answer_to(*asked, before=lambda stream: None):
    """Status and code of the answer; `None` for a stream."""

    async def scenario(stream):
        before(stream)
        heard = inside.Heard(stream, *asked)
        await heard.until(lambda one: one.is_over or "hello" in one.text)
        return heard.status, json.loads(heard.text)["error"] if heard.is_over else None

    return inside.run(scenario)


@pytest.mark.parametrize(("after", "wanted"), [("0", (200, None)), ("-1", (400, "validation_error"))])
def test_a_position_is_no_negative_number(customer, after, wanted):
    assert answer_to(token_of(customer), f"after={after}") == wanted


def test_a_tenant_is_never_chosen(customer):
    token = token_of(customer)
    assert answer_to(token, f"tenant_id={customer.tenant_id}") == (200, None)
    assert answer_to(token, f"tenant_id={str(customer.tenant_id).upper()}") == (200, None)
    assert answer_to(token, f"tenant_id={TenantFactory().id}") == (404, "not_found")


def test_two_tickets_are_none(customer):
    query = ticket_of(customer)
    assert answer_to(None, f"{query}&{query}") == (401, "token_invalid")
    assert answer_to(None, query) == (200, None)


def test_a_token_that_is_over_opens_nothing(customer, settings):
    settings.CLOCKS_APART = timedelta(0)
    token = token_of(customer)
    assert answer_to(ending(token, timezone.now() + timedelta(seconds=60))) == (200, None)
    assert answer_to(ending(token, timezone.now() - timedelta(seconds=2))) == (401, "token_expired")


def test_who_is_out_comes_in_no_more(customer):
    token = token_of(customer)
    with tenant_scope(customer.tenant_id):
        Membership.objects.filter(id=customer.id).update(ended_at=timezone.now())
    assert answer_to(token) == (401, "token_invalid")


def test_a_process_that_is_full_or_ends_lets_nobody_in(customer, settings):
    token, refused = token_of(customer), (503, "service_unavailable")
    settings.STREAM_CONNECTIONS = 1

    def fill(stream):
        stream.hub.connections = 1

    assert answer_to(token) == (200, None)
    assert answer_to(token, before=fill) == refused
    assert answer_to(token, before=lambda stream: stream.hub.shut()) == refused


def test_only_http_is_answered():
    assert asyncio.run(Stream()({"type": "lifespan"}, None, None)) is None


def test_who_is_a_moment_ahead_of_the_process_is_not_ahead(customer):
    """What happened while they were let in: another process told them of it already."""
    token = token_of(customer)

    async def scenario(stream, after):
        ask = stream.hub.ask

        async def and_meanwhile(question, *arguments):
            answer = await ask(question, *arguments)
            if question is news.enter_by_token:
                await ask(happen, customer)
            return answer

        stream.hub.ask = and_meanwhile
        heard = inside.Heard(stream, token, f"after={after}")
        await heard.until(lambda one: "hello" in one.text)
        return heard.text.split("\n", 1)[1]

    assert inside.run(lambda stream: scenario(stream, 2)) == "id: 2\nevent: hello\ndata: {}\n\n"
    assert "id: 2\nevent: reset\n" in inside.run(lambda stream: scenario(stream, 9))


@pytest.mark.parametrize("was_staff", [True, False])
def test_a_right_that_is_lost_ends_the_stream_and_one_that_is_gained_counts(tenant, customer, monkeypatch, was_staff):
    monkeypatch.setattr(hub, "RIGHTS_EVERY", 0.2)
    person = MemberFactory(tenant=tenant, lead=was_staff, admin=not was_staff)
    token = token_of(person)

    def change():
        with tenant_scope(tenant.id):
            Membership.objects.filter(id=person.id).update(is_support_user=not was_staff)

    async def scenario(stream):
        heard = inside.Heard(stream, token)
        await heard.until(lambda one: "hello" in one.text)
        await stream.hub.ask(change)
        if was_staff:
            await heard.until(lambda one: one.is_over)
            assert "access_ended" in heard.text
        else:
            while "ticket.opened" not in heard.text:
                await stream.hub.ask(happen, customer)

    inside.run(scenario)


def test_a_session_of_another_tenant_is_none(customer):
    elsewhere = MemberFactory(tenant=TenantFactory(), user=customer.user)
    claims = [read_access_token(token_of(member)) for member in (customer, elsewhere)]
    here = (Reader(customer.tenant_id, customer.id, is_support_user=False),)

    asked = [news.Access(customer.user_id, one.session_id, here, one.ends_at) for one in claims]

    assert news.in_force(asked) == [here, ()]


def test_it_listens_past_the_pooler(customer, owner, settings):
    given = connections["default"].get_connection_params()
    wanted = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if given.get(name)}
    settings.DATABASE_DIRECT_URL = make_conninfo(**wanted, application_name="past_the_pooler")
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'past_the_pooler'"

    async def scenario(_stream):
        async with asyncio.timeout(20):
            while owner().execute(asked).fetchone() != (1,):
                await asyncio.sleep(0.05)

    inside.run(scenario)


def test_what_was_missed_comes_from_the_table(customer):
    """Also where what comes first is another's: nothing of that is told, and it is gone on from."""
    token, other = token_of(customer), MemberFactory(tenant=customer.tenant)
    happen(other)
    happen(customer)

    async def scenario(stream):
        heard = inside.Heard(stream, token, "after=1")
        await heard.until(lambda one: "id: 4\n" in one.text)
        await stream.hub.ask(happen, other)
        await stream.hub.ask(happen, customer)
        await heard.until(lambda one: "id: 8\n" in one.text)
        late = inside.Heard(stream, token, "after=6")
        await late.until(lambda one: "id: 8\n" in one.text)
        return [heard.text, late.text]

    told = [re.findall(r"id: (\d+)\nevent: (?!hello)", text) for text in inside.run(scenario)]
    assert told == [["3", "4", "7", "8"], ["7", "8"]]


def test_older_than_is_kept_is_read_anew(customer, owner):
    token = token_of(customer)
    happen(customer)
    owner().execute("UPDATE outbox_event SET relayed_at = now() - interval '25 hours'")

    async def scenario(stream):
        heard = inside.Heard(stream, token, "after=0")
        await heard.until(lambda one: "id: 2\nevent: reset\ndata: {}\n\n" in one.text)
        await stream.hub.ask(happen, customer)
        await heard.until(lambda one: "id: 4\n" in one.text)
        assert heard.text.count("reset") == 1

    inside.run(scenario)


def test_the_end_is_a_line_in_the_log_with_whose_it_was(customer):
    token = token_of(customer)
    with capture_logs() as lines:

        async def scenario(stream):
            heard = inside.Heard(stream, token)
            await heard.until(lambda one: "hello" in one.text)
            stream.hub.shut()
            await heard.until(lambda one: one.is_over)

        inside.run(scenario)
    (line,) = [one for one in lines if one["event"] == "stream ended"]
    assert (line["user_id"], line["tenant_id"]) == (str(customer.user_id), str(customer.tenant_id))
    assert line["reason"] == "shutdown"
