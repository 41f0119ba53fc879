"""Tickets and what belongs to them; ties customers, conversations, orders and deliveries together."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from conversations.models import Conversation
from deliveries.models import Delivery
from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import NotPersonal, PersonalData
from ondi.tenants.models import Tenant, TenantOwned
from orders.models import Order
from support.events import NOTE_REMOVED
from support.querysets import (
    TagQuerySet,
    TicketEventQuerySet,
    TicketNoteQuerySet,
    TicketQuerySet,
    TicketViewerQuerySet,
)
from support.vocabulary import (
    LONGEST_SUBJECT,
    EventKind,
    Priority,
    TicketSource,
    TicketStatus,
    WaitingOn,
)

ONE_OPEN_PER_DELIVERY = "support_ticket_one_open_per_delivery"
ONE_OPEN_PER_ORDER = "support_ticket_one_open_per_order"


class Tag(TenantOwned):
    """A word staff sort tickets by; customers never see it."""

    name = models.CharField(_("name"), max_length=50)

    personal = NotPersonal("the tenant's own words to sort by")

    objects = TagQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                "tenant",
                Lower("name"),
                name="support_tag_name_any_case",
                violation_error_message=_("This tag is there already; capitals make no difference."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Ticket(TenantOwned):
    """A customer's case. Written by `support.services` only."""

    number = models.PositiveIntegerField(_("number"))
    subject = models.CharField(_("subject"), max_length=LONGEST_SUBJECT)
    status = models.CharField(_("status"), max_length=8, choices=TicketStatus.choices, default=TicketStatus.OPEN)
    priority = models.CharField(_("priority"), max_length=8, choices=Priority.choices, default=Priority.MEDIUM)
    source = models.CharField(_("source"), max_length=16, choices=TicketSource.choices)
    requester = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("customer"))
    assignee = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("assignee")
    )
    conversation = TenantForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="+", verbose_name=_("conversation")
    )
    delivery = TenantForeignKey(
        Delivery, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("delivery")
    )
    order = TenantForeignKey(
        Order, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("order")
    )
    waiting_on = models.CharField(_("waiting on"), max_length=8, choices=WaitingOn.choices, null=True, blank=True)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True)
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, blank=True, db_column="follow_up_at")
    # Kept by the subscriber `clocks`, of what its promises say; `attend_at`: when the next of them wants a look.
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    reply_due_at = models.DateTimeField(_("answer due"), null=True, blank=True)
    attend_at = models.DateTimeField(null=True, blank=True, editable=False)
    first_response_at = models.DateTimeField(_("first response"), null=True, blank=True)
    last_activity_at = models.DateTimeField(_("last activity"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("closed by")
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("opened"))
    updated_at = models.DateTimeField(_("updated"))
    tags: "models.ManyToManyField[Tag, TicketTag]" = models.ManyToManyField(
        Tag, through="TicketTag", related_name="+", blank=True, verbose_name=_("tags")
    )

    personal = PersonalData(
        of="requester", brings=("conversation",), erase={"subject": "Erased"}, export="tickets", is_purged=True
    )

    copies = ("due_at", "reply_due_at", "attend_at")

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="support_ticket_number"),
            # With the key in it, so that the search goes from messages to tickets without touching a row.
            models.UniqueConstraint(
                fields=["tenant", "conversation"], include=["id"], name="support_ticket_conversation"
            ),
            models.UniqueConstraint(
                fields=["tenant", "delivery"], condition=Q(status=TicketStatus.OPEN), name=ONE_OPEN_PER_DELIVERY
            ),
            models.UniqueConstraint(
                fields=["tenant", "order"], condition=Q(status=TicketStatus.OPEN), name=ONE_OPEN_PER_ORDER
            ),
            models.CheckConstraint(
                condition=~Q(source=TicketSource.STOREFRONT) | Q(order__isnull=False),
                name="support_ticket_storefront_has_order",
            ),
            models.CheckConstraint(
                condition=~Q(source=TicketSource.CUSTOMER_PORTAL) | Q(order__isnull=True),
                name="support_ticket_portal_has_no_order",
            ),
            models.CheckConstraint(
                condition=~Q(source=TicketSource.STOREFRONT) | Q(delivery__isnull=True),
                name="support_ticket_storefront_has_no_delivery",
            ),
            models.CheckConstraint(
                condition=~Q(source=TicketSource.PHONE) | Q(delivery__isnull=True) | Q(order__isnull=True),
                name="support_ticket_phone_has_one_item",
            ),
            models.CheckConstraint(
                condition=Q(status=TicketStatus.CLOSED, closed_at__isnull=False, waiting_on__isnull=True)
                | Q(status=TicketStatus.OPEN, closed_at__isnull=True, waiting_on__isnull=False),
                name="support_ticket_closed_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "requester", "-last_activity_at", "-id"], name="support_ticket_of_requester"
            ),
            models.Index(fields=["tenant", "delivery"], name="support_ticket_of_delivery"),
            models.Index(fields=["tenant", "order"], name="support_ticket_of_order"),
            models.Index(
                fields=["tenant", "-status", "waiting_on", "waiting_since", "id"], name="support_ticket_queue"
            ),
            models.Index(
                fields=["tenant", "assignee", "waiting_on", "waiting_since", "id"],
                condition=Q(status=TicketStatus.OPEN),
                name="support_ticket_of_assignee",
            ),
            # PostgreSQL takes "assigned to nobody" for no order: an index of its own.
            models.Index(
                fields=["tenant", "waiting_on", "waiting_since", "id"],
                name="support_ticket_unassigned",
                condition=models.Q(status=TicketStatus.OPEN, assignee__isnull=True),
            ),
            models.Index(
                fields=["tenant", "due_at", "id"], condition=Q(status=TicketStatus.OPEN), name="support_ticket_due"
            ),
            models.Index(
                fields=["tenant", "assignee", "due_at", "id"],
                condition=Q(status=TicketStatus.OPEN),
                name="support_ticket_due_of_assignee",
            ),
            models.Index(
                fields=["tenant", "attend_at"], condition=Q(attend_at__isnull=False), name="support_ticket_attend_of"
            ),
            models.Index(
                fields=["tenant", "snoozed_until", "id"],
                condition=Q(snoozed_until__isnull=False),
                name="support_ticket_snoozed",
            ),
            models.Index(
                fields=["tenant", "-closed_at", "-id"],
                include=["priority", "source", "assignee", "created_at", "conversation"],
                condition=Q(status=TicketStatus.CLOSED),
                name="support_ticket_closed_rows",
            ),
            models.Index(
                fields=["tenant", "assignee", "-closed_at", "-id"],
                condition=Q(status=TicketStatus.CLOSED),
                name="support_ticket_closed_of",
            ),
            # Whatever an agent narrows and sorts the open ones by, they are found without touching a row.
            models.Index(
                fields=["tenant", "-last_activity_at", "-id"],
                include=[
                    "waiting_on",
                    "waiting_since",
                    "priority",
                    "source",
                    "assignee",
                    "created_at",
                    "due_at",
                    "snoozed_until",
                    "conversation",
                ],
                condition=Q(status=TicketStatus.OPEN),
                name="support_ticket_open_rows",
            ),
            # What the dashboard counts, so that it reads indexes and no rows.
            models.Index(
                fields=["tenant", "assignee", "priority", "source"],
                condition=Q(status=TicketStatus.OPEN),
                name="support_ticket_backlog",
            ),
            models.Index(
                fields=["tenant", "created_at"],
                include=["first_response_at", "closed_at"],
                name="support_ticket_opened",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.subject}"

    @property
    def is_open(self) -> bool:
        return self.status == TicketStatus.OPEN

    @property
    def waits_on_agent(self) -> bool:
        return self.waiting_on == WaitingOn.AGENT


class TicketTag(TenantOwned):
    ticket = TenantForeignKey(Ticket, on_delete=models.CASCADE, related_name="+", verbose_name=_("ticket"))
    tag = TenantForeignKey(Tag, on_delete=models.CASCADE, related_name="tickettag", verbose_name=_("tag"))

    personal = PersonalData(of="ticket", withheld="how the tenant sorts its work", is_purged=True)

    class Meta:
        verbose_name = _("tag of a ticket")
        verbose_name_plural = _("tags of tickets")
        constraints = [models.UniqueConstraint(fields=["tenant", "ticket", "tag"], name="support_ticket_tag_once")]
        indexes = [models.Index(fields=["tenant", "tag", "ticket"], name="support_ticket_of_tag")]

    def __str__(self) -> str:
        return str(self.tag_id)


class TicketCounter(models.Model):
    """The last number given to a ticket of a tenant. Taken last of all locks, and released with the ticket."""

    tenant = models.OneToOneField(Tenant, primary_key=True, on_delete=models.PROTECT, related_name="+")
    last_number = models.PositiveIntegerField(default=0)

    personal = NotPersonal("a number")

    def __str__(self) -> str:
        return str(self.last_number)


class TicketEvent(TenantOwned):
    """What happened to a ticket: append-only, codes and ids, never free text. No actor: the system, for a `cause`."""

    ticket = TenantForeignKey(Ticket, on_delete=models.PROTECT, related_name="+", verbose_name=_("ticket"))
    kind = models.CharField(_("what"), max_length=24, choices=EventKind.choices)
    actor = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("who")
    )
    cause = models.CharField(_("cause"), max_length=64, default="", db_default="", blank=True, editable=False)
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)
    created_at = models.DateTimeField(_("when"))

    personal = PersonalData(
        of="ticket", kept=dict.fromkeys(("before", "after", "cause"), "codes and ids, never words"), export="events",
        is_purged=True,
    )  # fmt: skip

    objects = TicketEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket event")
        verbose_name_plural = _("ticket events")
        ordering = ["created_at", "id"]
        indexes = [
            models.Index(fields=["tenant", "ticket", "created_at", "id"], name="support_event_of_ticket"),
            models.Index(
                fields=["tenant", "created_at"], condition=Q(kind=EventKind.CLOSED), name="support_event_closings"
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class TicketNote(TenantOwned):
    """An internal note. Not a message, so that no customer-facing read can show one."""

    ticket = TenantForeignKey(Ticket, on_delete=models.CASCADE, related_name="+", verbose_name=_("ticket"))
    author = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("author"))
    content = models.TextField(_("note"))
    attachment_count = models.PositiveSmallIntegerField(_("files"), default=0, db_default=0)
    created_at = models.DateTimeField(_("written"))

    personal = PersonalData(of="ticket", erase={"content": "Erased"}, export="notes", is_purged=True)

    objects = TicketNoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("internal note")
        verbose_name_plural = _("internal notes")
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["tenant", "ticket", "created_at", "id"], name="support_note_of_ticket")]

    def __str__(self) -> str:
        return self.words[:80]

    @property
    def is_redacted(self) -> bool:
        """Whether it was taken back: nobody writes one with neither words nor files."""
        return not self.content and not self.attachment_count

    @property
    def words(self) -> str:
        """What its reader sees."""
        return str(NOTE_REMOVED) if self.is_redacted else self.content


class TicketViewer(TenantOwned):
    """Who has a ticket open on their screen; `seen_at` is renewed by the page while it is open."""

    ticket = TenantForeignKey(Ticket, on_delete=models.CASCADE, related_name="+", verbose_name=_("ticket"))
    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="+", verbose_name=_("person"))
    seen_at = models.DateTimeField(_("seen"))

    personal = PersonalData(of="ticket", withheld="which colleague looks at it just now", is_purged=True)

    objects = TicketViewerQuerySet.as_manager()

    class Meta:
        verbose_name = _("viewer of a ticket")
        verbose_name_plural = _("viewers of tickets")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "ticket", "membership"], name="support_ticket_viewer_once")
        ]
        indexes = [models.Index(fields=["tenant", "membership"], name="support_viewer_of_person")]

    def __str__(self) -> str:
        return str(self.membership_id)
