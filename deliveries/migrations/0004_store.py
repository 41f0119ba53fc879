"""The store of a delivery; and what is known already of when a source last wrote each customer."""

from django.db import migrations, models

# Each order and delivery came with what its source said of the customer at that time.
NEWEST_NEWS = """
UPDATE accounts_membership AS customer SET source_updated_at = told.at
FROM (
    SELECT tenant_id, customer_id, max(source_updated_at) AS at
    FROM (
        SELECT tenant_id, customer_id, source_updated_at FROM orders_order
        UNION ALL SELECT tenant_id, customer_id, source_updated_at FROM deliveries_delivery
    ) AS news
    GROUP BY tenant_id, customer_id
) AS told
WHERE customer.tenant_id = told.tenant_id AND customer.id = told.customer_id AND told.at IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0003_links_hold"), ("orders", "0003_store"), ("accounts", "0008_newest_news")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="store",
            field=models.CharField(blank=True, max_length=100, null=True, verbose_name="store"),
        ),
        migrations.RunSQL(NEWEST_NEWS, migrations.RunSQL.noop),
    ]
