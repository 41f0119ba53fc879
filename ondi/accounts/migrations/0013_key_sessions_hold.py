"""A session that a key began is of the key's tenant."""

from django.db import migrations

TABLE, KEYS = "accounts_refreshfamily", "accounts_apikey"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_key_sessions")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {KEYS} ADD CONSTRAINT {KEYS}_tenant_id_id UNIQUE (tenant_id, id)",
            f"ALTER TABLE {KEYS} DROP CONSTRAINT {KEYS}_tenant_id_id",
        ),
        migrations.RunSQL(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_api_key_id_in_tenant "
            f"FOREIGN KEY (tenant_id, api_key_id) REFERENCES {KEYS} (tenant_id, id) DEFERRABLE INITIALLY DEFERRED",
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_api_key_id_in_tenant",
        ),
    ]
