"""How each person works in the admin, kept with their login."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_key_sessions_hold"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="after_sending",
            field=models.CharField(
                choices=[("stay", "Stay here"), ("next", "Then the next ticket"), ("list", "Then the list")],
                db_default="stay",
                default="stay",
                max_length=4,
                verbose_name="after sending",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="send_wait",
            field=models.PositiveSmallIntegerField(db_default=10, default=10, verbose_name="seconds until it is sent"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("send_wait__lte", 30)), name="accounts_user_send_wait"
            ),
        ),
    ]
