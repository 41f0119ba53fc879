CREATE OR REPLACE FUNCTION public.ondi_relay(most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    taken integer;
    last bigint;
BEGIN
    -- The transaction's, never a session's: a relay that is frozen in between would keep that for ever.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('ondi_relay', 0)) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM public.outbox_entry) THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        DELETE FROM public.outbox_entry
        WHERE id = ANY (ARRAY(SELECT e.id FROM public.outbox_entry AS e ORDER BY e.id LIMIT most)) RETURNING *
    ), placed AS (
        SELECT gone.*, row_number() OVER (ORDER BY id) AS nth, count(*) OVER () AS total,
            row_number() OVER (PARTITION BY tenant_id ORDER BY id) AS place,
            count(*) OVER (PARTITION BY tenant_id) AS of_tenant
        FROM gone
    ), counted AS (
        INSERT INTO public.outbox_position AS known (tenant_id, position)
        SELECT tenant_id, count(*) FROM gone GROUP BY tenant_id
        ON CONFLICT (tenant_id) DO UPDATE SET position = known.position + excluded.position
        RETURNING known.tenant_id, known.position
    ), head AS (
        UPDATE public.outbox_head SET seq = seq + (SELECT count(*) FROM gone) RETURNING seq
    ), kept AS (
        INSERT INTO public.outbox_event (seq, position, tenant_id, kind, subject_id, version, person_id, actor_id,
            data, is_silent, cause, at, relayed_at)
        SELECT head.seq - placed.total + placed.nth, counted.position - placed.of_tenant + placed.place,
            placed.tenant_id, placed.kind, placed.subject_id, placed.version, placed.person_id, placed.actor_id,
            placed.data, placed.is_silent, placed.cause, placed.at, clock_timestamp()
        FROM placed JOIN counted USING (tenant_id) CROSS JOIN head ORDER BY placed.id
        RETURNING seq
    )
    SELECT count(*), max(seq) INTO taken, last FROM kept;
    PERFORM pg_notify('ondi_events', last::text);
    RETURN taken;
END $function$;
