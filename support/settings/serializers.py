"""Settings as the API takes and gives them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ondi.api.fields import BoundedIntegerField, IdField, StringField
from ondi.common.text import is_storable
from ondi.files.kinds import ALLOWED
from ondi.files.models import MOST_BYTES
from ondi.files.services import MOST_FILES
from ondi.tenants.models import Language
from support.settings.kinds import Choice, Kind, Line, Links, Number, Switch, Texts
from support.settings.portal import SETTINGS, Portal, Section

AnyField = serializers.Field[Any, Any, Any, Any]


class StrictBooleanField(serializers.BooleanField):
    """`true` or `false`, and no words for it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class TextsField(serializers.Field[Any, Any, Any, Any]):
    """HTML by language code; an empty text removes one. How long one may be is measured after cleaning."""

    default_error_messages = {"invalid": "invalid", "max_length": "too long"}
    LONGEST_AS_SENT = 64_000

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict) or set(data) - set(Language.values):
            self.fail("invalid")
        for html in data.values():
            if not isinstance(html, str) or not is_storable(html):
                self.fail("invalid")
            if len(html) > self.LONGEST_AS_SENT:
                self.fail("max_length")
        return data


def _taken(kind: Kind) -> AnyField:
    match kind:
        case Switch():
            return StrictBooleanField(required=False)
        case Number(least, most):
            return BoundedIntegerField(required=False, min_value=least, max_value=most)
        case Choice(choices):
            return serializers.ChoiceField(choices=choices.choices, required=False)
        case Texts():
            return TextsField(required=False)
        case Line(longest=longest):
            return StringField(required=False, allow_blank=True, max_length=longest)
        case Links(link=link):
            return serializers.DictField(child=StringField(allow_blank=True, max_length=link.longest), required=False)


def _given(kind: Kind) -> AnyField:
    match kind:
        case Switch():
            return serializers.BooleanField()
        case Number(least, most):
            return serializers.IntegerField(min_value=least, max_value=most)
        case Choice(choices):
            return serializers.ChoiceField(choices=choices.choices)
        case Texts() | Links():
            return serializers.DictField(child=serializers.CharField())
        case Line():
            return serializers.CharField(allow_blank=True)


class SectionBody(serializers.Serializer[Any]):
    """Settings of a section as they are sent; what is left out stays."""

    section: Section

    def get_fields(self) -> dict[str, AnyField]:
        mine = {name: _taken(one.kind) for name, one in SETTINGS.items() if one.section is self.section}
        return {**mine, **super().get_fields()}


class TicketSettingsBody(SectionBody):
    section = Section.TICKETS
    support_user_ids = serializers.ListField(child=IdField(), required=False, max_length=1000)


class ChatBody(SectionBody):
    section = Section.CHAT


class NotificationSettingsBody(SectionBody):
    section = Section.NOTIFICATIONS


class VisibilityBody(serializers.Serializer[Any]):
    chat = ChatBody(required=False)


class SettingsBody(serializers.Serializer[Any]):
    """The shape of `values`; what is left out stays."""

    support_ticket_settings = TicketSettingsBody(required=False)
    visibility_settings = VisibilityBody(required=False)
    notification_settings = NotificationSettingsBody(required=False)
    confirm = StrictBooleanField(
        required=False, help_text="Needed to take the last support user off: nobody would answer then."
    )


class NamedUser(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class SectionData(serializers.Serializer[Any]):
    """Settings of a section as they are shown."""

    section: Section
    for_customers = False

    def get_fields(self) -> dict[str, AnyField]:
        shown = names_in(self.section, for_customers=self.for_customers)
        return {**{name: _given(SETTINGS[name].kind) for name in shown}, **super().get_fields()}


class CustomerTicketSettings(SectionData):
    section, for_customers = Section.TICKETS, True


class TicketSettings(SectionData):
    section = Section.TICKETS
    support_user_ids = serializers.ListField(child=serializers.UUIDField())
    support_users = NamedUser(many=True)


class ChatSettings(SectionData):
    section = Section.CHAT


class NotificationSettings(SectionData):
    section = Section.NOTIFICATIONS


class VisibilitySettings(serializers.Serializer[Any]):
    chat = ChatSettings()


class AttachmentSettings(serializers.Serializer[Any]):
    """What may be sent with a message."""

    max_files = serializers.IntegerField(help_text="With one message.")
    max_bytes = serializers.IntegerField(help_text="Of one file, and of all of a message together.")
    content_types = serializers.ListField(child=serializers.CharField())


ATTACHMENTS = {"max_files": MOST_FILES, "max_bytes": MOST_BYTES, "content_types": list(ALLOWED)}


class FileSettings(serializers.Serializer[Any]):
    """The room for files; the platform's operator decides it, so `PUT` passes it over."""

    quota_bytes = serializers.IntegerField()
    used_bytes = serializers.IntegerField()


class SettingsOptions(serializers.Serializer[Any]):
    support_users = NamedUser(many=True)


class SettingsValues(serializers.Serializer[Any]):
    support_ticket_settings = TicketSettings()
    visibility_settings = VisibilitySettings()
    notification_settings = NotificationSettings()
    file_settings = FileSettings()


def names_in(section: Section, *, for_customers: bool) -> list[str]:
    """The settings of a section, or those of it that customers see."""
    return [
        name for name, one in SETTINGS.items() if one.section is section and (one.for_customers or not for_customers)
    ]


def in_sections(portal: Portal, *, for_customers: bool = False) -> dict[str, dict[str, Any]]:
    """All settings, or those that customers see, as the API nests them."""
    data: dict[str, Any] = {}
    for section in (one for one in Section if not for_customers or names_in(one, for_customers=True)):
        place = data
        for key in section.split("."):
            place = place.setdefault(key, {})
        place.update({name: getattr(portal, name) for name in names_in(section, for_customers=for_customers)})
    return data


def from_sections(body: dict[str, Any]) -> dict[str, Any]:
    """The settings in a valid `SettingsBody`."""
    changes: dict[str, Any] = {}
    for section in Section:
        place = body
        for key in section.split("."):
            place = place.get(key, {})
        changes |= {name: place[name] for name in names_in(section, for_customers=False) if name in place}
    return changes
