"""Reads that others look at again, or of which a test of the whole sees one row: each among its near misses."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.tenants.scope import tenant_scope
from support import services
from support.errors import QueueEmpty, TicketAlreadyOpenForRelated
from support.models import Tag, Ticket, TicketNote, TicketViewer
from support.services.shared import refuse_if_item_is_held
from support.vocabulary import WaitingOn
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, actor, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant)


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True)


@pytest.mark.parametrize(("link", "factory"), [("delivery", DeliveryFactory), ("order", OrderFactory)])
def test_an_item_is_held_by_the_other_open_ticket_on_it_and_by_no_other_one(tenant, customer, sara, link, factory):
    item, others = (factory(tenant=tenant, customer=customer) for _number in range(2))
    closed = make_ticket(customer, closed_by=sara, **{link: item})
    holding = make_ticket(customer, **{link: item})
    make_ticket(customer, **{link: others})
    make_ticket(customer)

    with tenant_scope(tenant.id):
        assert list(Ticket.objects.holding_item_of(closed)) == [holding]
        assert list(Ticket.objects.holding_item_of(holding)) == []


def test_an_item_whose_ticket_was_closed_meanwhile_is_free():
    customer = MemberFactory()
    ticket = make_ticket(customer, delivery=DeliveryFactory(tenant=customer.tenant, customer=customer))

    with tenant_scope(customer.tenant_id):
        refuse_if_item_is_held(ticket, actor(customer))


def test_an_item_that_is_held_is_named_to_who_may_know_the_ticket():
    customer = MemberFactory()
    item = DeliveryFactory(tenant=customer.tenant, customer=customer)
    agent, clerk = (
        MemberFactory(tenant=customer.tenant, agent=True),
        MemberFactory(tenant=customer.tenant, role="agent"),
    )
    closed = make_ticket(customer, delivery=item, closed_by=agent)
    holding = make_ticket(customer, delivery=item)

    for who, named in ((customer, True), (agent, True), (clerk, False)):
        with tenant_scope(customer.tenant_id), pytest.raises(TicketAlreadyOpenForRelated) as refused:
            refuse_if_item_is_held(closed, actor(who))
        assert (str(holding.id) in str(refused.value.data)) == named


def test_a_ticket_that_waits_on_its_customer_is_nobodys_next(tenant, customer, sara):
    answered = make_ticket(customer)
    with tenant_scope(tenant.id):
        Ticket.objects.filter(id=answered.id).update(waiting_on=WaitingOn.CUSTOMER)

        with pytest.raises(QueueEmpty):
            services.claim_next_ticket(actor=actor(sara))


def test_the_longest_waiting_wait_on_an_agent_and_are_not_snoozed(tenant, customer):
    waiting, answered, snoozed = (make_ticket(customer) for _number in range(3))
    now = timezone.now()
    with tenant_scope(tenant.id):
        Ticket.objects.filter(id=answered.id).update(waiting_on=WaitingOn.CUSTOMER)
        Ticket.objects.filter(id=snoozed.id).update(snoozed_until=now + timedelta(hours=1))

        assert list(Ticket.objects.longest_waiting(now)) == [waiting]


def test_a_ticket_has_its_own_notes_tags_and_viewers(tenant, customer, sara):
    ticket, other = make_ticket(customer), make_ticket(customer)
    now = timezone.now()
    with tenant_scope(tenant.id):
        for each, word in ((ticket, "own"), (other, "other")):
            each.tags.add(Tag.objects.create(tenant=tenant, name=word), through_defaults={"tenant": tenant})
            TicketNote.objects.create(tenant=tenant, ticket=each, author=sara, content=word, created_at=now)
            TicketViewer.objects.create(tenant=tenant, ticket=each, membership=sara, seen_at=now)

        assert [note.content for note in TicketNote.objects.of(ticket)] == ["own"]
        assert [viewer.ticket_id for viewer in TicketViewer.objects.others_at(ticket, None, now)] == [ticket.id]
        rows = Ticket.objects.for_queue(actor(sara))
        assert {row.id: row.tag_names for row in rows} == {ticket.id: ["own"], other.id: ["other"]}


def test_the_words_of_a_tenant_are_chosen_from_where_somebody_works_for_two(sara):
    own, other = make_ticket(MemberFactory()), make_ticket(MemberFactory())
    with tenant_scope(own.tenant_id, other.tenant_id):
        for ticket, word in ((own, "own"), (other, "other")):
            Tag.objects.create(tenant_id=ticket.tenant_id, name=word)

        assert [tag.name for tag in Tag.objects.for_workbench(own)] == ["own"]
