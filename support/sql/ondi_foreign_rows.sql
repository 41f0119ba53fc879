CREATE OR REPLACE FUNCTION public.ondi_foreign_rows(wanted uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];
BEGIN
    IF scope IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT named.id, named.tenant_id FROM (
        SELECT found.id, found.tenant_id FROM public.support_ticket AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.support_ticketevent AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.support_ticketnote AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.support_cannedreply AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.support_tag AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.conversations_conversation AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.conversations_message AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.conversations_participant AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.deliveries_delivery AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.orders_order AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.orders_orderitem AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.accounts_membership AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.accounts_refreshfamily AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.accounts_apikey AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.accounts_settingschange AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT found.id, found.tenant_id FROM public.datafixes_fixrun AS found WHERE found.id = ANY (wanted)
        UNION ALL SELECT tenant.id, tenant.id FROM public.tenants_tenant AS tenant WHERE tenant.id = ANY (wanted)
        UNION ALL SELECT member.user_id, member.tenant_id FROM public.accounts_membership AS member
            WHERE member.user_id = ANY (wanted) AND NOT EXISTS (
                SELECT FROM public.accounts_membership AS own
                WHERE own.user_id = member.user_id AND own.tenant_id = ANY (scope))
    ) AS named
    WHERE NOT named.tenant_id = ANY (scope)
    ORDER BY named.id;
END
$function$;
