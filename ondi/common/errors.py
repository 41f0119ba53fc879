"""What can go wrong in the business, without a word of HTTP.

Every app derives its errors from `DomainError`; the API, the admin and the commands translate them.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Kind(StrEnum):
    """What sort of refusal it is; each door knows what that means for its callers."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GONE = "gone"
    UNPROCESSABLE = "unprocessable"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """A refusal with a stable `code` for programs and a translated `message` for people.

    `data` is what the caller is told beyond that; None when there is nothing to say.
    """

    code: ClassVar[str]
    kind: ClassVar[Kind]
    message: ClassVar[str | Promise]

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.code)
        self.data = data

    def __str__(self) -> str:
        return str(self.message)


class PermissionDenied(DomainError):
    code = "permission_denied"
    kind = Kind.FORBIDDEN
    message = _("You are not allowed to do this.")


class NotFound(DomainError):
    code = "not_found"
    kind = Kind.NOT_FOUND
    message = _("Not found.")


class ServiceUnavailable(DomainError):
    code = "service_unavailable"
    kind = Kind.UNAVAILABLE
    message = _("The service is busy. Please try again in a moment.")


FIELD_MESSAGES: Mapping[str, str | Promise] = {
    "required": _("This field is required."),
    "null": _("This field may not be null."),
    "blank": _("This field may not be blank."),
    "invalid": _("This value is not valid."),
    "invalid_choice": _("This is not a valid choice."),
    "max_length": _("This text is too long."),
    "min_value": _("This value is too small."),
    "max_value": _("This value is too large."),
    "not_allowed": _("This field is not allowed here."),
}


def described(fields: Mapping[str, Sequence[str]]) -> dict[str, list[dict[str, str]]]:
    """Each field's faults with their words."""
    return {
        name: [{"code": code, "message": str(FIELD_MESSAGES[code])} for code in codes] for name, codes in fields.items()
    }


class InvalidInput(DomainError):
    """One or more fields are wrong; `fields` maps each to the codes of `FIELD_MESSAGES`."""

    code = "validation_error"
    kind = Kind.INVALID
    message = _("Some of the data is not valid.")

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields = fields
        self.data = {"fields": described(fields)}

    def __str__(self) -> str:
        described = [f"{name}: {FIELD_MESSAGES[codes[0]]}" for name, codes in self.fields.items()]
        return " ".join([str(self.message), *described])
