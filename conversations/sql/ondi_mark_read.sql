CREATE OR REPLACE FUNCTION public.ondi_mark_read(of_tenant uuid, reader uuid, of_conversation uuid, read_to integer, read_when timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    UPDATE public.conversations_participant SET last_read_sequence = read_to
        WHERE tenant_id = of_tenant AND conversation_id = of_conversation AND membership_id = reader
            AND last_read_sequence < read_to AND left_at IS NULL;
    UPDATE public.notifications_notification SET read_at = read_when
        WHERE tenant_id = of_tenant AND membership_id = reader AND conversation_id = of_conversation
            AND read_at IS NULL AND (sequence IS NULL OR sequence <= read_to);
END
$function$;
