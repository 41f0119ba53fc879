"""What a conversation says of its messages and its ticket."""

from support.fixes.findings.parts import (
    CONVERSATION,
    COUNTED,
    HOLD_CONVERSATION,
    HOLD_PART,
    LAST,
    LAST_EVENT,
    MAYBE_LOST,
    MINE,
    PARTICIPANT,
    PREVIEW,
    THESE,
    Finding,
    children,
)

FINDINGS = [
    Finding(
        "message_sequence",
        "messages of a conversation are not numbered from 1 without gaps",
        "SELECT t.conversation_id, min(t.sequence) || ' to ' || max(t.sequence) || ', ' || count(*) || ' messages', "
        # Numbers alone are wrong only where the conversation counts as many as there are.
        "CASE WHEN max(c.message_count) IS DISTINCT FROM count(*) THEN 'its conversation counts ' || "
        "COALESCE(max(c.message_count)::text, 'none') || ': messages may have been lost, look for them in a backup' END AS doubt "
        "FROM conversations_message AS t LEFT JOIN conversations_conversation AS c ON c.tenant_id = t.tenant_id "
        f"AND c.id = t.conversation_id WHERE {MINE} GROUP BY t.conversation_id "
        "HAVING min(t.sequence) <> 1 OR max(t.sequence) <> count(*) OR count(DISTINCT t.sequence) <> count(*)",
        (
            # Read markers move along, so that what was read and what was not stay so.
            "UPDATE conversations_participant AS t SET last_read_sequence = (SELECT count(*) FROM conversations_message "
            "AS m WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.conversation_id "
            "AND m.sequence <= t.last_read_sequence) "
            "WHERE t.tenant_id = %(tenant)s AND t.conversation_id = ANY (%(keys)s)",
            # Twice, for the unique index looks at every row by itself.
            "UPDATE conversations_message AS t SET sequence = right_one.place + 1000000 FROM (SELECT id, row_number() OVER "
            "(PARTITION BY conversation_id ORDER BY sequence, created_at, id) AS place FROM conversations_message "
            "WHERE tenant_id = %(tenant)s AND conversation_id = ANY (%(keys)s)) AS right_one "
            "WHERE t.tenant_id = %(tenant)s AND t.id = right_one.id",
            "UPDATE conversations_message AS t SET sequence = sequence - 1000000 "
            "WHERE t.tenant_id = %(tenant)s AND conversation_id = ANY (%(keys)s)",
        ),
        (
            children("conversations_message", "conversation_id"),
            children("conversations_participant", "conversation_id"),
        ),
        HOLD_CONVERSATION,
    ),
    Finding(
        "summary_count",
        "a conversation's message_count is not the number of its messages",
        "SELECT t.id, t.message_count || ', counted ' || n.number, CASE WHEN n.highest <> n.number "
        f"THEN 'its messages are not numbered without gaps: see message_sequence' ELSE {MAYBE_LOST} END AS doubt "
        f"FROM conversations_conversation AS t {COUNTED} WHERE {MINE} AND t.message_count <> n.number",
        (
            "UPDATE conversations_conversation AS t SET message_count = (SELECT count(*) FROM conversations_message AS m "
            f"WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.id) WHERE {THESE}",
        ),
        CONVERSATION,
        HOLD_CONVERSATION,
    ),
    Finding(
        "summary_last_message",
        "a conversation's last message is not its last message",
        f"SELECT t.id, 'last is ' || last.id, COALESCE({MAYBE_LOST}, CASE WHEN t.last_message_at <> last.created_at "
        "AND EXISTS (SELECT FROM support_ticket AS k WHERE k.tenant_id = t.tenant_id AND k.conversation_id = t.id "
        "AND k.last_activity_at = t.last_message_at) THEN 'its ticket says the same time: the message''s may be wrong' END) AS doubt "
        f"FROM conversations_conversation AS t {LAST} {COUNTED} "
        f"WHERE {MINE} AND ((t.last_message_id, t.last_message_sender_id, t.last_message_sender_role, "
        "t.last_message_type, t.last_message_at, t.last_message_event) IS DISTINCT FROM (last.id, last.sender_id, "
        "last.sender_role, last.message_type, last.created_at, last.event) "
        f"OR t.last_message_preview <> {PREVIEW})",
        (
            "UPDATE conversations_conversation AS t SET last_message_id = last.id, last_message_sender_id = last.sender_id, "
            "last_message_sender_role = last.sender_role, last_message_type = last.message_type, last_message_at = "
            f"last.created_at, last_message_event = last.event, last_message_preview = {PREVIEW} "
            "FROM (SELECT DISTINCT ON (m.conversation_id) m.* "
            "FROM conversations_message AS m WHERE m.tenant_id = %(tenant)s AND m.conversation_id = ANY (%(keys)s) "
            f"ORDER BY m.conversation_id, m.sequence DESC) AS last WHERE {THESE} AND last.conversation_id = t.id",
        ),
        CONVERSATION,
        HOLD_CONVERSATION,
    ),
    Finding(
        "read_marker",
        "somebody has read further than the conversation goes",
        "SELECT t.id, t.last_read_sequence || ' of ' || n.highest FROM conversations_participant AS t "
        "JOIN LATERAL (SELECT COALESCE(max(m.sequence), 0) AS highest FROM conversations_message AS m "
        "WHERE m.tenant_id = t.tenant_id AND m.conversation_id = t.conversation_id) AS n ON true "
        f"WHERE {MINE} AND t.last_read_sequence > n.highest",
        # Everything there is counts as read already; what comes will not.
        (
            "UPDATE conversations_participant AS t SET last_read_sequence = (SELECT COALESCE(max(m.sequence), 0) "
            "FROM conversations_message AS m WHERE m.tenant_id = t.tenant_id "
            f"AND m.conversation_id = t.conversation_id) WHERE {THESE}",
        ),
        PARTICIPANT,
        HOLD_PART,
    ),
    Finding(
        "conversation_open_of_closed_ticket",
        "a closed ticket has an active conversation",
        "SELECT t.id, '#' || k.number FROM conversations_conversation AS t JOIN support_ticket AS k "
        f"ON k.tenant_id = t.tenant_id AND k.conversation_id = t.id WHERE {MINE} AND k.status = 'closed' "
        "AND t.status = 'active'",
        (f"UPDATE conversations_conversation AS t SET status = 'closed' WHERE {THESE}",),
        CONVERSATION,
        HOLD_CONVERSATION,
    ),
    Finding(
        "conversation_closed_of_open_ticket",
        "an open ticket has a closed conversation",
        "SELECT t.conversation_id, '#' || t.number, CASE WHEN "
        f"{LAST_EVENT} = 'closed' THEN 'its history says that it was closed: see status_against_history' END AS doubt "
        "FROM support_ticket AS t JOIN conversations_conversation AS k "
        f"ON k.tenant_id = t.tenant_id AND k.id = t.conversation_id WHERE {MINE} AND t.status = 'open' "
        "AND k.status = 'closed'",
        (f"UPDATE conversations_conversation AS t SET status = 'active' WHERE {THESE}",),
        CONVERSATION,
        HOLD_CONVERSATION,
    ),
    Finding(
        "conversation_without_ticket",
        "a support conversation belongs to no ticket",
        "SELECT t.id, n.number || ' messages' FROM conversations_conversation AS t "
        f"{COUNTED} WHERE {MINE} AND t.kind = 'support' AND NOT EXISTS "
        "(SELECT FROM support_ticket AS k WHERE k.tenant_id = t.tenant_id AND k.conversation_id = t.id)",
        look_at="read what was said in it and look for its ticket in a backup: it holds a customer's words",
    ),
]
