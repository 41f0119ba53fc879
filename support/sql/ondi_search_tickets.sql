CREATE OR REPLACE FUNCTION public.ondi_search_tickets(words text[])
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'auto'
AS $function$
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];

    word text;
    said text;
    pattern text;
    of_name text;
    wanted integer;
    found uuid[];
BEGIN
    
    FOR word, said IN
        SELECT btrim(regexp_replace(public.ondi_fold(one), '\s+', ' ', 'g')), btrim(one) FROM unnest(words) AS one
        ORDER BY length(one) DESC
    LOOP
        CONTINUE WHEN word = '';
        pattern := replace('%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%', ' ', '_');
        of_name := '%' || regexp_replace(replace(word, ' ', ''), '([\\%_])', '\\\1', 'g') || '%';
        wanted := CASE WHEN word ~ '^#?[0-9]{1,9}$' THEN ltrim(word, '#')::integer END;
        IF found IS NULL THEN
            found := ARRAY(
            -- One tenant at a time: an index is entered with a value, not with a list.
            SELECT talk.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.conversations_conversation AS here
                WHERE here.tenant_id = tenant AND here.title_folded LIKE pattern
            ) AS talk
            UNION
            SELECT message.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.conversation_id FROM public.conversations_message AS here
                WHERE here.tenant_id = tenant AND here.message_type = 'text'
                    AND here.content_folded LIKE pattern
            ) AS message
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
            ) AS purchase
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.order_id = purchase.id
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND replace(public.ondi_fold(here.first_name || here.last_name), ' ', '') LIKE of_name
            ) AS member
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.requester_id = member.id
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.email) LIKE pattern
            ) AS member
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.requester_id = member.id
            UNION
            SELECT ticket.conversation_id FROM public.support_ticket AS ticket
            WHERE ticket.tenant_id = ANY (scope) AND ticket.number = wanted
            UNION
            SELECT ticket.conversation_id FROM public.deliveries_delivery AS delivery
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = delivery.tenant_id AND ticket.delivery_id = delivery.id
            WHERE delivery.tenant_id = ANY (scope) AND delivery.delivery_code = wanted);
        ELSE
            found := ARRAY(
            -- One tenant at a time: an index is entered with a value, not with a list.
            SELECT talk.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.conversations_conversation AS here
                WHERE here.tenant_id = tenant AND here.title_folded LIKE pattern AND here.id = ANY (found)
            ) AS talk
            UNION
            SELECT message.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.conversation_id FROM public.conversations_message AS here
                WHERE here.tenant_id = tenant AND here.message_type = 'text'
                    AND here.content_folded LIKE pattern AND here.conversation_id = ANY (found)
            ) AS message
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
            ) AS purchase
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.order_id = purchase.id AND ticket.conversation_id = ANY (found)
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND replace(public.ondi_fold(here.first_name || here.last_name), ' ', '') LIKE of_name
            ) AS member
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.requester_id = member.id AND ticket.conversation_id = ANY (found)
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.email) LIKE pattern
            ) AS member
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.requester_id = member.id AND ticket.conversation_id = ANY (found)
            UNION
            SELECT ticket.conversation_id FROM public.support_ticket AS ticket
            WHERE ticket.tenant_id = ANY (scope) AND ticket.number = wanted AND ticket.conversation_id = ANY (found)
            UNION
            SELECT ticket.conversation_id FROM public.deliveries_delivery AS delivery
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = delivery.tenant_id AND ticket.delivery_id = delivery.id
            WHERE delivery.tenant_id = ANY (scope) AND delivery.delivery_code = wanted AND ticket.conversation_id = ANY (found));
        END IF;
        EXIT WHEN found = '{}';
    END LOOP;
    RETURN COALESCE(found, '{}');
END
$function$;
