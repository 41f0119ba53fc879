CREATE OR REPLACE FUNCTION public.ondi_set_aside_due(now timestamp with time zone, most integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT s.id, s.tenant_id FROM public.outbox_setaside AS s WHERE s.next_at <= now ORDER BY s.next_at LIMIT most
$function$;
