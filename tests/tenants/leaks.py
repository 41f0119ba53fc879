"""Two tenants that look alike, every way out of the product, and what must not come through any of them."""

import contextlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib import admin
from django.core.management import CommandError, call_command
from django.urls import reverse

import deliveries
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership, Scope, SettingsChange
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from orders.models import OrderItem
from support.admin.buttons import BUTTONS
from support.models import CannedReply, Tag, Ticket, TicketEvent, TicketNote, TicketTag
from support.settings.services import update_portal_settings
from tests.client import ApiClient
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, UserFactory, actor, make_ticket
from tests.workbench import workbench

MARK = "leakmark7731"
OLIST = Path(deliveries.__file__).parent / "import_maps" / "olist.toml"
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Side:
    """A tenant with a row of every kind. In the foreign one every text carries the mark."""

    tenant: Tenant
    people: dict[str, Membership]
    ticket: Ticket
    rows: dict[str, object]
    api_key: str


@dataclass
class Leaks:
    own: Side
    foreign: Side
    found: list[str] = field(default_factory=list)

    def look(self, where: str, sent: str, answer) -> None:
        """Note whatever of the foreign tenant an answer holds that its caller had not put in."""
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        self.look_at(where, sent, f"{dict(answer.headers)} {body.decode('utf-8', 'replace')}")
        if answer.status_code >= 500:
            self.found.append(f"{where}: {answer.status_code}")

    def look_at(self, where: str, sent: str, text: str) -> None:
        named = set(_ID.findall(sent.lower()))
        ids = {str(row.pk) for row in self.foreign.rows.values()} - named
        told = [word for word in (*ids, *([] if MARK in sent else [MARK])) if word in text]
        if told:
            self.found.append(f"{where}: {told}")


def build_side(mark: str, slug: str, guest=None) -> Side:
    """`guest`: a login that is staff of the other tenant and a customer of this one."""
    tenant = TenantFactory(slug=slug, name=f"Shop {mark}", allow_customer_close=True)
    customer = MemberFactory(
        tenant=tenant, first_name=f"First{mark}", last_name=f"Last{mark}", phone="0790", external_id="customer-1",
        user=guest or UserFactory(email=f"customer{mark}@{slug}.example"),
    )  # fmt: skip
    people = {
        "customer": customer,
        "agent": MemberFactory(tenant=tenant, agent=True, first_name=f"Agent{mark}", last_name=mark),
        "lead": MemberFactory(tenant=tenant, lead=True, first_name=f"Lead{mark}", last_name=mark),
        "admin": MemberFactory(tenant=tenant, admin=True, first_name=f"Admin{mark}", last_name=mark),
    }
    order = OrderFactory(tenant=tenant, customer=customer, number=f"A-1{mark}", external_id="order-1")
    delivery = DeliveryFactory(
        tenant=tenant, customer=customer, order=order, external_id="delivery-1", delivery_code=77,
        from_address=f"From {mark}", to_address=f"To {mark}",
    )  # fmt: skip
    told = {"subject": f"Where is it {mark}", "message": f"It has not come {mark}"}
    ticket = make_ticket(customer, delivery=delivery, agent=people["agent"], **told)
    storefront = make_ticket(customer, order=order, **told)
    with tenant_scope(tenant.id):
        update_portal_settings(actor=actor(people["admin"]), changes={"acknowledgement_html": {"en": f"Hi {mark}"}})
        item = OrderItem.objects.create(tenant=tenant, order=order, position=1, name=f"item{mark}")
        tag = Tag.objects.create(tenant=tenant, name=f"tag{mark}")
        reply = CannedReply.objects.create(tenant=tenant, shortcut=f"s{mark}", content=mark, language="en")
        note = TicketNote.objects.create(
            tenant=tenant, ticket=ticket, author=people["agent"], content=mark, created_at=ticket.created_at
        )
        TicketTag.objects.create(tenant=tenant, ticket=ticket, tag=tag)
        key, text = issue_api_key(tenant_id=tenant.id, name=f"key{mark}", scopes=Scope.values)
        change = SettingsChange.objects.get(tenant=tenant)
        conversation = ticket.conversation
        messages, parts = list(conversation.messages.all()), list(conversation.participants.all())
        events = list(TicketEvent.objects.filter(ticket=ticket))
    rows = {
        "tenant": tenant, "ticket": ticket, "storefront": storefront, "conversation": conversation,
        "order": order, "delivery": delivery, "item": item, "tag": tag, "reply": reply, "note": note, "key": key,
        "change": change, **{f"member_{name}": member for name, member in people.items()},
        **{str(row.pk): row for row in (*messages, *parts, *events)},
    }  # fmt: skip
    if guest is None:
        rows |= {f"user_{name}": member.user for name, member in people.items()}
    return Side(tenant, people, ticket, rows, text)


def build() -> Leaks:
    own = build_side("ours", "own")
    return Leaks(own, build_side(MARK, "foreign", guest=own.people["agent"].user))


def through_the_api(leaks: Leaks) -> None:
    """Every route with every foreign id in it, every filter, body and search; as everybody of the own tenant."""
    api, foreign = ApiClient(), leaks.foreign
    callers = {name: api.as_(member) for name, member in leaks.own.people.items()}
    callers["key"] = ApiClient(**{"X-API-Key": leaks.own.api_key})
    ids = {name: str(row.pk) for name, row in foreign.rows.items()}
    person = str(foreign.people["lead"].user_id)
    terms = {"search": MARK}, {"search": "77"}, {"search": "#1"}, {"search": "A-1"}, {"search": "not come"}
    filters = ({"order_id": ids["order"]}, {"delivery_id": ids["delivery"]}, {"assigned_to": person},
               {"assignment_scope": "mine"}, {"tenant_id": ids["tenant"]}, *terms)  # fmt: skip
    new = {"subject": "x", "message": "x"}
    people = {"action": "add", "user_ids": [person], "role": "member"}
    order = {"external_id": "order-1", "order_number": "A-1", "status": "shipped", "payment_status": "paid",
             "placed_at": "2026-01-01T00:00:00Z", "source_updated_at": "2026-01-01T00:00:00Z",
             "customer": {"external_id": "customer-1"}}  # fmt: skip
    delivery = {"external_id": "delivery-1", "status": "delivered", "order_external_id": "order-1",
                "source_updated_at": "2026-01-01T00:00:00Z", "customer": {"external_id": "customer-1"}}  # fmt: skip
    reads = [("GET", path, None, parameters)
             for path in ("/customer/support/tickets", "/messaging/support/tickets", "/messaging/conversations")
             for parameters in ({}, {"page": "2"}, *filters)]  # fmt: skip
    reads += [("GET", path, None, {}) for path in (
        "/users/me", "/customer/support/summary", "/customer/delivery/portal-settings",
        "/delivery/customer-portal/settings", "/schema", "/docs",
    )]  # fmt: skip
    reads += [("GET", f"/customer/support/tickets/{ids[row]}", None, {}) for row in ("ticket", "storefront")]
    reads += [("GET", f"/messaging/support/tickets/{ids['ticket']}", None, {})]
    conversation = f"/messaging/conversations/{ids['conversation']}"
    own_conversation = f"/messaging/conversations/{leaks.own.ticket.conversation_id}"
    reads += [
        ("GET", path, None, {}) for path in (conversation, f"{conversation}/messages", f"{own_conversation}/messages")
    ]
    message = foreign.rows["conversation"].last_message_id
    reads += [("GET", f"{own_conversation}/messages", None, {beside: str(message)}) for beside in ("after", "before")]
    writes = [
        ("POST", "/customer/support/tickets", {**new, "related_delivery_id": ids["delivery"]}, {}),
        ("POST", "/customer/support/tickets", {**new, "source": "storefront", "related_order_id": ids["order"]}, {}),
        # Their own item: a conflict with their own ticket.
        ("POST", "/customer/support/tickets", {**new, "related_delivery_id": str(leaks.own.rows["delivery"].pk)}, {}),
        ("POST", f"/customer/support/tickets/{ids['ticket']}/close", None, {}),
        ("POST", f"{conversation}/messages", {"content": "x"}, {}),
        ("PUT", f"{conversation}/read-status", None, {"message_id": str(message)}),
        ("PUT", f"{own_conversation}/read-status", None, {"message_id": str(message)}),
        ("PUT", f"{conversation}/participants", people, {}),
        ("PUT", f"{own_conversation}/participants", people, {}),
        ("PUT", "/delivery/customer-portal/settings",
         {"support_ticket_settings": {"support_user_ids": [person]}}, {}),
        ("PUT", "/integrations/orders", {"orders": [order]}, {}),
        ("PUT", "/integrations/deliveries", {"deliveries": [delivery]}, {}),
    ]  # fmt: skip
    writes += [
        ("POST", f"/messaging/support/tickets/{ids['ticket']}/{action}", {"reason": "x"}, {})
        for action in ("assign-to-me", "take-over", "release", "close", "reopen")
    ]
    writes += [("POST", "/messaging/support/tickets/next", None, {})]
    for name, caller in callers.items():
        for method, path, body, parameters in (*reads, *writes):
            headers = {"Idempotency-Key": "the same everywhere"} if method == "POST" else {}
            answer = caller.call(method, path, body=body, parameters=parameters, **headers)
            leaks.look(f"{name} {method} {path} {parameters}", f"{path} {body} {parameters}", answer)


def seen(answer, browser):
    """The answer with what its next page would tell, or the page it leads to, unless that is the front page again."""
    leads = answer.headers.get("Location", "/admin/")
    if leads != "/admin/":
        return browser.get(leads, follow=True)
    if told := browser.cookies.pop("messages", None):
        answer.headers["X-Told"] = told.value.encode("unicode_escape").decode()
    return answer


def through_the_admin(leaks: Leaks) -> None:
    """Every screen: list, search, filters, form, foreign row, its history, actions, the site's own search."""
    foreign = leaks.foreign
    for name in ("agent", "admin"):
        browser = workbench(leaks.own.people[name].user)
        pages = [*workbench_pages(leaks), f"/admin/search/?s={MARK}", "/admin/search/?s=A-1", "/admin/jsi18n/"]
        for model in admin.site._registry:
            label = f"{model._meta.app_label}_{model._meta.model_name}"
            listing = reverse(f"admin:{label}_changelist")
            pages += [listing, f"{listing}?q={MARK}", f"{listing}?q=77", f"{listing}?q=not+come", f"{listing}add/"]
            pages += [
                f"/admin/autocomplete/?app_label={model._meta.app_label}&model_name={model._meta.model_name}"
                f"&field_name={link.name}&term={term}"
                for link in model._meta.fields if link.is_relation for term in (MARK, "")
            ]  # fmt: skip
            pages += [f"{listing}?{name}__exact={foreign.tenant.pk}" for name in ("tenant__id", "tenant")]
            for row in (row for row in foreign.rows.values() if type(row) is model):
                pages += [f"{listing}{row.pk}/{view}/" for view in ("change", "history", "delete")]
        for page in pages:
            leaks.look(f"{name} {page}", page, seen(browser.get(page), browser))
        _post_at(leaks, name, browser)


def workbench_pages(leaks: Leaks) -> list[str]:
    """The desk's own pages, asked for what is the other tenant's."""
    foreign = leaks.foreign
    customer, tag, tenant = foreign.rows["member_customer"].pk, foreign.rows["tag"].pk, foreign.tenant.pk
    queries = ("tab=open", "tab=closed", "tab=mine", "tab=snoozed", f"tab=open&tag={tag}", f"tab=open&tenant={tenant}")
    views = (
        "export/?tab=open", f"export/?tab=open&tenant={tenant}", f"phone/?q={MARK}", "phone/?q=First",
        f"phone/?customer={customer}", f"{foreign.ticket.pk}/news/", f"{leaks.own.ticket.pk}/change/",
        f"{leaks.own.ticket.pk}/news/", *(f"?{query}" for query in queries),
    )  # fmt: skip
    front = ("/admin/", f"/admin/?days=30&tenant={tenant}")
    return [*front, *(f"/admin/support/ticket/{view}" for view in views)]


def _post_at(leaks: Leaks, name: str, browser) -> None:
    foreign = leaks.foreign
    for model, screen in admin.site._registry.items():
        rows = [row for row in foreign.rows.values() if type(row) is model]
        listing = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for action in screen.actions or ():
            body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
            leaks.look(f"{name} {listing} {action}", str(body), seen(browser.post(listing, body), browser))
    ticket = foreign.ticket.pk
    own, ids = leaks.own.ticket, {kind: str(row.pk) for kind, row in foreign.rows.items()}
    conversation = {"content": "x", "last_sequence": "9", "assignee": "", "status": "open"}
    for page in ("reply", "note"):
        path = reverse(f"admin:support_ticket_{page}", args=[ticket])
        leaks.look(f"{name} {path}", path, seen(browser.post(path, conversation), browser))
    # Their ticket, and ours with what is theirs chosen in the form.
    chosen = {"reason": "x", "priority": "low", "assignee": ids["member_agent"], "tags": [ids["tag"]], "when": "1h",
              "item": f"delivery:{ids['delivery']}"}  # fmt: skip
    for target in (ticket, own.pk):
        for action in BUTTONS:
            path = reverse("admin:support_ticket_action", args=[target, action])
            leaks.look(f"{name} {path}", f"{path} {chosen}", seen(browser.get(path), browser))
            leaks.look(f"{name} {path}", f"{path} {chosen}", seen(browser.post(path, chosen), browser))
    message = foreign.rows["conversation"].last_message_id
    for target in (ticket, own.pk):
        path = reverse("admin:support_ticket_redact", args=[target, message])
        leaks.look(f"{name} {path}", path, seen(browser.post(path), browser))
    phone = {"subject": "x", "message": "x", "priority": "low", "item": f"order:{ids['order']}"}
    for query in (f"customer={ids['member_customer']}", f"order={ids['order']}", f"delivery={ids['delivery']}",
                  f"customer={leaks.own.people['customer'].pk}"):  # fmt: skip
        path = f"/admin/support/ticket/phone/?{query}"
        leaks.look(f"{name} {path}", f"{path} {phone}", seen(browser.post(path, phone), browser))
    for action in (name for name, action in BUTTONS.items() if action.action.in_bulk):
        body = {
            "action": f"{action}_selected",
            "_selected_action": [ids["ticket"], str(own.pk)],
            "apply": "1",
            **chosen,
        }
        path = "/admin/support/ticket/?tab=open"
        leaks.look(f"{name} {path} {action}", f"{path} {body}", seen(browser.post(path, body), browser))
    browser.post("/admin/support/ticket/next/")
    for model in (Tag, CannedReply):
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        body = {"tenant": str(foreign.tenant.pk), "name": "x", "shortcut": "x", "content": "x", "language": "en"}
        path = reverse(f"admin:{label}_add")
        leaks.look(f"{name} {path}", f"{path} {body}", seen(browser.post(path, body), browser))


def links_of(leaks: Leaks, folder: Path) -> Path:
    """Our ticket to their delivery, and theirs to ours."""
    path, theirs, ours = folder / "links.csv", leaks.foreign, leaks.own
    rows = [f"{ours.ticket.pk},delivery:{theirs.rows['delivery'].pk}", f"{theirs.ticket.pk},none"]
    path.write_text("\n".join(["ticket,item", *rows]) + "\n")
    return path


def through_the_commands(leaks: Leaks, folder: Path) -> None:
    """What an operator who named one tenant is told."""
    orders = folder / "orders.csv"
    header = "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
    header += "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date"
    orders.write_text(f"{header}\norder-1,customer-1,delivered,10/2/2017 10:56,,,10/10/2017 21:25,10/18/2017 0:00\n")
    out = io.StringIO()
    call_command("import_orders", str(orders), "--tenant=own", f"--map={OLIST}", "--apply", stdout=out, stderr=out)
    call_command("clear_expired", stdout=out, stderr=out)
    for command in (["close_stale_tickets", "--days=1"], ["reassign_tickets", "--from=agentown", "--to-queue"],
                    ["purge_closed_tickets", "--older-than=1"], ["repair", "--finding=counter"], ["doctor"],
                    ["relink_tickets", f"--from={links_of(leaks, folder)}"],
                    ["erase_customer", f"--customer={leaks.foreign.rows['member_customer'].pk}"]):  # fmt: skip
        for apply in ((), ("--apply",)) if command[0] != "doctor" else ((),):
            with contextlib.suppress(CommandError):
                call_command(*command, "--tenant=own", *apply, stdout=out, stderr=out)
    with contextlib.suppress(CommandError):
        call_command("export_customer", "--tenant=own", f"--customer={leaks.foreign.rows['member_customer'].pk}",
                     f"--out={folder / 'x.zip'}", stdout=out)  # fmt: skip
    call_command("data_fixes", "list", "--tenant=own", stdout=out)
    sent = f"{links_of(leaks, folder).read_text()} {leaks.foreign.rows['member_customer'].pk}"
    leaks.look_at("commands", sent, out.getvalue())
