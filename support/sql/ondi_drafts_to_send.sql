CREATE OR REPLACE FUNCTION public.ondi_drafts_to_send(now timestamp with time zone, most integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT due.id, due.tenant_id FROM (
        SELECT d.id, d.tenant_id, d.send_at,
            row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.send_at, d.id) AS turn
        FROM public.support_draft AS d WHERE d.send_at <= now
    ) AS due ORDER BY due.turn, due.send_at, due.id LIMIT most
$function$;
