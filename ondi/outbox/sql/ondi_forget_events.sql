CREATE OR REPLACE FUNCTION public.ondi_forget_events(before timestamp with time zone, most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    gone integer;
BEGIN
    -- By the numbers, which grow with the time: needs no index of its own.
    DELETE FROM public.outbox_event
    WHERE seq = ANY (ARRAY(SELECT e.seq FROM public.outbox_event AS e ORDER BY e.seq LIMIT most))
        AND relayed_at < before;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $function$;
