"""Reads of saved views of the queue."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol, Self
from uuid import UUID

from django.db.models import Case, Q, Value, When

from ondi.accounts.roles import Role
from ondi.common.querysets import TenantQuerySet
from support.vocabulary import Audience

if TYPE_CHECKING:
    from support.models import SavedView

LEADING = (Role.LEAD, Role.ADMIN)


class Person(Protocol):
    """Somebody in one tenant."""

    @property
    def tenant_id(self) -> UUID: ...
    @property
    def membership_id(self) -> UUID | None: ...
    @property
    def role(self) -> str: ...
    @property
    def is_support_user(self) -> bool: ...
    @property
    def is_operator(self) -> bool: ...


class SavedViewQuerySet(TenantQuerySet["SavedView"]):
    def shown_to(self, people: Collection[Person]) -> Self:
        """The views these people have as tabs, in the order of the tabs; the operator has those of everybody."""
        shown = Q(pk__in=())
        for person in people:
            shown |= Q(tenant_id=person.tenant_id, audience__in=audiences_of(person))
            if person.membership_id:
                shown |= Q(tenant_id=person.tenant_id, owner=person.membership_id)
        return self.in_tenants({person.tenant_id for person in people}).filter(shown).in_order()

    def beside(self, view: "SavedView") -> Self:
        """Those that are ordered together with this one: of the same people."""
        return self.filter(tenant_id=view.tenant_id, audience=view.audience, owner=view.owner_id).in_order()

    def in_order(self) -> Self:
        """What everybody has comes first, one's own last."""
        ranks = (When(audience=audience, then=Value(place)) for place, audience in enumerate(reversed(Audience)))
        return self.order_by("tenant_id", Case(*ranks), "position", "id")


def audiences_of(person: Person) -> list[Audience]:
    """Whose shared views somebody who sees the queue has as tabs."""
    found = [Audience.EVERYBODY]
    if person.is_support_user:
        found.append(Audience.SUPPORT_USERS)
    if person.role in LEADING:
        found.append(Audience.LEADS)
    return found
