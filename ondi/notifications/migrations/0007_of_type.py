"""What told somebody something of one type is found without reading all else that they were told in 90 days."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_mail_rules")]

    operations = [
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                fields=["tenant", "membership", "notification_type", "subject_id"], name="notifications_of_type"
            ),
        ),
    ]
