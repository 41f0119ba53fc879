"""What our templates share: times (`in_words`, which survives every date), the page's zone, and a form's id."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from ondi.common.ids import new_id
from ondi.common.times import IN_WORDS, in_words, iso
from ondi.staff.copying import copy_button
from ondi.staff.entry import staff_at
from ondi.staff.once import FORM_ID

register = template.Library()


@register.filter
def moment(value: datetime | None, form: str = IN_WORDS) -> str:
    return in_words(value, form) if value else ""


@register.simple_tag(takes_context=True)
def moment_in(context: dict[str, Any], value: datetime | None, tenant_id: UUID) -> str:
    """A time of a tenant's, among others' on the page: in its zone, which is named where theirs differ."""
    staff = staff_at(context["request"])
    return in_words(value, zone=staff.zone_in(tenant_id), named=not staff.shares_one_zone) if value else ""


@register.filter
def instant(value: datetime) -> str | None:
    """For the `datetime` of a `<time>`."""
    return iso(value)


@register.filter
def linked(text: str) -> SafeString:
    """What somebody wrote, its web addresses to be clicked, as they stand there; all else is text."""
    pieces, end = [], 0
    for found in _ADDRESS.finditer(text):
        address = _without_what_follows(found.group())
        pieces += [escape(text[end : found.start()]), format_html(_LINK, address, address)]
        end = found.start() + len(address)
    return SafeString("".join([*pieces, escape(text[end:])]))


# Up to a blank, a quote or a bracket; signs that change the direction of a text belong to none.
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]{3,2000}", re.IGNORECASE)
_LINK = '<a class="underline" href="{}" dir="ltr" target="_blank" rel="noopener noreferrer nofollow">{}</a>'


def _without_what_follows(address: str) -> str:
    """A sentence's own sign behind an address, and a bracket that was opened before it, are none of it."""
    while address[-1] in ".,;:!?،؛؟*_~" or (address[-1] == ")" and address.count(")") > address.count("(")):
        address = address[:-1]
    return address


@register.inclusion_tag("staff/time_zone.html", takes_context=True)
def time_zone_note(context: dict[str, Any]) -> dict[str, str]:
    """Names the page's tenant, for who serves several, and its zone.

    Where rows of several zones stand together, each time names its own.
    """
    request = context["request"]
    staff = getattr(request, "staff", None)
    is_one = staff is not None and (staff.shares_one_zone or getattr(request, "zone_is_chosen", False))
    return {
        "time_zone": timezone.get_current_timezone_name() if is_one else "",
        "tenant_name": getattr(request, "tenant_name", ""),
    }


@register.simple_tag
def filtered_part(changes: Any) -> str | None:
    """Where a list of the admin is searched or filtered, the address of all of it, or of its part; else None."""
    asked, part = changes.get_filters_params(), changes.model_admin.part_params
    if not changes.query and not set(asked) - set(part):
        return None
    kept = {name: values for name, values in asked.items() if name in part}
    return f"?{urlencode(kept, doseq=True)}"


@register.simple_tag
def form_id() -> SafeString:
    """Makes a form good for one sending (`ondi/staff/once.py`)."""
    return format_html('<input type="hidden" name="{}" value="{}" autocomplete="off">', FORM_ID, new_id())


@register.simple_tag
def copied(value: Any, scheme: str = "") -> SafeString:
    """A code, an address or a number from left to right, a link where there is a scheme, and a button to copy it."""
    said = format_html('<bdi dir="ltr" class="wb-any">{}</bdi>', value)
    if scheme:
        said = format_html('<a class="underline" href="{}{}">{}</a>', scheme, quote(str(value)), said)
    return format_html('<span class="wb-copied">{} {}</span>', said, copy_button(value))
