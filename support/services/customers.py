"""Customers as those who talk to them take them down, and correct them."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from ondi.accounts.actors import Actor
from ondi.accounts.models import ONE_PERSON_PER_ADDRESS, Membership
from ondi.accounts.services import add_member, update_member
from ondi.common.database import broken_constraint
from support import policies
from support.errors import AddressTaken, CustomerNotFound
from support.services.shared import hold_people, hold_role_of, person_of


@transaction.atomic
def add_customer(*, actor: Actor, first_name: str, email: str | None = None, **details: Any) -> Membership:
    """Make somebody who calls a customer of the actor's tenant; they wait for a link until they sign in.

    `details`: `last_name`, `phone`, `language`. Locks the actor's membership. Raises `NotASupportUser`, and
    `AddressTaken` where the e-mail is another person's of this tenant.
    """
    if refusal := policies.customers_refusal(actor):
        raise refusal
    hold_role_of(actor)
    try:
        with transaction.atomic():
            return add_member(tenant_id=actor.tenant_id, email=email, first_name=first_name, **details)
    except IntegrityError as error:
        if broken_constraint(error) != ONE_PERSON_PER_ADDRESS:
            raise
        raise AddressTaken from error


@transaction.atomic
def correct_customer(*, actor: Actor, customer_id: UUID, **changes: str) -> Membership:
    """Give a customer another `first_name`, `last_name`, `phone` or `language`; what is not named stays.

    `customer_id`: a membership. Their e-mail is not an agent's to change. Locks the actor's membership and the
    customer's. Raises `NotASupportUser` and `CustomerNotFound`.
    """
    if refusal := policies.customers_refusal(actor):
        raise refusal
    people = Membership.objects.visible_to(actor)
    hold_people(people.filter(id__in=[person_of(actor), customer_id]))
    hold_role_of(actor)
    customer = people.active().customers().filter(id=customer_id).first()
    if customer is None:
        raise CustomerNotFound
    return update_member(membership=customer, **{name: changes[name] for name in CORRECTED if name in changes})


CORRECTED = ("first_name", "last_name", "phone", "language")
