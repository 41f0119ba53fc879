CREATE OR REPLACE FUNCTION public.ondi_head()
 RETURNS bigint
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT seq FROM public.outbox_head
$function$;
