"""A customer keeps the newest time of a source that wrote them; and may speak Kurdish or Persian."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_sign_in_attempts")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="source_updated_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="The newest news that wrote this person; older ones change nothing.",
                null=True,
                verbose_name="updated at the source",
            ),
        ),
        migrations.AlterField(
            model_name="membership",
            name="language",
            field=models.CharField(
                blank=True,
                choices=[("en", "English"), ("ar", "Arabic"), ("ku", "Kurdish"), ("fa", "Persian")],
                max_length=8,
                verbose_name="language",
            ),
        ),
    ]
