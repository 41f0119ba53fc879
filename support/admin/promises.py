"""What the screens of calendars and policies share: who may, and asking whether what a change touches is meant."""

from collections.abc import Callable, Collection
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldBooleanSwitchWidget

from ondi.staff.admin_base import ScopedAdmin
from ondi.staff.entry import Staff
from support.querysets import TicketQuerySet

SHOWN = 20  # tickets that a change would touch
COUNTED = 1_000


def seen_field() -> forms.BooleanField:
    """Hidden until it is asked for."""
    label = gettext_lazy("I have seen which open tickets this touches")
    return forms.BooleanField(label=label, required=False, widget=forms.HiddenInput)


def ask_whether_seen(form: forms.BaseForm, tickets: TicketQuerySet, words: Callable[[int], str]) -> None:
    """Say how many tickets saving touches, and which, and ask for a tick; nothing where there are none."""
    number = tickets.capped_count(COUNTED)
    if not number:
        return
    shown = ", ".join(f"#{one.number}" for one in tickets.order_by("number")[:SHOWN])
    counted = f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"
    told = words(number) % {"number": counted, "shown": f"{shown} …" if number > SHOWN else shown}
    form.fields["seen"].widget = UnfoldBooleanSwitchWidget()
    form.add_error("seen", f"{told} {_('Tick this and save again if it is meant.')}")


class PromiseAdmin(ScopedAdmin):
    """For those who manage the tenant."""

    def visible_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids

    def changeable_in(self, staff: Staff) -> Collection[UUID]:
        return staff.managed_tenant_ids
