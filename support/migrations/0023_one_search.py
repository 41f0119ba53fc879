"""The search of everything: words and phrases in tickets, orders and deliveries; callers by any writing of a number.

The functions of the owner take the tenants from the scope and give back ids and nothing else, as those of 0010 do,
which stay for code that runs beside it. A phrase is one word with blanks in it: each blank is any one character, so
that a line's end parts words as well.
"""

from importlib import import_module

from django.db import migrations

folding = import_module("support.migrations.0010_folding")

NAME = folding.NAME.format(fold="public.ondi_fold", row="here.")
DIGITS = folding.DIGITS.format(fold="public.ondi_fold", row="here.")
OF_NAME = folding.PATTERN.format(word="replace(word, ' ', '')")
CLOSED = """
REVOKE ALL ON FUNCTION {0} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {0} TO ondi;
"""
# The longest first: it is in the fewest rows.
EACH_WORD = f"""
    FOR word, said IN
        SELECT btrim(regexp_replace(public.ondi_fold(one), '\\s+', ' ', 'g')), btrim(one) FROM unnest(words) AS one
        ORDER BY length(one) DESC
    LOOP
        CONTINUE WHEN word = '';
        pattern := replace({folding.PATTERN.format(word="word")}, ' ', '_');
        of_name := {OF_NAME};
        wanted := CASE WHEN word ~ '^#?[0-9]{{1,9}}$' THEN ltrim(word, '#')::integer END;"""


def searching(name: str, first: str, then: str) -> str:
    """SQL: a function of words; `first` finds the rows of a word, `then` those among `found`."""
    signature = f"{name}(text[])"
    return f"""
CREATE FUNCTION {name}(words text[]) RETURNS uuid[]
{folding.HEAD}
    word text;
    said text;
    pattern text;
    of_name text;
    wanted integer;
    found uuid[];
BEGIN
    {EACH_WORD}
        IF found IS NULL THEN
            found := ARRAY({first});
        ELSE
            found := ARRAY({then});
        END IF;
        EXIT WHEN found = '{{}}';
    END LOOP;
    RETURN COALESCE(found, '{{}}');
END
$$;
{CLOSED.format(signature)}"""


def rows(branches: str) -> str:
    """SQL: the ids of these rows of each tenant in scope: an index is entered with a value, not with a list."""
    return f"""
            SELECT one.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL ({branches}
            ) AS one"""


def of_table(name: str, branches: str) -> str:
    return searching(name, rows(branches), f"{rows(branches)} WHERE one.id = ANY (found)")


def conversations(among: str) -> str:
    by_name = f"{NAME} LIKE pattern"
    found = folding.matches(among)
    assert by_name in found
    return str(found.replace(by_name, f"{NAME} LIKE of_name"))


TICKETS = searching("ondi_search_tickets", conversations(""), conversations("{} = ANY (found)"))
ORDERS = of_table(
    "ondi_search_orders",
    f"""
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
                UNION
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND here.external_id = said
                UNION
                SELECT bought.id FROM public.accounts_membership AS here
                JOIN public.orders_order AS bought ON bought.tenant_id = tenant AND bought.customer_id = here.id
                WHERE here.tenant_id = tenant AND {NAME} LIKE of_name""",
)
DELIVERIES = of_table(
    "ondi_search_deliveries",
    f"""
                SELECT here.id FROM public.deliveries_delivery AS here
                WHERE here.tenant_id = tenant AND here.delivery_code = wanted
                UNION
                SELECT here.id FROM public.deliveries_delivery AS here
                WHERE here.tenant_id = tenant AND here.external_id = said
                UNION
                SELECT sent.id FROM public.orders_order AS here
                JOIN public.deliveries_delivery AS sent ON sent.tenant_id = tenant AND sent.order_id = here.id
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
                UNION
                SELECT sent.id FROM public.accounts_membership AS here
                JOIN public.deliveries_delivery AS sent ON sent.tenant_id = tenant AND sent.customer_id = here.id
                WHERE here.tenant_id = tenant AND {NAME} LIKE of_name""",
)

# People: every word in the name, the e-mail or the phone number, or as the external id; or the whole term as a phone
# number. One is written with the code of its country, with a nought, or with neither: of what is typed the last nine
# digits are compared, and what is on record may be the shorter one, down to seven.
PEOPLE = f"""
CREATE OR REPLACE FUNCTION ondi_search_people(term text) RETURNS uuid[]
{folding.HEAD}
    word text;
    pattern text;
    part text;
    found uuid[];
    digits text := ltrim(regexp_replace(public.ondi_fold(term), '[^0-9]', '', 'g'), '0');
    is_number boolean := public.ondi_fold(term) ~ '^[-0-9+()./\\s]+$' AND length(digits) >= 3;
    number text := CASE WHEN is_number THEN
        '%' || right(digits, 9) || CASE WHEN length(digits) < 9 THEN '%' ELSE '' END END;
    ending text := CASE WHEN is_number AND length(digits) > 7 THEN '%' || right(digits, 7) END;
BEGIN
    FOREACH word IN ARRAY {folding.WORDS} LOOP
        pattern := {folding.PATTERN.format(word="word")};
        part := CASE WHEN NOT is_number AND word ~ '^[-0-9+()./]*[0-9]{{3}}[-0-9+()./]*$' THEN
            '%' || NULLIF(ltrim(regexp_replace(word, '[^0-9]', '', 'g'), '0'), '') || '%' END;
        found := ARRAY(
            SELECT person.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND {NAME} LIKE pattern
                UNION
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.email) LIKE pattern
                UNION
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND {DIGITS} LIKE part
            ) AS person
            WHERE found IS NULL OR person.id = ANY (found)
        );
        EXIT WHEN found = '{{}}';
    END LOOP;
    RETURN COALESCE(found, '{{}}') || ARRAY(
        SELECT person.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND {DIGITS} LIKE number
            UNION
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND {DIGITS} LIKE ending
                AND length(ltrim({DIGITS}, '0')) >= 7 AND digits LIKE '%' || ltrim({DIGITS}, '0')
            UNION
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND here.external_id = btrim(term)
        ) AS person
    );
END
$$;
"""
PEOPLE_BEFORE = folding.PEOPLE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("support", "0022_saved_views")]

    operations = [
        migrations.RunSQL(TICKETS, "DROP FUNCTION ondi_search_tickets(text[])"),
        migrations.RunSQL(ORDERS, "DROP FUNCTION ondi_search_orders(text[])"),
        migrations.RunSQL(DELIVERIES, "DROP FUNCTION ondi_search_deliveries(text[])"),
        migrations.RunSQL(PEOPLE, PEOPLE_BEFORE),
    ]
