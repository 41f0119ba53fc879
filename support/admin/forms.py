"""What an agent fills in for an action. Each form turns itself into the service's arguments: `details()`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from deliveries.models import Delivery
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.errors import FIELD_MESSAGES
from ondi.common.ids import parse_id
from ondi.staff.forms import PlainTextField, within_calendar
from orders.models import Order
from support import policies
from support.models import Tag, Ticket
from support.moments import moment_after
from support.placeholders import unfilled_placeholders
from support.vocabulary import LONGEST_MESSAGE, LONGEST_REASON, LONGEST_SUBJECT, Priority, TicketSource

ITEMS_OFFERED = 50


class ActionForm(forms.Form):
    """`ticket` is None where the form is for several tickets of the actor's tenant at once."""

    def __init__(self, *arguments: Any, actor: Actor, ticket: Ticket | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.actor, self.ticket = actor, ticket
        self.prepare()

    def prepare(self) -> None:
        """Fill in the choices this person has."""

    def details(self) -> dict[str, Any]:
        """The service's arguments."""
        return dict(self.cleaned_data)

    def choice(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field


class TakeOverForm(ActionForm):
    reason = PlainTextField(
        label=_("Why do you take this ticket over?"),
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class AssignForm(ActionForm):
    """Asks for a reason where the ticket is a colleague's, or may be."""

    assignee = forms.ChoiceField(label=_("Colleague"), widget=UnfoldAdminSelectWidget)
    reason = PlainTextField(
        label=_("Reason"),
        max_length=LONGEST_REASON,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def prepare(self) -> None:
        colleagues = Membership.objects.visible_to(self.actor).support_users().order_by("first_name", "last_name", "id")
        found = [
            member for member in colleagues
            if self.ticket is None or member.id not in (self.ticket.requester_id, self.ticket.assignee_id)
        ]  # fmt: skip
        found.sort(key=lambda member: member.id != self.actor.membership_id)
        self.choice("assignee").choices = [(str(member.id), self._named(member)) for member in found]
        if self.ticket is not None:
            if policies.needs_reason(self.ticket, self.actor):
                self.fields["reason"].required = True
            else:
                del self.fields["reason"]

    def _named(self, member: Membership) -> str:
        return _("Me (%(name)s)") % {"name": member} if member.id == self.actor.membership_id else str(member)

    def details(self) -> dict[str, Any]:
        return {"assignee_id": UUID(self.cleaned_data["assignee"]), "reason": self.cleaned_data.get("reason", "")}


class PriorityForm(ActionForm):
    priority = forms.ChoiceField(label=_("Priority"), choices=Priority.choices, widget=UnfoldAdminSelectWidget)

    def prepare(self) -> None:
        if self.ticket is not None:
            self.initial["priority"] = self.ticket.priority


class TagsForm(ActionForm):
    """Ticks tags on and off. `shown` are those that were on: a colleague's newer tag stays."""

    tags = forms.MultipleChoiceField(label=_("Tags"), required=False, widget=forms.CheckboxSelectMultiple)
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def prepare(self) -> None:
        tags = Tag.objects.visible_to(self.actor).order_by("name", "id")
        field = self.fields["tags"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(str(tag.id), tag.name) for tag in tags]
        if self.ticket is not None:
            present = [str(tag.id) for tag in self.ticket.tags.all()]
            self.initial.update(tags=present, shown=" ".join(present))

    def details(self) -> dict[str, Any]:
        chosen = {UUID(tag) for tag in self.cleaned_data["tags"]}
        known = {tag for tag, _name in self.fields["tags"].choices}  # type: ignore[attr-defined]
        shown = {UUID(tag) for tag in self.cleaned_data["shown"].split() if tag in known}
        return {"add": chosen - shown, "remove": shown - chosen}


class SnoozeForm(ActionForm):
    WHEN = (
        ("1h", _("In an hour")),
        ("3h", _("In three hours")),
        ("1d", _("Tomorrow morning")),
        ("3d", _("In three days")),
        ("7d", _("In a week")),
        ("at", _("At a time of my choice")),
        ("now", _("Back into the queue now")),
    )
    when = forms.ChoiceField(label=_("Come back"), choices=WHEN, widget=UnfoldAdminSelectWidget)
    until = forms.DateTimeField(
        required=False,
        validators=[within_calendar],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )

    def prepare(self) -> None:
        self.fields["until"].label = format_lazy("{} ({})", _("Day and time"), self.actor.tenant.time_zone)

    def clean(self) -> dict[str, Any]:
        """A time of one's choice has to be chosen, and to lie ahead."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("when") == "at" and not self.errors:
            until = cleaned.get("until")
            if until is None or until <= timezone.now():
                self.add_error("until", _("Choose a day and time that lie ahead."))
        return cleaned

    def details(self) -> dict[str, Any]:
        return {"until": self._moment()}

    def _moment(self) -> datetime | None:
        when, until = self.cleaned_data["when"], self.cleaned_data["until"]
        if when in ("at", "now"):
            return until if when == "at" else None
        return moment_after(when, timezone.localtime())


class LinkForm(ActionForm):
    item = forms.ChoiceField(label=_("Delivery or order"), required=False, widget=UnfoldAdminSelectWidget)

    def prepare(self) -> None:
        assert self.ticket is not None
        source = self.ticket.source
        must_be_an_order = source == TicketSource.STOREFRONT
        self.choice("item").choices = items_of(
            self.ticket.tenant_id,
            self.ticket.requester_id,
            deliveries=not must_be_an_order,
            orders=must_be_an_order or source == TicketSource.PHONE,
            nothing=not must_be_an_order,
        )
        self.initial["item"] = key_of(delivery_id=self.ticket.delivery_id, order_id=self.ticket.order_id)

    def details(self) -> dict[str, Any]:
        return ids_of(self.cleaned_data["item"])


class CallForm(forms.Form):
    """What somebody on the phone says, in the agent's words."""

    subject = PlainTextField(label=_("Subject"), max_length=LONGEST_SUBJECT, one_line=True,
                             widget=UnfoldAdminTextInputWidget)  # fmt: skip
    message = PlainTextField(
        label=_("What the customer says"),
        max_length=LONGEST_MESSAGE,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
    )
    priority = forms.ChoiceField(
        label=_("Priority"), choices=Priority.choices, initial=Priority.MEDIUM, widget=UnfoldAdminSelectWidget
    )

    def said(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in CallForm.base_fields}


class PhoneForm(CallForm, ActionForm):
    """A customer on the phone."""

    item = forms.ChoiceField(label=_("About"), required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *arguments: Any, customer: Membership, **options: Any) -> None:
        self.customer = customer
        super().__init__(*arguments, **options)

    def prepare(self) -> None:
        self.fields["subject"].widget.attrs["autofocus"] = True
        self.choice("item").choices = items_of(
            self.customer.tenant_id, self.customer.id, deliveries=True, orders=True, nothing=True
        )

    def details(self) -> dict[str, Any]:
        return {"customer_id": self.customer.id, **self.said(), **ids_of(self.cleaned_data["item"])}


class FileIdsField(forms.Field):
    """Drafts of files, in the order given; which of them may be sent says the service."""

    widget = forms.MultipleHiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)

    def to_python(self, value: Any) -> list[UUID]:
        """Raises `ValidationError`."""
        found = [parse_id(text) for text in value or ()]
        if None in found:
            raise forms.ValidationError(str(FIELD_MESSAGES["invalid"]), code="invalid")
        return [key for key in found if key]


class WritingForm(forms.Form):
    """Words, files, or both."""

    content = PlainTextField(max_length=LONGEST_MESSAGE, required=False)
    attachment_ids = FileIdsField()

    field_order = ("attachment_ids", "content")  # whether words are needed depends on the files

    def clean_content(self) -> str:
        """Raises `ValidationError` where there are neither words nor files."""
        content: str = self.cleaned_data["content"]
        if not content and not self.cleaned_data.get("attachment_ids"):
            raise forms.ValidationError(str(FIELD_MESSAGES["blank"]), code="blank")
        return content


class ReplyForm(WritingForm):
    last_sequence = forms.IntegerField(min_value=0)
    assignee = forms.UUIDField(required=False)
    status = forms.CharField()

    def clean_content(self) -> str:
        """Raises `ValidationError` where a canned reply's placeholder still waits to be filled in."""
        content = super().clean_content()
        if left := unfilled_placeholders(content):
            names = ", ".join(f"{{{name}}}" for name in left)
            raise forms.ValidationError(_("Not sent: fill in or remove %(names)s."), params={"names": names})
        return content


class NoteForm(WritingForm):
    """What only colleagues read."""


def items_of(
    tenant_id: UUID, customer_id: UUID, *, deliveries: bool, orders: bool, nothing: bool
) -> list[tuple[str, str]]:
    """A customer's newest deliveries and orders, to choose from."""
    found = [("", str(_("Nothing in particular")))] if nothing else []
    of_customer = {"tenant_id": tenant_id, "customer_id": customer_id}
    if deliveries:
        rows = Delivery.objects.filter(**of_customer).order_by("-created_at", "-id")[:ITEMS_OFFERED]
        found += [(f"delivery:{row.id}", f"{_('Delivery')} {row} · {row.get_status_display()}") for row in rows]
    if orders:
        bought = Order.objects.filter(**of_customer).order_by("-placed_at", "-id")[:ITEMS_OFFERED]
        found += [(f"order:{row.id}", f"{_('Order')} {row} · {row.get_status_display()}") for row in bought]
    return found


def key_of(*, delivery_id: UUID | None, order_id: UUID | None) -> str:
    return f"delivery:{delivery_id}" if delivery_id else f"order:{order_id}" if order_id else ""


def ids_of(key: str) -> dict[str, UUID | None]:
    kind, _colon, value = key.partition(":")
    return {
        "delivery_id": UUID(value) if kind == "delivery" else None,
        "order_id": UUID(value) if kind == "order" else None,
    }
