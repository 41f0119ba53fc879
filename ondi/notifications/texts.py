"""What notifications say: texts with placeholders in braces, built in or a tenant's own.

A tenant's texts are filled in by replacing listed names and nothing else: no format of Python's ever sees them.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ondi.common.errors import InvalidInput
from ondi.common.placeholders import fill, has_stray_brace, names_in
from ondi.common.text import TextRefused, plain_text
from ondi.notifications.errors import BrokenPlaceholders, TextsNotEditable, UnknownPlaceholders
from ondi.notifications.models import LONGEST_MESSAGE, LONGEST_TITLE, Notification, NotificationText
from ondi.notifications.types import TYPES, Audience, Channel, NotificationType

# Marks that turn what stands after them around; Persian and Kurdish need the joiners, which stay allowed.
_TURNS_AROUND = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Text:
    """`message`: what stands below the title. Of a tenant's own text a part that is empty is the built-in one."""

    title: str = ""
    message: str = ""

    def over(self, other: "Text") -> "Text":
        return Text(self.title or other.title, self.message or other.message)

    def filled(self, facts: Mapping[str, object]) -> "Text":
        """A name that is no fact stays in its braces."""
        return Text(fill(self.title, facts), fill(self.message, facts))


BUILT_IN = Text()


def built_in(kind: NotificationType, channel: Channel) -> Text:
    """In the language in force. What a push and a mail say is nobody's words."""
    messages = {Channel.IN_APP: str(kind.message), Channel.PUSH: _("Open it to read what is new."), Channel.EMAIL: ""}
    return Text(str(kind.title), messages[channel])


@dataclass(frozen=True, slots=True)
class Texts:
    """What notifications say through one channel. `own`: the tenants' own texts, by tenant, type and language."""

    channel: Channel
    own: Mapping[tuple[UUID, str, str], NotificationText]

    def of(self, one: Notification, **facts: object) -> Text:
        """What this one says in the language in force, filled with these facts."""
        text = built_in(TYPES[one.notification_type], self.channel)
        if own := self.own.get((one.tenant_id, one.notification_type, get_language())):
            text = Text(own.title, own.message).over(text)
            facts["tenant"] = own.tenant.name
        return text.filled(facts)


def texts_for(notifications: Sequence[Notification], channel: Channel) -> Texts:
    """The texts that these need. One statement; none where none of them is a customer's."""
    kinds = {one.notification_type for one in notifications if is_editable(TYPES[one.notification_type])}
    own = NotificationText.objects.in_tenants({one.tenant_id for one in notifications})
    found = own.filter(channel=channel, notification_type__in=kinds).select_related("tenant")
    return Texts(channel, {(row.tenant_id, row.notification_type, row.language): row for row in found})


def is_editable(kind: NotificationType) -> bool:
    """Whether tenants say it in their own words."""
    return kind.audience is Audience.CUSTOMERS


def editable_type(name: str) -> NotificationType:
    """Raises `TextsNotEditable`, also where there is no such type."""
    kind = TYPES.get(name)
    if kind is None or not is_editable(kind):
        raise TextsNotEditable
    return kind


def checked_text(kind: NotificationType, channel: Channel, language: str, text: Text) -> Text:
    """A tenant's own text as it is stored.

    Raises `InvalidInput` of `<language>.title` or `<language>.message`, `UnknownPlaceholders`, `BrokenPlaceholders`.
    """
    listed = kind.placeholders_of(channel)
    try:
        part = "title"
        title = checked_title(text.title, listed)
        part = "message"
        return Text(title, checked_message(text.message, listed))
    except TextRefused as refusal:
        raise InvalidInput({f"{language}.{part}": [refusal.code]}) from refusal


def checked_title(text: str, listed: Collection[str]) -> str:
    """One line, or nothing. Raises `TextRefused`, `UnknownPlaceholders`, `BrokenPlaceholders`."""
    if "\t" in text:
        raise TextRefused("invalid")
    return _checked(text, listed, longest=LONGEST_TITLE, one_line=True)


def checked_message(text: str, listed: Collection[str]) -> str:
    """Some lines, or nothing. Raises as `checked_title`."""
    return _checked(text, listed, longest=LONGEST_MESSAGE, one_line=False)


def _checked(text: str, listed: Collection[str], *, longest: int, one_line: bool) -> str:
    if not text:
        return ""
    text = plain_text(text, max_length=longest, one_line=one_line)
    if _TURNS_AROUND.search(text):
        raise TextRefused("invalid")
    if unknown := sorted(names_in(text) - set(listed)):
        raise UnknownPlaceholders(unknown)
    if has_stray_brace(text):
        raise BrokenPlaceholders
    return text
