"""How the tables are kept, by what is done to them most. Reasons in ARCHITECTURE.md, "Storage"."""

from django.db import migrations

# A message changes no indexed column of these two: with room on the page the change stays there.
# The rest is vacuumed and analysed after one row in fifty, not in five: a fifth of ten million is too many.
STORAGE = """
ALTER TABLE conversations_conversation SET (fillfactor = 85,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE conversations_participant SET (fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE support_ticketcounter SET (fillfactor = 50);
ALTER TABLE support_ticket SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE conversations_message SET (autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE support_ticketevent SET (autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER INDEX conversations_title_text SET (gin_pending_list_limit = 512);
ALTER INDEX conversations_message_text SET (gin_pending_list_limit = 512);
-- A conversation says the tenant already: without this PostgreSQL thinks that of 5,000 found few are the tenant's.
CREATE STATISTICS support_ticket_of_talk (dependencies) ON tenant_id, conversation_id FROM support_ticket;
"""
DEFAULTS = """
DROP STATISTICS support_ticket_of_talk;
ALTER TABLE conversations_conversation RESET (fillfactor, autovacuum_vacuum_scale_factor,
    autovacuum_analyze_scale_factor);
ALTER TABLE conversations_participant RESET (fillfactor, autovacuum_vacuum_scale_factor,
    autovacuum_analyze_scale_factor);
ALTER TABLE support_ticketcounter RESET (fillfactor);
ALTER TABLE support_ticket RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor,
    autovacuum_vacuum_insert_scale_factor);
ALTER TABLE conversations_message RESET (autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE support_ticketevent RESET (autovacuum_vacuum_insert_scale_factor);
ALTER INDEX conversations_title_text RESET (gin_pending_list_limit);
ALTER INDEX conversations_message_text RESET (gin_pending_list_limit);
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0005_erasure"), ("conversations", "0002_database_rules")]

    operations = [migrations.RunSQL(STORAGE, DEFAULTS)]
