"""The walls of these tables, and the owner's hands: only they take entries out, number them and keep events."""

from django.db import migrations

from ondi.common.database import TenantTable

# Numbers are given to what is there, in the order of ids. Of one subject a later entry is never there without the
# earlier ones: its id is drawn while the subject is locked.
RELAY = """
CREATE FUNCTION ondi_relay(most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
END $$;
"""

# Of all tenants: which events come next. Ids alone; they are read inside the scope of their tenants.
EVENTS_AFTER = """
CREATE FUNCTION ondi_events_after(after bigint, most integer) RETURNS TABLE (seq bigint, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.seq, e.tenant_id FROM public.outbox_event AS e WHERE e.seq > after ORDER BY e.seq LIMIT most
$$;
"""

HEAD = """
CREATE FUNCTION ondi_head() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT seq FROM public.outbox_head
$$;
"""

SET_ASIDE_DUE = """
CREATE FUNCTION ondi_set_aside_due(now timestamptz, most integer) RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.id, s.tenant_id FROM public.outbox_setaside AS s WHERE s.next_at <= now ORDER BY s.next_at LIMIT most
$$;
"""

FORGET_EVENTS = """
CREATE FUNCTION ondi_forget_events(before timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone integer;
BEGIN
    -- By the numbers, which grow with the time: needs no index of its own.
    DELETE FROM public.outbox_event
    WHERE seq = ANY (ARRAY(SELECT e.seq FROM public.outbox_event AS e ORDER BY e.seq LIMIT most))
        AND relayed_at < before;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
"""

FUNCTIONS = {
    "ondi_relay(integer)": RELAY,
    "ondi_events_after(bigint, integer)": EVENTS_AFTER,
    "ondi_head()": HEAD,
    "ondi_set_aside_due(timestamptz, integer)": SET_ASIDE_DUE,
    "ondi_forget_events(timestamptz, integer)": FORGET_EVENTS,
}
GRANTS = "REVOKE ALL ON FUNCTION {0} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {0} TO ondi"

ONLY_INSERTED = "REVOKE SELECT, UPDATE, DELETE ON outbox_entry FROM ondi"
ONLY_READ = "REVOKE INSERT, UPDATE, DELETE ON outbox_event, outbox_position FROM ondi"
OUT_OF_REACH = "REVOKE ALL ON outbox_head FROM ondi"
# A short table that is filled and emptied all day: dead rows at its low end are what a turn has to step over.
STORAGE = """
ALTER TABLE outbox_entry ALTER COLUMN id SET GENERATED ALWAYS;
ALTER TABLE outbox_entry SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
ALTER TABLE outbox_position SET (fillfactor = 50);
ALTER TABLE outbox_head SET (fillfactor = 10);
INSERT INTO outbox_head (id, seq) VALUES (1, 0);
"""


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [
        TenantTable("Entry"),
        TenantTable("Event"),
        TenantTable("Position"),
        TenantTable("SetAside"),
        migrations.RunSQL(ONLY_INSERTED, "GRANT SELECT, UPDATE, DELETE ON outbox_entry TO ondi"),
        migrations.RunSQL(ONLY_READ, "GRANT INSERT, UPDATE, DELETE ON outbox_event, outbox_position TO ondi"),
        migrations.RunSQL(OUT_OF_REACH, "GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_head TO ondi"),
        migrations.RunSQL(STORAGE, "DELETE FROM outbox_head"),
        *(migrations.RunSQL([text, GRANTS.format(name)], f"DROP FUNCTION {name}") for name, text in FUNCTIONS.items()),
    ]
