"""Reading moves the marker and marks what was told of it, as one: else what is told just then would stay unread.

The marker's row is locked first, by who reads and by who tells. A statement sees what was there when it began; those
of this function begin one after the other, so the second sees what was told while the first waited.
"""

from django.db import migrations

MARK_READ = """
CREATE FUNCTION ondi_mark_read(
    of_tenant uuid, reader uuid, of_conversation uuid, read_to integer, read_when timestamptz
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.conversations_participant SET last_read_sequence = read_to
        WHERE tenant_id = of_tenant AND conversation_id = of_conversation AND membership_id = reader
            AND last_read_sequence < read_to AND left_at IS NULL;
    UPDATE public.notifications_notification SET read_at = read_when
        WHERE tenant_id = of_tenant AND membership_id = reader AND conversation_id = of_conversation
            AND read_at IS NULL AND (sequence IS NULL OR sequence <= read_to);
END
$$;
REVOKE ALL ON FUNCTION ondi_mark_read(uuid, uuid, uuid, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_mark_read(uuid, uuid, uuid, integer, timestamptz) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0003_links_hold"), ("notifications", "0002_database_rules")]

    operations = [migrations.RunSQL(MARK_READ, "DROP FUNCTION ondi_mark_read(uuid, uuid, uuid, integer, timestamptz)")]
