"""Who was told what of one ticket is found without reading what its tenant's people were told in 90 days."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_of_type")]

    operations = [
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["tenant", "subject_id"], name="notifications_of_subject"),
        ),
    ]
