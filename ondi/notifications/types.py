"""Which notifications there are. The app whose matter they are registers them; this library knows none by name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from django.utils.functional import Promise

from ondi.accounts.roles import Role


class Channel(StrEnum):
    """By what way somebody learns of something."""

    IN_APP = "in_app"
    EMAIL = "email"
    PUSH = "push"


class When(StrEnum):
    """What a person sets for a type and channel. `UNREAD`: once its window is over and they have not read it."""

    NOW = "now"
    UNREAD = "unread"
    OFF = "off"


WHENS = [(when.value, when.value) for when in When]


class Audience(StrEnum):
    """Whose notifications they are. Staff may be customers too, of tickets of their own."""

    CUSTOMERS = "customers"
    STAFF = "staff"
    ADMINS = "admins"

    def includes(self, role: str) -> bool:
        if self is Audience.CUSTOMERS:
            return True
        return role == Role.ADMIN if self is Audience.ADMINS else role != Role.CUSTOMER


IN_APP = (When.NOW, When.OFF)
ANY_TIME = (When.NOW, When.UNREAD, When.OFF)


@dataclass(frozen=True, slots=True)
class NotificationType:
    """`title`, `message`: as the app shows them, with what its app fills in. `window`: how long `UNREAD` waits.

    `default` and `allowed`, by channel: in the app at once and nothing else, unless said. `placeholders`, by channel:
    what a tenant's own text may leave open.
    """

    name: str
    audience: Audience
    title: str | Promise
    message: str | Promise
    window: timedelta
    default: Mapping[Channel, When] = field(default_factory=dict)
    allowed: Mapping[Channel, Collection[When]] = field(default_factory=dict)
    placeholders: Mapping[Channel, Collection[str]] = field(default_factory=dict)

    def default_of(self, channel: Channel) -> When:
        return self.default.get(channel, When.NOW if channel is Channel.IN_APP else When.OFF)

    def allowed_of(self, channel: Channel) -> Collection[When]:
        return self.allowed.get(channel, IN_APP if channel is Channel.IN_APP else ANY_TIME)

    def placeholders_of(self, channel: Channel) -> Collection[str]:
        return self.placeholders.get(channel, ())


TYPES: dict[str, NotificationType] = {}


def register(*types: NotificationType) -> None:
    TYPES.update({one.name: one for one in types})


def types_for(role: str) -> list[NotificationType]:
    """Those that may come to somebody of this role."""
    return [one for one in TYPES.values() if one.audience.includes(role)]
