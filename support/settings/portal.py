"""The settings of a portal. A new one is one field of `Portal`, and its label in Arabic.

From the fields come the bodies and answers of the API with their OpenAPI schemas, the admin's form and list, what
is recorded of a change, and what `manage.py doctor` accepts in a stored document. A new kind of setting
(`kinds.py`) needs its row in each of these: `serializers.py`, `admin.py` and `support/fixes/findings/settings.py`.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ondi.accounts.actors import Actor
from support.settings.kinds import Address, Choice, Kind, Line, Link, Links, Number, Switch, Texts
from support.vocabulary import Priority, TicketSource


class Section(StrEnum):
    """Where the API keeps a setting: the path in its `values`."""

    TICKETS = "support_ticket_settings"
    CHAT = "visibility_settings.chat"
    NOTIFICATIONS = "notification_settings"


class MailContent(TextChoices):
    """How much of a conversation leaves by mail."""

    LINK = "link", _("only the link to the ticket")
    FULL = "full", _("the new messages")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a field of `Portal`. `for_customers`: the portal's own call shows it too."""

    label: Promise
    kind: Kind
    section: Section
    default: Any
    help: Promise | str
    for_customers: bool


def setting(
    label: Promise,
    kind: Kind,
    section: Section,
    *,
    default: Any,
    help: Promise | str = "",  # noqa: A002 - Django's word for it
    for_customers: bool = False,
) -> Any:
    """Declare a field of `Portal`."""
    if section is Section.CHAT and not for_customers:
        raise ValueError("Both calls answer with one schema of this section: customers see all of it.")
    if not kind.fits(default):
        raise ValueError(f"{default!r} is no {kind}.")
    facts = Setting(label, kind, section, default, help, for_customers)
    return dataclasses.field(default_factory=lambda: default, metadata={"setting": facts})


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal's settings, complete: what its document does not say is at its default."""

    allow_customer_close: bool = setting(
        _("customers may close their tickets"), Switch(), Section.TICKETS, default=False, for_customers=True
    )
    support_chat_enabled: bool = setting(
        _("customers may open new tickets"), Switch(), Section.CHAT, default=True, for_customers=True
    )
    max_customer_priority: str = setting(
        _("highest priority a customer may choose"),
        Choice(Priority),
        Section.TICKETS,
        default=Priority.URGENT.value,
        for_customers=True,
    )
    customer_reopen_days: int = setting(
        _("days in which customers may reopen a closed ticket"),
        Number(least=0, most=90),
        Section.TICKETS,
        default=0,
        help=_("Counted from its closing; also by writing into its conversation. 0: never."),
        for_customers=True,
    )
    acknowledgement_html: Mapping[str, str] = setting(
        _("acknowledgement"),
        Texts(longest=8000),
        Section.TICKETS,
        default={},
        help=_("HTML, posted when a customer opens a ticket. Scripts and the like are taken out."),
    )
    auto_close_days: int = setting(
        _("days until an unanswered ticket is closed"),
        Number(0, 365),
        Section.TICKETS,
        default=0,
        help=_(
            "A ticket that waits on its customer is closed once nothing was said in it for so many days, 3 or more. "
            "The days count from when this is switched on or made shorter. 0: never."
        ),
    )
    auto_close_warning_days: int = setting(
        _("days from the warning to the closing"),
        Number(0, 30),
        Section.TICKETS,
        default=2,
        help=_("So many days before, the customer is told in the conversation. 0: not at all."),
    )

    show_expected_reply: bool = setting(
        _("customers see by when they are answered"),
        Switch(),
        Section.TICKETS,
        default=True,
        help=_("Only while an answer is owed and the promise still holds."),
    )

    sender_name: str = setting(
        _("name in mails"),
        Line(longest=100),
        Section.NOTIFICATIONS,
        default="",
        help=_("Who mails to customers and colleagues come from. Empty: the tenant's name."),
    )
    sender_address: str = setting(
        _("address that mails come from"),
        Address(),
        Section.NOTIFICATIONS,
        default="",
        help=_(
            "Until it counts, and while it is empty, mails come from the operator's address under the tenant's name."
        ),
    )
    reply_to: str = setting(
        _("address for answers to mails"),
        Address(),
        Section.NOTIFICATIONS,
        default="",
        help=_("Answers to mails are not read here. They go to this address where there is one."),
    )
    signature: Mapping[str, str] = setting(
        _("signature of mails"), Texts(longest=1000, is_html=False), Section.NOTIFICATIONS, default={}
    )
    mail_content: str = setting(
        _("mails about tickets hold"),
        Choice(MailContent),
        Section.NOTIFICATIONS,
        default=MailContent.LINK.value,
        help=_("Messages go to proved addresses only; others always get the link alone."),
    )
    portal_ticket_url: Mapping[str, str] = setting(
        _("page of a ticket in the portal"),
        Links(TicketSource, Link(placeholder="ticket_id")),
        Section.NOTIFICATIONS,
        default={},
        help=_(
            "As https://portal.example/tickets/{ticket_id}. Without one, mails have no button, and say where to look."
        ),
    )
    portal_password_url: str = setting(
        _("page of the portal to set a password"),
        Link(placeholder="token"),
        Section.NOTIFICATIONS,
        default="",
        help=_("As https://portal.example/password/{token}. Empty: a page here."),
    )

    @classmethod
    def of(cls, actor: Actor) -> "Portal":
        """The settings of the tenant this person acts in, as they were when the request began."""
        return _parsed(actor.tenant.portal)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Portal":
        """A stored document. What a later release wrote into it is passed over, and so is what does not fit."""
        known = {name: document[name] for name in SETTINGS if name in document}
        return cls(**{name: value for name, value in known.items() if SETTINGS[name].kind.fits(value)})


SETTINGS: Mapping[str, Setting] = {field.name: field.metadata["setting"] for field in dataclasses.fields(Portal)}


@functools.lru_cache(maxsize=256)  # of the portals asked for lately; a changed document is another text
def _parsed(document: str) -> Portal:
    return Portal.read(json.loads(document))
