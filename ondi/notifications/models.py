"""What people are told, and how each wants to be told. No words are kept: they are looked up when somebody reads."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import NotPersonal
from ondi.notifications.querysets import (
    DispatchQuerySet,
    MailQuerySet,
    NotificationQuerySet,
    NotificationTextQuerySet,
    PreferencesQuerySet,
    SenderCodeQuerySet,
    SuppressionQuerySet,
)
from ondi.notifications.types import Channel
from ondi.tenants.models import Language, TenantOwned

LONGEST_TITLE, LONGEST_MESSAGE = 120, 500


class Notification(TenantOwned):
    """That an event is somebody's matter. One a person and event; `position` is None where there is no event.

    `subject_id`, `conversation_id`, `message_id`, `data`: what it is about, and the numbers and codes its text needs;
    no links, for it outlives none of them. `sequence`: who has read the conversation up to there has read this.
    `actor_id`: the membership that did it. `is_listed`: shown in the app, and not only sent through other channels.
    `shown_at`: from when; later than `created_at` for who had it on their screen and may be reading it just then.
    """

    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="+", verbose_name=_("person"))
    notification_type = models.CharField(_("type"), max_length=40)
    position = models.BigIntegerField(_("position of its event"), null=True)
    subject_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    message_id = models.UUIDField(null=True)
    sequence = models.PositiveIntegerField(null=True)
    actor_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    is_listed = models.BooleanField(default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    shown_at = models.DateTimeField(_("shown from"), default=timezone.now)
    read_at = models.DateTimeField(_("read"), null=True)

    personal = NotPersonal("ids, numbers and codes; the words are looked up where they stand")

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "membership", "position"], name="notifications_once_an_event")
        ]
        indexes = [
            models.Index(fields=["tenant", "membership", "-created_at", "-id"], name="notifications_of_person"),
            models.Index(
                fields=["tenant", "membership", "conversation_id"],
                condition=models.Q(read_at__isnull=True),
                name="notifications_unread",
            ),
            models.Index(
                fields=["tenant", "membership", "notification_type", "subject_id"], name="notifications_of_type"
            ),
            models.Index(fields=["created_at"], name="notifications_by_age"),
            models.Index(fields=["tenant", "subject_id"], name="notifications_of_subject"),
        ]

    def __str__(self) -> str:
        return self.notification_type


class Mail(TenantOwned):
    """A mail to somebody. No words are kept: it is written when it is sent, by what its `purpose` says.

    `subject_id`: what its thread is about; `data`: what the purpose needs, nobody's words. `next_at`: tried not before;
    while one tries, when its lease ends. `attempts`: who began one records by its number, so that one who was frozen
    meanwhile changes nothing any more. `reason`: in a code, why it was dropped.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        DROPPED = "dropped", _("dropped")

    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="+", verbose_name=_("person"))
    purpose = models.CharField(_("purpose"), max_length=24)
    subject_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    next_at = models.DateTimeField(_("next try"), default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)
    reason = models.CharField(_("reason"), max_length=24, default="", blank=True)

    personal = NotPersonal("ids, codes and addresses of ours; the words are looked up when it is sent")

    objects = MailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes = [
            models.Index(
                fields=["tenant", "next_at"], condition=models.Q(state="waiting"), name="notifications_mail_due"
            ),
            models.Index(fields=["created_at"], name="notifications_mail_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.state}"


class Suppression(TenantOwned):
    """An address to which a tenant's mails go no more, for a server said that nobody reads there.

    `address_hash`: keyed, so that it tells nobody the address.
    """

    address_hash = models.CharField(max_length=64)
    reason = models.CharField(_("reason"), max_length=24)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    personal = NotPersonal("a keyed hash")

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        constraints = [models.UniqueConstraint(fields=["tenant", "address_hash"], name="notifications_suppressed_once")]

    def __str__(self) -> str:
        return self.reason


class SenderDomain(TenantOwned):
    """That a tenant may send mails from addresses of this domain, and of none below it. The operator decides.

    `domain`: as in DNS, in lower case.
    """

    domain = models.CharField(max_length=253)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    personal = NotPersonal("a domain")

    class Meta:
        verbose_name = _("sender domain")
        verbose_name_plural = _("sender domains")
        constraints = [models.UniqueConstraint(fields=["tenant", "domain"], name="notifications_domain_once")]

    def __str__(self) -> str:
        return self.domain


class SenderCode(TenantOwned):
    """A code mailed to an address that a tenant wants to send from. Of an address only the last one counts.

    The code is made of the row's id and a key, and kept nowhere. `tries`: how often one was entered;
    `proved_at`: when it was the right one.
    """

    address = models.CharField(max_length=254)
    asked_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    proved_at = models.DateTimeField(null=True)

    personal = NotPersonal("an address that a business mails from")

    objects = SenderCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("sender code")
        verbose_name_plural = _("sender codes")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "address"],
                condition=models.Q(proved_at__isnull=False),
                name="notifications_sender_proved_once",
            )
        ]
        indexes = [models.Index(fields=["tenant", "-asked_at"], name="notifications_sender_asked")]

    def __str__(self) -> str:
        return self.address


class Dispatch(TenantOwned):
    """That a notification goes out through a channel beside the app. One a notification and channel.

    `due_at`: not before; `mail`: the one it goes out with; `reason`: in a code, why it was dropped.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        IN_MAIL = "in_mail", _("in a mail")
        DONE = "done", _("done")
        DROPPED = "dropped", _("dropped")

    notification = TenantForeignKey(
        Notification, on_delete=models.CASCADE, related_name="+", verbose_name=_("notification")
    )
    channel = models.CharField(_("channel"), max_length=8, choices=[(one.value, one.value) for one in Channel])
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField(_("due"))
    mail = TenantForeignKey(Mail, on_delete=models.CASCADE, null=True, related_name="+", verbose_name=_("mail"))
    done_at = models.DateTimeField(_("done"), null=True)
    reason = models.CharField(_("reason"), max_length=24, default="", blank=True)

    personal = NotPersonal("ids, times and codes")

    objects = DispatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("dispatch")
        verbose_name_plural = _("dispatches")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "notification", "channel"], name="notifications_dispatch_once")
        ]
        indexes = [
            models.Index(
                fields=["tenant", "channel", "due_at"],
                condition=models.Q(state="waiting"),
                name="notifications_dispatch_due",
            ),
            models.Index(
                fields=["tenant", "mail"], condition=models.Q(mail__isnull=False), name="notifications_of_mail"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"


class NotificationPreferences(TenantOwned):
    """How somebody wants to be told. What the document does not say is at its default; so is who has no row.

    `types`: by type and channel. `quiet_hours`: `from`, `to` and `time_zone`, within which mail and push wait.
    """

    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="+", verbose_name=_("person"))
    types = models.JSONField(default=dict)
    quiet_hours = models.JSONField(null=True)

    personal = NotPersonal("codes, hours and a time zone")

    objects = PreferencesQuerySet.as_manager()

    class Meta:
        db_table = "notifications_preferences"
        verbose_name = _("notification preferences")
        verbose_name_plural = _("notification preferences")
        constraints = [models.UniqueConstraint(fields=["tenant", "membership"], name="notifications_preferences_once")]

    def __str__(self) -> str:
        return str(self.membership_id)


class NotificationText(TenantOwned):
    """What a notification says in a tenant's own words, with placeholders. An empty part: as built in."""

    notification_type = models.CharField(_("type"), max_length=40)
    channel = models.CharField(_("channel"), max_length=8, choices=[(one.value, one.value) for one in Channel])
    language = models.CharField(_("language"), max_length=8, choices=Language.choices)
    title = models.CharField(_("title"), max_length=LONGEST_TITLE, blank=True, default="")
    message = models.CharField(_("message"), max_length=LONGEST_MESSAGE, blank=True, default="")

    personal = NotPersonal("what a business says to everybody")

    objects = NotificationTextQuerySet.as_manager()

    class Meta:
        db_table = "notifications_text"
        verbose_name = _("text of notifications")
        verbose_name_plural = _("texts of notifications")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "notification_type", "channel", "language"], name="notifications_text_once"
            ),
            # One word of several, in a form that a restored backup has as well: PostgreSQL writes IN anew.
            models.CheckConstraint(
                condition=models.Q(channel__regex=f"^({'|'.join(Channel)})$"), name="notifications_text_channel"
            ),
            models.CheckConstraint(
                condition=models.Q(language__regex=f"^({'|'.join(Language.values)})$"),
                name="notifications_text_language",
            ),
            models.CheckConstraint(condition=~models.Q(title="", message=""), name="notifications_text_not_empty"),
            models.CheckConstraint(
                condition=models.Q(title__regex=r"^[^\x01-\x1f\x7f]*$"), name="notifications_text_title_is_a_line"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notification_type} {self.channel} {self.language}"
