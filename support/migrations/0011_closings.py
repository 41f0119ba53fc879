"""Closings are counted as they happened: from the events, by an index of these alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("support", "0010_folding")]

    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="ticketevent",
            index=models.Index(
                condition=models.Q(("kind", "closed")), fields=["tenant", "created_at"], name="support_event_closings"
            ),
        ),
    ]
