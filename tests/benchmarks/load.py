"""Many tickets, quickly: rows as the product makes them, made by the database itself.

For the private PostgreSQL only: links are not checked one by one while it fills, which takes a superuser.
"""

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from ondi import embedded_postgres

CUSTOMERS_OF_A_TENANT = 1000
WORKERS = 2
TABLES = (
    "conversations_message", "support_ticket", "conversations_conversation", "conversations_participant",
    "support_ticketevent", "support_tickettag", "bench_key",
)  # fmt: skip
# Quick for a database nobody would miss: nothing waits for the disk, and no page is written twice.
HASTE = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "'4GB'",
    "checkpoint_timeout": "'1h'", "autovacuum": "off",
}  # fmt: skip

# Ids in the order of time, as the product's are.
V7 = """
CREATE FUNCTION pg_temp.v7(kind int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT ('0' || to_hex(1700000000000 + number) || '700' || kind || '8' || to_hex((1::bigint << 58) + number * 7919))::uuid
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
# Tickets take turns among tenants and their customers.
PEOPLE = (
    """INSERT INTO tenants_tenant (id, slug, name, status, time_zone, language, currency, created_at, vouches_for_emails)
       SELECT pg_temp.v7(1, n), 'tenant-' || n, 'Tenant ' || n, 'active', 'Asia/Baghdad', 'en', 'IQD', now(), false
       FROM generate_series(0, {tenants} - 1) AS n""",
    """INSERT INTO tenants_portalsettings (tenant_id, values, updated_at)
       SELECT id, '{{"allow_customer_close": true}}', now() FROM tenants_tenant""",
    """INSERT INTO support_ticketcounter (tenant_id, last_number)
       SELECT pg_temp.v7(1, n), ({tickets} + {tenants} - 1) / {tenants} FROM generate_series(0, {tenants} - 1) AS n""",
    """INSERT INTO accounts_user (id, email, password, is_active, is_superuser, created_at)
       SELECT pg_temp.v7(2, n), NULL, '!', true, false, now()
       FROM generate_series(0, {people} - 1) AS n""",
    """INSERT INTO accounts_membership (id, tenant_id, user_id, first_name, last_name, email, phone, language, role,
                                       is_support_user, is_view_only, created_at)
       SELECT pg_temp.v7(3, n), pg_temp.v7(1, n % {tenants}), pg_temp.v7(2, n), 'First' || n, 'Last' || n,
              'person' || n || '@bench.example', '', '',
              CASE WHEN n < 10 * {tenants} THEN 'agent' ELSE 'customer' END, n < 10 * {tenants}, false, now()
       FROM generate_series(0, {people} - 1) AS n""",
)
# Each id is made once and then copied.
KEYS = """
CREATE UNLOGGED TABLE bench_key (n bigint, at timestamptz, tenant uuid, customer uuid, agent uuid, thread uuid, first uuid,
                                 second uuid, part uuid, ticket uuid, event uuid, open boolean, subject text,
                                 answered interval)
"""
FILL_KEYS = """
INSERT INTO bench_key
SELECT n, now() - interval '25 hours' - ({tickets} - n) * (1000000.0 / {tickets}) * interval '30 seconds',
       pg_temp.v7(1, n % {tenants}),
       pg_temp.v7(3, {tenants} * (10 + (n / {tenants}) % ({of_a_tenant} - 10)) + n % {tenants}),
       CASE WHEN n / {tenants} % 20 <> 0 THEN pg_temp.v7(3, n % {tenants} + {tenants} * (n % 10)) END,
       pg_temp.v7(4, n), pg_temp.v7(5, n), pg_temp.v7(6, n), pg_temp.v7(7, n), pg_temp.v7(8, n), pg_temp.v7(9, n),
       n / {tenants} % {open_one_in} = 0, pg_temp.words(n / {tenants}),
       CASE WHEN n / {tenants} % {open_one_in} = 0 THEN interval '1 minute' ELSE (1 + n % 90) * interval '1 minute' END
FROM generate_series({low}::bigint, {high} - 1) AS n"""
# Over the last 347 days, however many they are; half of what is open is unassigned. What is closed was answered.
FILL = (
    """INSERT INTO conversations_message (id, tenant_id, conversation_id, sequence, sender_id, sender_role,
                                         message_type, content, created_at)
       SELECT CASE turn WHEN 0 THEN first ELSE second END, tenant, thread, 1 + turn,
              CASE WHEN turn = 0 OR open THEN customer ELSE agent END,
              CASE WHEN turn = 0 OR open THEN 'customer' ELSE 'agent' END, 'text',
              CASE turn WHEN 0 THEN 'Hello, please help: ' || subject ELSE 'Please tell me more' END, at + turn * answered
       FROM bench_key, generate_series(0, 1) AS turn WHERE n >= {low} AND n < {high}""",
    """INSERT INTO support_ticket (id, tenant_id, number, subject, status, priority, source, requester_id, assignee_id,
           conversation_id, waiting_on, waiting_since, first_response_at, last_activity_at, closed_at, version,
           created_at, updated_at)
       SELECT ticket, tenant, 1 + n / {tenants}, subject, CASE WHEN open THEN 'open' ELSE 'closed' END,
              (ARRAY['low', 'medium', 'high', 'urgent'])[1 + (n / 7) % 4], 'customer_portal', customer, agent,
              thread, CASE WHEN open THEN 'agent' END, CASE WHEN open THEN at END,
              CASE WHEN NOT open THEN at + answered END, at + answered,
              CASE WHEN NOT open THEN at + interval '1 day' END, 1, at, at + interval '1 day'
       FROM bench_key WHERE n >= {low} AND n < {high}""",
    """INSERT INTO conversations_conversation (id, tenant_id, kind, status, title, message_count, last_message_id,
           last_message_sender_id, last_message_sender_role, last_message_type, last_message_preview,
           last_message_at, created_at)
       SELECT thread, tenant, 'support', CASE WHEN open THEN 'active' ELSE 'closed' END, subject, 2, second,
              CASE WHEN open THEN customer ELSE agent END, CASE WHEN open THEN 'customer' ELSE 'agent' END, 'text',
              'Please tell me more', at + answered, at
       FROM bench_key WHERE n >= {low} AND n < {high}""",
    """INSERT INTO conversations_participant (id, tenant_id, conversation_id, membership_id, role,
                                             last_read_sequence, joined_at)
       SELECT part, tenant, thread, customer, 'customer', 2, at FROM bench_key WHERE n >= {low} AND n < {high}
       UNION ALL SELECT pg_temp.v7(7, {tickets} + n), tenant, thread, agent, 'member', 2, at
       FROM bench_key WHERE n >= {low} AND n < {high} AND agent IS NOT NULL""",
    """INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at)
       SELECT event, tenant, ticket, 'opened', customer, '{{}}'::jsonb, '{{"status": "open"}}'::jsonb, at
       FROM bench_key WHERE n >= {low} AND n < {high}
       UNION ALL SELECT pg_temp.v7(9, {tickets} + n), tenant, ticket, 'closed', NULL, '{{"status": "open"}}',
              '{{"status": "closed"}}', at + interval '1 day'
       FROM bench_key WHERE n >= {low} AND n < {high} AND NOT open""",
    """INSERT INTO support_ticketevent (id, tenant_id, ticket_id, kind, actor_id, before, after, created_at)
       SELECT pg_temp.v7(0, n), tenant, ticket, 'closed', agent, '{{"status": "open"}}', '{{"status": "closed"}}',
              at + interval '1 day'
       FROM bench_key WHERE NOT open AND n >= {low} AND n < {high}""",
)
INDEXES = """
SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = ANY (%s::regclass[]) ORDER BY relam, indrelid
"""


def load(
    *, tickets: int, tenants: int, open_one_in: int = 10, keys: Sequence[str] = (), rows: Sequence[str] = ()
) -> None:
    """Fill an empty, migrated database. Tenants are named tenant-0 and so on and share the tickets evenly.

    Its indexes sleep meanwhile and are built at the end, which takes a fifth of the time. `keys`: statements that change
    `bench_key` before rows are made of it; `rows`: statements that vary these.
    """
    start, host = time.monotonic(), str(embedded_postgres.socket_directory())
    sizes = {
        "tickets": tickets, "tenants": tenants, "of_a_tenant": CUSTOMERS_OF_A_TENANT, "open_one_in": open_one_in,
    }  # fmt: skip
    people = tenants * CUSTOMERS_OF_A_TENANT
    with _connected(host) as superuser:
        for name, value in HASTE.items():
            superuser.execute(f"ALTER SYSTEM SET {name} = {value}")
        superuser.execute("SELECT pg_reload_conf()")
        for step in PEOPLE:
            superuser.execute(step.format(**sizes, people=people))
        superuser.execute(KEYS)
        indexes = [name for (name,) in superuser.execute(INDEXES, [list(TABLES)]).fetchall()]
        superuser.execute(
            "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid = ANY (%s::regclass[])",
            [list(TABLES)],
        )
    middle = tickets // 2
    halves = [(0, middle), (middle, tickets)]
    for steps in ((FILL_KEYS,), keys, FILL, rows):
        _side_by_side(host, [step.format(**sizes, low=low, high=high) for step in steps for low, high in halves])
    _side_by_side(host, [f"REINDEX INDEX {name}" for name in reversed(indexes)])
    _side_by_side(host, [f"VACUUM ANALYZE {name}" for name in TABLES[:-1]])
    with _connected(host) as superuser:
        superuser.execute("DROP TABLE bench_key")
        for name in HASTE:
            superuser.execute(f"ALTER SYSTEM RESET {name}")
        superuser.execute("SELECT pg_reload_conf()")
        superuser.execute("VACUUM ANALYZE")
        superuser.execute("CHECKPOINT")
    os.sync()  # or what is measured next waits for this to be written
    seconds = time.monotonic() - start
    sys.stderr.write(f"{tickets:,} tickets in {tenants} tenants, loaded in {seconds:.0f} s\n")


def _connected(host: str) -> "psycopg.Connection[Any]":
    superuser = psycopg.connect(dbname="ondi", user="postgres", host=host, autocommit=True)
    superuser.execute("SET session_replication_role = replica; SET maintenance_work_mem = '1GB'")
    superuser.execute("SET max_parallel_maintenance_workers = 0")
    superuser.execute(V7)
    superuser.execute(WORDS)
    return superuser


def _side_by_side(host: str, statements: list[str]) -> None:
    """Each on one of `WORKERS` connections, in this order as they become free."""

    def run(statement: str) -> None:
        with _connected(host) as superuser:
            superuser.execute(statement)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(run, statements))
