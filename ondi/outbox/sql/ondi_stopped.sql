CREATE OR REPLACE FUNCTION public.ondi_stopped(wanted text)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT s.tenant_id FROM public.outbox_stop AS s WHERE s.channel IN ('', wanted)
$function$;
