"""Screens of webhooks: whom a tenant's programs are, what was sent to them and what came back."""

import copy
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.validators import MaxLengthValidator
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ondi.accounts.actors import Actor
from ondi.api.errors import invalid_input
from ondi.common.errors import FIELD_MESSAGES, DomainError, InvalidInput
from ondi.outbox.models import Event
from ondi.staff.access import AccessAdmin
from ondi.staff.copying import told_once
from ondi.staff.entry import Staff, staff_at
from ondi.staff.forms import RowForm
from ondi.staff.navigation import Entry, Section
from ondi.staff.once import SentBefore, sent_once
from ondi.staff.outcomes import OUTCOMES
from ondi.staff.verifying import SAMPLES
from ondi.webhooks import services
from ondi.webhooks.api.data import SubscriptionBody, values_of
from ondi.webhooks.models import EVERYTHING, LONGEST_URL, Attempt, Endpoint, WebhookDelivery
from ondi.webhooks.querysets import WebhookDeliveryQuerySet
from ondi.webhooks.sending import shown

SHOWN_ONCE = gettext_lazy("The secret, shown only now: %(secret)s")
LATEST = 10
SOON = timedelta(minutes=1)
STATES = {
    "active": gettext_lazy("active"), "paused": gettext_lazy("off"), "failing": gettext_lazy("failing"),
    "disabled": gettext_lazy("disabled"),
}  # fmt: skip
# Fields of the API, by those of the form; and what is said where the API's words fit no form.
FIELDS = {
    "webhook_url": "url", "events": "events", "description": "description", "secret_header_name": "header_name",
    "secret_header_value": "new_value",
}  # fmt: skip
SENTENCES = {
    ("webhook_url", "not_allowed"): gettext_lazy(
        "This address is not allowed. It has to be public, begin with https, with port 443 or 8443, and hold no "
        "password and no “#”."
    ),
    ("secret_header_name", "not_allowed"): gettext_lazy("This header is one of ours. Choose another name."),
}


class EndpointForm(RowForm):
    """What an admin says of a webhook, held to the rules of the API."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        validators=[MaxLengthValidator(LONGEST_URL)],  # told, where a browser would cut off what is pasted
        widget=UnfoldAdminTextInputWidget(attrs={"dir": "ltr", "placeholder": "https://"}),
    )  # fmt: skip
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"), initial=[EVERYTHING], widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    header_name = forms.CharField(
        label=gettext_lazy("Header of your own"), required=False,
        help_text=gettext_lazy("Sent with each call. Empty: none is sent."),
        widget=UnfoldAdminTextInputWidget(attrs={"dir": "ltr", "autocomplete": "off"}),
    )  # fmt: skip
    new_value = forms.CharField(
        label=gettext_lazy("Value of this header"), required=False,
        help_text=gettext_lazy("Never shown again. Empty: it stays as it is."),
        widget=UnfoldAdminPasswordWidget(attrs={"dir": "ltr", "autocomplete": "new-password"}),
    )  # fmt: skip

    class Meta:
        model = Endpoint
        fields = ("tenant", "url", "events", "description", "header_name")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if "events" in self.fields:  # not so where one may only look
            labels = {EVERYTHING: _("Everything")}
            choices = [(kind, labels.get(kind, kind)) for kind in services.known_events()]
            self.fields["events"].choices = choices  # type: ignore[attr-defined]
        self.values: dict[str, Any] = {}

    def clean(self) -> dict[str, Any]:
        """`values` is what the services take."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        tenant = cleaned.get("tenant") or (None if self.instance._state.adding else self.instance.tenant)
        if tenant is None:
            return cleaned
        said = {name: cleaned[field] or None for name, field in FIELDS.items() if field in cleaned}
        body = SubscriptionBody(data=said)
        try:
            if not body.is_valid():
                raise invalid_input(body.errors)
            self.values = values_of(body.validated_data)
            self.values["header_name"] = self.values.get("header_name") or ""
            services.take_over(copy.copy(self.instance), self.values, tenant)
        except InvalidInput as refusal:
            self._say(refusal.fields)
        return cleaned

    def _say(self, faults: Mapping[str, Any]) -> None:
        for name, codes in faults.items():
            field = FIELDS.get(name.split(".")[0])
            if field not in self.errors:
                self.add_error(field, str(SENTENCES.get((name, codes[0]), FIELD_MESSAGES[codes[0]])))


def _moment_of(text: str) -> datetime:
    """Raises `InvalidInput`."""
    try:
        moment = forms.DateTimeField().clean(text)
    except forms.ValidationError as fault:
        raise InvalidInput({"since": ["required" if not text else "invalid"]}) from fault
    assert isinstance(moment, datetime)
    return moment


def _sent_again(number: int) -> str:
    return ngettext("%(number)s is sent again.", "%(number)s are sent again.", number) % {"number": number}


def _test(actor: Actor, key: UUID, since: str) -> str:
    services.send_test(actor=actor, endpoint_id=key)
    return _("The test is on its way. What came back stands below.")


def _rotate(actor: Actor, key: UUID, since: str) -> str:
    """`since`: when the page was made that asks for it."""
    seen_at = _moment_of(since) if since else None
    _endpoint, secret = services.rotate_secret(actor=actor, endpoint_id=key, seen_at=seen_at)
    return told_once(str(SHOWN_ONCE), "%(secret)s", secret)


def _replay_dead(actor: Actor, key: UUID, since: str) -> str:
    return _sent_again(services.replay_dead(actor=actor, endpoint_id=key))


def _replay_since(actor: Actor, key: UUID, since: str) -> str:
    return _sent_again(services.replay_since(actor=actor, endpoint_id=key, since=_moment_of(since)))


def _turn_on(actor: Actor, key: UUID, since: str) -> str:
    services.change_endpoint(actor=actor, endpoint_id=key, values={"is_active": True})
    return _("It is called again, and what waited is sent.")


def _turn_off(actor: Actor, key: UUID, since: str) -> str:
    services.change_endpoint(actor=actor, endpoint_id=key, values={"is_active": False})
    return _("It is not called any more. What waits for it is kept.")


# What the buttons of a webhook do; each says what came of it. With what its history says.
BUTTONS: Mapping[str, tuple[Callable[[Actor, UUID, str], str], str]] = {
    "test": (_test, "A test was sent."),
    "rotate": (_rotate, "The secret was rotated."),
    "replay_dead": (_replay_dead, "What was given up was sent again."),
    "replay_since": (_replay_since, "What happened since a time was sent again."),
    "on": (_turn_on, "It was turned on."),
    "off": (_turn_off, "It was turned off."),
}


def _comes_soon(delivery: WebhookDelivery) -> bool:
    """Whether what comes of it is worth to wait for, before the page."""
    return delivery.state == WebhookDelivery.State.WAITING and timezone.now() - delivery.created_at < SOON


def _with_tickets(rows: WebhookDeliveryQuerySet) -> WebhookDeliveryQuerySet:
    """With the number of the ticket that each is about, while its event is kept."""
    events = Event.objects.filter(tenant_id=OuterRef("tenant_id"), position=OuterRef("position"))
    return rows.annotate(ticket_number=Subquery(events.values("data__ticket_number")[:1]))


@admin.register(Endpoint)
class EndpointAdmin(AccessAdmin):
    """Every change goes through the services; the secret is shown once."""

    about = gettext_lazy("Programs of yours that are called when something happens.")
    entries = (Entry(Section.PEOPLE, 55, "webhook"),)
    form = EndpointForm
    list_display = ("address", "kinds", "state_in_words", "last_success_at", "failing_since", "tenant")
    list_select_related = ("tenant",)
    ordering = ("created_at", "id")
    change_form_outer_before_template = "staff/webhook.html"
    change_form_outer_after_template = "staff/webhook_verify.html"
    state_fields = ("state_in_words", "disabled_reason", "last_success_at", "failing_since", "created_at")

    def changeable_in(self, staff: Staff) -> Any:
        return staff.managed_tenant_ids

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """One at a time: with a webhook goes what was sent to it."""
        return {}

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        said = ("tenant", "url", "events", "description", "header_name", "new_value")
        return said if obj is None else (*said, *self.state_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return () if obj is None else ("tenant", *self.state_fields)

    @admin.display(description=gettext_lazy("address"), ordering="url")
    def address(self, endpoint: Endpoint) -> str:
        return format_html('<bdi dir="ltr" class="wb-any">{}</bdi>', endpoint.url)

    @admin.display(description=gettext_lazy("events"))
    def kinds(self, endpoint: Endpoint) -> str:
        if EVERYTHING in endpoint.events:
            return _("Everything")
        return format_html_join(", ", "<bdi>{}</bdi>", ((kind,) for kind in endpoint.events))

    @admin.display(description=gettext_lazy("state"))
    def state_in_words(self, endpoint: Endpoint) -> str:
        return str(STATES[endpoint.state])

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        endpoint = super().get_object(request, object_id, from_field)
        if endpoint is not None:
            own = WebhookDelivery.objects.in_tenants([endpoint.tenant_id]).filter(endpoint=endpoint)
            endpoint.latest = SimpleLazyObject(lambda: list(_with_tickets(own).newest_first()[:LATEST]))
            endpoint.waits = SimpleLazyObject(lambda: any(map(_comes_soon, endpoint.latest)))
            endpoint.state_words = STATES[endpoint.state]
            endpoint.samples, endpoint.shown_at = SAMPLES, timezone.localtime().isoformat()
            both_until = endpoint.previous_until
            endpoint.both_sign_until = both_until if both_until and both_until > timezone.now() else None
        return endpoint

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.do_view)
        return [path("<uuid:endpoint_id>/do/", page, name="webhooks_endpoint_do"), *super().get_urls()]

    def do_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """One of `BUTTONS`."""
        endpoint = self.get_object(request, str(endpoint_id))
        if endpoint is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(endpoint_id))
        page = reverse("admin:webhooks_endpoint_change", args=[endpoint_id])
        name, since = request.POST.get("do", ""), request.POST.get("since", "")
        if request.method != "POST" or name not in BUTTONS:
            return redirect(page)
        do, noted = BUTTONS[name]
        try:
            with sent_once(request, tenant_id=endpoint.tenant_id, said={"do": name, "since": since}) as sending:
                told = do(staff_at(request).actor_in(endpoint.tenant_id), endpoint_id, since)
                sending.location = page
        except SentBefore as before:
            return before.answer(request)
        except InvalidInput as refusal:
            messages.error(request, f"{_('Since')}: {FIELD_MESSAGES[refusal.fields['since'][0]]}")
        except DomainError as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, endpoint, noted)
            messages.add_message(request, messages.WARNING if do is _rotate else messages.SUCCESS, told)
        return redirect(page)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        try:
            return super().add_view(request, form_url, extra_context)
        except DomainError as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:webhooks_endpoint_changelist")

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        assert isinstance(obj, Endpoint)
        actor = staff_at(request).actor_in(obj.tenant_id)
        if change:
            obj.host = services.change_endpoint(actor=actor, endpoint_id=obj.pk, values=form.values).host
            return
        endpoint, secret = services.create_endpoint(actor=actor, values=form.values)
        obj.pk, obj.host = endpoint.pk, endpoint.host
        self.message_user(request, told_once(str(SHOWN_ONCE), "%(secret)s", secret), messages.WARNING)

    def response_post_save_add(self, request: HttpRequest, obj: Model) -> HttpResponse:
        """Its page, where it is tested, and where the secret that was just shown is put to use."""
        return redirect("admin:webhooks_endpoint_change", obj.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What hangs on it goes without being counted: there may be very much of it."""
        return [str(one) for one in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        assert isinstance(obj, Endpoint)
        services.delete_endpoint(actor=staff_at(request).actor_in(obj.tenant_id), endpoint_id=obj.pk)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(AccessAdmin):
    about = gettext_lazy("Each call of a program, and what it answered.")
    entries = (Entry(Section.RECORDS, 75, "outbound"),)
    list_display = ("event", "to", "ticket", "state", "tries", "next_at", "created_at", "tenant")
    list_filter = ("state",)
    list_select_related = ("endpoint", "tenant")
    ordering = ("-created_at", "-id")
    fields = ("tenant", "event", "to", "ticket", "state", "tries", "next_at", "created_at")
    change_form_outer_after_template = "staff/webhook_delivery.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return _with_tickets(super().get_queryset(request).select_related("endpoint"))  # type: ignore[arg-type]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "event", "to", "ticket", "tries"]

    @admin.display(description=gettext_lazy("event"), ordering="kind")
    def event(self, delivery: WebhookDelivery) -> str:
        return format_html('<bdi dir="ltr">{}</bdi>', delivery.kind)

    @admin.display(description=gettext_lazy("webhook"))
    def to(self, delivery: WebhookDelivery) -> str:
        page = reverse("admin:webhooks_endpoint_change", args=[delivery.endpoint_id])
        return format_html(
            '<a href="{}" class="underline wb-any"><bdi dir="ltr">{}</bdi></a>', page, delivery.endpoint.host
        )

    @admin.display(description=gettext_lazy("ticket"))
    def ticket(self, delivery: WebhookDelivery) -> str | None:
        number = delivery.ticket_number  # type: ignore[attr-defined]
        if number is not None and delivery.ticket_id:
            return format_html("<bdi>#{}</bdi>", number)
        return str(delivery.ticket_id) if delivery.ticket_id else None

    @admin.display(description=gettext_lazy("attempts"), ordering="attempts")
    def tries(self, delivery: WebhookDelivery) -> int:
        return delivery.attempts

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        delivery = super().get_object(request, object_id, from_field)
        if delivery is not None:
            calls = Attempt.objects.in_tenants([delivery.tenant_id])
            delivery.calls = SimpleLazyObject(lambda: [_in_words(one) for one in calls.of([delivery.id])])
            delivery.sent = SimpleLazyObject(lambda: _sent(delivery))
        return delivery

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.replay_view)
        own = path("<uuid:delivery_id>/replay/", page, name="webhooks_webhookdelivery_replay")
        return [own, *super().get_urls()]

    def replay_view(self, request: HttpRequest, delivery_id: UUID) -> HttpResponse:
        """Send it again."""
        delivery = self.get_object(request, str(delivery_id))
        if delivery is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(delivery_id))
        page = reverse("admin:webhooks_webhookdelivery_change", args=[delivery_id])
        if request.method != "POST":
            return redirect(page)
        try:
            with sent_once(request, tenant_id=delivery.tenant_id, said={}) as sending:
                actor = staff_at(request).actor_in(delivery.tenant_id)
                services.replay_delivery(actor=actor, delivery_id=delivery_id)
                sending.location = page
        except SentBefore as before:
            return before.answer(request)
        except DomainError as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, delivery, "It was sent again.")
            messages.success(request, _sent_again(1))
        return redirect(page)


def _in_words(call: Attempt) -> Attempt:
    call.words = OUTCOMES.get(call.error, "")  # type: ignore[attr-defined]
    return call


def _sent(delivery: WebhookDelivery) -> dict[str, Any]:
    headers, body = shown(delivery)
    return {"headers": headers, "body": None if body is None else json.dumps(json.loads(body), indent=2)}
