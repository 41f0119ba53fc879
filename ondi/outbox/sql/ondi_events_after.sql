CREATE OR REPLACE FUNCTION public.ondi_events_after(after bigint, most integer)
 RETURNS TABLE(seq bigint, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT e.seq, e.tenant_id FROM public.outbox_event AS e WHERE e.seq > after ORDER BY e.seq LIMIT most
$function$;
