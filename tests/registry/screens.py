"""Every screen of the admin, one row each. All that is tested of every screen is tested of what stands here.

Who opens it and what it costs (tests/staff), other tenants' rows in each address and form (tests/tenants), hostile
text and values (tests/security). Lists, forms and histories of models come from the admin's own registry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from support.admin.buttons import BUTTONS

PEOPLE = ("support_user", "lead", "viewer", "admin", "operator")
EVERYBODY = frozenset(PEOPLE)
STAFF_ONLY = EVERYBODY - {"admin"}
ADMINS = frozenset({"admin", "operator"})
OPERATORS = frozenset({"operator"})
AT_WORK = frozenset({"support_user", "lead"})

# Who opens the list of a model, by its label in the admin's addresses. A new model's screen is one row here.
MODELS = {
    "accounts_apikey": ADMINS, "accounts_membership": EVERYBODY, "accounts_refreshfamily": ADMINS,
    "accounts_settingschange": ADMINS, "accounts_user": OPERATORS, "conversations_conversation": STAFF_ONLY,
    "conversations_message": STAFF_ONLY, "conversations_participant": STAFF_ONLY, "deliveries_delivery": EVERYBODY,
    "datafixes_fixrun": ADMINS, "notifications_notificationtext": ADMINS, "orders_order": EVERYBODY,
    "support_calendar": ADMINS, "support_cannedreply": STAFF_ONLY, "support_policy": ADMINS, "support_tag": STAFF_ONLY,
    "support_macro": STAFF_ONLY, "support_ticket": STAFF_ONLY,
    "support_ticketevent": STAFF_ONLY, "support_ticketnote": STAFF_ONLY, "tenants_portalsettings": EVERYBODY,
    "tenants_tenant": EVERYBODY, "webhooks_endpoint": ADMINS, "webhooks_webhookdelivery": ADMINS,
}  # fmt: skip
# Statements at the most, entering included: of any list, of any row's page, of any action on one ticket.
LIST_AT_MOST, ROW_AT_MOST, ACTION_AT_MOST = 9, 14, 24


@dataclass(frozen=True)
class Screen:
    """A page that is no model's own. `name`: of its address.

    `path`, `queries` and `form` name rows by their kind, as `{ticket}` or `{customer}`. The first query is the page as
    it is opened; `queries` besides are what else it can be asked. `statements`: at the most; None: it only takes its
    `form`. `closed`: the status for who may not.
    """

    name: str
    path: str
    statements: int | None
    who: frozenset[str]
    closed: int = 302
    queries: tuple[str, ...] = ("",)
    form: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def address(self, ids: Mapping[str, Any], query: str | None = None) -> str:
        return (self.path + (self.queries[0] if query is None else query)).format_map(ids)

    @property
    def kinds(self) -> list[str]:
        """What kinds of rows its address names."""
        return [name for _text, name, _spec, _conversion in Formatter().parse(self.path) if name]

    def form_about(self, ids: Mapping[str, Any]) -> dict[str, str]:
        return {name: value.format_map(ids) for name, value in self.form.items()}


_TICKET = "/admin/support/ticket/{ticket}/"
_SAID = {"content": "x", "last_sequence": "9", "assignee": "", "status": "open"}
_CHOSEN = {
    "reason": "x", "priority": "low", "assignee": "{agent}", "tags": "{tag}", "when": "1h",
    "item": "delivery:{delivery}", "macro": "{macro}",
}  # fmt: skip

SCREENS = (
    Screen("index", "/admin/", 12, EVERYBODY, queries=("", "?days=30&tenant={tenant}")),
    Screen(
        "support_ticket_changelist", "/admin/support/ticket/", 9, STAFF_ONLY, 403,
        (
            "?tab=open", "?tab=closed", "?tab=mine", "?tab=mentioned", "?tab=snoozed", "?tab=open&tag={tag}",
            "?tab=open&tenant={tenant}", "?tab=open&view={view}&assignee={agent}&unread=yes&due=today&sort=priority",
        ),
        {"_selected_action": "{ticket}", "apply": "1", **_CHOSEN},
    ),
    # One of them marks what tells of the ticket as read.
    Screen("support_ticket_change", _TICKET + "change/", 12, STAFF_ONLY, 403),
    Screen("support_ticket_news", _TICKET + "news/", 9, STAFF_ONLY),
    Screen("support_ticket_colleagues", _TICKET + "colleagues/", 6, STAFF_ONLY),
    Screen("support_ticket_told", _TICKET + "told/", 9, STAFF_ONLY),
    Screen("support_ticket_action", _TICKET + "action/{action}/", 6, STAFF_ONLY, form=_CHOSEN),
    Screen("support_ticket_macros", _TICKET + "macros/", 6, STAFF_ONLY, queries=("", "?key=1")),
    Screen("support_ticket_macro", _TICKET + "macros/{macro}/", 12, STAFF_ONLY, form={"version": ""}),
    Screen("support_ticket_redact", _TICKET + "redact/{message}/", 6, STAFF_ONLY, form={"reason": "x"}),
    Screen(
        "support_ticket_phone", "/admin/support/ticket/phone/", 9, AT_WORK,
        queries=(
            "?customer={customer}", "?order={order}", "?delivery={delivery}", "?q=First", "?new=1&q=0790+123+4567",
        ),
        form={
            "subject": "x", "message": "x", "priority": "low", "item": "order:{order}", "known": "{customer}",
            "tenant": "{tenant}", "first_name": "x", "phone": "0790", "language": "en", "email": "caller@example.org",
        },
    ),
    Screen(
        "support_ticket_search", "/admin/support/ticket/search/", 12, EVERYBODY,
        queries=("?q=First", "?q=First+4711", "?q=status:open+tag:x+assignee:First", "?q=nothing:x+%22a+b"),
    ),
    Screen(
        "support_ticket_customer", "/admin/support/ticket/customer/{customer}/", 7, AT_WORK,
        queries=("?ticket={ticket}",),
        form={"first_name": "x", "last_name": "x", "phone": "x", "language": "ar"},
    ),
    Screen("support_ticket_export", "/admin/support/ticket/export/", 12, STAFF_ONLY, 403,
           ("?tab=open", "?tab=open&tenant={tenant}")),
    Screen("support_ticket_notifications", "/admin/support/ticket/notifications/", 6, EVERYBODY, form={"all": ""}),
    Screen("support_ticket_notifications_news", "/admin/support/ticket/notifications/news/", 6, EVERYBODY),
    Screen(
        "notifications_notificationtext_edit", "/admin/notifications/notificationtext/{tenant}/support_reply/email/",
        12, ADMINS, form={"title_en": "x", "message_en": "x", "title_ar": "x", "preview": ""},
    ),
    Screen("support_ticket_reply", _TICKET + "reply/", None, AT_WORK, form={**_SAID, "attachment_ids": "{draft}"}),
    Screen("support_ticket_draft", _TICKET + "draft/", None, AT_WORK,
           form={"kind": "reply", "content": "x", "attachment_ids": "{draft}", "known": ""}),
    Screen("support_ticket_take_back", _TICKET + "take-back/reply/", None, AT_WORK, form={"back": ""}),
    Screen("support_ticket_macro_back", _TICKET + "macros/{macro}/back/", None, AT_WORK, form={"back": ""}),
    Screen("support_ticket_own_settings", "/admin/support/ticket/own-settings/", 4, AT_WORK,
           form={"send_wait": "5", "after_sending": "next"}),
    Screen("support_ticket_first_steps", "/admin/support/ticket/first-steps/", None, EVERYBODY, form={"hide": ""}),
    Screen("support_ticket_files", _TICKET + "files/", None, AT_WORK,
           form={"file_name": "x.txt", "content_type": "text/plain", "size": "1"}),
    Screen("support_ticket_file", _TICKET + "files/{draft}/", None, AT_WORK, form={"remove": ""}),
    Screen("support_ticket_note", _TICKET + "note/", None, AT_WORK, form=_SAID),
    Screen(
        "tenants_portalsettings_sender_address", "/admin/tenants/portalsettings/{tenant}/sender-address/", None,
        ADMINS - OPERATORS, form={"code": "12345678"},
    ),
    Screen(
        "accounts_membership_mail_again", "/admin/accounts/membership/{customer}/mail-again/", None, ADMINS,
        form={"form_id": ""},
    ),
    Screen("accounts_membership_invite", "/admin/accounts/membership/{customer}/invite/", None, ADMINS,
           form={"form_id": ""}),
    Screen(
        "support_calendar_year", "/admin/support/calendar/{calendar}/year/", 9, ADMINS,
        queries=("?year=2026", "?year=2026&country=IQ"), form={"day": "2026-01-01"},
    ),
    Screen("accounts_apikey_rotate", "/admin/accounts/apikey/{key}/rotate/", 7, ADMINS, form={"hours": "24"}),
    Screen("support_ticket_live", "/admin/support/ticket/live/", None, EVERYBODY, form={"ticket": "{ticket}"}),
    Screen("webhooks_endpoint_do", "/admin/webhooks/endpoint/{webhook}/do/", None, ADMINS,
           form={"do": "replay_since", "since": "2026-01-01T00:00"}),
    Screen("webhooks_webhookdelivery_replay", "/admin/webhooks/webhookdelivery/{sent}/replay/", None, ADMINS,
           form={"form_id": ""}),
    Screen("support_ticket_views", "/admin/support/ticket/views/", 6, STAFF_ONLY),
    Screen(
        "support_ticket_view", "/admin/support/ticket/views/edit/", 7, AT_WORK,
        queries=("?query=tab%3Dopen%26priority%3Dhigh", "?view={view}", "?query=tab%3Dopen%26tag%3D{tag}"),
        form={"name": "x", "audience": "own", "query": "tab=open&tag={tag}", "view": "{view}", "tenant": "{tenant}"},
    ),
    Screen("support_ticket_view_do", "/admin/support/ticket/views/{view}/do/", None, STAFF_ONLY, form={"do": "delete"}),
    Screen("support_ticket_next", "/admin/support/ticket/next/", None, AT_WORK, form={"next": ""}),
)  # fmt: skip
OPENED = [screen for screen in SCREENS if screen.statements is not None]
WITH_FORM = [screen for screen in SCREENS if screen.form]
# Every field that a form of the workbench has.
FIELDS = sorted(
    {name for screen in WITH_FORM for name in screen.form}
    | {name for action in BUTTONS.values() if action.form for name in action.form.base_fields}
)
# Pages that are Django's own, or lead in, and hold no tenant's data.
DJANGOS = {
    "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site", "app_list",
    "second_factor", "invitation", "search", "toggle_sidebar", None,
}  # fmt: skip


def label_of(model: Any) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


def models_with_screens() -> dict[str, Any]:
    return {label_of(model): model for model in admin.site._registry}


def pages_there_are() -> set[str | None]:
    """The names of every address of the admin."""
    resolver = next(found for found in get_resolver().url_patterns if getattr(found, "namespace", "") == "admin")
    found, left = set(), list(resolver.url_patterns)
    while left:
        pattern = left.pop()
        if isinstance(pattern, URLResolver):
            left += pattern.url_patterns
        elif isinstance(pattern, URLPattern):
            found.add(pattern.name)
    return found
