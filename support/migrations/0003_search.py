"""The search: one function for the API and the admin, with the indexes it lives on.

Under a row-level policy PostgreSQL will not use a text index, so the function runs as the owner. It takes
the tenants from the scope, never from an argument, and gives back ids and nothing else: those of the
conversations, of which each ticket has its own and each message knows its one.

What is searched most is kept folded beside the text, by the database itself: a match in the index is read
once more in the row, and folding Arabic there takes longer than all the rest. A subject is searched in the
title of its conversation, which holds it: a message moves its ticket in several indexes, and would write the
trigrams of an unchanged subject again.
"""

from django.db import migrations

FOLD = """
CREATE FUNCTION ondi_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- translate() is dear; text in ASCII has nothing for it to do, and "C" is the quickest way to its lower case.
    SELECT CASE WHEN octet_length(value) = char_length(value) THEN lower(value COLLATE "C") ELSE translate(
        lower(value),
        U&'\\0623\\0625\\0622\\0671\\0649\\0629\\0660\\0661\\0662\\0663\\0664\\0665\\0666\\0667\\0668\\0669' ||
        U&'\\06F0\\06F1\\06F2\\06F3\\06F4\\06F5\\06F6\\06F7\\06F8\\06F9' ||
        U&'\\0640\\064B\\064C\\064D\\064E\\064F\\0650\\0651\\0652\\0653\\0654\\0655\\0670',
        U&'\\0627\\0627\\0627\\0627\\064A\\0647' || '01234567890123456789'
    ) END
$$;
GRANT EXECUTE ON FUNCTION ondi_fold(text) TO ondi;
"""

FOLDED = """
ALTER TABLE conversations_conversation ADD COLUMN title_folded text GENERATED ALWAYS AS (ondi_fold(title)) STORED;
ALTER TABLE conversations_message ADD COLUMN content_folded text
    GENERATED ALWAYS AS (CASE WHEN message_type = 'text' THEN ondi_fold(content) END) STORED;
"""
DROP_FOLDED = """
ALTER TABLE conversations_conversation DROP COLUMN title_folded;
ALTER TABLE conversations_message DROP COLUMN content_folded;
"""

# Each begins with the tenant, so that a word common everywhere costs a tenant its own matches only.
INDEXES = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE INDEX conversations_title_text ON conversations_conversation USING gin (tenant_id, title_folded gin_trgm_ops);
CREATE INDEX conversations_message_text ON conversations_message
    USING gin (tenant_id, content_folded gin_trgm_ops) WHERE message_type = 'text';
CREATE INDEX orders_order_number_text ON orders_order USING gin (tenant_id, ondi_fold(number) gin_trgm_ops);
CREATE INDEX accounts_membership_name_text ON accounts_membership
    USING gin (tenant_id, ondi_fold(first_name || ' ' || last_name) gin_trgm_ops);
CREATE INDEX accounts_user_email_text ON accounts_user USING gin (ondi_fold(email) gin_trgm_ops);
"""

DROP_INDEXES = """
DROP INDEX conversations_title_text, conversations_message_text, orders_order_number_text,
    accounts_membership_name_text, accounts_user_email_text;
"""

SEARCH = """
CREATE FUNCTION ondi_search_conversations(term text) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Planned for each term: two letters are better looked for without the index.
SET plan_cache_mode = auto AS $$
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];
    folded text := public.ondi_fold(term);
    pattern text := '%' || regexp_replace(folded, '([\\\\%_])', '\\\\\\1', 'g') || '%';
    digits text := ltrim(folded, '#');
    wanted integer := CASE WHEN folded ~ '^#?[0-9]{1,9}$' THEN digits::integer END;
BEGIN
    RETURN ARRAY(
        -- One tenant at a time: an index is entered with a value, not with a list.
        SELECT talk.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
            SELECT here.id FROM public.conversations_conversation AS here
            WHERE here.tenant_id = tenant AND here.title_folded LIKE pattern
        ) AS talk
        UNION
        SELECT message.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
            SELECT here.conversation_id FROM public.conversations_message AS here
            WHERE here.tenant_id = tenant AND here.message_type = 'text' AND here.content_folded LIKE pattern
        ) AS message
        UNION
        SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
            SELECT here.id FROM public.orders_order AS here
            WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
        ) AS purchase
        JOIN public.support_ticket AS ticket ON ticket.tenant_id = tenant AND ticket.order_id = purchase.id
        UNION
        SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND public.ondi_fold(here.first_name || ' ' || here.last_name) LIKE pattern
        ) AS member
        JOIN public.support_ticket AS ticket ON ticket.tenant_id = tenant AND ticket.requester_id = member.id
        UNION
        SELECT ticket.conversation_id FROM public.accounts_user AS login
        JOIN public.accounts_membership AS member ON member.user_id = login.id
        JOIN public.support_ticket AS ticket
            ON ticket.tenant_id = member.tenant_id AND ticket.requester_id = member.id
        WHERE member.tenant_id = ANY (scope) AND public.ondi_fold(login.email) LIKE pattern
        UNION
        SELECT ticket.conversation_id FROM public.support_ticket AS ticket
        WHERE ticket.tenant_id = ANY (scope) AND ticket.number = wanted
        UNION
        SELECT ticket.conversation_id FROM public.deliveries_delivery AS delivery
        JOIN public.support_ticket AS ticket
            ON ticket.tenant_id = delivery.tenant_id AND ticket.delivery_id = delivery.id
        WHERE delivery.tenant_id = ANY (scope) AND delivery.delivery_code = wanted
    );
END
$$;
REVOKE ALL ON FUNCTION ondi_search_conversations(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_search_conversations(text) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0002_database_rules")]

    operations = [
        migrations.RunSQL(FOLD, "DROP FUNCTION ondi_fold(text)"),
        migrations.RunSQL(FOLDED, DROP_FOLDED),
        migrations.RunSQL(INDEXES, DROP_INDEXES),
        migrations.RunSQL(SEARCH, "DROP FUNCTION ondi_search_conversations(text)"),
    ]
