"""What a mail looks like: one layout for all, in the reader's language and direction, always with a text part."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import override

from ondi.common.text import shows
from ondi.notifications.senders import Sender
from ondi.tenants.models import Language

RIGHT_TO_LEFT = {Language.ARABIC.value, Language.KURDISH.value, Language.PERSIAN.value}


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's own words, and who that is to the reader."""

    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """`paragraphs`: ours, plain text. `button`: its words and where it leads.

    `thread`: what mails are kept together by; `unsubscribe`: where one click ends such mails; `to`: an address that is
    not the one the tenant knows. Each may be empty.
    """

    language: str
    subject: str
    heading: str
    paragraphs: Sequence[str] = ()
    quotes: Sequence[Quote] = ()
    button: tuple[str, str] | None = None
    thread: str = ""
    unsubscribe: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`mail_id`: a mail that is sent a second time bears the same Message-ID."""

    mail_id: UUID
    tenant_id: UUID
    to: str
    sender: Sender


def message_of(letter: Letter, envelope: Envelope) -> EmailMultiAlternatives:
    """The mail as it is handed to the server."""
    sender, language = envelope.sender, letter.language
    said = {
        "letter": letter,
        "direction": "rtl" if language in RIGHT_TO_LEFT else "ltr",
        "side": "right" if language in RIGHT_TO_LEFT else "left",
        "sender": one_line(sender.name),
        "signature": sender.signature.get(language, ""),
    }
    with override(language):
        text = render_to_string("notifications/mail.txt", said)
        html = render_to_string("notifications/mail.html", said)
    message = EmailMultiAlternatives(
        one_line(letter.subject),
        text,
        from_address(sender),
        [envelope.to],
        reply_to=[sender.reply_to] if sender.reply_to else None,
        headers=_headers(letter, envelope),
    )
    message.metadata = {"tenant": str(envelope.tenant_id)}  # type: ignore[attr-defined]  # providers give it back
    message.attach_alternative(html, "text/html")
    return message


def from_address(sender: Sender) -> str:
    """The tenant's own address where it may use one, else the operator's; under the tenant's name."""
    address = sender.address or operator_address()
    return str(Address(one_line(sender.name), addr_spec=address))


def operator_address() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def one_line(text: str) -> str:
    """As it may stand in a header."""
    return " ".join("".join(letter if shows(letter) else " " for letter in text).split())


def _headers(letter: Letter, envelope: Envelope) -> dict[str, str]:
    # Robots do not answer what says that a program wrote it (RFC 3834, and Microsoft's own).
    headers = {
        "Message-ID": message_id(envelope.mail_id),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if letter.thread:
        root = f"<t.{_secret(letter.thread)}@{_domain()}>"
        headers |= {"In-Reply-To": root, "References": root}
    if letter.unsubscribe:
        headers["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def message_id(mail_id: UUID) -> str:
    """The same however often this mail is tried."""
    return f"<m.{_secret(str(mail_id))}@{_domain()}>"


def _secret(text: str) -> str:
    """Nobody guesses it, and it is the same each time."""
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, f"ondi.notifications.letters:{text}".encode(), hashlib.sha256).hexdigest()[:32]


def _domain() -> str:
    return operator_address().rpartition("@")[2]
