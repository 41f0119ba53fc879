"""Each person keeps their address in their tenant, and no login whose e-mail nobody proved opens two tenants.

Until now a tenant that named an address got the login that had it, whoever had set its password. Nobody proved
any of these addresses: the tenant that was first keeps the login, and each later one gets a login of its own
that waits for a link mailed to the address. Platform operators keep theirs, for whom the command line vouched.
"""

import django.db.models.functions.text
from django.db import migrations, models

# A UUID of version 7, as the application makes them.
NEW_ID = """
encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6
), 52, 1), 53, 1), 'hex')::uuid
"""

# One pass over the people: each row is written anew in all its indexes.
ADDRESSES_AND_LOGINS = f"""
WITH person AS MATERIALIZED (
    SELECT ranked.id, ranked.tenant_id, ranked.former, ranked.is_active, ranked.email, ranked.is_later,
           CASE WHEN ranked.is_later THEN {NEW_ID} ELSE ranked.former END AS own
    FROM (
        SELECT member.id, member.tenant_id, member.user_id AS former, login.is_active,
               CASE WHEN member.erased_at IS NULL AND login.email <> '' THEN login.email END AS email,
               NOT login.is_superuser AND row_number() OVER (
                   PARTITION BY member.user_id ORDER BY member.created_at, member.id
               ) > 1 AS is_later
        FROM accounts_membership AS member
        JOIN accounts_user AS login ON login.id = member.user_id
    ) AS ranked
    WHERE ranked.is_later OR ranked.email IS NOT NULL
), made AS (
    INSERT INTO accounts_user (id, email, password, is_active, is_superuser, created_at)
    SELECT own, NULL, '!', is_active, false, now() FROM person WHERE is_later
), ended AS (
    UPDATE accounts_refreshfamily AS family SET revoked_at = now() FROM person
    WHERE person.is_later AND family.tenant_id = person.tenant_id AND family.user_id = person.former
        AND family.revoked_at IS NULL
)
UPDATE accounts_membership AS member SET email = person.email, user_id = person.own
FROM person WHERE member.id = person.id;
"""

# Without a password it was nobody's to sign in with.
NAMES = """
UPDATE accounts_user SET email = NULL
WHERE email IS NOT NULL AND NOT is_superuser AND (password = '' OR password LIKE '!%');
"""

# What waits for the end of the transaction would keep the constraints below from being added.
CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;"

# Back: an address is a name again, where it is one person's. Logins that were parted stay so.
NAMES_AGAIN = """
UPDATE accounts_user AS login SET email = one.email
FROM (SELECT DISTINCT ON (member.email) member.email, member.user_id FROM accounts_membership AS member
      WHERE member.email IS NOT NULL ORDER BY member.email, member.created_at, member.id) AS one
WHERE one.user_id = login.id AND login.email IS NULL
    AND NOT EXISTS (SELECT FROM accounts_user AS other WHERE other.email = one.email);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_addresses")]

    operations = [
        migrations.RunSQL(ADDRESSES_AND_LOGINS, migrations.RunSQL.noop),
        migrations.RunSQL(NAMES, NAMES_AGAIN),
        migrations.RunSQL(CHECK_NOW, CHECK_NOW),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                fields=("tenant", "email"),
                name="accounts_membership_email",
                violation_error_message="This person belongs to this tenant already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="accounts_membership_email_lower_case",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email_proved_at", None), ("email__isnull", False), _connector="OR"),
                name="accounts_user_proved_is_an_email",
            ),
        ),
    ]
