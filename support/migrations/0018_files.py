"""Files go with what they were sent with: their rows lose their words at once, the sweep deletes their bytes."""

from importlib import import_module

from django.db import migrations, models

ERASE = import_module("support.migrations.0014_locks_and_audit").ERASE
PURGE = import_module("support.migrations.0005_erasure").PURGE.replace(
    "CREATE FUNCTION ondi_purge", "CREATE OR REPLACE FUNCTION ondi_purge"
)
REMOVE = """
    UPDATE public.files_storedfile AS f SET state = 'removed', reason = '', next_at = NULL, file_name = '',
        sha256 = '', attempts = f.attempts + 1, uploader_id = NULL, parent_kind = '',
        parent_id = NULL
        WHERE f.state <> 'removed' AND """
REDACT = "    UPDATE public.conversations_message SET content = '', "
NOTES = "    UPDATE public.support_ticketnote SET content = 'Erased'"
assert REDACT in ERASE
assert NOTES in ERASE
ERASE_WITH_FILES = ERASE.replace(
    REDACT,
    "    rows := rows || ARRAY(SELECT f.id FROM public.files_storedfile AS f WHERE f.tenant_id = member.tenant_id "
    """AND (f.uploader_id = member.id
        OR f.parent_kind IN ('message', 'note') AND f.parent_id = ANY (rows)));"""
    + REMOVE
    + """f.tenant_id = member.tenant_id
            AND f.id = ANY (rows);
    UPDATE public.conversations_message SET attachment_count = 0, content = '', """,
).replace(NOTES, NOTES + ", attachment_count = 0")
VIEWERS = "    DELETE FROM public.support_ticketviewer"
TALKS = "    talks uuid[];"
assert VIEWERS in PURGE
assert TALKS in PURGE
PURGE_WITH_FILES = PURGE.replace(
    VIEWERS,
    """    SELECT COALESCE(array_agg(f.id), '{}') INTO files FROM public.files_storedfile AS f
        WHERE f.tenant_id = ANY (scope) AND f.parent_kind IN ('message', 'note') AND f.parent_id IN (
            SELECT m.id FROM public.conversations_message AS m
                WHERE m.tenant_id = ANY (scope) AND m.conversation_id = ANY (talks)
            UNION ALL SELECT n.id FROM public.support_ticketnote AS n
                WHERE n.tenant_id = ANY (scope) AND n.ticket_id = ANY (tickets));
    DELETE FROM public.datafixes_fiximage WHERE tenant_id = ANY (scope) AND row_id = ANY (files);"""
    + REMOVE
    + """f.tenant_id = ANY (scope) AND f.id = ANY (files);
"""
    + VIEWERS,
).replace(TALKS, TALKS + "\n    files uuid[];")


class Migration(migrations.Migration):
    dependencies = [("support", "0017_audit_by_catalogue"), ("conversations", "0005_files"), ("files", "0002_rules")]

    operations = [
        migrations.AddField(
            "ticketnote",
            "attachment_count",
            models.PositiveSmallIntegerField(verbose_name="files", default=0, db_default=0),
        ),
        migrations.RunSQL(ERASE_WITH_FILES, ERASE),
        migrations.RunSQL(PURGE_WITH_FILES, PURGE),
    ]
