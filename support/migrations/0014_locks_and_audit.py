"""Erasing locks in the order that everybody locks in, and the audit knows the records of data fixes."""

from importlib import import_module

from django.db import migrations

ADDRESSES = import_module("support.migrations.0007_addresses")
AUDIT = import_module("support.migrations.0004_audit")

FIND = "    SELECT COALESCE(array_agg(t.id), '{}')"
COLLECT = "    rows := ARRAY[member.id, login.id]"
# What others hold is waited for before it is read: nobody writes into a chat that was read and not yet emptied.
ITEMS_AND_TICKETS = """
    PERFORM FROM public.orders_order AS o
        WHERE o.tenant_id = member.tenant_id AND o.customer_id = member.id ORDER BY o.id FOR NO KEY UPDATE;
    PERFORM FROM public.deliveries_delivery AS d
        WHERE d.tenant_id = member.tenant_id AND d.customer_id = member.id ORDER BY d.id FOR NO KEY UPDATE;
    PERFORM FROM public.support_ticket AS t WHERE t.tenant_id = member.tenant_id AND (t.requester_id = member.id
        OR t.conversation_id IN (SELECT m.conversation_id FROM public.conversations_message AS m
                                 WHERE m.tenant_id = member.tenant_id AND m.sender_id = member.id))
        ORDER BY t.id FOR NO KEY UPDATE;
"""
TALKS_AND_MESSAGES = """
    PERFORM FROM public.conversations_conversation AS c WHERE c.tenant_id = member.tenant_id AND (c.id = ANY (talks)
        OR c.id IN (SELECT m.conversation_id FROM public.conversations_message AS m
                    WHERE m.tenant_id = member.tenant_id AND m.sender_id = member.id))
        ORDER BY c.id FOR NO KEY UPDATE;
    PERFORM FROM public.conversations_message AS m WHERE m.tenant_id = member.tenant_id
        AND (m.conversation_id = ANY (talks) OR m.sender_id = member.id) ORDER BY m.id FOR NO KEY UPDATE;
"""
ERASE = ADDRESSES.ERASE.replace(FIND, ITEMS_AND_TICKETS + FIND).replace(COLLECT, TALKS_AND_MESSAGES + COLLECT)
FOREIGN_ROWS = AUDIT.FOREIGN_ROWS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(
    AUDIT.BRANCHES,
    AUDIT.BRANCHES + "\n        UNION ALL SELECT found.id, found.tenant_id FROM public.datafixes_fixrun AS found "
    "WHERE found.id = ANY (wanted)",
)


class Migration(migrations.Migration):
    dependencies = [("support", "0013_phone_source"), ("datafixes", "0004_run_states")]

    operations = [
        migrations.RunSQL(ERASE, ADDRESSES.ERASE),
        migrations.RunSQL(FOREIGN_ROWS, AUDIT.FOREIGN_ROWS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")),
    ]
