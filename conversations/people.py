"""How people are named to others."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from conversations.models import SenderRole
from ondi.accounts.models import Membership

# Lazy: hardly any row needs them, and translating costs time.
SUPPORT, CUSTOMER, DELETED = _("Support"), _("Customer"), _("Deleted user")


def person_name(first_name: str, last_name: str, *, nobody: str | Promise, short: bool) -> str:
    """The name as others read it: in full, or for customers first name and initial; `nobody` where there is none."""
    if not short:
        return f"{first_name} {last_name}".strip() or str(nobody)
    if not first_name:
        return str(nobody)
    return f"{first_name} {last_name[0]}." if last_name else first_name


def person_data(row: Any, prefix: str, *, nobody: str | Promise, short: bool) -> dict[str, Any]:
    """`{id, name}` of the membership whose columns begin with `prefix`; after erasure without id and name."""
    if getattr(row, f"{prefix}__erased_at") is not None:
        return {"id": None, "name": str(DELETED)}
    user_id = getattr(row, f"{prefix}__user_id")
    first_name, last_name = getattr(row, f"{prefix}__first_name"), getattr(row, f"{prefix}__last_name")
    name = person_name(first_name or "", last_name or "", nobody=nobody, short=short)
    return {"id": str(user_id) if user_id else None, "name": name}


def sender_data(row: Any, prefix: str, role: str, *, short: bool) -> dict[str, Any]:
    """A sender: a person and the part they spoke in."""
    nobody = CUSTOMER if role == SenderRole.CUSTOMER else SUPPORT
    return {**person_data(row, prefix, nobody=nobody, short=short), "role": role}


def member_data(member: Membership, *, short: bool) -> dict[str, Any]:
    """`{id, name}` of a loaded membership."""
    if member.erased_at is not None:
        return {"id": None, "name": str(DELETED)}
    name = person_name(member.first_name, member.last_name, nobody=SUPPORT, short=short)
    return {"id": str(member.user_id), "name": name}
