"""Requests that no page of the admin makes by itself: every screen, parameter and field, with every hostile value."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse

from support.admin.buttons import BUTTONS
from tests.registry.screens import FIELDS as SCREEN_FIELDS
from tests.registry.screens import OPENED, WITH_FORM

VALUES = (
    "", " ", "\x00", "a\x00b", "\x1b[2J", "\ufffd", "\u202e", "0", "-1", "1" * 11, "9" * 40, "7" * 5000, "1e999", "NaN", "-Infinity",
    "٤٧", "9999-12-31", "0001-01-01", "9999-12-31T23:59:59Z", "2026-13-45", "24:61", "none", "null", "true", "[]", "{}", "x" * 9000,
    "not-an-id", "0197F0A0-0000-7000-8000-000000000012", "0197f0a0-0000-7000-8000-000000000012", "{0197f0a0}", "../../etc", "%", "'", '"',
    "1,2", "-1,\x00", "order:", "delivery:x", "order:0197f0a0-0000-7000-8000-000000000012", "//evil.example", "javascript:1",
)  # fmt: skip
LOOKUPS = (
    "",
    "__exact",
    "__id__exact",
    "__in",
    "__year",
    "__gte",
    "__isnull",
    "__date",
    "__regex",
    "__user__password__startswith",
)
PARAMETERS = (
    "q", "p", "o", "all", "e", "_facets", "_popup", "_to_field", "_changelist_filters", "next", "tab", "tag", "age", "tenant", "days", "due", "unread", "view", "query",
    "customer", "order", "delivery", "after", "before", "version", "done", "term", "app_label", "model_name", "field_name", "s", "language",
    "messages",
)  # fmt: skip
FIELDS = sorted(
    {"close", "version", "shown", "at_0", "at_1", "action", "select_across", "index", "next", "language", "until",
     "versions", "form_id", "from", *SCREEN_FIELDS}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    form: dict[str, Any] | None = field(default=None)


def requests(rows: dict[str, Any], ticket: Any, message_id: Any) -> Iterator[Request]:
    """All of them. `rows`: of some screens a row to open, by `app_model`; a ticket, and a message in it."""
    named = {**dict.fromkeys(("tag", "tenant", "order", "delivery", "agent", "key", "webhook", "sent", "draft", "calendar", "macro", "view", "use"), ticket.id), "action": "priority",
             "ticket": ticket.id, "message": message_id, "customer": ticket.requester_id}  # fmt: skip
    pages = [
        *(screen.path.format_map(named) for screen in OPENED),
        "/admin/search/",
        "/admin/autocomplete/",
        "/admin/jsi18n/",
    ]
    forms = [
        screen.address({**named, "action": action})
        for screen in WITH_FORM
        for action in (BUTTONS if "action" in screen.kinds else ("",))
    ]
    for page in pages:
        for name in PARAMETERS:
            yield from (Request(f"{page}?{urlencode({name: value})}") for value in VALUES)
    for form in forms:
        good = {"content": "x", "last_sequence": "1", "assignee": "", "status": "open", "reason": "x", "when": "at", "item": "none",
                "subject": "x", "message": "x", "priority": "low", "file_name": "x.txt", "content_type": "text/plain", "size": "1", "_selected_action": str(ticket.id), "apply": "1"}  # fmt: skip
        for action in (
            {name: f"{name}_selected" for name in (*BUTTONS, "macro")} if "tab=open" in form else {"": ""}
        ).values():
            for name in FIELDS:
                yield from (Request(form, {**good, "action": action, name: value}) for value in VALUES)
    for model, screen in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        listing, names = reverse(f"admin:{label}_changelist"), [one.name for one in model._meta.get_fields()]
        for name in (*PARAMETERS, *(f"{column}{lookup}" for column in names for lookup in LOOKUPS)):
            yield from (Request(f"{listing}?{urlencode({name: value})}") for value in VALUES)
        for action in screen.actions or ():
            yield from (Request(listing, {"action": action, "_selected_action": value}) for value in VALUES)
        for key in VALUES:
            if "/" not in key:
                yield from (Request(f"{listing}{_quoted(key)}/{view}/") for view in ("change", "history", "delete"))
        opened = [f"{listing}add/", *([f"{listing}{rows[label]}/change/"] if label in rows else [])]
        for path in opened:
            for name in (column for one in names for column in (one, f"{one}_0", f"{one}_1")):
                yield from (Request(path, {name: value}) for value in VALUES)


def some(found: Iterator[Request], number: int, seed: int) -> list[Request]:
    """A sample, the same for the same seed."""
    return Random(seed).sample(list(found), number)


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())
