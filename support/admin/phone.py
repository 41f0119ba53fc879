"""A customer on the phone: find them, or come from their order or delivery, and open the ticket for them."""

from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from deliveries.models import Delivery
from ondi.accounts.models import Membership
from ondi.accounts.querysets import MembershipQuerySet
from ondi.common.errors import DomainError
from ondi.common.text import shows_nothing
from ondi.staff.entry import Staff, staff_at, use_zone_of
from ondi.staff.once import SentBefore, sent_once
from orders.models import Order
from support import services
from support.admin.forms import PhoneForm, key_of
from support.admin.pages import queue_url, refusal_text, ticket_url

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
    if customer is None:
        return _ask_who(request, staff)
    use_zone_of(request, customer.tenant_id)
    posted = request.POST if request.method == "POST" else None
    actor = staff.actor_in(customer.tenant_id)
    form = PhoneForm(posted, actor=actor, customer=customer, initial={"item": item})
    fault = ""
    if posted is not None and form.is_valid():
        try:
            with sent_once(request, tenant_id=customer.tenant_id, said=form.cleaned_data) as sending:
                ticket = services.open_ticket_on_behalf(actor=actor, **form.details())
                sending.location = ticket_url(ticket.id)
        except SentBefore as before:
            if before.is_same:
                return before.answer(request)
            link = format_html('<a class="underline" href="{}">{}</a>', before.location, _("the ticket it opened"))
            fault = format_html("{} {}", _("This form was sent already. Send it again to open one more."), link)
        except DomainError as refusal:
            fault = refusal_text(refusal, staff)
        else:
            messages.success(request, _("Opened for %(name)s.") % {"name": customer})
            return redirect(sending.location)
    context = {"title": _("New ticket"), "customer": customer, "form": form, "fault": fault}
    page = {**admin.site.each_context(request), **context}
    return render(request, "support/phone.html", page, status=409 if fault else 200)


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
    found = None if shows_nothing(term) else _customers(staff).called(term).order_by("last_name", "first_name", "id")
    context = {
        "title": _("New ticket"),
        "term": term,
        "customers": found[:CUSTOMERS_OFFERED] if found is not None else [],
        "here": reverse("admin:support_ticket_phone"),
        "queue": queue_url(),
    }
    return render(request, "support/phone_who.html", {**admin.site.each_context(request), **context})
