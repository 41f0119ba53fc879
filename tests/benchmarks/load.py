"""Many tickets, quickly: rows as the product makes them, made by the database itself.

For the private PostgreSQL only: links are not checked one by one while it fills, which takes a superuser.
"""

from typing import Any

import psycopg
from psycopg import sql

CUSTOMERS_OF_A_TENANT = 1000
TEXT_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE '%USING gin%'"

# Ids in the order of time, as the product's are.
V7 = """
CREATE FUNCTION pg_temp.v7(kind int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(1700000000000 + number), 12, '0') || '7' || lpad(to_hex(kind), 3, '0')
            || '8' || substr(md5(kind || '-' || number), 1, 15))::uuid
$$
"""
WORDS = """
CREATE FUNCTION pg_temp.words(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['Delivery delayed', 'Wrong item received', 'Where is my order', 'Item damaged on arrival',
                  'Refund not received', 'متى يصل الطلب', 'Courier did not call', 'Change of address',
                  'Package lost', 'Invoice needed'])[1 + number % 10]
           || ' ' || substr(md5(number::text), 1, 8)
$$
"""
# Tickets take turns among tenants and their customers; one in ten is open, half of these unassigned.
STEPS = (
    """INSERT INTO tenants_tenant (id, slug, name, status, time_zone, language, currency, created_at)
       SELECT pg_temp.v7(1, n), 'tenant-' || n, 'Tenant ' || n, 'active', 'Asia/Baghdad', 'en', 'IQD', now()
       FROM generate_series(0, {tenants} - 1) AS n""",
    """INSERT INTO tenants_portalsettings (tenant_id, allow_customer_close, support_chat_enabled,
                                          max_customer_priority, acknowledgement_html, updated_at)
       SELECT id, true, true, 'urgent', '{{}}', now() FROM tenants_tenant""",
    """INSERT INTO support_ticketcounter (tenant_id, last_number)
       SELECT pg_temp.v7(1, n), {tickets} / {tenants} FROM generate_series(0, {tenants} - 1) AS n""",
    """INSERT INTO accounts_user (id, email, password, is_active, is_superuser, created_at)
       SELECT pg_temp.v7(2, n), 'person' || n || '@bench.example', '!', true, false, now()
       FROM generate_series(0, {people} - 1) AS n""",
    """INSERT INTO accounts_membership (id, tenant_id, user_id, first_name, last_name, phone, language, role,
                                       is_support_user, is_view_only, created_at)
       SELECT pg_temp.v7(3, n), pg_temp.v7(1, n % {tenants}), pg_temp.v7(2, n), 'First' || n, 'Last' || n, '', '',
              CASE WHEN n < 10 * {tenants} THEN 'agent' ELSE 'customer' END, n < 10 * {tenants}, false, now()
       FROM generate_series(0, {people} - 1) AS n""",
    """INSERT INTO conversations_conversation (id, tenant_id, kind, status, title, message_count, last_message_id,
           last_message_sender_id, last_message_sender_role, last_message_type, last_message_preview,
           last_message_at, created_at)
       SELECT pg_temp.v7(4, n), pg_temp.v7(1, n % {tenants}), 'support',
              CASE WHEN n / {tenants} % 10 = 0 THEN 'active' ELSE 'closed' END,
              pg_temp.words(n / {tenants}), 2, pg_temp.v7(6, n), {customer}, 'customer', 'text', 'Please tell me more',
              {at} + interval '1 minute', {at}
       FROM generate_series(0, {tickets} - 1) AS n""",
    """INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role,
                                             last_read_sequence, joined_at)
       SELECT pg_temp.v7(7, n), pg_temp.v7(1, n % {tenants}), pg_temp.v7(4, n), {customer}, 'customer', 2, {at}
       FROM generate_series(0, {tickets} - 1) AS n""",
    """INSERT INTO conversations_message (id, tenant_id, conversation_id, sequence, sender_id, sender_role,
                                         message_type, content, created_at)
       SELECT pg_temp.v7(5 + second, n), pg_temp.v7(1, n % {tenants}), pg_temp.v7(4, n), 1 + second, {customer},
              'customer', 'text', CASE second WHEN 0 THEN 'Hello, please help: ' || pg_temp.words(n / {tenants})
              ELSE 'Please tell me more' END, {at} + second * interval '1 minute'
       FROM generate_series(0, {tickets} - 1) AS n, generate_series(0, 1) AS second""",
    """INSERT INTO support_ticket (id, tenant_id, number, subject, status, priority, source, requester_id, assignee_id,
           conversation_id, waiting_on, waiting_since, first_response_at, last_activity_at, closed_at, version,
           created_at, updated_at)
       SELECT pg_temp.v7(8, n), pg_temp.v7(1, n % {tenants}), 1 + n / {tenants}, pg_temp.words(n / {tenants}),
              CASE WHEN open THEN 'open' ELSE 'closed' END,
              (ARRAY['low', 'medium', 'high', 'urgent'])[1 + (n / 7) % 4], 'customer_portal', {customer},
              CASE WHEN n / {tenants} % 20 <> 0 THEN pg_temp.v7(3, n % {tenants} + {tenants} * (n % 10)) END,
              pg_temp.v7(4, n), CASE WHEN open THEN 'agent' END, CASE WHEN open THEN {at} END,
              CASE WHEN NOT open THEN {at} + n % 90 * interval '1 minute' END, {at} + interval '1 minute',
              CASE WHEN NOT open THEN {at} + interval '1 day' END, 1, {at},
              {at} + interval '1 day'
       FROM generate_series(0, {tickets} - 1) AS n, LATERAL (SELECT n / {tenants} % 10 = 0 AS open) AS state""",
    """INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at)
       SELECT pg_temp.v7(9, n), pg_temp.v7(1, n % {tenants}), pg_temp.v7(8, n), 'opened', {customer}, '{{}}',
              '{{"status": "open"}}', {at}
       FROM generate_series(0, {tickets} - 1) AS n""",
)
CUSTOMER = "pg_temp.v7(3, {tenants} * (10 + (n / {tenants}) % ({of_a_tenant} - 10)) + n % {tenants})"
# Over the last 347 days, however many they are.
AT = "(now() - ({tickets} - n) * (1000000.0 / {tickets}) * interval '30 seconds')"


def load(superuser: "psycopg.Connection[Any]", *, tickets: int, tenants: int) -> None:
    """Fill an empty, migrated database. Tenants are named tenant-0 and so on and share the tickets evenly."""
    sizes = {"tickets": tickets, "tenants": tenants, "of_a_tenant": CUSTOMERS_OF_A_TENANT}
    fragments = {"customer": CUSTOMER.format(**sizes), "at": AT.format(**sizes)}
    superuser.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
    superuser.execute(V7)
    superuser.execute(WORDS)
    indexes = superuser.execute(TEXT_INDEXES).fetchall()
    for name, _definition in indexes:
        superuser.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    for step in STEPS:
        superuser.execute(step.format(**sizes, **fragments, people=tenants * CUSTOMERS_OF_A_TENANT))
    for _name, definition in indexes:
        superuser.execute(definition)
    superuser.execute("VACUUM ANALYZE")
