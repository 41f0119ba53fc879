"""Who takes part, who is the customer, who the agent."""

from support.fixes.findings.parts import (
    COMPARE_CUSTOMERS,
    CUSTOMERS,
    HOLD_ASSIGNEE,
    HOLD_PART,
    HOLD_TICKET,
    IDS,
    IS_SUPPORT_USER,
    MINE,
    PARTICIPANT,
    PARTICIPANTS_OF_TICKET,
    THESE,
    TICKET,
    Finding,
    dangling,
    held,
    lost,
    rows,
)
from support.turns import SAID

FINDINGS = [
    Finding(
        "requester_takes_no_part",
        "a ticket's customer does not take part in its conversation",
        f"SELECT t.id, {CUSTOMERS} FROM support_ticket AS t WHERE {MINE} AND NOT EXISTS (SELECT FROM "
        "conversations_participant AS p WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id "
        "AND p.membership_id = t.requester_id AND p.role = 'customer' AND p.left_at IS NULL)",
        look_at=COMPARE_CUSTOMERS,
    ),
    Finding(
        "customer_is_not_the_requester",
        "somebody takes part as customer, or wrote as customer, in a ticket that is another's",
        f"SELECT t.id, {CUSTOMERS} FROM support_ticket AS t WHERE {MINE} AND (EXISTS (SELECT FROM "
        "conversations_participant AS p WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id "
        "AND p.role = 'customer' AND p.membership_id <> t.requester_id) OR EXISTS (SELECT FROM conversations_message AS m "
        f"WHERE {SAID} = 'customer' AND m.sender_id IS DISTINCT FROM t.requester_id))",
        look_at=COMPARE_CUSTOMERS,
    ),
    Finding(
        "sender_and_role",
        "a message's sender, part and type do not go together",
        "SELECT t.id, 'message ' || t.sequence || ' as ' || t.sender_role || ' by ' || COALESCE(t.sender_id::text, 'nobody') "
        "FROM conversations_message AS t LEFT JOIN support_ticket AS k ON k.tenant_id = t.tenant_id "
        f"AND k.conversation_id = t.conversation_id WHERE {MINE} AND ((t.sender_id IS NULL) <> (t.sender_role = 'system') "
        "OR t.sender_role = 'agent' AND (t.sender_id = k.requester_id OR NOT EXISTS (SELECT FROM conversations_participant AS p "
        "WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id AND p.membership_id = t.sender_id) "
        "AND EXISTS (SELECT FROM accounts_membership AS m WHERE m.tenant_id = t.tenant_id AND m.id = t.sender_id)) "
        # People write text, the house HTML; what was taken back keeps whose it was.
        "OR (t.message_type = 'text') <> (t.sender_role <> 'system') AND t.event->>'code' IS DISTINCT FROM 'message_redacted')",
        look_at="compare the message with who takes part and with the ticket's customer: who wrote it is not to be guessed",
    ),
    Finding(
        "erased_person",
        "somebody who was erased has not left, or is still named",
        f"SELECT t.id, '' FROM accounts_membership AS t WHERE {MINE} AND t.erased_at IS NOT NULL "
        "AND (t.ended_at IS NULL OR t.first_name <> '' OR t.last_name <> '' OR t.phone <> '')",
        look_at="ask whether this person was to be erased; erase_customer takes them once `erased_at` is empty",
    ),
    Finding(
        "assignee_takes_no_part",
        "the agent of an open ticket does not take part in its conversation",
        "SELECT t.id, '#' || t.number, CASE WHEN t.assignee_id = t.requester_id OR EXISTS (SELECT FROM "
        "conversations_participant AS p WHERE p.tenant_id = t.tenant_id AND p.conversation_id = t.conversation_id "
        "AND p.membership_id = t.assignee_id AND p.role = 'customer') THEN 'its agent is its customer' END AS doubt "
        "FROM support_ticket AS t JOIN accounts_membership AS m ON m.tenant_id = t.tenant_id AND m.id = t.assignee_id "
        f"JOIN accounts_user AS u ON u.id = m.user_id WHERE {MINE} AND t.status = 'open' AND {IS_SUPPORT_USER} "
        "AND NOT EXISTS (SELECT FROM conversations_participant AS p WHERE p.tenant_id = t.tenant_id "
        "AND p.conversation_id = t.conversation_id AND p.membership_id = t.assignee_id AND p.left_at IS NULL)",
        # Only who is a support user now, and so reads this conversation as any other of the tenant.
        (
            "INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, "
            "last_read_sequence, joined_at) SELECT %(new)s, t.tenant_id, t.conversation_id, t.assignee_id, "
            f"'member', 0, t.updated_at FROM support_ticket AS t WHERE {THESE} ON CONFLICT "
            "(tenant_id, conversation_id, membership_id) DO UPDATE SET left_at = NULL",
        ),
        PARTICIPANTS_OF_TICKET,
        HOLD_ASSIGNEE,
    ),
    Finding(
        "part_without_role",
        "somebody who is no support user takes part as staff",
        "SELECT t.id, t.membership_id::text FROM conversations_participant AS t JOIN accounts_membership AS m "
        "ON m.tenant_id = t.tenant_id AND m.id = t.membership_id JOIN accounts_user AS u ON u.id = m.user_id "
        f"WHERE {MINE} AND t.left_at IS NULL AND t.role <> 'customer' AND NOT {IS_SUPPORT_USER}",
        (
            "UPDATE conversations_participant AS t SET left_at = GREATEST(COALESCE(m.ended_at, now()), t.joined_at) "
            f"FROM accounts_membership AS m WHERE {THESE} AND m.tenant_id = t.tenant_id AND m.id = t.membership_id",
        ),
        PARTICIPANT,
        HOLD_PART,
    ),
    Finding(
        "support_role_of_who_left",
        "somebody who left the tenant is still marked as a support user",
        f"SELECT t.id, '' FROM accounts_membership AS t WHERE {MINE} AND t.ended_at IS NOT NULL AND t.is_support_user",
        (f"UPDATE accounts_membership AS t SET is_support_user = false WHERE {THESE}",),
        rows("accounts_membership"),
        (held("accounts_membership", IDS),),
    ),
    Finding(
        "assignee_is_no_support_user",
        "an open ticket is with somebody who is no support user",
        "SELECT t.id, '#' || t.number FROM support_ticket AS t JOIN accounts_membership AS m ON m.tenant_id = t.tenant_id "
        "AND m.id = t.assignee_id JOIN accounts_user AS u ON u.id = m.user_id "
        f"WHERE {MINE} AND t.status = 'open' AND NOT {IS_SUPPORT_USER}",
        # Back to the queue, as when the role ends: they take part no longer.
        (
            "UPDATE conversations_participant AS t SET left_at = GREATEST(now(), t.joined_at) FROM support_ticket AS k "
            "WHERE k.tenant_id = %(tenant)s AND k.id = ANY (%(keys)s) AND t.tenant_id = k.tenant_id AND t.conversation_id = "
            "k.conversation_id AND t.membership_id = k.assignee_id AND t.role <> 'customer' AND t.left_at IS NULL",
            f"UPDATE support_ticket AS t SET assignee_id = NULL WHERE {THESE}",
        ),
        (*TICKET, *PARTICIPANTS_OF_TICKET),
        HOLD_ASSIGNEE,
    ),
    dangling("ticket_assignee", "support_ticket", "assignee_id", "accounts_membership", hold=HOLD_TICKET),
    dangling("ticket_closed_by", "support_ticket", "closed_by_id", "accounts_membership", hold=HOLD_TICKET),
    dangling(
        "participant_orphan",
        "conversations_participant",
        "conversation_id",
        "conversations_conversation",
        drop=True,
        hold=HOLD_PART,
        doubt="CASE t.role WHEN 'customer' THEN 'it may be all that says whose conversation that was' END",
    ),
    lost(
        "message_sender",
        "conversations_message",
        "sender_id",
        "accounts_membership",
        "look for the person in a backup: who wrote a message is not to be guessed",
    ),
]
