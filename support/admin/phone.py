"""A customer on the phone: find them, or come from their order or delivery, and open the ticket for them.

Who is unknown becomes a customer with the ticket, in one form and one transaction.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from deliveries.models import Delivery
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.accounts.querysets import MembershipQuerySet
from ondi.common.errors import DomainError
from ondi.common.ids import parse_id
from ondi.common.text import shows_nothing
from ondi.staff.entry import Staff, staff_at, use_zone_of
from ondi.staff.once import SentBefore, sent_once
from orders.models import Order
from support import services
from support.admin.caller_forms import CorrectionForm, NewCallForm, guessed
from support.admin.forms import PhoneForm, key_of
from support.admin.pages import queue_url, refusal_text, ticket_url
from support.errors import CustomerNotFound
from support.models import Ticket

CUSTOMERS_OFFERED = 20


def phone(request: HttpRequest) -> HttpResponse:
    """Who is calling? Then what about. Support users only: the ticket is theirs to work on."""
    staff = staff_at(request)
    if not staff.working_tenant_ids:
        messages.error(request, _("Only support users can do this."))
        return redirect("admin:index")
    try:
        customer, item = _caller(request, staff)
    except ValueError:
        customer, item = None, ""
    if customer is not None:
        return _for_customer(request, staff, customer, item)
    return _for_somebody_new(request, staff) if "new" in request.GET else _ask_who(request, staff)


def phone_url(**about: Any) -> str:
    """The page with who or what it is about chosen: `customer`, `order` or `delivery`, or `new` with `q`."""
    return f"{reverse('admin:support_ticket_phone')}?{urlencode(about)}"


def new_caller_url(term: str) -> str:
    """The form for somebody unknown, with what was searched for filled in."""
    return phone_url(new=1, q=term)


def _for_customer(request: HttpRequest, staff: Staff, customer: Membership, item: str) -> HttpResponse:
    use_zone_of(request, customer.tenant_id)
    posted = request.POST if request.method == "POST" else None
    actor = staff.actor_in(customer.tenant_id)
    form = PhoneForm(posted, actor=actor, customer=customer, initial={"item": item})
    fault = ""
    if posted is not None and form.is_valid():
        done, fault = _opened(
            request, staff, customer.tenant_id, form.cleaned_data,
            lambda: (services.open_ticket_on_behalf(actor=actor, **form.details()), customer),
        )  # fmt: skip
        if done:
            return done
    return _page(request, "support/phone.html", fault, customer=customer, form=form)


def _for_somebody_new(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who is known by this number or e-mail is offered first; their ticket needs no other form."""
    posted = request.POST if request.method == "POST" else None
    term = request.GET.get("q", "").replace("\x00", "").strip()
    actors = [actor for actor in staff.actors if actor.tenant_id in staff.working_tenant_ids]
    form = NewCallForm(posted, actors=actors, initial=guessed(term))
    fault, known = "", []
    if posted is None:
        known = _known(_customers(staff), form.initial)
    elif form.is_valid():
        use_zone_of(request, form.tenant_id)
        choice = {name: posted.get(name, "") for name in ("known", "anyway")}
        try:
            done, fault = _opened(
                request, staff, form.tenant_id, {**form.cleaned_data, **choice},
                lambda: _open_for(request, staff, form, **choice),
            )  # fmt: skip
        except KnownAlready as already:
            done, fault, known = None, str(already), already.customers
        if done:
            return done
    return _page(request, "support/phone_new.html", fault, form=form, known=known, has_typed=posted is not None)


class KnownAlready(Exception):
    """Who calls may be one of these customers."""

    def __init__(self, customers: list[Membership]) -> None:
        super().__init__(_("Somebody is known by this phone number or e-mail. Nothing was opened yet: who is it?"))
        self.customers = customers


def _open_for(
    request: HttpRequest, staff: Staff, form: NewCallForm, *, known: str, anyway: str
) -> tuple[Ticket, Membership]:
    """The ticket, for who was chosen of those known or for the customer that this form makes.

    Raises `KnownAlready` where somebody is known and neither was said.
    """
    actor = staff.actor_in(form.tenant_id)
    offered = _known(_customers(staff).filter(tenant_id=form.tenant_id), form.cleaned_data)
    customer = next((one for one in offered if str(one.id) == known), None)
    if customer is None and offered and not anyway:
        raise KnownAlready(offered)
    if customer is None:
        customer = services.add_customer(actor=actor, **form.caller())
        people: Any = admin.site.get_model_admin(Membership)
        people.log_addition(request, customer, [{"added": {}}])
    return services.open_ticket_on_behalf(actor=actor, customer_id=customer.id, **form.said()), customer


def _known(customers: MembershipQuerySet, said: Mapping[str, Any]) -> list[Membership]:
    """Customers with this phone number, however it is written, or this e-mail."""
    found = customers.reached_at(phone=said.get("phone") or "", email=said.get("email"))
    return list(found.order_by("last_name", "first_name", "id")[:CUSTOMERS_OFFERED])


def _opened(
    request: HttpRequest,
    staff: Staff,
    tenant_id: UUID,
    said: Mapping[str, Any],
    opening: Callable[[], tuple[Ticket, Membership]],
) -> tuple[HttpResponse | None, str]:
    """To the ticket that this form opens, once; or why it does not, with all that was written undone."""
    try:
        with sent_once(request, tenant_id=tenant_id, said=said) as sending:
            ticket, customer = opening()
            sending.location = ticket_url(ticket.id)
    except SentBefore as before:
        if before.is_same:
            return before.answer(request), ""
        link = format_html('<a class="underline" href="{}">{}</a>', before.location, _("the ticket it opened"))
        return None, format_html("{} {}", _("This form was sent already. Send it again to open one more."), link)
    except DomainError as refusal:
        return None, refusal_text(refusal, staff)
    messages.success(request, _("Opened for %(name)s.") % {"name": customer})
    return redirect(sending.location), ""


def _page(request: HttpRequest, template: str, fault: str, **context: Any) -> HttpResponse:
    page = {**admin.site.each_context(request), "title": _("New ticket"), "fault": fault, **context}
    return render(request, template, page, status=409 if fault else 200)


def _caller(request: HttpRequest, staff: Staff) -> tuple[Membership | None, str]:
    """The customer the address names, directly or by an order or delivery of theirs, and that item's key."""
    given = {name: UUID(request.GET[name]) for name in ("customer", "order", "delivery") if request.GET.get(name)}
    customer_id, item = given.get("customer"), ""
    if "order" in given:
        customer_id = Order.objects.in_tenants(staff.working_tenant_ids).filter(
            id=given["order"]).values_list("customer_id", flat=True).first()  # fmt: skip
        item = key_of(delivery_id=None, order_id=given["order"])
    if "delivery" in given:
        customer_id = Delivery.objects.in_tenants(staff.working_tenant_ids).filter(
            id=given["delivery"]).values_list("customer_id", flat=True).first()  # fmt: skip
        item = key_of(delivery_id=given["delivery"], order_id=None)
    return _customers(staff).filter(id=customer_id).first() if customer_id else None, item


def _customers(staff: Staff) -> MembershipQuerySet:
    people = Membership.objects.in_tenants(staff.working_tenant_ids).active().customers()
    return people.select_related("tenant")


def _ask_who(request: HttpRequest, staff: Staff) -> HttpResponse:
    term = request.GET.get("q", "").replace("\x00", "").strip()
    found: Iterable[Membership] = []
    if not shows_nothing(term):
        found = _customers(staff).called(term).order_by("last_name", "first_name", "id")[:CUSTOMERS_OFFERED]
    context = {
        "title": _("New ticket"),
        "term": term,
        "customers": found,
        "here": reverse("admin:support_ticket_phone"),
        "new_caller": new_caller_url(term),
        "queue": queue_url(),
    }
    return render(request, "support/phone_who.html", {**admin.site.each_context(request), **context})


def correct(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Correct a customer's name, phone and language; back to the ticket it was asked from, or to the customer."""
    staff = staff_at(request)
    customer = _customers(staff).filter(id=membership_id).first()
    if customer is None:
        request.row_not_found = True  # type: ignore[attr-defined]  # for the audit: it may be another tenant's
        messages.error(request, str(CustomerNotFound()))
        return redirect("admin:index")
    ticket_id = parse_id(request.GET.get("ticket", ""))
    back = ticket_url(ticket_id) if ticket_id else reverse("admin:accounts_membership_change", args=[customer.id])
    form = CorrectionForm(request.POST if request.method == "POST" else None, customer=customer)
    fault = ""
    if form.is_valid():
        try:
            _correct(request, staff.actor_in(customer.tenant_id), customer, form)
            messages.success(request, _("Corrected."))
            return redirect(back)
        except DomainError as refusal:
            fault = str(refusal)
    is_dialog = request.headers.get("X-Workbench-Dialog") == "1"
    template = "support/customer_form.html" if is_dialog else "support/customer.html"
    context = {"title": _("Correct a customer"), "customer": customer, "form": form, "back": back}
    return _page(request, template, fault, **context)


def _correct(request: HttpRequest, actor: Actor, customer: Membership, form: CorrectionForm) -> None:
    """Nothing is written where nothing was changed; the history names the fields."""
    if not form.changed_data:
        return
    services.correct_customer(actor=actor, customer_id=customer.id, **form.changes())
    people: Any = admin.site.get_model_admin(Membership)
    people.log_change(request, customer, people.construct_change_message(request, form, None))
