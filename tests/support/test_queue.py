"""The agents' queue (API.md section 4)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.common.times import iso
from ondi.tenants.scope import tenant_scope
from support import services
from support.models import Tag, Ticket, TicketTag
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, actor, make_ticket, reload

pytestmark = pytest.mark.django_db

QUEUE = "/messaging/support/tickets"


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Yusuf", last_name="Rahman")


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan", user__email="layla@example.org")


@pytest.fixture
def workbench(api, sara):
    return api.as_(sara)


def found(client, **filters):
    response = client.get(QUEUE, filters)
    assert response.status_code == 200, response.content
    return [ticket["number"] for ticket in response.json()["data"]["tickets"]]


class TestList:
    def test_longest_waiting_on_an_agent_comes_first(self, workbench, customer, sara):
        now = timezone.now()
        closed = make_ticket(customer, closed_by=sara, at=now - timedelta(hours=9))
        newer = make_ticket(customer, at=now - timedelta(hours=1))
        answered = make_ticket(customer, at=now - timedelta(hours=5))
        with tenant_scope(customer.tenant_id):
            Ticket.objects.filter(pk=answered.pk).update(waiting_on="customer")
        older = make_ticket(customer, at=now - timedelta(hours=2))

        assert found(workbench) == [older.number, newer.number, answered.number, closed.number]

    def test_row_tells_who_asks_in_full(self, workbench, customer):
        make_ticket(customer)

        row = workbench.get(QUEUE).json()["data"]["tickets"][0]

        assert row["requester"] == {"id": str(customer.user_id), "name": "Layla Hassan", "email": "layla@example.org"}
        assert row["conversation"]["last_message"]["sender"]["name"] == "Layla Hassan"
        assert row["conversation"]["unread_count"] is None

    def test_row_and_detail_tell_what_only_the_workbench_sees(self, workbench, customer, sara):
        ticket = make_ticket(customer)
        with tenant_scope(ticket.tenant_id):
            tags = [Tag.objects.create(tenant=customer.tenant, name=name) for name in ("refund", "courier")]
            services.change_tags(actor=actor(sara), ticket_id=ticket.id, add=[tag.id for tag in tags])
            until = timezone.now() + timedelta(days=1)
            services.snooze_ticket(actor=actor(sara), ticket_id=ticket.id, until=until)

        row = workbench.get(QUEUE).json()["data"]["tickets"][0]
        detail = workbench.get(f"{QUEUE}/{ticket.id}").json()["data"]["ticket"]

        for shown in (row, detail):
            assert (shown["tags"], shown["snoozed_until"]) == (["courier", "refund"], iso(until))
            assert shown["version"] == reload(ticket).version > 1
        with tenant_scope(ticket.tenant_id):
            Ticket.objects.update(snoozed_until=timezone.now())
        assert workbench.get(QUEUE).json()["data"]["tickets"][0]["snoozed_until"] is None, "it is back"

    def test_own_ticket_tells_its_customer_nothing_of_the_workbench(self, workbench, sara, yusuf):
        ticket = make_ticket(sara)
        with tenant_scope(ticket.tenant_id):
            tag = Tag.objects.create(tenant=sara.tenant, name="refund")
            services.change_tags(actor=actor(yusuf), ticket_id=ticket.id, add=[tag.id])
            until = timezone.now() + timedelta(days=1)
            services.snooze_ticket(actor=actor(yusuf), ticket_id=ticket.id, until=until)

        row = workbench.get(QUEUE).json()["data"]["tickets"][0]

        assert (row["tags"], row["snoozed_until"]) == ([], None)

    def test_scopes_and_counts(self, workbench, customer, sara, yusuf):
        free, mine = make_ticket(customer), make_ticket(customer, agent=sara)
        theirs, done = make_ticket(customer, agent=yusuf), make_ticket(customer, agent=sara, closed_by=sara)

        assert found(workbench, assignment_scope="unassigned") == [free.number]
        assert set(found(workbench, assignment_scope="mine")) == {mine.number, done.number}
        assert set(found(workbench, assignment_scope="all")) == {free.number, mine.number, theirs.number, done.number}
        data = workbench.get(QUEUE, {"status": "closed"}).json()["data"]
        assert data["counts"] == {"unassigned": 1, "mine": 1, "all": 3}
        assert (data["pagination"]["total"], "total_capped" in data, "counts_capped" in data) == (1, False, False)

    def test_counts_and_total_are_capped(self, workbench, customer, monkeypatch):
        monkeypatch.setattr("support.api.agent.views.COUNTED_AT_MOST", 2)
        monkeypatch.setattr("support.api.agent.views.LAST_ROW", 2)
        for _number in range(3):
            make_ticket(customer)

        data = workbench.get(QUEUE).json()["data"]

        assert data["counts"] == {"unassigned": 2, "mine": 0, "all": 2}
        assert (data["counts_capped"], data["total_capped"], data["pagination"]["total"]) == (True, True, 2)

    def test_filters_narrow(self, workbench, tenant, customer, sara):
        order, delivery = (factory(tenant=tenant, customer=customer) for factory in (OrderFactory, DeliveryFactory))
        first = make_ticket(customer, order=order, priority="urgent")
        second = make_ticket(customer, delivery=delivery)

        assert found(workbench, source="storefront") == [first.number]
        assert found(workbench, priority="urgent") == [first.number]
        assert found(workbench, order_id=str(order.id)) == [first.number]
        assert found(workbench, delivery_id=str(delivery.id)) == [second.number]
        assert found(workbench, waiting_on="customer") == []
        for bad in ({"priority": "x"}, {"assignment_scope": "theirs"}, {"order_id": "x"}, {"waiting_on": "x"}):
            assert workbench.get(QUEUE, bad).status_code == 400

    def test_assigned_to_is_for_leads(self, api, workbench, tenant, customer, sara):
        make_ticket(customer)
        ticket = make_ticket(customer, agent=sara)
        lead = api.as_(MemberFactory(tenant=tenant, lead=True))

        assert found(lead, assigned_to=str(sara.user_id)) == [ticket.number]
        refused = workbench.get(QUEUE, {"assigned_to": str(sara.user_id)})
        assert (refused.status_code, refused.json()["error"]) == (403, "permission_denied")

    def test_other_tenants_are_not_there(self, workbench):
        make_ticket(MemberFactory())

        assert found(workbench) == []


class TestSearch:
    @pytest.fixture
    def ticket(self, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer, number="TI-4711")
        for _number in range(3):
            make_ticket(MemberFactory(tenant=tenant, first_name="Other", last_name="Person"), message="nothing")
        return make_ticket(
            customer, order=order, subject="Lamp is BROKEN", message="الطلبُ الأوّل لمدرسـة ١٢٣ وصل مكسوراً"
        )

    @pytest.mark.parametrize(
        "term",
        ["lamp", "broken", "LAMP is", "TI-4711", "ti-47", "layla", "LAYLA hassan", "layla@example", "#4", "4711",
         "الطلب الاول", "مدرسه 123", "وصل مكسورا", "١٢٣"],
    )  # fmt: skip
    def test_finds_it(self, workbench, ticket, term):
        assert found(workbench, search=term) == [ticket.number]

    @pytest.mark.parametrize(
        "term", ["%%", "__", "la%p", "l_mp", "\\\\", "nowhere", "#44", "'; DROP TABLE x; --", "4711 zzz"]
    )
    def test_finds_nothing_and_takes_signs_literally(self, workbench, ticket, term):
        assert found(workbench, search=term) == []

    @pytest.mark.parametrize(
        ("term", "code"),
        [
            ("x", "invalid"), ("%", "invalid"), ("_", "invalid"), ("x" * 201, "max_length"), (" ", "blank"),
            ("a\x00b", "invalid"), ("a\nb", "invalid"),
        ],
    )  # fmt: skip
    def test_bad_terms_are_refused(self, workbench, term, code):
        response = workbench.get(QUEUE, {"search": term})

        assert response.status_code == 400
        assert response.json()["data"]["fields"]["search"][0]["code"] == code

    def test_empty_term_is_an_absent_one(self, workbench, ticket):
        assert len(found(workbench, search="")) == 4

    def test_delivery_code_and_number(self, workbench, tenant, customer, ticket):
        delivery = DeliveryFactory(tenant=tenant, customer=customer, delivery_code=90210)
        other = make_ticket(customer, delivery=delivery)

        assert found(workbench, search="90210") == [other.number]
        assert found(workbench, search=f"#{other.number}") == [other.number]

    def test_other_tenants_words_are_not_found(self, workbench, ticket):
        make_ticket(MemberFactory(first_name="Layla"), subject="lamp", message="lamp")

        assert found(workbench, search="lamp") == [ticket.number]
        assert found(workbench, search="layla") == [ticket.number]


class TestWork:
    def post(self, client, ticket, action, **body):
        return client.post(f"{QUEUE}/{ticket.id}/{action}", body or None)

    def test_refusal_of_the_person_comes_before_that_of_the_body(self, workbench, sara):
        """API.md section 1: 403 before 400."""
        refused = self.post(workbench, make_ticket(sara), "take-over", reason="")

        assert (refused.status_code, refused.json()["error"]) == (403, "permission_denied")

    def test_detail_has_participants_and_tags(self, workbench, tenant, customer, sara):
        ticket = make_ticket(customer, agent=sara)
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="courier")
            TicketTag.objects.create(tenant=tenant, ticket=ticket, tag=tag)

        data = workbench.get(f"{QUEUE}/{ticket.id}").json()["data"]["ticket"]

        assert data["tags"] == ["courier"]
        assert [part["user"]["name"] for part in data["participants"]] == ["Layla Hassan", "Sara Kareem"]
        assert data["assigned_to_user"]["name"] == "Sara Kareem"
        assert data["can_reply"] is True

    def test_claim_release_take_over_close_reopen(self, api, workbench, customer, sara, yusuf):
        ticket = make_ticket(customer)
        colleague = api.as_(yusuf)

        assert self.post(workbench, ticket, "assign-to-me").json()["data"]["ticket"]["assigned_to_user"]["id"] == str(
            sara.user_id
        )
        refused = self.post(colleague, ticket, "assign-to-me")
        assert (refused.status_code, refused.json()["error"]) == (409, "ticket_already_assigned")
        assert refused.json()["data"] == {"assigned_to_user": {"id": str(sara.user_id), "name": "Sara Kareem"}}
        assert self.post(colleague, ticket, "release").json()["error"] == "ticket_not_assigned_to_you"
        taken = self.post(colleague, ticket, "take-over", reason="Sara is away")
        assert taken.json()["data"]["ticket"]["assigned_to_user"]["id"] == str(yusuf.user_id)
        assert self.post(colleague, ticket, "release").json()["data"]["ticket"]["assigned_to_user"] is None
        assert self.post(workbench, ticket, "close").json()["data"]["ticket"]["status"] == "closed"
        assert self.post(workbench, ticket, "assign-to-me").json()["error"] == "ticket_closed"
        assert self.post(workbench, ticket, "close").status_code == 200
        assert self.post(workbench, ticket, "reopen").json()["data"]["ticket"]["waiting_on"] == "agent"

    def test_take_over_needs_a_reason(self, workbench, customer, yusuf):
        ticket = make_ticket(customer, agent=yusuf)

        for body, code in (({}, "required"), ({"reason": "x" * 501}, "max_length")):
            response = workbench.post(f"{QUEUE}/{ticket.id}/take-over", body)
            assert response.json()["data"]["fields"]["reason"][0]["code"] == code
        assert workbench.post(f"{QUEUE}/0197f0a0-0000-7000-8000-000000000011/take-over", {}).status_code == 404

    def test_own_ticket_is_its_customers(self, workbench, sara):
        ticket = make_ticket(sara)

        for action, code in (
            ("assign-to-me", "permission_denied"),
            ("close", "customer_close_disabled"),
            ("reopen", "customer_reopen_disabled"),
        ):
            response = self.post(workbench, ticket, action)
            assert (response.status_code, response.json()["error"]) == (403, code)

    def test_reopening_a_taken_item_is_the_conflict(self, workbench, tenant, customer, sara):
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        first = make_ticket(customer, delivery=delivery, closed_by=sara)
        second = make_ticket(customer, delivery=delivery)

        response = self.post(workbench, first, "reopen")

        assert (response.status_code, response.json()["error"]) == (409, "support_ticket_already_open_for_related")
        assert response.json()["data"]["existing_ticket_id"] == str(second.id)


class TestNext:
    def test_highest_priority_then_longest_waiting(self, workbench, customer, sara, yusuf):
        now = timezone.now()
        low = make_ticket(customer, priority="low", at=now - timedelta(hours=9))
        old = make_ticket(customer, priority="high", at=now - timedelta(hours=2))
        urgent = make_ticket(customer, priority="urgent", at=now)
        new = make_ticket(customer, priority="high", at=now - timedelta(hours=1))
        make_ticket(sara, priority="urgent")
        make_ticket(customer, priority="urgent", agent=yusuf)
        later = make_ticket(customer, priority="urgent")
        with tenant_scope(customer.tenant_id):
            Ticket.objects.filter(pk=later.pk).update(snoozed_until=now + timedelta(hours=1))

        pulled = [workbench.post(f"{QUEUE}/next").json()["data"]["ticket"]["number"] for _pull in range(4)]

        assert pulled == [urgent.number, old.number, new.number, low.number]
        empty = workbench.post(f"{QUEUE}/next")
        assert (empty.status_code, empty.json()["error"]) == (404, "queue_empty")

    def test_same_key_pulls_once(self, workbench, customer):
        for _number in range(2):
            make_ticket(customer)

        pulled = [
            workbench.post(f"{QUEUE}/next", **{"Idempotency-Key": "k"}).json()["data"]["ticket"]["id"] for _ in range(2)
        ]

        assert pulled[0] == pulled[1]

    def test_puller_takes_part(self, workbench, customer, sara):
        ticket = make_ticket(customer)
        workbench.post(f"{QUEUE}/next")

        assert reload(ticket).assignee_id == sara.id
        path = f"/messaging/conversations/{ticket.conversation_id}/messages"
        assert workbench.post(path, {"content": "Hello"}).status_code == 201
