CREATE OR REPLACE FUNCTION public.ondi_take_stream_ticket_2(wanted_hash text, at timestamp with time zone)
 RETURNS TABLE(user_id uuid, tenant_id uuid, session_id uuid, membership_id uuid, is_support_user boolean, ends_at timestamp with time zone, admin_session text, subject_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    taken public.streaming_streamticket;
BEGIN
    PERFORM set_config('ondi.tenants', '', true);
    DELETE FROM public.streaming_streamticket WHERE ticket_hash = wanted_hash RETURNING * INTO taken;
    IF taken.expires_at <= at OR taken.ends_at <= at THEN
        RETURN;
    ELSIF taken.admin_session <> '' THEN
        RETURN QUERY SELECT taken.user_id, taken.tenant_id, NULL::uuid, NULL::uuid, false, taken.ends_at,
            taken.admin_session::text, taken.subject_id;
    ELSE
        RETURN QUERY SELECT entered.user_id, entered.tenant_id, taken.session_id, entered.membership_id,
            entered.is_support_user, taken.ends_at, '', NULL::uuid
            FROM public.ondi_enter_2(taken.user_id, taken.tenant_id, taken.session_id) AS entered;
    END IF;
END
$function$;
