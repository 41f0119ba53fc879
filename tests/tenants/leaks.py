"""Two tenants that look alike, every way out of the product, and what must not come through any of them."""

import contextlib
import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

import deliveries
from conversations.models import Conversation, Message
from deliveries.models import Delivery
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Membership, RefreshFamily, Scope, SettingsChange, User
from ondi.accounts.sessions import begin_session
from ondi.datafixes.models import FixRun
from ondi.files.models import StoredFile
from ondi.notifications.gathering import gather_mails
from ondi.notifications.link_mails import queue_invitation
from ondi.notifications.mails import send_due
from ondi.notifications.models import Dispatch, Notification, NotificationText
from ondi.notifications.sender_addresses import allow_domain
from ondi.notifications.texts import Text
from ondi.notifications.types import Channel
from ondi.outbox.feed import position_now
from ondi.outbox.models import Event
from ondi.outbox.relay import relay_all
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import tenant_scope
from ondi.webhooks.models import Attempt as WebhookCall
from ondi.webhooks.models import Endpoint, WebhookDelivery
from ondi.webhooks.sending import send_due as call_due
from ondi.webhooks.services import create_endpoint
from ondi.webhooks.subscribers import plan_deliveries
from orders.models import Order, OrderItem
from support.admin.buttons import BUTTONS
from support.admin.ticket_macros import APPLY
from support.models import CannedReply, Draft, Macro, SavedView, Tag, Ticket, TicketEvent, TicketNote, TicketTag
from support.notices import MENTION, REPLY
from support.settings.services import ask_for_sender_code, update_portal_settings
from support.settings.texts import set_notification_texts
from tests.client import ApiClient
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    UserFactory,
    actor,
    make_file,
    make_promise,
    make_ticket,
    make_webhook,
)
from tests.registry.document import body_fields, is_id, query_parameters, with_value
from tests.registry.routes import ROUTES, Route
from tests.registry.screens import OPENED, WITH_FORM, Screen, label_of, models_with_screens
from tests.streaming import inside
from tests.webhooks.world import LOOPBACK, Program, running
from tests.workbench import workbench

FEW = 2  # rows of a kind are alike
MARK = "leakmark7731"
PEOPLE, STAFF = ("customer", "agent", "lead", "admin"), ("agent", "admin")
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

    @property
    def colleague(self) -> Membership:
        return self.people["lead"]


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
    tenant = TenantFactory(slug=slug, name=f"Shop {mark}", allow_customer_close=True, customer_reopen_days=7)
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
    words = {"subject": f"Where is it {mark}", "message": f"It has not come {mark}"}
    ticket = make_ticket(customer, delivery=delivery, agent=people["agent"], **words)
    storefront = make_ticket(customer, order=order, **words)
    with tenant_scope(tenant.id):
        changes = {"acknowledgement_html": {"en": f"Hi {mark}"}, "sender_address": f"help@{mark}.example"}
        update_portal_settings(actor=actor(people["admin"]), changes=changes)
        allow_domain(tenant_id=tenant.id, domain=f"{mark}.example")
        ask_for_sender_code(actor=actor(people["admin"]))
        item = OrderItem.objects.create(tenant=tenant, order=order, position=1, name=f"item{mark}")
        tag = Tag.objects.create(tenant=tenant, name=f"tag{mark}")
        reply = CannedReply.objects.create(tenant=tenant, shortcut=f"s{mark}", content=mark, language="en")
        macro = Macro.objects.create(
            tenant=tenant, name=f"Macro {mark}", folder=mark, key=1,
            steps=[
                {"action": "tags", "values": {"add": [str(tag.id)]}},
                {"action": "note", "values": {"content": f"Note {mark}"}},
                {"action": "assign", "values": {"assignee_id": str(people["lead"].id)}},
            ],
        )  # fmt: skip
        view = SavedView.objects.create(
            tenant=tenant, audience="everybody", name=f"view{mark}", query=f"tab=open&tag={tag.id}", position=1
        )
        note = TicketNote.objects.create(
            tenant=tenant, ticket=ticket, author=people["agent"], content=mark, created_at=ticket.created_at
        )
        TicketTag.objects.create(tenant=tenant, ticket=ticket, tag=tag)
        written = Draft.objects.create(
            tenant=tenant, ticket=ticket, membership=people["agent"], kind="reply", content=mark, refused="failed",
            updated_at=ticket.created_at,
        )  # fmt: skip
        key, text = issue_api_key(tenant_id=tenant.id, name=f"key{mark}", scopes=Scope.values)
        change = SettingsChange.objects.get(tenant=tenant)
        for channel in Channel:
            set_notification_texts(
                actor=actor(people["admin"]), kind=REPLY, channel=channel, texts={"en": Text(f"Title {mark}", mark)}
            )
        own_text = NotificationText.objects.get(tenant=tenant, channel="email")
        run = FixRun.objects.create(tenant=tenant, command="x", operator=f"op{mark}", started_at=ticket.created_at)
        begin_session(user_id=people["lead"].user_id, tenant_id=tenant.id)
        session, portal = RefreshFamily.objects.get(tenant=tenant), PortalSettings.objects.get(tenant=tenant)
        conversation = ticket.conversation
        messages, parts = list(conversation.messages.all()), list(conversation.participants.all())
        events = list(TicketEvent.objects.filter(ticket=ticket))
        told = [
            Notification.objects.create(
                tenant=tenant, membership=person, notification_type=kind, position=1, subject_id=ticket.id,
                conversation_id=conversation.id, actor_id=people["lead"].id, data={"number": ticket.number},
            )
            for person, kind in ((customer, REPLY), (people["agent"], MENTION))
        ]  # fmt: skip
        make_webhook(people["admin"], url=f"https://{mark}.example/hook", description=f"Program {mark}",
                     header_name=f"X-{mark}", header_value=mark)  # fmt: skip
        webhook, sent = Endpoint.objects.get(tenant=tenant), WebhookDelivery.objects.get(tenant=tenant)
        terms = make_promise(ticket, first_response=60)
        policy, calendar = terms.policy_version.policy, terms.calendar_version.calendar
        for one in (policy, calendar):
            one.name = f"Hours {mark}"
            one.save()
    text_of = {"body": f"Broken {mark}".encode(), "file_name": f"parcel-{mark}.txt"}
    files = {
        "file": make_file(customer, sent_with=messages[0], **text_of), "draft": make_file(customer, **text_of),
        "noted": make_file(people["agent"], sent_with=note, **text_of),
    }  # fmt: skip
    rows = {
        "webhook": webhook, "sent": sent, "policy": policy, "calendar": calendar, **files,
        "tenant": tenant, "ticket": ticket, "storefront": storefront, "conversation": conversation,
        "order": order, "delivery": delivery, "item": item, "tag": tag, "reply": reply, "macro": macro,
        "note": note, "key": key, "change": change, "run": run, "own_text": own_text, "written": written, "view": view,
        "session": session, "settings": portal, **{f"member_{name}": member for name, member in people.items()},
        **{str(row.pk): row for row in (*messages, *parts, *events, *told)},
    }  # fmt: skip
    rows |= {f"user_{name}": member.user for name, member in people.items() if member.user != guest}
    return Side(tenant, people, ticket, rows, text)


def build() -> Leaks:
    own = build_side("ours", "own")
    return Leaks(own, build_side(MARK, "foreign", guest=own.people["agent"].user))


# Words that the foreign tenant's rows would be found by.
TERMS = (MARK, "77", "#1", "A-1", "not come")
# Ids a parameter or field may take, by what its name ends in; one that is not here is tried with every row there is.
KINDS = {
    "attachment_id": StoredFile, "attachment_ids": StoredFile,
    "subscription_id": Endpoint, "ticket_id": Ticket, "conversation_id": Conversation,
    "message_id": Message, "after": Message, "before": Message,
    "order_id": Order, "webhook_delivery_id": WebhookDelivery, "delivery_id": Delivery,
    "tenant_id": Tenant, "user_id": User,
    "user_ids": User, "assigned_to": User, "notification_ids": Notification, "up_to": Notification,
}  # fmt: skip


def ids_for(side: Side, name: str) -> list[str]:
    """The ids of a side's rows that this parameter or field may name."""
    kind = next((kind for ending, kind in KINDS.items() if name.endswith(ending)), object)
    people = [str(member.user_id) for member in side.people.values()] if kind is User else []
    return list(dict.fromkeys([*people, *(str(row.pk) for row in side.rows.values() if isinstance(row, kind))]))


@dataclass(frozen=True)
class Attempt:
    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query}"


def attempts(route: Route, leaks: Leaks) -> Iterator[Attempt]:
    """The route about every foreign row its path can name; about our own, with every foreign id in each place.

    Which places take ids and words the OpenAPI document says, so nothing of a route is left out.
    """
    here = {"ticket_id": leaks.own.ticket.pk, "conversation_id": leaks.own.ticket.conversation_id,
            "attachment_id": leaks.own.rows["file"].pk, "subscription_id": leaks.own.rows["webhook"].pk,
            "webhook_delivery_id": leaks.own.rows["sent"].pk}  # fmt: skip
    path, body = route.filled(**here), route.body(leaks.own)
    in_path = re.findall(r"<str:(\w+)>", route.path)
    yield from (
        Attempt(route.method, route.filled(**{**here, name: key}), body)
        for name in in_path
        for key in ids_for(leaks.foreign, name)
    )
    if route.method == "GET":
        yield Attempt(route.method, path)
    places = query_parameters(route.method, route.path)
    ids_in_query = [name for name, schema in places.items() if is_id(schema)]
    if route.method == "GET":  # not in the document's list: whoever has several tenants says it, of any call
        ids_in_query.append("tenant_id")
    for name in ids_in_query:
        yield from (Attempt(route.method, path, body, {name: key}) for key in ids_for(leaks.foreign, name))
    yield from (Attempt(route.method, path, body, {"search": term}) for term in TERMS if "search" in places)
    yield from (
        Attempt(route.method, path, body, {name: value})
        for name, value in (("page", "2"), ("assignment_scope", "mine"))
        if name in places
    )
    told = route.leaks(leaks.own, leaks.foreign)
    yield from (Attempt(route.method, path, words) for words in told)
    for place, schema in body_fields(route.method, route.path).items():
        if is_id(schema):
            name = next(step for step in reversed(place) if isinstance(step, str))
            bodies = (with_value((*told, body)[0], place, key) for key in ids_for(leaks.foreign, name))
            yield from (Attempt(route.method, path, words) for words in bodies)


def through_the_api(leaks: Leaks, people: Collection[str] = PEOPLE) -> None:
    """Every route of the registry, as these people of the own tenant, and by its key."""
    api = ApiClient()
    callers = {name: api.as_(leaks.own.people[name]) for name in people}
    callers["key"] = ApiClient(**{"X-API-Key": leaks.own.api_key})
    every = [attempt for route in ROUTES for attempt in attempts(route, leaks)]
    every += [Attempt("GET", "/schema"), Attempt("GET", "/docs")]
    for name, caller in callers.items():
        for number, one in enumerate(every):
            # The same whoever calls; another for each body, or the second would be refused for its key.
            headers = {"Idempotency-Key": f"attempt-{number}"} if one.method == "POST" else {}
            answer = caller.call(one.method, one.path, body=one.body, parameters=one.query, **headers)
            leaks.look(f"{name} {one}", f"{one.path} {one.body} {one.query}", answer)


def seen(answer, browser):
    """The answer with what its next page would tell, or the page it leads to, unless that is the front page again."""
    leads = answer.headers.get("Location", "/admin/")
    if leads != "/admin/":
        return browser.get(leads, follow=True)
    if told := browser.cookies.pop("messages", None):
        answer.headers["X-Told"] = told.value.encode("unicode_escape").decode()
    return answer


def through_the_stream(leaks: Leaks) -> None:
    """As everybody of ours, by token and by ticket: all that was, and what happens while they listen.

    As an agent's page that shows a ticket too: ours, while somebody comes to theirs; theirs opens none.
    """
    people = leaks.own.people
    tokens = {
        name: begin_session(user_id=one.user_id, tenant_id=one.tenant_id).access_token for name, one in people.items()
    }
    addresses = {
        name: ApiClient(token).post("/messaging/stream/tickets").json()["data"]["url"] for name, token in tokens.items()
    }
    our_page, their_page = (_page_of(side, side.ticket) for side in (leaks.own, leaks.foreign))
    if _page_of(leaks.own, leaks.foreign.ticket):
        leaks.found.append("stream page: a ticket of theirs was taken for ours")
    relay_all()

    def happen() -> int:
        for side in (leaks.foreign, leaks.own):
            make_ticket(side.people["customer"])
        relay_all()
        with tenant_scope(leaks.own.tenant.id):
            return position_now(leaks.own.tenant.id)

    async def scenario(stream: Any) -> dict[str, inside.Heard]:
        heard = {f"{name} token": inside.Heard(stream, token, "after=0") for name, token in tokens.items()}
        for name, url in addresses.items():
            heard[f"{name} ticket"] = inside.Heard(stream, None, f"{urlsplit(url).query}&after=0")
        heard["agent page"] = inside.Heard(stream, None, urlsplit(our_page or "").query)
        for one in heard.values():
            await one.until(lambda one: "hello" in one.text)
        theirs = inside.Heard(stream, None, urlsplit(their_page or "").query)
        await theirs.until(lambda one: "hello" in one.text)
        last = await stream.hub.ask(happen)
        for name in ("customer token", "agent token", "customer ticket", "agent ticket"):
            await heard[name].until(lambda one: f"id: {last}\n" in one.text)
        await heard["agent page"].until(lambda one: "ticket.opened" in one.text)
        return heard

    for name, one in inside.run(scenario).items():
        leaks.look_at(f"stream {name}", "", one.text)
        if str(leaks.foreign.ticket.pk) in one.text or str(leaks.foreign.tenant.pk) in one.text:
            leaks.found.append(f"stream {name}: names what is theirs")
        numbers = [json.loads(line[6:])["ticket_id"] for line in one.text.splitlines() if '"ticket_id"' in line]
        with tenant_scope(leaks.own.tenant.id):
            ours = {str(key) for key in Ticket.objects.filter(tenant=leaks.own.tenant).values_list("id", flat=True)}
        if foreign := set(numbers) - ours - {None}:
            leaks.found.append(f"stream {name}: {foreign}")


def _page_of(side: Side, ticket: Any) -> str | None:
    """The stream's address for an agent's page that shows this ticket; None where it gets none."""
    form = {"ticket": str(ticket.pk)}
    url: str | None = workbench(side.people["agent"].user).post("/admin/support/ticket/live/", form).json()["url"]
    return url


def through_the_admin(leaks: Leaks, people: Collection[str] = STAFF) -> None:
    """Every screen of the registry and of the models: its addresses and forms with what is the other tenant's."""
    for name in people:
        browser = workbench(leaks.own.people[name].user)
        for page in (*pages_of_models(leaks), *pages_of_screens(leaks)):
            leaks.look(f"{name} {page}", page, seen(browser.get(page), browser))
        for path, form in (*forms_of_models(leaks), *forms_of_screens(leaks)):
            leaks.look(
                f"{name} {path} {form.get('action', '')}", f"{path} {form}", seen(browser.post(path, form), browser)
            )


def pages_of_models(leaks: Leaks) -> Iterator[str]:
    """Lists with their search and filters, the forms to add, and each row's form, history and end."""
    foreign = leaks.foreign
    yield from (f"/admin/search/?s={MARK}", "/admin/search/?s=A-1", "/admin/jsi18n/")
    for model in models_with_screens().values():
        listing = reverse(f"admin:{label_of(model)}_changelist")
        yield from (listing, f"{listing}?q={MARK}", f"{listing}?q=77", f"{listing}?q=not+come", f"{listing}add/")
        yield from (
            f"/admin/autocomplete/?app_label={model._meta.app_label}&model_name={model._meta.model_name}"
            f"&field_name={link.name}&term="
            for link in model._meta.fields if link.is_relation
        )  # fmt: skip
        yield from (f"{listing}?{name}__exact={foreign.tenant.pk}" for name in ("tenant__id", "tenant"))
        for row in [row for row in foreign.rows.values() if type(row) is model][:FEW]:
            yield from (f"{listing}{row.pk}/{view}/" for view in ("change", "history", "delete"))


def forms_of_models(leaks: Leaks) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every action of a list on their rows, and a new row whose every link leads to theirs."""
    by_type = {type(row): str(row.pk) for row in leaks.foreign.rows.values()}
    for label, model in models_with_screens().items():
        listing = reverse(f"admin:{label}_changelist")
        rows = [str(row.pk) for row in leaks.foreign.rows.values() if type(row) is model]
        yield from (
            (listing, {"action": action, "_selected_action": rows})
            for action in admin.site._registry[model].actions or ()
        )
        words = {one.name: by_type.get(one.related_model, "x") for one in model._meta.fields}
        new = {**words, "language": "en", "role": "customer"}
        yield f"{listing}add/", new
        yield from ((f"{listing}{key}/change/", new) for key in rows[:FEW])


def pages_of_screens(leaks: Leaks) -> Iterator[str]:
    """Each with each kind of row in its address foreign; and, all its own, asked for what is foreign."""
    for screen in OPENED:
        for ids in addresses(leaks, screen):
            yield from (screen.address(ids, query.format_map(ids_by_kind(leaks.foreign))) for query in screen.queries)
    yield f"/admin/support/ticket/phone/?q={MARK}"
    yield f"/admin/support/ticket/?q={MARK}"


def forms_of_screens(leaks: Leaks) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sent to their rows and to ours, with theirs chosen; the phone's for our customer too."""
    theirs = ids_by_kind(leaks.foreign)
    for screen in WITH_FORM:
        form = screen.form_about(theirs)
        for ids in addresses(leaks, screen):
            yield from ((screen.address(ids, query.format_map(theirs)), form) for query in screen.queries)
        if screen.queries != ("",):
            yield screen.address(ids_by_kind(leaks.own)), form
    path = "/admin/support/ticket/?tab=open"
    both = [str(leaks.foreign.ticket.pk), str(leaks.own.ticket.pk)]
    chosen = next(screen for screen in WITH_FORM if screen.name == "support_ticket_changelist").form_about(theirs)
    for name, action in {**BUTTONS, "macro": APPLY}.items():
        if action.action.in_bulk:
            yield path, {**chosen, "action": f"{name}_selected", "_selected_action": both}


def ids_by_kind(side: Side) -> dict[str, str]:
    """The rows that addresses and forms of screens name, by their kind."""
    rows = {kind: str(row.pk) for kind, row in side.rows.items()}
    return {**rows, "customer": rows["member_customer"], "agent": rows["member_agent"], "action": "priority",
            "message": str(side.rows["conversation"].last_message_id)}  # fmt: skip


def addresses(leaks: Leaks, screen: Screen) -> list[dict[str, str]]:
    """What its address can name: all ours, and each kind in turn theirs; every act of the table."""
    ours, theirs = ids_by_kind(leaks.own), ids_by_kind(leaks.foreign)
    mixed = [ours, *({**ours, kind: theirs[kind]} for kind in screen.kinds if kind != "action")]
    actions = BUTTONS if "action" in screen.kinds else ("",)
    return [{**ids, "action": action} for ids in mixed for action in actions]


def links_of(leaks: Leaks, folder: Path) -> Path:
    """Our ticket to their delivery, and theirs to ours."""
    path, theirs, ours = folder / "links.csv", leaks.foreign, leaks.own
    rows = [f"{ours.ticket.pk},delivery:{theirs.rows['delivery'].pk}", f"{theirs.ticket.pk},none"]
    path.write_text("\n".join(["ticket,item", *rows]) + "\n")
    return path


def through_the_mails(leaks: Leaks) -> None:
    """All that our people can be mailed of, with everybody's words, beside what theirs are."""
    at = timezone.now()
    ours, theirs = ({str(one.email) for one in side.people.values()} for side in (leaks.own, leaks.foreign))
    ours -= theirs  # who is somebody there too is mailed by both
    for side in (leaks.own, leaks.foreign):
        with tenant_scope(side.tenant.id):
            update_portal_settings(
                actor=actor(side.people["admin"]),
                changes={"mail_content": "full", "signature": {"en": side.tenant.name}},
            )
            for number, person in enumerate(side.people.values()):
                User.objects.filter(id=person.user_id).update(email_proved_at=at)
                for position, message in enumerate(Message.objects.in_tenants([side.tenant.id])):
                    told = Notification.objects.create(
                        tenant=side.tenant, membership=person, notification_type=REPLY, subject_id=side.ticket.id,
                        position=10_000 + 100 * number + position, conversation_id=message.conversation_id,
                        message_id=message.id, data={"number": side.ticket.number}, shown_at=at - timedelta(hours=1),
                    )  # fmt: skip
                    Dispatch.objects.create(tenant=side.tenant, notification=told, channel="email", due_at=at)
                queue_invitation(person, site="https://support.example")
    while gather_mails(at=at) + send_due(at=at):
        pass
    mailed = [one for one in mail.outbox if one.to[0] in ours]
    for one in mailed:
        parts = [one.body, *(content for content, _kind in one.alternatives)]
        leaks.look_at("mail", "", " ".join(map(str, [one.subject, one.from_email, one.to, one.extra_headers, *parts])))
    if len(mailed) < len(ours):
        leaks.found.append(f"mail: {len(mailed)} to {len(ours)} of our people")


def through_the_webhooks(leaks: Leaks) -> None:
    """What our program is sent of all that happened in both tenants, and what is kept of the calls."""
    networks = [("own", LOOPBACK)]
    with running(program := Program(body=b"thanks")) as port, override_settings(WEBHOOK_PRIVATE_NETWORKS=networks):
        with tenant_scope(leaks.own.tenant.id):
            wanted = {"url": f"http://127.0.0.1:{port}/", "events": ["*"]}
            endpoint, _secret = create_endpoint(actor=actor(leaks.own.people["admin"]), values=wanted)
        relay_all()
        with tenant_scope(leaks.own.tenant.id, leaks.foreign.tenant.id):
            plan_deliveries(list(Event.objects.order_by("seq")))
        call_due(at=timezone.now() + timedelta(seconds=1), resolver=lambda *_name: [])
    for headers, body in program.got:
        leaks.look_at("webhook", "", f"{headers} {body.decode()}")
    with tenant_scope(leaks.own.tenant.id):
        sent = WebhookDelivery.objects.filter(endpoint=endpoint, state="delivered").count()
        kept = list(WebhookCall.objects.filter(tenant=leaks.own.tenant).values())
    leaks.look_at("calls", "", str(kept))
    if not sent or sent != len(program.got):
        leaks.found.append(f"webhook: {len(program.got)} calls of {sent} deliveries")


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
