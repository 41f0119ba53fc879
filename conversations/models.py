"""Conversations, who takes part, and what was said. Knows nothing of tickets.

A conversation carries its own summary (`message_count`, last message), written in the message's
transaction, so that no list ever joins or counts messages.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.querysets import ConversationQuerySet, MessageQuerySet, ParticipantQuerySet
from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import PersonalData
from ondi.tenants.models import TenantOwned


class SenderRole(models.TextChoices):
    """In what part somebody speaks. Kept with the message: a role may change, what was said does not."""

    CUSTOMER = "customer", _("Customer")
    AGENT = "agent", _("Agent")
    SYSTEM = "system", _("System")


class MessageType(models.TextChoices):
    TEXT = "text", _("Text")
    HTML = "html", _("HTML")
    SYSTEM = "system", _("System")


class Conversation(TenantOwned):
    class Kind(models.TextChoices):
        SUPPORT = "support", _("Support")

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        CLOSED = "closed", _("Closed")

    kind = models.CharField(_("type"), max_length=16, choices=Kind.choices, default=Kind.SUPPORT)
    status = models.CharField(_("status"), max_length=8, choices=Status.choices, default=Status.ACTIVE)
    title = models.CharField(_("title"), max_length=300)
    message_count = models.PositiveIntegerField(_("messages"), default=0)
    last_message = TenantForeignKey(
        "Message", null=True, blank=True, on_delete=models.RESTRICT, related_name="+", verbose_name=_("last message")
    )
    last_message_sender = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("last sender")
    )
    last_message_sender_role = models.CharField(max_length=8, choices=SenderRole.choices, null=True, blank=True)
    last_message_type = models.CharField(max_length=8, choices=MessageType.choices, null=True, blank=True)
    last_message_preview = models.CharField(_("preview"), max_length=140, blank=True)
    last_message_event = models.JSONField(null=True, blank=True)
    last_message_at = models.DateTimeField(_("last message at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))

    personal = PersonalData(
        erase={"title": "Erased", "last_message_preview": ""},
        kept={"last_message_event": "codes and ids, never words"},
        withheld="its title is the ticket's subject, and its messages have a file of their own",
        is_purged=True,
    )

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")

    def __str__(self) -> str:
        return self.title


class Participant(TenantOwned):
    """A person's part in a conversation. Who leaves is kept, with `left_at`; who returns is reactivated."""

    class Role(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        MEMBER = "member", _("Member")
        ADMIN = "admin", _("Admin")

    conversation = TenantForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="participants", verbose_name=_("conversation")
    )
    membership = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.MEMBER)
    last_read_sequence = models.PositiveIntegerField(_("read up to"), default=0)
    joined_at = models.DateTimeField(_("joined"))
    left_at = models.DateTimeField(_("left"), null=True, blank=True)

    personal = PersonalData(of="conversation", export="participants", is_purged=True)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "conversation", "membership"], name="conversations_participant_once"
            )
        ]
        indexes = [models.Index(fields=["tenant", "membership", "conversation"], name="conversations_of_person")]

    def __str__(self) -> str:
        return str(self.membership_id)


class Message(TenantOwned):
    """One thing said. `sequence` counts from 1 within its conversation, without gaps.

    `attachment_count`: how many files were sent with it, so that only who has some asks for them.
    """

    conversation = TenantForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages", verbose_name=_("conversation")
    )
    sequence = models.PositiveIntegerField(_("number"))
    sender = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("sender")
    )
    sender_role = models.CharField(_("as"), max_length=8, choices=SenderRole.choices)
    message_type = models.CharField(_("type"), max_length=8, choices=MessageType.choices, default=MessageType.TEXT)
    content = models.TextField(_("text"), blank=True)
    event = models.JSONField(_("event"), null=True, blank=True)
    attachment_count = models.PositiveSmallIntegerField(_("files"), default=0, db_default=0)
    created_at = models.DateTimeField(_("sent"))

    personal = PersonalData(
        of="conversation", erase={"content": ""}, kept={"event": "codes and ids, never words"}, export="messages",
        is_purged=True,
    )  # fmt: skip

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["sequence", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "conversation", "sequence"], name="conversations_message_order"),
            models.CheckConstraint(
                condition=models.Q(message_type="system", event__isnull=False)
                | (~models.Q(message_type="system") & models.Q(event__isnull=True)),
                name="conversations_message_system_has_event",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence}"
