"""Reads of tickets. `for_list` and `for_detail` answer with rows, not models: that is where the time goes."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    Lookup,
    OuterRef,
    Q,
    QuerySet,
    SmallIntegerField,
    Subquery,
    Sum,
    UUIDField,
    When,
    Window,
)
from django.db.models.functions import Coalesce

from conversations.models import Message, Participant
from ondi.accounts.actors import Actor
from ondi.common.compiled import AnyOf, Before
from ondi.common.ids import parse_id
from ondi.common.querysets import TenantQuerySet
from ondi.notifications.querysets import NotificationQuerySet
from ondi.tenants.models import Tenant
from support.events import TICKET_CLOSING
from support.shown import DELIVERY, ORDER, TICKET, columns
from support.vocabulary import EventKind, Priority, TicketStatus, WaitingOn

if TYPE_CHECKING:
    from ondi.accounts.models import Membership
    from support.models import Tag, Ticket, TicketEvent, TicketNote, TicketViewer  # noqa: F401

LIST_FIELDS = (
    *columns(TICKET), "requester_id",
    "assignee__user_id", "assignee__first_name", "assignee__last_name", "assignee__erased_at",
    "conversation_id", "conversation__title", "conversation__status", "conversation__message_count",
    "conversation__last_message_id", "conversation__last_message_sender_role", "conversation__last_message_type",
    "conversation__last_message_preview", "conversation__last_message_event", "conversation__last_message_at",
    "conversation__last_message_sender__user_id", "conversation__last_message_sender__first_name",
    "conversation__last_message_sender__last_name", "conversation__last_message_sender__erased_at",
    "part__last_read_sequence", "part__role", "part__left_at", "reply_due_at", "item_held_by",
)  # fmt: skip
DETAIL_FIELDS = (
    *LIST_FIELDS, "delivery__customer_id", "order__customer_id",
    *columns(DELIVERY, "delivery")[1:], *columns(ORDER, "order")[1:],
)  # fmt: skip


REQUESTER_FIELDS = (
    "requester__user_id", "requester__first_name", "requester__last_name", "requester__email",
    "requester__erased_at",
)  # fmt: skip
STAFF_FIELDS = (*REQUESTER_FIELDS, "version", "snoozed_until", "tag_names", "clocks")
OUTSIDE_FIELDS = ("requester__external_id", "order__external_id", "delivery__external_id")


DUE_FIRST = (F("due_at").asc(nulls_last=True), "id")
SETTLES = timedelta(minutes=10)
PRESENCE = timedelta(seconds=20)  # a page that is open renews it every few seconds
CONVERSATION_FIELDS = (*LIST_FIELDS, "conversation__kind", "conversation__created_at")


class _FoundBySearch(Lookup):
    """A conversation the search finds. All are found first: PostgreSQL would else walk the queue and ask of each."""

    lookup_name = "found_by_search"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        sql, arguments = compiler.compile(self.lhs)
        return f"{sql} = ANY ((SELECT ondi_search_conversations(%s))::uuid[])", (*arguments, self.rhs)


class RowCount(Subquery):
    """How many rows a queryset has, counted up to `most` + 1 if given; to be selected beside others."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS found)"
    empty_result_set_value = 0

    def __init__(self, rows: "QuerySet[Any, Any]", most: int | None = None) -> None:
        keys = rows.order_by().values("pk")
        super().__init__(keys if most is None else keys[: most + 1], output_field=IntegerField())


def _warned(since: datetime) -> Q:
    return Q(conversation__last_message_event__code=TICKET_CLOSING, conversation__last_message_at__gte=since)


class SupportViewer(Protocol):
    """Somebody who reads tickets: `support_tenant_ids` are the tenants whose every ticket they see."""

    @property
    def tenant_ids(self) -> Collection[UUID]: ...
    @property
    def support_tenant_ids(self) -> Collection[UUID]: ...
    @property
    def membership_id(self) -> UUID | None: ...


class TicketQuerySet(TenantQuerySet["Ticket"]):
    def visible_to(self, viewer: SupportViewer) -> "TicketQuerySet":  # type: ignore[override]
        """Support users see their tenant's tickets, everybody else their own."""
        if viewer.support_tenant_ids:
            return self.in_tenants(viewer.support_tenant_ids)
        return self.in_tenants(viewer.tenant_ids).filter(requester_id=viewer.membership_id)

    def requested_by(self, actor: Actor) -> "TicketQuerySet":
        """The actor's own tickets, as the customer portal shows them, also to staff."""
        return self.in_tenants(actor.tenant_ids).filter(requester_id=actor.membership_id)

    def open(self) -> "TicketQuerySet":
        return self.filter(status=TicketStatus.OPEN)

    def closed(self) -> "TicketQuerySet":
        return self.filter(status=TicketStatus.CLOSED)

    def unassigned(self) -> "TicketQuerySet":
        return self.filter(assignee=None)

    def assigned_to(self, membership_ids: Collection[UUID]) -> "TicketQuerySet":
        return self.filter(assignee__in=membership_ids)

    def worked_on_by(self, membership: "Membership") -> "TicketQuerySet":
        """Open ones that are this person's, and all in whose conversation they take part as staff."""
        parts = Participant.objects.in_tenants([membership.tenant_id]).present().exclude(role=Participant.Role.CUSTOMER)
        conversations = parts.filter(membership=membership).values("conversation_id")
        theirs = Q(status=TicketStatus.OPEN, assignee=membership)
        return self.in_tenants([membership.tenant_id]).filter(theirs | Q(conversation_id__in=conversations))

    def told_of_by(self, notifications: NotificationQuerySet) -> "TicketQuerySet":
        """Those that these notifications are about."""
        return self.filter(id__in=notifications.values("subject_id"))

    def snoozed(self, at: datetime) -> "TicketQuerySet":
        """Open ones that come back into the queue after this moment."""
        return self.open().filter(snoozed_until__gt=at)

    def not_snoozed(self, at: datetime) -> "TicketQuerySet":
        return self.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=at))

    def silent_since(self, moment: datetime, at: datetime) -> "TicketQuerySet":
        """Open ones that wait on their customer, are not snoozed, and in which nothing was said after this moment.

        But that they will be closed.
        """
        of_ticket = {"tenant_id": OuterRef("tenant_id"), "conversation_id": OuterRef("conversation_id")}
        said = Message.objects.filter(**of_ticket).exclude(event__code=TICKET_CLOSING).order_by("-sequence")
        waiting = self.open().filter(waiting_on=WaitingOn.CUSTOMER, waiting_since__lte=moment).not_snoozed(at)
        return waiting.alias(said_at=Subquery(said.values("created_at")[:1])).filter(said_at__lte=moment)

    def warned(self, since: datetime, until: datetime) -> "TicketQuerySet":
        """Those in which the last thing said, from one moment to the other, is that they will be closed."""
        return self.filter(_warned(since), conversation__last_message_at__lte=until)

    def not_warned(self, since: datetime) -> "TicketQuerySet":
        return self.exclude(_warned(since))

    def holding_item_of(self, ticket: "Ticket") -> "TicketQuerySet":
        """Other open tickets on this ticket's delivery or order."""
        item = {"delivery_id": ticket.delivery_id} if ticket.delivery_id else {"order_id": ticket.order_id}
        return self.open().filter(tenant_id=ticket.tenant_id, **item).exclude(id=ticket.id)

    def next_for(self, actor: Actor, at: datetime) -> "TicketQuerySet":
        """What waits for any agent: highest priority first, then what is due first, then longest waiting.

        Not the actor's own. What is promised nothing comes after what is.
        """
        rank = Case(
            *(When(priority=priority.value, then=priority.rank) for priority in Priority),
            output_field=SmallIntegerField(),
        )
        waiting = self.open().unassigned().filter(waiting_on=WaitingOn.AGENT).exclude(requester_id=actor.membership_id)
        return waiting.not_snoozed(at).order_by(rank.desc(), F("due_at").asc(nulls_last=True), "waiting_since", "id")

    def free_in_order(self) -> "TicketQuerySet":
        """Lock in the order asked for, passing over what others hold."""
        return self.select_for_update(of=("self",), no_key=True, skip_locked=True)

    def longest_waiting(self, at: datetime) -> "TicketQuerySet":
        """What waits for an agent's answer, the longest first, but what is snoozed."""
        waiting = self.open().filter(waiting_on=WaitingOn.AGENT).not_snoozed(at)
        return waiting.select_related("requester").order_by("waiting_since", "id")

    def queue_order(self) -> "TicketQuerySet":
        """Open first, waiting on an agent first, longest waiting first."""
        return self.order_by("-status", "waiting_on", "waiting_since", "id")

    def due_order(self) -> "TicketQuerySet":
        """What is due first comes first; what is not, after all that is."""
        return self.order_by(*DUE_FIRST)

    def matching(self, term: str) -> "TicketQuerySet":
        """What the search finds for this term: one function of the database, for the API and the admin.

        It reads the tenants from the scope, as row-level security does, and so sees no other's text.
        """
        return self.filter(_FoundBySearch(F("conversation_id"), term))

    def matching_now(self, term: str) -> "TicketQuerySet":
        """As `matching`, but searched at once: for pages that count and then read."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT ondi_search_conversations(%s)::text", [term])
            return self.filter(AnyOf(F("conversation_id"), (cursor.fetchone() or ["{}"])[0]))

    def settled(self, now: datetime) -> "TicketQuerySet":
        """But for what the work process may just be about to take up: it has had ten minutes for that."""
        before = now - SETTLES
        waits = Q(attend_at__lte=now, attend_at__gt=before)
        return self.filter(updated_at__lt=before).exclude(waits)

    def whose_promise(self, metric: str, outcome: str, since: datetime) -> "TicketQuerySet":
        """Those with a promise of this kind that ended so since then."""
        clocks = apps.get_model("support", "TicketClock").objects.decided_since(since)
        clocks = clocks.filter(
            tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("pk"), metric=metric, outcome=outcome
        )
        return self.filter(Exists(clocks))

    def promised_by(self, calendar_versions: Collection[UUID]) -> "TicketQuerySet":
        """Those whose terms now are by one of these hours."""
        terms = apps.get_model("support", "TicketTerms").objects.order_by("-created_at", "-id")
        own = terms.filter(tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("pk"))
        return self.alias(hours=Subquery(own.values("calendar_version_id")[:1])).filter(hours__in=calendar_versions)

    def narrowed(
        self, *, search: Any = None, unassigned: Any = None, due_before: Any = None, **fields: Any
    ) -> "TicketQuerySet":
        """By what an agent asks for: a term to search, those nobody has, what is due by a moment, fields by value."""
        tickets = self.filter(**fields)
        if due_before:
            tickets = tickets.open().filter(Before(F("due_at"), due_before))
        if unassigned:
            tickets = tickets.unassigned()
        return tickets.matching(search) if search else tickets

    def keys_and_total(self) -> QuerySet["Ticket", Any]:
        """Rows of the key and of how many there are in all, in one pass: asking a search twice is expensive."""
        return self.annotate(total=Window(Count("*"))).values_list("id", "total", named=True)

    def capped_count(self, most: int) -> int:
        """How many rows there are, counted up to `most` + 1."""
        return self.order_by()[: most + 1].count()

    def newest_activity_first(self) -> "TicketQuerySet":
        return self.order_by("-last_activity_at", "-id")

    def for_queue(self, viewer: Actor) -> QuerySet["Ticket", Any]:
        """Rows of the agents' queue: a list's, who asks, and what only staff see."""
        return self._for_staff(viewer).values_list(*LIST_FIELDS, *STAFF_FIELDS, named=True)

    def for_queue_detail(self, viewer: Actor) -> QuerySet["Ticket", Any]:
        return self._for_staff(viewer).values_list(*DETAIL_FIELDS, *STAFF_FIELDS, named=True)

    def for_programs(self, viewer: Actor) -> QuerySet["Ticket", Any]:
        """Rows of `for_queue_detail` with the outside's ids, for a tenant's own programs."""
        fields = (*DETAIL_FIELDS, *STAFF_FIELDS, *OUTSIDE_FIELDS)
        return self._for_staff(viewer).values_list(*fields, named=True)

    def for_workbench(self) -> "TicketQuerySet":
        """Rows of the admin, with what a line of the queue and the page of a ticket show."""
        return self.select_related("tenant", "requester", "assignee", "conversation", "delivery__order", "order")

    def with_text_ids(self, keys: Collection[str]) -> "TicketQuerySet":
        """Those of these ids that are ids at all, as a form brings them."""
        return self.filter(id__in=[key for key in map(parse_id, keys) if key])

    def of_item(self, *, order_ids: Collection[UUID] = (), delivery_ids: Collection[UUID] = ()) -> "TicketQuerySet":
        return self.filter(Q(order__in=order_ids) | Q(delivery__in=delivery_ids))

    def for_conversations(self, viewer: Actor) -> QuerySet["Ticket", Any]:
        """Rows of the conversations of these tickets."""
        return self._as_shown_to(viewer).values_list(*CONVERSATION_FIELDS, named=True)

    def taken_part_in_by(self, actor: Actor) -> "TicketQuerySet":
        """Tickets this person sees and in whose conversation they take part."""
        parts = Participant.objects.taken_by(actor)
        return self.visible_to(actor).filter(conversation_id__in=parts.values("conversation_id"))

    def for_list(self, viewer: Actor, *more: str) -> QuerySet["Ticket", Any]:
        """Rows of a list, with the viewer's own part in each conversation, and `more` columns."""
        return self._as_shown_to(viewer).values_list(*LIST_FIELDS, *more, named=True)

    def for_detail(self, viewer: Actor) -> QuerySet["Ticket", Any]:
        """Rows with the linked delivery and order as well."""
        return self._as_shown_to(viewer).values_list(*DETAIL_FIELDS, named=True)

    def summary_for(self, viewer: Actor) -> dict[str, int]:
        """How many of these are open, and how many messages in them the viewer has not read."""
        unread = F("conversation__message_count") - Coalesce(F("part__last_read_sequence"), 0)
        return self._with_part_of(viewer).aggregate(
            open_tickets=Count("id", filter=Q(status=TicketStatus.OPEN)), unread_messages=Coalesce(Sum(unread), 0)
        )

    def _for_staff(self, viewer: Actor) -> "TicketQuerySet":
        """With the viewer's part, the names of each ticket's tags, in no order, and its clocks."""
        of_ticket = {"tenant_id": OuterRef("tenant_id"), "ticket_id": OuterRef("pk")}
        held = self.model.tags.through.objects.filter(**of_ticket).values("tag__name")
        clocks = apps.get_model("support", "TicketClock").objects.filter(**of_ticket).as_json()
        return self._as_shown_to(viewer).annotate(tag_names=ArraySubquery(held), clocks=ArraySubquery(clocks))

    def _as_shown_to(self, viewer: Actor) -> "TicketQuerySet":
        """With the viewer's own part, and of a closed ticket which open one has its item."""
        holders = {link: self._open_on_the_same(link) for link in ("delivery", "order")}
        held = (When(**{f"{link}__isnull": False}, then=holder) for link, holder in holders.items())
        return self._with_part_of(viewer).annotate(
            item_held_by=Case(When(status=TicketStatus.OPEN, then=None), *held, output_field=UUIDField())
        )

    def _open_on_the_same(self, link: str) -> Subquery:
        """One row, by the index that allows one. Not an EXISTS: PostgreSQL might hash all that are open."""
        same = self.model.objects.open().filter(tenant_id=OuterRef("tenant_id"), **{link: OuterRef(link)})
        return Subquery(same.order_by().values("id")[:1])

    def _with_part_of(self, viewer: Actor) -> "TicketQuerySet":
        own = Q(
            conversation__participants__tenant_id=viewer.tenant_id,
            conversation__participants__membership_id=viewer.membership_id,
        )
        return self.annotate(part=FilteredRelation("conversation__participants", condition=own))


class TagQuerySet(TenantQuerySet["Tag"]):
    def for_workbench(self, ticket: "Ticket") -> "list[Tag]":
        """All tags of the ticket's tenant by name; `on_ticket` says which of them it has."""
        held = FilteredRelation("tickettag", condition=Q(tickettag__ticket=ticket))
        tags = self.filter(tenant_id=ticket.tenant_id).annotate(held=held).annotate(on_ticket=F("held__id"))
        return list(tags.order_by("name", "id"))


class TicketEventQuerySet(TenantQuerySet["TicketEvent"]):
    def of(self, ticket: "Ticket") -> "TicketEventQuerySet":
        return self.filter(tenant_id=ticket.tenant_id, ticket=ticket).select_related("actor")

    def closings(self) -> "TicketEventQuerySet":
        return self.filter(kind=EventKind.CLOSED)


class TicketNoteQuerySet(TenantQuerySet["TicketNote"]):
    def of(self, ticket: "Ticket") -> "TicketNoteQuerySet":
        return self.filter(tenant_id=ticket.tenant_id, ticket=ticket).select_related("author")


class TicketViewerQuerySet(TenantQuerySet["TicketViewer"]):
    def others_at(self, ticket: "Ticket", membership_id: UUID | None, now: datetime) -> "TicketViewerQuerySet":
        """Colleagues who have this ticket on their screen."""
        here = self.filter(tenant_id=ticket.tenant_id, ticket=ticket, seen_at__gte=now - PRESENCE)
        return here.exclude(Q(membership_id=membership_id)).select_related("membership")


def newest_of(notifications: NotificationQuerySet) -> Func:
    """To order tickets by: at which place, from the newest on, these notifications tell of a ticket."""
    subjects = ArraySubquery(notifications.newest_first().values("subject_id"))
    return Func(subjects, F("id"), function="array_position", output_field=IntegerField())


def capped_counts(rows: "Mapping[str, QuerySet[Any, Any]]", most: int) -> dict[str, int]:
    """How many rows each of these has, counted up to `most` + 1, all in one statement."""
    counts = {name: RowCount(found, most) for name, found in rows.items()}
    found = Tenant.objects.annotate(**counts).values(*counts).first()  # of any tenant in the scope
    return found or dict.fromkeys(counts, 0)
