CREATE OR REPLACE FUNCTION public.ondi_tickets_to_attend(now timestamp with time zone, most integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT t.id, t.tenant_id FROM public.support_ticket AS t WHERE t.attend_at <= now ORDER BY t.attend_at LIMIT most
$function$;
