CREATE OR REPLACE FUNCTION public.ondi_end_sessions(wanted_user uuid, kept_session uuid, moment timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    UPDATE public.accounts_refreshfamily AS session SET revoked_at = moment
    FROM public.accounts_membership AS member
    WHERE member.user_id = wanted_user AND session.tenant_id = member.tenant_id AND session.user_id = wanted_user
        AND session.revoked_at IS NULL AND session.id IS DISTINCT FROM kept_session
$function$;
