"""The floor: what the same work costs without a framework. Bare WSGI, psycopg and orjson, the token verified.

Same tables, indexes, roles and row-level security as the product, one transaction a request. Served by the same
Granian. Only the happy path: it answers what the benchmark asks and checks nothing else.
"""

import os
import threading
from typing import Any
from urllib.parse import parse_qs

import jwt
import orjson
import psycopg
from uuid_utils.compat import uuid7

KEY = os.environ["JWT_SIGNING_KEY"]
DATABASE = os.environ["FLOOR_DATABASE"]
here = threading.local()

TICKET = """
t.id, t.number, t.subject, t.status, t.priority, t.source, t.delivery_id, t.order_id, t.waiting_on, t.created_at,
t.updated_at, t.last_activity_at, t.closed_at, a.user_id, a.first_name, a.last_name, c.id, c.title, c.status,
c.message_count, c.last_message_id, c.last_message_sender_role, c.last_message_type, c.last_message_preview,
c.last_message_at, s.user_id, s.first_name, s.last_name, p.last_read_sequence, p.left_at
"""
JOINS = """
FROM support_ticket AS t JOIN conversations_conversation AS c ON c.id = t.conversation_id
LEFT JOIN accounts_membership AS a ON a.id = t.assignee_id
LEFT JOIN accounts_membership AS s ON s.id = c.last_message_sender_id
LEFT JOIN conversations_participant AS p ON p.conversation_id = c.id AND p.tenant_id = %(tenant)s
    AND p.membership_id = %(member)s
"""
LIST = f"""SELECT {TICKET} {JOINS} WHERE t.id IN (SELECT id FROM support_ticket WHERE tenant_id = %(tenant)s
AND requester_id = %(member)s ORDER BY last_activity_at DESC, id DESC LIMIT 20 OFFSET %(offset)s)
ORDER BY t.last_activity_at DESC, t.id DESC"""
COUNT = "SELECT count(*) FROM support_ticket WHERE tenant_id = %(tenant)s AND requester_id = %(member)s"
GET = f"""SELECT {TICKET}, d.delivery_code, d.status, o.number, o.status {JOINS}
LEFT JOIN deliveries_delivery AS d ON d.id = t.delivery_id LEFT JOIN orders_order AS o ON o.id = t.order_id
WHERE t.tenant_id = %(tenant)s AND t.requester_id = %(member)s AND t.id = %(ticket)s"""
QUEUE = f"""SELECT {TICKET}, r.user_id, r.first_name, r.last_name, r.email {JOINS}
JOIN accounts_membership AS r ON r.id = t.requester_id
WHERE t.id = ANY (ARRAY(SELECT id FROM support_ticket WHERE tenant_id = %(tenant)s
ORDER BY status DESC, waiting_on, waiting_since, id LIMIT 20))
ORDER BY t.status DESC, t.waiting_on, t.waiting_since, t.id"""
QUEUE_COUNT = "SELECT count(*) FROM (SELECT FROM support_ticket WHERE tenant_id = %(tenant)s LIMIT 10001) AS x"
OPEN_COUNTS = """SELECT (SELECT count(*) FROM (SELECT FROM support_ticket WHERE tenant_id = %(tenant)s AND status = 'open'
AND assignee_id IS NULL LIMIT 1001) AS x), (SELECT count(*) FROM (SELECT FROM support_ticket WHERE tenant_id = %(tenant)s
AND status = 'open' AND assignee_id = %(member)s LIMIT 1001) AS x), (SELECT count(*) FROM (SELECT FROM support_ticket
WHERE tenant_id = %(tenant)s AND status = 'open' LIMIT 1001) AS x)"""
SEARCH = f"""SELECT {TICKET}, r.user_id, r.first_name, r.last_name, r.email, count(*) OVER () {JOINS}
JOIN accounts_membership AS r ON r.id = t.requester_id
WHERE t.tenant_id = %(tenant)s AND t.conversation_id = ANY ((SELECT ondi_search_conversations(%(term)s))::uuid[])
ORDER BY t.status DESC, t.waiting_on, t.waiting_since, t.id LIMIT 20"""
MESSAGES = """SELECT m.id, m.sequence, m.sender_role, m.message_type, m.content, m.created_at, s.user_id, s.first_name,
s.last_name FROM conversations_message AS m LEFT JOIN accounts_membership AS s ON s.id = m.sender_id
WHERE m.tenant_id = %(tenant)s AND m.conversation_id = %(thread)s ORDER BY m.sequence DESC LIMIT 20"""


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    claims = jwt.decode(
        environ["HTTP_AUTHORIZATION"][7:], KEY, algorithms=["HS256"], audience="ondi-api", issuer="ondi"
    )
    connection = getattr(here, "connection", None)
    if connection is None:
        connection = here.connection = psycopg.connect(DATABASE)
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = orjson.loads(environ["wsgi.input"].read(length)) if length else {}
    parts = environ["PATH_INFO"].strip("/").split("/")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ondi_enter_2(%s, %s, %s)",
                       [claims["user_id"], claims["tenant_id"], claims["session_id"]])  # fmt: skip
        person = cursor.fetchone()
        known = {"tenant": claims["tenant_id"], "member": person[2]}
        status, data = answer(cursor, environ["REQUEST_METHOD"], parts, query, body, known)
    text = orjson.dumps({"success": True, "message": "OK", "data": data})
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


def answer(cursor: Any, method: str, parts: list[str], query: Any, body: Any, known: dict[str, Any]) -> tuple[str, Any]:
    if parts[0] == "customer" and method == "GET" and len(parts) == 3:
        page = int(query.get("page", ["1"])[0])
        rows = cursor.execute(LIST, {**known, "offset": 20 * (page - 1)}).fetchall()
        total = cursor.execute(COUNT, known).fetchone()[0]
        return "200 OK", {"tickets": [ticket(row) for row in rows], "pagination": {"total": total}}
    if parts[0] == "customer" and method == "GET":
        return "200 OK", {"ticket": detail(cursor, {**known, "ticket": parts[3]})}
    if parts[0] == "customer" and parts[-1] == "close":
        return "200 OK", {"ticket": close(cursor, {**known, "ticket": parts[3]})}
    if parts[0] == "customer":
        return "201 Created", {"ticket": create(cursor, body, known)}
    if parts[1] == "support":
        if term := query.get("search"):
            rows = cursor.execute(SEARCH, {**known, "term": term[0]}).fetchall()
            total = rows[0][-1] if rows else 0
        else:
            rows = cursor.execute(QUEUE, known).fetchall()
            total = cursor.execute(QUEUE_COUNT, known).fetchone()[0]
        counts = cursor.execute(OPEN_COUNTS, known).fetchone()
        return "200 OK", {"tickets": [queued(row) for row in rows], "total": total, "counts": counts}
    conversation = {**known, "thread": parts[2]}
    if method == "GET":
        part = cursor.execute("SELECT p.id, p.last_read_sequence, c.message_count FROM conversations_conversation AS c "
                              "JOIN conversations_participant AS p ON p.conversation_id = c.id AND p.membership_id = "
                              "%(member)s WHERE c.tenant_id = %(tenant)s AND c.id = %(thread)s", conversation).fetchone()  # fmt: skip
        if after := query.get("after"):
            known = cursor.execute("SELECT sequence FROM conversations_message WHERE tenant_id = %(tenant)s AND "
                                   "conversation_id = %(thread)s AND id = %(after)s", {**conversation, "after": after[0]}).fetchone()  # fmt: skip
            return "200 OK", {"messages": [], "has_more": known[0] < part[2]}
        rows = cursor.execute(MESSAGES, conversation).fetchall()
        cursor.execute("UPDATE conversations_participant SET last_read_sequence = %s WHERE id = %s "
                       "AND last_read_sequence < %s", [rows[0][1], part[0], rows[0][1]])  # fmt: skip
        return "200 OK", {"messages": [message(row) for row in rows], "total": part[2]}
    return "201 Created", {"message": post(cursor, body["content"], conversation)}


def create(cursor: Any, body: Any, known: dict[str, Any]) -> Any:
    keys = {name: uuid7() for name in ("ticket", "thread", "message", "part", "event")}
    values = {**known, **keys, "subject": body["subject"], "content": body["message"]}
    cursor.execute(
        "INSERT INTO conversations_conversation (id, tenant_id, kind, status, title, message_count, last_message_id, "
        "last_message_sender_id, last_message_sender_role, last_message_type, last_message_preview, last_message_at, "
        "created_at) VALUES (%(thread)s, %(tenant)s, 'support', 'active', %(subject)s, 1, %(message)s, %(member)s, "
        "'customer', 'text', left(%(content)s, 140), now(), now())", values)  # fmt: skip
    cursor.execute(
        "INSERT INTO conversations_message (id, tenant_id, conversation_id, sequence, sender_id, sender_role, message_type, "
        "content, created_at) VALUES (%(message)s, %(tenant)s, %(thread)s, 1, %(member)s, 'customer', 'text', %(content)s, "
        "now())", values)  # fmt: skip
    cursor.execute(
        "INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role, last_read_sequence, "
        "joined_at) VALUES (%(part)s, %(tenant)s, %(thread)s, %(member)s, 'customer', 1, now())", values)  # fmt: skip
    number = cursor.execute(
        "INSERT INTO support_ticketcounter AS k (tenant_id, last_number) VALUES (%(tenant)s, 1) ON CONFLICT (tenant_id) "
        "DO UPDATE SET last_number = k.last_number + 1 RETURNING last_number", values).fetchone()[0]  # fmt: skip
    cursor.execute(
        "INSERT INTO support_ticket (id, tenant_id, number, subject, status, priority, source, requester_id, conversation_id, "
        "waiting_on, waiting_since, last_activity_at, version, created_at, updated_at) VALUES (%(ticket)s, %(tenant)s, "
        "%(number)s, %(subject)s, 'open', 'medium', 'customer_portal', %(member)s, %(thread)s, 'agent', now(), now(), 1, "
        "now(), now())", {**values, "number": number})  # fmt: skip
    cursor.execute(
        "INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at) VALUES "
        "(%(event)s, %(tenant)s, %(ticket)s, 'opened', %(member)s, '{}', '{\"status\": \"open\"}', now())", values)  # fmt: skip
    return detail(cursor, values)


def post(cursor: Any, content: str, conversation: dict[str, Any]) -> Any:
    values = {**conversation, "content": content, "message": uuid7()}
    part = cursor.execute("SELECT id FROM conversations_participant WHERE tenant_id = %(tenant)s AND conversation_id = "
                          "%(thread)s AND membership_id = %(member)s AND left_at IS NULL", conversation).fetchone()  # fmt: skip
    cursor.execute("UPDATE support_ticket SET waiting_on = 'agent', last_activity_at = now(), version = version + 1, "
                   "updated_at = now() WHERE tenant_id = %(tenant)s AND conversation_id = %(thread)s", conversation)  # fmt: skip
    sequence = cursor.execute(
        "UPDATE conversations_conversation SET message_count = message_count + 1, last_message_id = %(message)s, "
        "last_message_sender_id = %(member)s, last_message_preview = left(%(content)s, 140), last_message_at = now() "
        "WHERE tenant_id = %(tenant)s AND id = %(thread)s RETURNING message_count", values).fetchone()[0]  # fmt: skip
    values["sequence"] = sequence
    cursor.execute(
        "INSERT INTO conversations_message (id, tenant_id, conversation_id, sequence, sender_id, sender_role, message_type, "
        "content, created_at) VALUES (%(message)s, %(tenant)s, %(thread)s, %(sequence)s, %(member)s, 'customer', 'text', "
        "%(content)s, now())", values)  # fmt: skip
    cursor.execute("UPDATE conversations_participant SET last_read_sequence = %s WHERE id = %s", [sequence, part[0]])
    return message(cursor.execute(MESSAGES.replace("LIMIT 20", "LIMIT 1"), conversation).fetchone())


def close(cursor: Any, values: dict[str, Any]) -> Any:
    conversation = cursor.execute("SELECT conversation_id FROM support_ticket WHERE tenant_id = %(tenant)s AND id = %(ticket)s "
                          "FOR NO KEY UPDATE", values).fetchone()[0]  # fmt: skip
    values = {**values, "thread": conversation, "message": uuid7(), "event": uuid7()}
    values["sequence"] = cursor.execute(
        "UPDATE conversations_conversation SET message_count = message_count + 1, status = 'closed', last_message_id = "
        "%(message)s, last_message_type = 'system', last_message_sender_id = NULL, last_message_sender_role = 'system', "
        "last_message_event = '{\"code\": \"ticket_closed\", \"params\": {}}', last_message_preview = '', "
        "last_message_at = now() WHERE id = %(thread)s RETURNING message_count",
        values).fetchone()[0]  # fmt: skip
    cursor.execute(
        "INSERT INTO conversations_message (id, tenant_id, conversation_id, sequence, sender_role, message_type, content, event, "
        "created_at) VALUES (%(message)s, %(tenant)s, %(thread)s, %(sequence)s, 'system', 'system', '', "
        "'{\"code\": \"ticket_closed\", \"params\": {}}', now())", values)  # fmt: skip
    cursor.execute("UPDATE support_ticket SET status = 'closed', closed_at = now(), closed_by_id = %(member)s, waiting_on = "
                   "NULL, waiting_since = NULL, version = version + 1, updated_at = now() WHERE id = %(ticket)s", values)  # fmt: skip
    cursor.execute(
        "INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at) VALUES "
        "(%(event)s, %(tenant)s, %(ticket)s, 'closed', %(member)s, '{}', '{\"status\": \"closed\"}', now())", values)  # fmt: skip
    return detail(cursor, values)


def detail(cursor: Any, values: dict[str, Any]) -> Any:
    row = cursor.execute(GET, values).fetchone()
    return {**ticket(row), "delivery": row[30:32], "order": row[32:34]}


def queued(row: Any) -> Any:
    return {**ticket(row), "requester": {"id": row[30], "name": f"{row[31]} {row[32]}", "email": row[33]}}


def ticket(row: Any) -> Any:
    return {
        "id": row[0], "number": row[1], "subject": row[2], "status": row[3], "priority": row[4], "source": row[5],
        "related_delivery_id": row[6], "related_order_id": row[7],
        "conversation": {
            "id": row[16], "title": row[17], "status": row[18], "message_count": row[19],
            "unread_count": row[19] - (row[28] or 0),
            "last_message": {"id": row[20], "sender": {"id": row[25], "name": f"{row[26]} {row[27]}", "role": row[21]},
                             "message_type": row[22], "preview": row[23], "created_at": row[24]},
        },
        "assigned_to_user": row[13] and {"id": row[13], "name": f"{row[14]} {row[15]}"},
        "waiting_on": row[8], "can_close": row[3] == "open", "can_reopen": False,
        "can_reply": row[18] == "active" and row[29] is None,
        "created_at": row[9], "updated_at": row[10], "last_activity_at": row[11], "closed_at": row[12],
    }  # fmt: skip


def message(row: Any) -> Any:
    return {"id": row[0], "sequence": row[1], "sender": {"id": row[6], "name": f"{row[7]} {row[8]}", "role": row[2]},
            "message_type": row[3], "content": row[4], "created_at": row[5]}  # fmt: skip
