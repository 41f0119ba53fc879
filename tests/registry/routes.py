"""Every route of the API, one row each. All that is tested of every route is tested of what stands here.

Who gets what, what it costs, other methods (tests/api), whether its answer fits the document, hostile text in each of
its fields, generated requests, and other tenants' ids in each place that takes one (tests/tenants). What a place is
comes from the OpenAPI document, so a new field needs no row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from support.actions import ACTIONS, Action, Kind, Parameter
from tests.paths import filled
from tests.registry.scene import Scene
from tests.world import PERSONAS, World

# HTML, the document about the API, two redirects, and the page behind a mail (tests/notifications/test_mails.py).
NO_API = ("admin/", "admin/i18n/setlang/", "schema", "docs", "admin", "", "notifications/unsubscribe/<str:token>")


def _nothing(_scene: Any) -> Any:
    return None


@dataclass(frozen=True)
class Route:
    """A call of the API.

    `who`: the status each persona gets for `body`. `statements`: what the call costs when it succeeds, made by
    `caller` of the scene, about its ticket `about`, with the body that `sends` makes and the parameters of `query`.
    `leaks`: bodies about rows of the foreign side, or of ours, where words name them or an id alone is refused too
    early; foreign ids are put into the first of them.
    """

    method: str
    path: str
    who: Mapping[str, int]
    statements: int
    body: Callable[[World], Any] = _nothing
    caller: str = "portal"
    about: str = "ticket"
    sends: Callable[[Scene], Any] | None = None
    query: Callable[[Scene], Any] = _nothing
    leaks: Callable[[Any, Any], Sequence[Any]] = lambda _own, _foreign: ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def filled(self, **ids: Any) -> str:
        return filled(self.path, ids)

    def call(self, scene: Scene) -> Any:
        """The call as it succeeds."""
        ticket = scene.tickets[self.about]
        path = self.filled(ticket_id=ticket.id, conversation_id=ticket.conversation_id, **scene.ids)
        body = (self.sends or self.body)(scene)
        return scene.clients[self.caller].call(self.method, path, body=body, parameters=self.query(scene))


def everyone(status: int, **others: int) -> dict[str, int]:
    """The same for all, but for those named. Nobody passes without a token that is in force."""
    return {**dict.fromkeys(PERSONAS, status), **others}


def signed_in(status: int, **others: int) -> dict[str, int]:
    shut_out = dict.fromkeys(("anonymous", "operator", "disabled", "suspended", "api_key"), 401)
    return everyone(status, **{**shut_out, **others})


def support_users_only(status: int, **others: int) -> dict[str, int]:
    """For support users only."""
    return signed_in(403, **{"support_user": status, "lead": status, **others})


def integration(status: int) -> dict[str, int]:
    return everyone(401, api_key=status)


def just(body: Any) -> Callable[[Any], Any]:
    return lambda _world: body


# Fourteen wrong passwords in a row for one e-mail: the last four are not even looked at.
THROTTLED = dict.fromkeys(PERSONAS[10:], 429)
READERS = {"customer": 200, "support_user": 200, "lead": 200}  # the customer, and the tenant's support users

TICKETS = "customer/support/tickets"
TICKET = TICKETS + "/<str:ticket_id>"
SETTINGS = "delivery/customer-portal/settings"
CONVERSATION = "messaging/conversations/<str:conversation_id>"
QUEUE = "messaging/support/tickets"
QUEUED = QUEUE + "/<str:ticket_id>"
WEBHOOKS = "webhooks/subscriptions"
WEBHOOK = WEBHOOKS + "/<str:subscription_id>"

# In this order they are called where statements are counted: what a call leaves, the next may need.
# The limits of the contract: get 3, list 4, create 12, close 11, message list 5, message 9, queue list 5.
_BEFORE_ACTIONS = (
    Route("GET", "health/live", everyone(200), 0, caller="anybody"),
    Route("GET", "health/ready", everyone(200), 1, caller="anybody"),
    Route("GET", "users/me", signed_in(200), 1),
    Route("GET", TICKETS, signed_in(200), 2, query=just({"limit": 50})),  # one more to count, behind the last page
    Route(
        "POST", TICKETS, signed_in(201), 6, just({"subject": "Help", "message": "Please help"}),
        sends=lambda scene: {"subject": "Help", "message": "Help", "related_delivery_id": str(scene.delivery.id)},
        # Of their own item: a conflict with their own ticket.
        leaks=lambda own, foreign: [
            {"subject": "x", "message": "x", "related_delivery_id": str(own.rows["delivery"].pk)},
            {"subject": "x", "message": "x", "source": "storefront", "related_order_id": str(foreign.rows["order"].pk)},
            {"subject": "x", "message": "x", "source": "storefront", "related_order_id": str(own.rows["order"].pk)},
        ],
    ),
    Route("GET", TICKET, signed_in(404, customer=200), 2),
    Route("POST", TICKET + "/close", signed_in(404, customer=200), 6),
    Route("POST", TICKET + "/reopen", signed_in(404, customer=200), 9, just({"message": "Still nothing"})),
    Route("GET", "customer/support/summary", signed_in(200), 2),
    Route("GET", "customer/delivery/portal-settings", signed_in(200), 1),
    Route("GET", SETTINGS, signed_in(403, admin=200), 3, caller="admin"),
    Route(
        "PUT", SETTINGS, signed_in(403, admin=200), 6, just({}), "admin",
        sends=just({"support_ticket_settings": {"allow_customer_close": True, "max_customer_priority": "high"}}),
    ),
    Route(
        "PUT", "integrations/orders", integration(200), 9, just({"orders": [{}]}), "platform",
        sends=lambda scene: {"orders": [scene.told_order]},
        leaks=lambda _own, _foreign: [{"orders": [{
            "external_id": "order-1", "order_number": "A-1", "status": "shipped", "payment_status": "paid",
            "placed_at": "2026-01-01T00:00:00Z", "source_updated_at": "2026-01-01T00:00:00Z",
            "customer": {"external_id": "customer-1"},
        }]}],
    ),
    Route(
        "PUT", "integrations/deliveries", integration(200), 8, just({"deliveries": [{}]}), "platform",
        sends=lambda scene: {"deliveries": [scene.told_delivery]},
        leaks=lambda _own, _foreign: [{"deliveries": [{
            "external_id": "delivery-1", "status": "delivered", "order_external_id": "order-1",
            "source_updated_at": "2026-01-01T00:00:00Z", "customer": {"external_id": "customer-1"},
        }]}],
    ),
    Route("GET", "integrations/changes", integration(200), 7, caller="platform", query=just({"after": 0})),
    Route(
        "POST", "integrations/tokens", integration(404), 4, just({"customer_external_id": "nobody"}), "platform",
        sends=lambda scene: {"customer_external_id": scene.customer_external_id},
        leaks=lambda _own, _foreign: [{"customer_external_id": "customer-1"}],
    ),
    Route("GET", "integrations/tickets", integration(200), 3, caller="platform"),
    Route("GET", "integrations/tickets/<str:ticket_id>", integration(200), 3, caller="platform"),
    Route("GET", "integrations/tickets/<str:ticket_id>/messages", integration(200), 3, caller="platform", about="chat"),
    Route("GET", "messaging/changes", signed_in(200), 4, query=just({"after": 0})),
    Route("POST", "messaging/stream/tickets", signed_in(201), 2),
    Route("GET", "messaging/notifications", signed_in(200), 5, query=just({"limit": 50})),
    Route("PUT", "messaging/notifications/mark-read", signed_in(200), 3, just({})),
    Route("GET", "messaging/notifications/preferences", signed_in(200), 2),
    Route(
        "PUT", "messaging/notifications/preferences", signed_in(200), 5, just({}),
        sends=just({"types": {"support_reply": {"email": "off"}},
                    "quiet_hours": {"from": "22:00", "to": "07:00", "time_zone": "Asia/Baghdad"}}),
    ),
    Route("GET", "messaging/conversations", signed_in(200), 4, query=just({"limit": 50})),
    Route("GET", CONVERSATION, signed_in(404, **READERS), 3, about="chat"),
    # One more where something was unread, as in read-status.
    Route("GET", CONVERSATION + "/messages", signed_in(404, **READERS), 3, about="chat", query=just({"limit": 50})),
    Route(
        "POST", CONVERSATION + "/messages", signed_in(404, customer=201, support_user=403, lead=403), 4,
        just({"content": "Hello"}), about="chat",
    ),
    Route(
        "PUT", CONVERSATION + "/read-status", signed_in(404, customer=400, support_user=403, lead=403), 3,
        about="chat", query=lambda scene: {"message_id": scene.last_message},
    ),
    Route(
        "PUT", CONVERSATION + "/participants", signed_in(404, customer=403, support_user=403, lead=400), 8, just({}),
        "agent", "chat", sends=lambda scene: {"action": "add", "user_ids": [str(scene.colleague.user_id)]},
        leaks=lambda _own, foreign: [
            {"action": "add", "user_ids": [str(foreign.colleague.user_id)], "role": "member"}
        ],
    ),
    Route("GET", QUEUE, support_users_only(200), 4, caller="agent", query=just({"limit": 50, "search": "is"})),
    Route("POST", QUEUE + "/next", support_users_only(404, support_user=200), 10, caller="lead"),
    Route("GET", QUEUED, support_users_only(200), 3, caller="agent", about="chat"),
    Route("GET", QUEUED + "/notes", support_users_only(200), 4, caller="agent", about="taken"),
    Route("GET", QUEUED + "/events", support_users_only(200), 4, caller="agent", about="taken"),
)  # fmt: skip
_AFTER_ACTIONS = (
    Route("POST", "auth/refresh", everyone(401), 6, just({"refresh_token": "x"}), "anybody",
          sends=lambda scene: scene.tokens),
    Route(
        "POST", "auth/login", everyone(401, **THROTTLED), 11,
        just({"email": "nobody@example.org", "password": "wrong"}), "anybody",
        sends=lambda scene: {"email": scene.customer.user.email, "password": scene.password},
    ),
    Route("POST", "auth/logout", everyone(401), 4, just({"refresh_token": "x"}), "anybody",
          sends=lambda scene: scene.tokens),
    Route(
        "POST", "auth/password", signed_in(400), 8, just({"current_password": "wrong", "new_password": "x"}),
        sends=lambda scene: {"current_password": scene.password, "new_password": "another horse battery"},
    ),
    Route("POST", "auth/password/forgot", everyone(202, **THROTTLED), 2, just({"email": "nobody@example.org"}),
          "anybody"),
    Route(
        "POST", "auth/password/reset", everyone(400), 16, just({"token": "x", "new_password": "x"}), "anybody",
        sends=lambda scene: {"token": scene.reset_token, "new_password": "another horse battery"},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ActionRow:
    """What a row of `support.actions` does not say: what its call costs, on which of the scene's tickets, and who may;
    what its service locks (`tests/support/test_locks.py`), and on which ticket of that test's world.

    `while_open`, `while_closed`: to whom it is offered in these states of a ticket that its holder has (holder,
    colleague, lead: `tests/support/test_actions.py`). `publishes`: whether an event tells of it.
    """

    statements: int
    about: str
    who: Mapping[str, int]
    locks: str = "ticket!"
    on: str = "mine"
    while_open: str = "holder colleague lead"
    while_closed: str = ""
    publishes: bool = True


ACTION_ROWS = {
    "claim": ActionRow(
        10, "free", support_users_only(409, support_user=200), "member! ticket! part!", "free", while_open=""
    ),
    "take_over": ActionRow(
        12, "taken", support_users_only(200), "member! ticket! part", "his", while_open="colleague lead"
    ),
    "release": ActionRow(7, "taken", support_users_only(409), "ticket! part", while_open="holder"),
    "priority": ActionRow(6, "free", support_users_only(200)),
    "tags": ActionRow(10, "free", support_users_only(200), publishes=False),
    "snooze": ActionRow(6, "free", support_users_only(200)),
    "link": ActionRow(4, "free", support_users_only(200)),
    "note": ActionRow(5, "free", support_users_only(201), while_closed="holder colleague lead"),
    "assign": ActionRow(
        12, "free", support_users_only(200), "member! ticket! part!", "free", while_open="holder lead"
    ),
    "close": ActionRow(7, "taken", support_users_only(200), "ticket! thread part"),
    "reopen": ActionRow(
        8, "taken", support_users_only(200), "member! ticket! thread part", "closed",
        while_open="", while_closed="holder colleague lead",
    ),
}  # fmt: skip


def asked_of(action: Action) -> dict[str, Parameter]:
    """The parameters that must be there, or else the first."""
    needed = {name: one for name, one in action.parameters.items() if one.is_required}
    return needed or dict(list(action.parameters.items())[:1])


def _body_of(action: Action) -> Callable[[World | Scene], Any]:
    """A good body, made of the action's own parameters."""
    asked = asked_of(action)

    def body(scene: World | Scene) -> Any:
        values = {
            Kind.TEXT: "x", Kind.PRIORITY: "urgent", Kind.TAGS: ["Late"], Kind.ID: None,
            Kind.PERSON: str(scene.colleague.user_id), Kind.MOMENT: (timezone.now() + timedelta(hours=1)).isoformat(),
        }  # fmt: skip
        return {one.key or name: values[one.kind] for name, one in asked.items()} or None

    return body


_FOR_ADMINS = signed_in(403, admin=200)
FILES = "messaging/attachments"
FILE = FILES + "/<str:attachment_id>"
A_FILE = {"file_name": "parcel.jpg", "content_type": "image/jpeg", "size": 3}
_OF_FILES = (
    Route("POST", FILES, signed_in(201), 4, just(A_FILE)),
    Route("GET", FILE, signed_in(404, customer=200), 2),
    Route("DELETE", FILE, signed_in(404, customer=200), 3),
)
_OF_WEBHOOKS = (
    Route("GET", WEBHOOKS, _FOR_ADMINS, 3, caller="admin", query=just({"limit": 50})),
    Route(
        "POST",
        WEBHOOKS,
        signed_in(403, admin=400),
        4,
        just({"webhook_url": "https://127.0.0.1/", "events": ["*"]}),
        "admin",
        sends=just({"webhook_url": "https://platform.example/hook", "events": ["ticket.opened"]}),
    ),
    Route("GET", WEBHOOK, _FOR_ADMINS, 2, caller="admin"),
    Route("PATCH", WEBHOOK, _FOR_ADMINS, 3, just({}), "admin", sends=just({"description": "The platform"})),
    Route("GET", WEBHOOK + "/deliveries", _FOR_ADMINS, 5, caller="admin", query=just({"limit": 50})),
    Route("POST", WEBHOOK + "/rotate-secret", _FOR_ADMINS, 3, caller="admin"),
    Route("POST", WEBHOOK + "/test", signed_in(403, admin=202), 4, caller="admin"),
    Route("POST", WEBHOOK + "/replay", signed_in(403, admin=202), 3, just({"state": "dead"}), "admin"),
    Route(
        "POST", WEBHOOKS + "/deliveries/<str:webhook_delivery_id>/replay", signed_in(403, admin=202), 6, caller="admin"
    ),
    Route("DELETE", WEBHOOK, _FOR_ADMINS, 8, caller="admin"),
)

ROUTES = (
    *_BEFORE_ACTIONS,
    *_OF_FILES,
    *_OF_WEBHOOKS,
    *(
        Route(
            "POST", f"{QUEUED}/{operation.path}", row.who, row.statements, _body_of(ACTIONS[name]), "agent", row.about
        )
        for name, row in ACTION_ROWS.items()
        if (operation := ACTIONS[name].operation)
    ),
    *_AFTER_ACTIONS,
)


def patterns(resolver: Any = None, prefix: str = "") -> Iterator[URLPattern]:
    """What Django answers as API."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver) and path != "admin/":
            yield from patterns(entry, path)
        elif isinstance(entry, URLPattern) and path not in NO_API:
            yield entry


def routes_there_are() -> Iterator[tuple[str, str]]:
    """Every method and route that Django answers."""
    for entry in patterns():
        for method in set(entry.callback.actions) - {"head"}:
            yield method.upper(), str(entry.pattern)
