"""What our templates share: times (`in_words`, which survives every date), the page's zone, and a form's id."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ondi.common.ids import new_id
from ondi.common.times import IN_WORDS, in_words, iso
from ondi.staff.once import FORM_ID

register = template.Library()


@register.filter
def moment(value: datetime | None, form: str = IN_WORDS) -> str:
    return in_words(value, form) if value else ""


@register.filter
def instant(value: datetime) -> str | None:
    """For the `datetime` of a `<time>`."""
    return iso(value)


@register.inclusion_tag("staff/time_zone.html", takes_context=True)
def time_zone_note(context: dict[str, Any]) -> dict[str, str]:
    """Names the page's zone; where rows of several zones stand together, each time names its own."""
    request = context["request"]
    staff = getattr(request, "staff", None)
    is_one = staff is not None and (staff.shares_one_zone or getattr(request, "zone_is_chosen", False))
    return {"time_zone": timezone.get_current_timezone_name() if is_one else ""}


@register.simple_tag
def form_id() -> SafeString:
    """Makes a form good for one sending (`ondi/staff/once.py`)."""
    return format_html('<input type="hidden" name="{}" value="{}" autocomplete="off">', FORM_ID, new_id())
