CREATE OR REPLACE FUNCTION public.ondi_purge_tickets(wanted uuid[])
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];
    tickets uuid[];
    talks uuid[];
    files uuid[];
BEGIN
    PERFORM FROM public.support_draft AS d
        WHERE d.tenant_id = ANY (scope) AND d.ticket_id = ANY (wanted) ORDER BY d.id FOR UPDATE;
    SELECT COALESCE(array_agg(t.id), '{}'), COALESCE(array_agg(t.conversation_id), '{}') INTO tickets, talks
        FROM (SELECT * FROM public.support_ticket AS t WHERE t.id = ANY (wanted) AND t.tenant_id = ANY (scope)
              AND t.status = 'closed' ORDER BY t.id FOR UPDATE) AS t;
    DELETE FROM public.datafixes_fiximage WHERE tenant_id = ANY (scope) AND (row_id = ANY (tickets || talks)
        OR row_id IN (SELECT m.id FROM public.conversations_message AS m
                      WHERE m.tenant_id = ANY (scope) AND m.conversation_id = ANY (talks)));
    SELECT COALESCE(array_agg(f.id), '{}') INTO files FROM public.files_storedfile AS f
        WHERE f.tenant_id = ANY (scope) AND f.parent_kind IN ('message', 'note') AND f.parent_id IN (
            SELECT m.id FROM public.conversations_message AS m
                WHERE m.tenant_id = ANY (scope) AND m.conversation_id = ANY (talks)
            UNION ALL SELECT n.id FROM public.support_ticketnote AS n
                WHERE n.tenant_id = ANY (scope) AND n.ticket_id = ANY (tickets));
    DELETE FROM public.datafixes_fiximage WHERE tenant_id = ANY (scope) AND row_id = ANY (files);
    UPDATE public.files_storedfile AS f SET state = 'removed', reason = '', next_at = NULL, file_name = '',
        sha256 = '', attempts = f.attempts + 1, uploader_id = NULL, parent_kind = '',
        parent_id = NULL
        WHERE f.state <> 'removed' AND f.tenant_id = ANY (scope) AND f.id = ANY (files);
    DELETE FROM public.support_ticketclock WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_ticketterms WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_draft WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_ticketviewer WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_tickettag WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_ticketnote WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_ticketevent WHERE tenant_id = ANY (scope) AND ticket_id = ANY (tickets);
    DELETE FROM public.support_ticket WHERE tenant_id = ANY (scope) AND id = ANY (tickets);
    DELETE FROM public.conversations_participant WHERE tenant_id = ANY (scope) AND conversation_id = ANY (talks);
    UPDATE public.conversations_conversation SET last_message_id = NULL
        WHERE tenant_id = ANY (scope) AND id = ANY (talks);
    DELETE FROM public.conversations_message WHERE tenant_id = ANY (scope) AND conversation_id = ANY (talks);
    DELETE FROM public.conversations_conversation WHERE tenant_id = ANY (scope) AND id = ANY (talks);
    RETURN cardinality(tickets);
END
$function$;
