"""What is looked for in every table alike, as the models say it: links, choices, times. All of it is left to a person."""

import zoneinfo
from collections.abc import Iterator, Sequence

from django.apps import apps
from django.db import models

from conversations.events import TEXTS
from ondi.accounts.models import User
from ondi.tenants.models import Tenant
from support.fixes.findings.parts import Finding

# Links whose own findings say more of them.
ELSEWHERE = {
    "support_ticket.delivery_id", "support_ticket.assignee_id", "support_ticket.closed_by_id",
    "deliveries_delivery.order_id", "conversations_participant.conversation_id", "support_tickettag.tag_id",
    "conversations_message.sender_id", "support_ticketnote.ticket_id",
}  # fmt: skip
# Times that the product itself sets, so that none lies ahead, and what each cannot be earlier than.
TIMES: dict[str, dict[str, str | None]] = {
    "accounts_apikey": {"created_at": None, "revoked_at": "created_at"},
    "accounts_membership": {"created_at": None, "ended_at": "created_at", "erased_at": "created_at"},
    "accounts_refreshfamily": {"created_at": None, "issued_at": "created_at", "revoked_at": "created_at"},
    "accounts_settingschange": {"created_at": None},
    "api_idempotencyrecord": {"created_at": None},
    "conversations_conversation": {"created_at": None},
    "conversations_message": {"created_at": None},
    "conversations_participant": {"joined_at": None, "left_at": "joined_at"},
    "datafixes_fixrun": {"started_at": None, "finished_at": "started_at"},
    "deliveries_delivery": {"created_at": None, "updated_at": "created_at"},
    "files_storedfile": {"created_at": None},
    "notifications_sendercode": {"asked_at": None, "proved_at": "asked_at"},
    "notifications_senderdomain": {"created_at": None},
    "notifications_suppression": {"created_at": None},
    "orders_order": {"created_at": None, "updated_at": "created_at"},
    "support_calendarversion": {"created_at": None},
    "support_policyversion": {"created_at": None},
    "support_ticket": {"created_at": None, "updated_at": "created_at", "closed_at": "created_at",
                       "first_response_at": "created_at", "last_activity_at": "created_at", "waiting_since": "created_at"},
    "support_ticketevent": {"created_at": None},
    "support_ticketnote": {"created_at": None},
    "support_ticketviewer": {"seen_at": None},
    "tenants_portalsettings": {"updated_at": None},
    "tenants_tenant": {"created_at": None},
    "webhooks_endpoint": {"created_at": None},
}  # fmt: skip
# Ends of what ends by itself: they lie ahead, but not before the beginning.
ENDS = {"accounts_apikey": ("expires_at", "created_at"), "accounts_refreshfamily": ("expires_at", "issued_at")}
# The time of a row that hangs on another: no earlier than that began.
WITHIN = {
    "conversations_message": ("created_at", "conversation_id", "conversations_conversation"),
    "conversations_participant": ("joined_at", "conversation_id", "conversations_conversation"),
    "support_ticketevent": ("created_at", "ticket_id", "support_ticket"),
    "support_ticketnote": ("created_at", "ticket_id", "support_ticket"),
}
AHEAD, SLACK = "interval '1 hour'", "interval '1 minute'"  # clocks of several servers


def tenant_models() -> list[type[models.Model]]:
    """Every model whose rows are a tenant's, and the tenant itself."""
    owned = [model for model in apps.get_models() if any(field.column == "tenant_id" for field in model._meta.fields)]
    return [Tenant, *owned]


def _key(table: str) -> str:
    return "tenant_id" if table in ("support_ticketcounter", "tenants_portalsettings") else "id"


def _rows(table: str, detail: str, condition: str, join: str = "") -> str:
    mine = "t.id" if table == "tenants_tenant" else "t.tenant_id"
    return f"SELECT t.{_key(table)}, {detail} FROM {table} AS t {join} WHERE {mine} = %(tenant)s AND {condition}"


def _links() -> Iterator[str]:
    for model in tenant_models():
        table = model._meta.db_table
        for field in model._meta.local_fields:
            target = field.related_model
            if not isinstance(target, type) or target is Tenant or f"{table}.{field.column}" in ELSEWHERE:
                continue
            tenant = "" if target is User else "there.tenant_id = t.tenant_id AND "
            missing = (
                f"NOT EXISTS (SELECT FROM {target._meta.db_table} AS there WHERE {tenant}there.id = t.{field.column})"
            )
            detail = f"'{table}.{field.column} ' || t.{field.column}"
            yield _rows(table, detail, f"t.{field.column} IS NOT NULL AND {missing}")


def _choices() -> Iterator[str]:
    for model in tenant_models():
        table = model._meta.db_table
        faults = []
        for field in model._meta.local_fields:
            known = [str(value) for value, _label in field.flatchoices or ()]
            if field.name == "time_zone":
                known = sorted(zoneinfo.available_timezones())
            if known:
                values = ", ".join(f"'{value}'" for value in ([*known, ""] if field.blank else known))
                detail = f"'{table}.{field.column} is ' || quote_literal(t.{field.column})"
                faults.append((f"t.{field.column} NOT IN ({values})", detail))
        if faults:
            yield _faulty(table, faults)


def _times() -> Iterator[str]:
    for table, columns in TIMES.items():
        faults = []
        for column, earlier in columns.items():
            detail = f"'{table}.{column} ' || t.{column} || ' lies ahead'"
            faults.append((f"t.{column} > now() + {AHEAD}", detail))
            if earlier:
                faults.append(_before(table, column, f"t.{earlier}"))
        if table in ENDS:
            column, earlier = ENDS[table]
            faults.append(_before(table, column, f"t.{earlier}"))
        join = ""
        if table in WITHIN:
            column, link, target = WITHIN[table]
            join = f"LEFT JOIN {target} AS whole ON whole.tenant_id = t.tenant_id AND whole.id = t.{link}"
            faults.append(_before(table, column, "whole.created_at"))
        yield _faulty(table, faults, join)


def _before(table: str, column: str, earlier: str) -> tuple[str, str]:
    """Condition and detail of a time that is before one it cannot be before."""
    detail = f"'{table}.{column} ' || t.{column} || ' is before {earlier.removeprefix('t.')} ' || {earlier}"
    return f"t.{column} < {earlier} - {SLACK}", detail


def _faulty(table: str, faults: Sequence[tuple[str, str]], join: str = "") -> str:
    """Rows with any of these faults (condition, detail), each looked at once."""
    details = ", ".join(f"CASE WHEN {condition} THEN {detail} END" for condition, detail in faults)
    anyone = " OR ".join(condition for condition, _detail in faults)
    return _rows(table, f"concat_ws('; ', {details})", f"({anyone})", join)


_CODES = ", ".join(f"'{code}'" for code in TEXTS)

FINDINGS = [
    Finding(
        "broken_link", "a link leads nowhere in its tenant", " UNION ALL ".join(_links()),
        look_at="look for what it led to in a backup: nothing can stand in its place",
    ),
    Finding(
        "unknown_choice", "a column holds a word that this version does not know", " UNION ALL ".join(_choices()),
        look_at="compare with the version that wrote it: it may be newer than this one",
    ),
    Finding(
        "unknown_event", "a system message says something that this version has no words for",
        _rows("conversations_message", "left(t.event::text, 100)",
              "t.event IS NOT NULL AND (jsonb_typeof(t.event) <> 'object' OR jsonb_typeof(t.event->'params') IS DISTINCT "
              f"FROM 'object' OR COALESCE(t.event->>'code', '') NOT IN ({_CODES}))"),
        look_at="compare with the version that wrote it: it may be newer than this one",
    ),
    Finding(
        "times", "times are out of order, or lie ahead", " UNION ALL ".join(_times()),
        look_at="compare them with the history and with the clocks of the servers: either of the two may be wrong",
    ),
]  # fmt: skip
