"""One folding of letters for every search: what looks the same to a reader is found by the other.

The folded columns and the indexes on them are made anew, which rewrites the tables of conversations and messages and
locks them meanwhile; how long that takes for a million tickets stands in the CHANGELOG. For code that runs beside it
nothing changes: the functions keep their names and arguments.

People are searched by a function of the owner, as tickets are (0003): under a row-level policy PostgreSQL uses no text
index. It takes the tenants from the scope and gives back ids of memberships and nothing else.
"""

from importlib import import_module

from django.db import migrations

before, addresses = (import_module(f"support.migrations.{name}") for name in ("0003_search", "0007_addresses"))


def characters(*ranges: int | tuple[int, int]) -> str:
    """These code points and ranges of code points, as one text."""
    pairs = [(each, each) if isinstance(each, int) else each for each in ranges]
    return "".join(chr(code) for first, last in pairs for code in range(first, last + 1))


# Each is read as the letter it stands beside, whichever keyboard (Arabic, Persian, Kurdish, Urdu) it was typed on.
LETTERS = {
    "\u0627": characters(0x0622, 0x0623, 0x0625, (0x0671, 0x0673)),  # alef
    "\u064a": characters(0x0649, 0x06CC),  # yeh
    "\u0643": characters(0x06A9, 0x06AA),  # kaf
    "\u0647": characters(0x0629, 0x06BE, (0x06C0, 0x06C3), 0x06D5),  # heh, and teh marbuta
    "\u0621": characters(0x0624, 0x0626),  # hamza on its carriers: people write one for the other
}
SIGNS = {
    "-": characters((0x2010, 0x2015), 0x2212),
    "'": characters((0x2018, 0x201B), 0x2032, 0x02BB, 0x02BC),
    '"': characters((0x201C, 0x201F), 0x2033),
    " ": characters(0x0085, 0x1680, 0x2028, 0x2029, 0x2800),
    **{str(digit): characters(0x0660 + digit, 0x06F0 + digit) for digit in range(10)},
}
# Signs of direction, zero-width and filler characters, tatweel, marks of Arabic vowels: nobody sees or types them.
UNSEEN = characters(
    0x00AD, 0x034F, (0x0610, 0x061A), 0x061C, 0x0640, (0x064B, 0x065F), 0x0670, 0x0674, (0x06D6, 0x06DC),
    (0x06DF, 0x06E4), 0x06E7, 0x06E8, (0x06EA, 0x06ED), 0x115F, 0x1160, 0x17B4, 0x17B5, (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), 0x3164, (0xFE00, 0xFE0F), 0xFEFF, 0xFFA0, (0xFFF9, 0xFFFB),
)  # fmt: skip


def one_of(text: str) -> str:
    """A class of a regular expression: any of these characters."""
    return "'[" + "".join(f"\\u{ord(one):04X}" for one in text) + "]'"


def replaced(value: str, same: dict[str, str]) -> str:
    """SQL: `value` with all that is the same written the same. `translate` is slow where it finds nothing."""
    old, new = "".join(same.values()), "".join(letter * len(others) for letter, others in same.items())
    old, new = (text.replace("'", "''") for text in (old, new))
    has_some = f"{value} ~ {one_of(''.join(same.values()))}"
    return f"CASE WHEN {has_some} THEN translate({value}, '{old}', '{new}') ELSE {value} END"


FOLD = f"""
CREATE OR REPLACE FUNCTION ondi_fold(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    -- Text in ASCII has nothing to fold but its capitals, and "C" is the quickest way to them.
    IF octet_length(value) = char_length(value) THEN
        RETURN lower(value COLLATE "C");
    END IF;
    IF value IS NOT NFKC NORMALIZED THEN
        value := normalize(value, NFKC);
    END IF;
    value := regexp_replace(lower(value), {one_of(UNSEEN)}, '', 'g');
    value := {replaced("value", LETTERS)};
    RETURN {replaced("value", SIGNS)};
END
$$;
"""

# Without blanks, for one name is written with them and without: "Abdul Rahman", "Abdulrahman", and so in Arabic.
NAME = "replace({fold}({row}first_name || {row}last_name), ' ', '')"
DIGITS = "regexp_replace({fold}({row}phone), '[^0-9]', '', 'g')"
PATTERN = """'%' || regexp_replace({word}, '([\\\\%_])', '\\\\\\1', 'g') || '%'"""

DROP = """
DROP INDEX conversations_title_text, conversations_message_text, accounts_membership_name_text;
ALTER TABLE conversations_conversation DROP COLUMN title_folded;
ALTER TABLE conversations_message DROP COLUMN content_folded;
"""
TEXTS = """
CREATE INDEX conversations_title_text ON conversations_conversation USING gin (tenant_id, title_folded gin_trgm_ops)
    WITH (gin_pending_list_limit = 512);
CREATE INDEX conversations_message_text ON conversations_message
    USING gin (tenant_id, content_folded gin_trgm_ops) WITH (gin_pending_list_limit = 512)
    WHERE message_type = 'text';
REINDEX INDEX orders_order_number_text;
REINDEX INDEX accounts_membership_email_text;
"""
NAMES = f"""
CREATE INDEX accounts_membership_name_text ON accounts_membership
    USING gin (tenant_id, ({NAME.format(fold="ondi_fold", row="")}) gin_trgm_ops);
"""
NAMES_BEFORE = """
CREATE INDEX accounts_membership_name_text ON accounts_membership
    USING gin (tenant_id, ondi_fold(first_name || ' ' || last_name) gin_trgm_ops);
"""
PHONES = f"""
CREATE INDEX accounts_membership_phone_text ON accounts_membership
    USING gin (tenant_id, ({DIGITS.format(fold="ondi_fold", row="")}) gin_trgm_ops);
"""

HEAD = """
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Planned for each term: two letters are better looked for without the index.
SET plan_cache_mode = auto AS $$
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];
"""
# The words of a term, the longest first: it is in the fewest tickets.
WORDS = """ARRAY(
        SELECT one FROM regexp_split_to_table(public.ondi_fold(term), '\\s+') WITH ORDINALITY AS words (one, place)
        WHERE one <> '' GROUP BY one ORDER BY length(one) DESC, min(place))"""


def matches(among: str) -> str:
    """SQL: the conversations of the tickets in which a word stands; `among`: the condition on them, if there is one."""
    narrowed = [f" AND {among.format(key)}" if among else "" for key in ("here.id", "here.conversation_id")]
    of_ticket = f" AND {among.format('ticket.conversation_id')}" if among else ""
    return f"""
            -- One tenant at a time: an index is entered with a value, not with a list.
            SELECT talk.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.conversations_conversation AS here
                WHERE here.tenant_id = tenant AND here.title_folded LIKE pattern{narrowed[0]}
            ) AS talk
            UNION
            SELECT message.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.conversation_id FROM public.conversations_message AS here
                WHERE here.tenant_id = tenant AND here.message_type = 'text'
                    AND here.content_folded LIKE pattern{narrowed[1]}
            ) AS message
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
            ) AS purchase
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.order_id = purchase.id{of_ticket}
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND {NAME.format(fold="public.ondi_fold", row="here.")} LIKE pattern
            ) AS member
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.requester_id = member.id{of_ticket}
            UNION
            SELECT ticket.conversation_id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.email) LIKE pattern
            ) AS member
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = tenant AND ticket.requester_id = member.id{of_ticket}
            UNION
            SELECT ticket.conversation_id FROM public.support_ticket AS ticket
            WHERE ticket.tenant_id = ANY (scope) AND ticket.number = wanted{of_ticket}
            UNION
            SELECT ticket.conversation_id FROM public.deliveries_delivery AS delivery
            JOIN public.support_ticket AS ticket
                ON ticket.tenant_id = delivery.tenant_id AND ticket.delivery_id = delivery.id
            WHERE delivery.tenant_id = ANY (scope) AND delivery.delivery_code = wanted{of_ticket}"""


SEARCH = f"""
CREATE OR REPLACE FUNCTION ondi_search_conversations(term text) RETURNS uuid[]
{HEAD}
    word text;
    pattern text;
    wanted integer;
    found uuid[];
BEGIN
    -- Each word anywhere in the ticket: the first one is looked for everywhere, the others where it was found.
    FOREACH word IN ARRAY {WORDS} LOOP
        pattern := {PATTERN.format(word="word")};
        wanted := CASE WHEN word ~ '^#?[0-9]{{1,9}}$' THEN ltrim(word, '#')::integer END;
        IF found IS NULL THEN
            found := ARRAY({matches("")});
        ELSE
            found := ARRAY({matches("{} = ANY (found)")});
        END IF;
        EXIT WHEN found = '{{}}';
    END LOOP;
    RETURN COALESCE(found, '{{}}');
END
$$;
"""

# People: every word in the name, the e-mail or as the external id; or the whole term as a phone number, by its last
# digits, for a number is written with the code of its country, with a nought, or with neither.
PEOPLE = f"""
CREATE FUNCTION ondi_search_people(term text) RETURNS uuid[]
{HEAD}
    word text;
    pattern text;
    found uuid[];
    digits text := ltrim(regexp_replace(public.ondi_fold(term), '[^0-9]', '', 'g'), '0');
    number text := CASE WHEN public.ondi_fold(term) ~ '^[-0-9+()./\\s]+$' AND length(digits) >= 3 THEN
        '%' || right(digits, 9) || CASE WHEN length(digits) < 9 THEN '%' ELSE '' END END;
BEGIN
    FOREACH word IN ARRAY {WORDS} LOOP
        pattern := {PATTERN.format(word="word")};
        found := ARRAY(
            SELECT person.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND {NAME.format(fold="public.ondi_fold", row="here.")} LIKE pattern
                UNION
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.email) LIKE pattern
            ) AS person
            WHERE found IS NULL OR person.id = ANY (found)
        );
        EXIT WHEN found = '{{}}';
    END LOOP;
    RETURN COALESCE(found, '{{}}') || ARRAY(
        SELECT person.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND {DIGITS.format(fold="public.ondi_fold", row="here.")} LIKE number
            UNION
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND here.external_id = btrim(term)
        ) AS person
    );
END
$$;
REVOKE ALL ON FUNCTION ondi_search_people(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ondi_search_people(text) TO ondi;
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0009_languages")]

    operations = [
        migrations.RunSQL(DROP, before.FOLDED + TEXTS + NAMES_BEFORE),
        migrations.RunSQL(FOLD, before.FOLD.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")),
        migrations.RunSQL(before.FOLDED + TEXTS + NAMES, DROP),
        migrations.RunSQL(PHONES, "DROP INDEX accounts_membership_phone_text"),
        migrations.RunSQL(SEARCH, addresses.SEARCH),
        migrations.RunSQL(PEOPLE, "DROP FUNCTION ondi_search_people(text)"),
    ]
