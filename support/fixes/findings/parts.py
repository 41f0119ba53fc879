"""What findings are made of: the row of the table, what a repair locks and touches, and SQL they share.

In a `find` the damaged table is `t`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ondi.datafixes.fixes import Footprint
from support.turns import SAID


def rows(table: str, *, key: str = "id") -> tuple[Footprint, ...]:
    """The damaged rows themselves."""
    return (Footprint(table, f"t.{key}", f"t.tenant_id = %(tenant)s AND t.{key} = ANY (%(keys)s)", key),)


def children(table: str, column: str) -> Footprint:
    """Rows that hang on the damaged ones."""
    return Footprint(table, f"t.{column}", f"t.tenant_id = %(tenant)s AND t.{column} = ANY (%(keys)s)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant. With `look_at` it is left to a person, and has no `repair`."""

    name: str
    what: str
    find: str
    repair: Sequence[str] = ()
    footprint: Sequence[Footprint] = ()
    hold: Sequence[str] = ()
    look_at: str = ""

    def __post_init__(self) -> None:
        if bool(self.repair) == bool(self.look_at):
            raise ValueError(f"{self.name} is either repaired or left to a person")


TICKET, CONVERSATION = rows("support_ticket"), rows("conversations_conversation")
PARTICIPANT = rows("conversations_participant")
PARTICIPANTS_OF_TICKET = (
    Footprint(
        "conversations_participant",
        "(SELECT own.id FROM support_ticket AS own WHERE own.tenant_id = t.tenant_id AND own.conversation_id = t.conversation_id)",
        "t.tenant_id = %(tenant)s AND t.conversation_id IN (SELECT conversation_id FROM support_ticket "
        "WHERE tenant_id = %(tenant)s AND id = ANY (%(keys)s))",
    ),
)
MINE = "t.tenant_id = %(tenant)s"
THESE = "t.tenant_id = %(tenant)s AND t.id = ANY (%(keys)s)"


def held(table: str, condition: str) -> str:
    """Lock the rows of this table that fulfil the condition, in the order of their keys."""
    return f"SELECT FROM {table} AS t WHERE {MINE} AND {condition} ORDER BY t.id FOR NO KEY UPDATE"


IDS = "t.id = ANY (%(keys)s)"
OF_PARTS = "IN (SELECT p.conversation_id FROM conversations_participant AS p WHERE p.tenant_id = t.tenant_id AND p.id = ANY (%(keys)s))"
HOLD_TICKET = (held("support_ticket", IDS),)
HOLD_CONVERSATION = (
    held("support_ticket", "t.conversation_id = ANY (%(keys)s)"),
    held("conversations_conversation", IDS),
)
HOLD_PART = (
    held("support_ticket", f"t.conversation_id {OF_PARTS}"),
    held("conversations_conversation", f"t.id {OF_PARTS}"),
    held("conversations_participant", IDS),
)
HOLD_ASSIGNEE = (
    held(
        "accounts_membership",
        "t.id IN (SELECT k.assignee_id FROM support_ticket AS k WHERE k.tenant_id = t.tenant_id AND k.id = ANY (%(keys)s))",
    ),
    *HOLD_TICKET,
)

LAST = (
    "JOIN LATERAL (SELECT m.* FROM conversations_message AS m WHERE m.tenant_id = t.tenant_id "
    "AND m.conversation_id = t.id ORDER BY m.sequence DESC LIMIT 1) AS last ON true"
)
# How many messages there are, and the number of the last.
COUNTED = (
    "JOIN LATERAL (SELECT count(*) AS number, max(m.sequence) AS highest FROM conversations_message AS m "
    "WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.id) AS n ON true"
)
# A conversation that counts more than there are and names none of those as its last may have lost some.
MAYBE_LOST = (
    "CASE WHEN t.message_count > n.number AND NOT EXISTS (SELECT FROM conversations_message AS named "
    "WHERE named.tenant_id = t.tenant_id AND named.conversation_id = t.id AND named.id = t.last_message_id) "
    "THEN 'messages may have been lost: look for the last ones in a backup' END"
)
# What `conversations.services` writes there: of HTML what `ondi.common.text.html_to_text` makes of it.
TEXT_OF_HTML = (
    "btrim(regexp_replace(replace(replace(replace(replace(regexp_replace(regexp_replace(last.content, "
    "'</?(?:p|br|div|li|ul|ol|h[1-4]|tr|td)(?:\\s[^>]*)?/?>', ' ', 'gi'), '<[^>]*>', '', 'g'), "
    "'&nbsp;', ' '), '&lt;', '<'), '&gt;', '>'), '&amp;', '&'), '\\s+', ' ', 'g'))"
)
# A message without words is named by its first file.
FIRST_FILE = (
    "(SELECT f.file_name FROM files_storedfile AS f WHERE f.tenant_id = last.tenant_id AND f.parent_kind = 'message' "
    "AND f.parent_id = last.id AND f.state <> 'removed' ORDER BY f.place LIMIT 1)"
)
PREVIEW = (
    f"CASE last.message_type WHEN 'text' THEN left(COALESCE(NULLIF(last.content, ''), {FIRST_FILE}, ''), 140) WHEN 'html' THEN left({TEXT_OF_HTML}, 140) "
    "ELSE '' END"
)
# Who the customer of a ticket may be, by everything that says so.
CUSTOMERS = (
    "'#' || t.number || ': its customer is ' || t.requester_id || '; takes part as customer: ' || COALESCE((SELECT "
    "string_agg(p.membership_id::text, ' ' ORDER BY p.id) FROM conversations_participant AS p WHERE p.tenant_id = t.tenant_id "
    "AND p.conversation_id = t.conversation_id AND p.role = 'customer'), 'nobody') || '; wrote as customer: ' || COALESCE((SELECT "
    "string_agg(DISTINCT m.sender_id::text, ' ') FROM conversations_message AS m "
    f"WHERE {SAID} = 'customer'), 'nobody') || '; item of: ' || COALESCE(COALESCE((SELECT d.customer_id FROM deliveries_delivery AS d "
    "WHERE d.tenant_id = t.tenant_id AND d.id = t.delivery_id), (SELECT o.customer_id FROM orders_order AS o "
    "WHERE o.tenant_id = t.tenant_id AND o.id = t.order_id))::text, 'no item')"
)
COMPARE_CUSTOMERS = (
    "compare the ticket's customer, who takes part as customer, who wrote the first message and whose the delivery or "
    "order is: a person has to say whose conversation this is before anybody is let into it or taken out of it"
)
LAST_EVENT = (
    "(SELECT e.kind FROM support_ticketevent AS e WHERE e.tenant_id = t.tenant_id AND e.ticket_id = t.id "
    "AND e.kind IN ('closed', 'reopened', 'fix_undone') ORDER BY e.id DESC LIMIT 1)"
)
IS_SUPPORT_USER = "(m.is_support_user AND m.ended_at IS NULL AND u.is_active)"


def dangling(
    name: str, table: str, column: str, target: str, *, hold: Sequence[str], drop: bool = False, doubt: str = ""
) -> Finding:
    """A link whose target is not there, or is another tenant's: it is taken away, or with `drop` its row.

    `doubt` is SQL of why a row is left to a person, null where it is not.
    """
    missing = (
        f"t.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {target} AS there "
        f"WHERE there.tenant_id = t.tenant_id AND there.id = t.{column})"
    )
    repair = (
        f"DELETE FROM {table} AS t WHERE {THESE}" if drop else f"UPDATE {table} AS t SET {column} = NULL WHERE {THESE}"
    )
    why = f", {doubt} AS doubt" if doubt else ""
    return Finding(
        name, f"{table}.{column} leads nowhere in its tenant",
        f"SELECT t.id, t.{column}::text{why} FROM {table} AS t WHERE {MINE} AND {missing}", (repair,), rows(table), hold,
    )  # fmt: skip


def lost(name: str, table: str, column: str, target: str, look_at: str) -> Finding:
    """A link whose target is not there, and nothing can stand in its place."""
    return Finding(
        name, f"{table}.{column} leads nowhere in its tenant",
        f"SELECT t.id, t.{column}::text FROM {table} AS t WHERE {MINE} AND t.{column} IS NOT NULL AND NOT EXISTS "
        f"(SELECT FROM {target} AS there WHERE there.tenant_id = t.tenant_id AND there.id = t.{column})", look_at=look_at,
    )  # fmt: skip
