"""The stream process over HTTP: what it says, to whom, from where on, and how it ends."""

import json
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ondi.accounts.models import Membership, RefreshFamily
from ondi.accounts.sessions import begin_session
from ondi.accounts.tokens import OurAccessToken, read_access_token
from ondi.common.prepared import insert_rows
from ondi.outbox.publishing import entry
from ondi.outbox.relay import relay_all
from ondi.streaming.chores import forget_stream_tickets
from ondi.streaming.models import StreamTicket
from ondi.tenants.scope import tenant_scope
from tests.client import ApiClient
from tests.factories import MemberFactory, TenantFactory, make_ticket
from tests.outbox.test_feeds import World, a_day_in_the_life
from tests.races import at_once
from tests.streaming.clients import server, split

pytestmark = pytest.mark.django_db(transaction=True)
TICKETS = "/messaging/stream/tickets"


@pytest.fixture(scope="module")
def running(django_db_setup):
    with server() as running:
        yield running


@pytest.fixture
def stream(running):
    yield running
    running.hang_up()


@pytest.fixture
def world(tenant):
    return World(tenant)


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


def token_of(member):
    return begin_session(user_id=member.user_id, tenant_id=member.tenant_id).access_token


def ending(token, at):
    """The same token, but that it expires then."""
    claims = read_access_token(token)
    other = OurAccessToken()
    other.set_exp(from_time=at, lifetime=timedelta(0))
    other["user_id"], other["tenant_id"] = str(claims.user_id), str(claims.tenant_id)
    other["session_id"], other["jti"] = str(claims.session_id), str(claims.jti)
    return str(other)


def ticket_of(member):
    """The query that opens the stream."""
    answer = ApiClient().as_(member).post(TICKETS)
    assert answer.status_code == 201
    return split(answer.json()["data"]["url"])


def happen(customer, times=1):
    """So many tickets of this customer: two events each."""
    made = [make_ticket(customer) for _time in range(times)]
    relay_all()
    return made


def happen_often(customer, times):
    """So many events of this customer, straight into the outbox."""
    at = timezone.now()
    with tenant_scope(customer.tenant_id):
        insert_rows(*(
            entry("ticket.closed", tenant_id=customer.tenant_id, person_id=customer.id, version=one, at=at)
            for one in range(times)
        ))  # fmt: skip
    relay_all()


def fed(member, after=0):
    """What the feed says: the contract's other form of the same."""
    found, position = [], after
    while True:
        data = ApiClient().as_(member).get("/messaging/changes", {"after": position, "limit": 200}).json()["data"]
        found += [(one["event"], one["data"], one["position"]) for one in data["changes"]]
        position = data["next_position"]
        if not data["has_more"]:
            return found


class TestWhatIsTold:
    def test_hello_has_the_position_now_and_nothing_older_follows(self, stream, customer):
        happen(customer, 2)
        client = stream.open(token_of(customer))

        assert client.hello() == 4
        assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert client.headers["cache-control"] == "no-store"
        assert 1_000 <= client.retry <= 6_000
        assert client.silent()
        (ticket,) = happen(customer)
        opened, _message = client.events(2)
        assert opened == (
            "ticket.opened",
            {"ticket_id": str(ticket.id), "ticket_number": ticket.number,
             "conversation_id": str(ticket.conversation_id), "message_id": None, "version": 1},
            5,
        )  # fmt: skip

    def test_everybody_is_told_what_the_feed_says_live_and_later(self, stream, world):
        yusuf = MemberFactory(tenant=world.tenant, agent=True)
        people = [world.customer, world.other, world.sara, yusuf]
        live = [stream.open(token_of(person)) for person in people]
        assert [client.hello() for client in live] == [0] * 4

        a_day_in_the_life(world)
        make_ticket(yusuf)
        relay_all()

        for person, client in zip(people, live, strict=True):
            wanted = fed(person)
            assert client.events(len(wanted)) == wanted
            assert client.silent(0.2)
            later = stream.open(token_of(person), "after=0")
            assert later.hello() == 0
            assert later.events(len(wanted)) == wanted

    def test_nobody_is_told_of_another_tenant(self, stream, world):
        elsewhere = World(TenantFactory())
        client = stream.open(token_of(elsewhere.sara), "after=0")
        client.hello()

        a_day_in_the_life(world)

        assert client.silent()


class TestGoingOn:
    @pytest.mark.parametrize(
        ("query", "headers", "first"),
        [
            ("after=3", {}, 4),
            ("", {"Last-Event-ID": "3"}, 4),
            ("after=2", {"Last-Event-ID": "5"}, 6),
            ("after=5", {"Last-Event-ID": "2"}, 6),
            ("after=5", {"Last-Event-ID": ""}, 6),
        ],
    )
    def test_from_the_greater_position_on(self, stream, customer, query, headers, first):
        happen(customer, 4)
        client = stream.open(token_of(customer), query, **headers)

        assert client.hello() == first - 1, "who is cut off here comes back with it"
        assert [position for _event, _data, position in client.events(9 - first)] == list(range(first, 9))

    @pytest.mark.parametrize("is_in_memory", [True, False])
    def test_more_than_memory_holds_comes_whole_and_in_order(self, stream, customer, is_in_memory):
        token = token_of(customer)
        if is_in_memory:
            stream.open(token).hello()
        happen_often(customer, 1_300)
        client = stream.open(token, "after=0")
        client.hello()

        happen(customer)
        assert [position for _event, _data, position in client.events(1_302)] == list(range(1, 1_303))

    @pytest.mark.parametrize("is_in_memory", [True, False])
    @pytest.mark.parametrize("after", [9, 10**18 - 1])
    def test_ahead_is_told_to_read_the_lists_again(self, stream, customer, after, is_in_memory):
        token = token_of(customer)
        if is_in_memory:
            stream.open(token).hello()
        happen(customer)
        client = stream.open(token, f"after={after}")

        assert client.hello() == 2
        assert client.next() == ("reset", {}, 2)
        happen(customer)
        assert client.next()[2] == 3

    def test_older_than_a_day_is_told_to_read_the_lists_again(self, stream, customer, owner):
        happen(customer)
        owner().execute("UPDATE outbox_event SET relayed_at = now() - interval '25 hours'")
        client = stream.open(token_of(customer), "after=0")

        assert client.hello() == 0
        assert client.next() == ("reset", {}, 2)
        happen(customer)
        assert client.next()[2] == 3

    def test_a_position_of_another_tenant_is_a_number_like_any(self, stream, world):
        a_day_in_the_life(world)
        stranger = MemberFactory(tenant=TenantFactory())
        happen(stranger, 2)
        client = stream.open(token_of(stranger), "after=3")

        assert client.hello() == 3
        assert client.next()[2] == 4
        assert client.silent(0.2)


class TestRefusals:
    @pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "%D9%A3", "9" * 19, "1e3", "0&after=0"])
    def test_a_position_that_is_none_is_a_400_on_it(self, stream, customer, after):
        status, body, _headers = stream.refused(token_of(customer), f"after={after}")
        assert (status, body["error"], [*body["data"]["fields"]]) == (400, "validation_error", ["after"])

    @pytest.mark.parametrize("last", ["-1", "x", "1.5"])
    def test_so_is_one_in_the_header(self, stream, customer, last):
        status, body, _headers = stream.refused(token_of(customer), **{"Last-Event-ID": last})
        assert (status, [*body["data"]["fields"]]) == (400, ["Last-Event-ID"])

    def test_without_what_lets_in_it_is_a_401(self, stream, customer):
        token = token_of(customer)
        for given, code in (
            (None, "not_authenticated"), ("x", "token_invalid"), ("", "not_authenticated"),
            (ending(token, timezone.now() - timedelta(seconds=20)), "token_expired"),
        ):  # fmt: skip
            status, body, headers = stream.refused(given)
            assert (status, body["success"], body["error"], headers["www-authenticate"]) == (401, False, code, "Bearer")

    def test_people_who_are_out_stay_out(self, stream, customer):
        token = token_of(customer)
        with tenant_scope(customer.tenant_id):
            Membership.objects.filter(id=customer.id).update(ended_at=timezone.now())
        assert stream.refused(token)[1]["error"] == "token_invalid"

    def test_other_methods_and_addresses_answer_in_the_envelope(self, stream, customer):
        token = token_of(customer)
        for options, wanted in (
            ({"method": "POST", "Content-Length": "0"}, (405, "method_not_allowed")),
            ({"method": "DELETE"}, (405, "method_not_allowed")),
            ({"path": "/"}, (404, "not_found")),
            ({"path": "/messaging/stream/"}, (404, "not_found")),
            ({"path": "/%00%ff"}, (404, "not_found")),
        ):
            status, body, headers = stream.refused(token, **options)
            assert (status, body["error"]) == wanted
            assert headers["content-type"] == "application/json"
        assert stream.refused(path="/health/live")[0] == 200

    def test_a_tenant_is_never_chosen(self, stream, customer):
        token, foreign = token_of(customer), TenantFactory()
        assert stream.open(token, f"tenant_id={customer.tenant_id}").hello() == 0
        assert stream.refused(token, f"tenant_id={foreign.id}")[:2] == stream.refused(path="/nowhere")[:2]

    def test_words_are_in_the_language_asked_for(self, stream):
        said = {
            stream.refused(query=query, **headers)[1]["message"]
            for query, headers in (("", {}), ("language=ar", {}), ("", {"Accept-Language": "fa"}), ("language=ku", {}))
        }
        assert len(said) == 4

    def test_pages_of_origins_that_are_allowed_may_read_it(self, stream, customer):
        token, portal = token_of(customer), {"Origin": "https://portal.example"}
        for client in (stream.open(token, **portal), stream.open(None, **portal)):
            assert client.headers["access-control-allow-origin"] == "https://portal.example"
        asked = stream.open(None, method="OPTIONS", **portal, **{"Access-Control-Request-Method": "GET"})
        assert asked.status == 200
        assert "last-event-id" in asked.headers["access-control-allow-headers"]
        assert "access-control-allow-origin" not in stream.open(token, Origin="https://evil.example").headers

    def test_what_is_long_or_strange_is_no_500(self, stream, customer):
        token = token_of(customer)
        for query in ("ticket=" + "x" * 20_000, "ticket=%00", "ticket=a&ticket=b", "ticket=", "a" * 9_000, "%", "&&=&"):
            assert stream.refused(None, query)[0] == 401
        assert stream.open(token, "%zz&ticket=x").hello() == 0, "the header counts"


class TestTickets:
    def test_one_opens_the_stream_once(self, stream, customer):
        happen(customer)
        query = ticket_of(customer)
        client = stream.open(None, f"{query}&after=1")

        assert client.hello() == 1
        assert client.next()[2] == 2
        assert stream.refused(None, query)[1]["error"] == "token_invalid"
        with tenant_scope(customer.tenant_id):
            assert not StreamTicket.objects.exists()

    def test_of_many_at_once_in_two_processes_one_gets_in(self, stream, customer):
        query = ticket_of(customer)
        with server() as other:
            opened = at_once([lambda one=one: one.open(None, query).status for one in (stream, other) * 4])
        assert sorted(opened) == [200] + [401] * 7

    def test_it_is_good_for_half_a_minute(self, stream, customer, owner):
        answer = ApiClient().as_(customer).post(TICKETS).json()["data"]
        assert answer["url"].startswith("https://stream.example/messaging/stream?ticket=")
        with tenant_scope(customer.tenant_id):
            kept = StreamTicket.objects.get()
            assert timedelta(seconds=25) < kept.expires_at - timezone.now() <= timedelta(seconds=30)
            assert kept.ticket_hash not in answer["url"]
        owner().execute("UPDATE streaming_streamticket SET expires_at = now() - interval '1 second'")

        assert stream.refused(None, split(answer["url"]))[1]["error"] == "token_invalid"

    def test_one_that_nobody_used_is_thrown_away(self, customer, owner):
        ticket_of(customer)
        assert forget_stream_tickets() == 0
        owner().execute("UPDATE streaming_streamticket SET expires_at = now() - interval '1 second'")
        assert forget_stream_tickets() == 1

    def test_it_opens_no_more_than_its_token_does(self, stream, customer):
        query = ticket_of(customer)
        with tenant_scope(customer.tenant_id):
            RefreshFamily.objects.update(revoked_at=timezone.now())
        assert stream.refused(None, query)[1]["error"] == "token_invalid"

        ends = timezone.now() + timedelta(seconds=2)
        brief = ApiClient(ending(token_of(customer), ends)).post(TICKETS).json()["data"]["url"]
        client = stream.open(None, split(brief))
        client.hello()
        assert client.next() == ("end", {"reason": "token_expired"}, None)

    def test_a_token_that_is_over_gets_none_but_hears_that_it_has_to_be_refreshed(self, customer):
        """Elsewhere it counts for ten seconds more, as clocks are apart; a ticket of it would open nothing."""
        over = ApiClient(ending(token_of(customer), timezone.now() - timedelta(seconds=2)))
        assert over.get("/users/me").status_code == 200

        answer = over.post(TICKETS)

        assert (answer.status_code, answer.json()["error"]) == (401, "token_expired")
        with tenant_scope(customer.tenant_id):
            assert not StreamTicket.objects.exists()

    def test_anothers_shows_the_others_events(self, stream, world):
        query = ticket_of(world.other)
        client = stream.open(None, query)
        client.hello()
        happen(world.customer)
        assert client.silent()


class TestTheEnd:
    def test_with_its_token(self, stream, customer):
        client = stream.open(ending(token_of(customer), timezone.now() + timedelta(seconds=2)))
        client.hello()

        assert client.next() == ("end", {"reason": "token_expired"}, None)
        assert client.next() is None

    def test_when_somebody_is_erased_rights_are_asked_again_at_once(self, stream, tenant, customer):
        leaving, staying = stream.open(token_of(customer)), stream.open(token_of(MemberFactory(tenant=tenant)))
        lead = MemberFactory(tenant=tenant, lead=True)
        demoted = stream.open(token_of(lead))
        for client in (leaving, staying, demoted):
            client.hello()
        with tenant_scope(tenant.id):
            Membership.objects.filter(id=customer.id).update(ended_at=timezone.now())
            Membership.objects.filter(id=lead.id).update(is_support_user=False)
            insert_rows(entry("person.erased", tenant_id=tenant.id, subject_id=customer.id, at=timezone.now()))
        relay_all()

        assert leaving.next(5) == ("end", {"reason": "access_ended"}, None)
        told = [one for one in (demoted.next(5), demoted.next(5)) if one]
        assert told[-1] == ("end", {"reason": "access_ended"}, None)
        assert staying.silent()

    def test_the_seventh_of_a_person_ends_their_oldest(self, stream, customer):
        token, other = token_of(customer), stream.open(token_of(MemberFactory(tenant=customer.tenant)))
        clients = []
        for _one in range(8):
            clients.append(stream.open(token))
            clients[-1].hello()

        for oldest in clients[:2]:
            assert oldest.next(5) == ("end", {"reason": "replaced"}, None)
        happen(customer)
        assert [client.next(5)[2] for client in clients[2:]] == [1] * 6
        other.hello()
        assert other.silent(0.2)

    def test_seven_dead_ones_refuse_no_eighth(self, stream, customer):
        """Half-open: their client is gone without a word, so what is sent to them stays where it is."""
        token = token_of(customer)
        for _one in range(7):
            stream.open(token, small=True).hello()
        happen_often(customer, 5_000)
        time.sleep(1)  # until nothing more fits into their lines
        begun = time.monotonic()
        client = stream.open(token)

        assert client.hello() == 5_000
        assert time.monotonic() - begun < 2
        happen(customer)
        assert client.next()[2] == 5_001

    def test_streams_that_died_refuse_nobody(self, stream, customer):
        token = token_of(customer)
        for _one in range(7):
            stream.open(token).hello()
        stream.hang_up()
        client = stream.open(token)

        assert client.hello() == 0
        happen(customer)
        assert client.next()[2] == 1

    def test_when_the_process_ends(self, customer):
        with server() as running:
            client = running.open(token_of(customer))
            client.hello()
            running.end()

            assert client.next() == ("end", {"reason": "shutdown"}, None)
            assert client.next() is None
            assert running.process.returncode == 0


def test_beyond_its_limit_a_process_refuses_and_says_when_to_come_back(customer):
    token = token_of(customer)
    with server(STREAM_CONNECTIONS="3") as running:
        clients = [running.open(token) for _one in range(3)]
        assert [client.hello() for client in clients] == [0] * 3

        status, body, headers = running.refused(token)
        assert (status, body["error"], headers["retry-after"]) == (503, "service_unavailable", "2")
        clients[0].close()
        running.process.poll()
        for _try in range(50):
            client = running.open(token)
            if client.status == 200:
                break
        assert client.hello() == 0


def test_it_keeps_four_connections_of_the_database_at_most(stream, tenant):
    tokens = [token_of(MemberFactory(tenant=tenant)) for _one in range(20)]
    at_once([lambda token=token: stream.open(token, "after=0").hello() for token in tokens])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        assert 2 <= cursor.fetchone()[0] <= 4


def test_the_log_holds_no_query_and_no_token(customer):
    token, query = token_of(customer), ticket_of(customer)
    with server() as running:
        running.open(token, "after=0&secret=leakmark").hello()
        running.open(None, f"{query}&secret=leakmark").hello()
        running.refused(None, "ticket=leakmark")
        running.refused(token, path="/leakmark")
        running.hang_up()
        running.end()
    lines = [json.loads(line) for line in running.log.splitlines()]

    assert [line["event"] for line in lines].count("stream ended") == 2
    for word in ("leakmark", token, query.split("=")[1], "after="):
        assert word not in running.log
