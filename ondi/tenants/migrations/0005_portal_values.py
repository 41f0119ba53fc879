"""Portal settings become one document, `values`; the four columns they were are read no more.

For workers of the release before, which still run while this one starts, the columns stay for a release, with defaults
that let rows in which do not name them. What such a worker writes into them goes into the document as well.
The next release drops `ondi_keep_portal` with its trigger, and the columns.
"""

from django.db import migrations, models

DEFAULTS = """
ALTER TABLE tenants_portalsettings
    ALTER allow_customer_close SET DEFAULT false, ALTER support_chat_enabled SET DEFAULT true,
    ALTER max_customer_priority SET DEFAULT 'urgent', ALTER acknowledgement_html SET DEFAULT '{}',
    ADD CONSTRAINT tenants_portalsettings_values_object CHECK (jsonb_typeof(values) = 'object');
"""
NO_DEFAULTS = """
ALTER TABLE tenants_portalsettings
    ALTER allow_customer_close DROP DEFAULT, ALTER support_chat_enabled DROP DEFAULT,
    ALTER max_customer_priority DROP DEFAULT, ALTER acknowledgement_html DROP DEFAULT,
    DROP CONSTRAINT tenants_portalsettings_values_object;
"""
FILL = """
UPDATE tenants_portalsettings SET values = jsonb_build_object(
    'allow_customer_close', allow_customer_close, 'support_chat_enabled', support_chat_enabled,
    'max_customer_priority', max_customer_priority, 'acknowledgement_html', acknowledgement_html);
"""
EMPTY = """
UPDATE tenants_portalsettings SET
    allow_customer_close = COALESCE((values->>'allow_customer_close')::boolean, false),
    support_chat_enabled = COALESCE((values->>'support_chat_enabled')::boolean, true),
    max_customer_priority = COALESCE(values->>'max_customer_priority', 'urgent'),
    acknowledgement_html = COALESCE(values->'acknowledgement_html', '{}');
"""
# A new row's document counts before its columns: it may be one that is brought back.
KEEP = """
CREATE FUNCTION ondi_keep_portal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was jsonb := '{"allow_customer_close": false, "support_chat_enabled": true, "max_customer_priority": "urgent",
                   "acknowledgement_html": {}}';
    written jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        was := to_jsonb(OLD);
    END IF;
    SELECT COALESCE(jsonb_object_agg(key, value), '{}') INTO written FROM jsonb_each(to_jsonb(NEW))
        WHERE key IN ('allow_customer_close', 'support_chat_enabled', 'max_customer_priority', 'acknowledgement_html')
            AND value <> was->key;
    NEW.values := CASE TG_OP WHEN 'UPDATE' THEN NEW.values || written ELSE written || NEW.values END;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_portal BEFORE INSERT OR UPDATE ON tenants_portalsettings
    FOR EACH ROW EXECUTE FUNCTION ondi_keep_portal();
"""
KEEP_NOT = "DROP TRIGGER keep_portal ON tenants_portalsettings; DROP FUNCTION ondi_keep_portal();"
COLUMNS = ("allow_customer_close", "support_chat_enabled", "max_customer_priority", "acknowledgement_html")


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_languages")]

    operations = [
        migrations.AddField(
            "portalsettings",
            "values",
            models.JSONField(blank=True, db_default={}, default=dict, verbose_name="portal settings"),
        ),
        migrations.RunSQL(DEFAULTS, NO_DEFAULTS),
        migrations.RunSQL(FILL, EMPTY),
        migrations.RunSQL(KEEP, KEEP_NOT),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("portalsettings", column) for column in COLUMNS]
        ),
    ]
