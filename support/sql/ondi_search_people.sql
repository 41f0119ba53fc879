CREATE OR REPLACE FUNCTION public.ondi_search_people(term text)
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'auto'
AS $function$
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];

    word text;
    pattern text;
    part text;
    found uuid[];
    digits text := ltrim(regexp_replace(public.ondi_fold(term), '[^0-9]', '', 'g'), '0');
    is_number boolean := public.ondi_fold(term) ~ '^[-0-9+()./\s]+$' AND length(digits) >= 3;
    number text := CASE WHEN is_number THEN
        '%' || right(digits, 9) || CASE WHEN length(digits) < 9 THEN '%' ELSE '' END END;
    ending text := CASE WHEN is_number AND length(digits) > 7 THEN '%' || right(digits, 7) END;
BEGIN
    FOREACH word IN ARRAY ARRAY(
        SELECT one FROM regexp_split_to_table(public.ondi_fold(term), '\s+') WITH ORDINALITY AS words (one, place)
        WHERE one <> '' GROUP BY one ORDER BY length(one) DESC, min(place)) LOOP
        pattern := '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%';
        part := CASE WHEN NOT is_number AND word ~ '^[-0-9+()./]*[0-9]{3}[-0-9+()./]*$' THEN
            '%' || NULLIF(ltrim(regexp_replace(word, '[^0-9]', '', 'g'), '0'), '') || '%' END;
        found := ARRAY(
            SELECT person.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND replace(public.ondi_fold(here.first_name || here.last_name), ' ', '') LIKE pattern
                UNION
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.email) LIKE pattern
                UNION
                SELECT here.id FROM public.accounts_membership AS here
                WHERE here.tenant_id = tenant AND regexp_replace(public.ondi_fold(here.phone), '[^0-9]', '', 'g') LIKE part
            ) AS person
            WHERE found IS NULL OR person.id = ANY (found)
        );
        EXIT WHEN found = '{}';
    END LOOP;
    RETURN COALESCE(found, '{}') || ARRAY(
        SELECT person.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND regexp_replace(public.ondi_fold(here.phone), '[^0-9]', '', 'g') LIKE number
            UNION
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND regexp_replace(public.ondi_fold(here.phone), '[^0-9]', '', 'g') LIKE ending
                AND length(ltrim(regexp_replace(public.ondi_fold(here.phone), '[^0-9]', '', 'g'), '0')) >= 7 AND digits LIKE '%' || ltrim(regexp_replace(public.ondi_fold(here.phone), '[^0-9]', '', 'g'), '0')
            UNION
            SELECT here.id FROM public.accounts_membership AS here
            WHERE here.tenant_id = tenant AND here.external_id = btrim(term)
        ) AS person
    );
END
$function$;
