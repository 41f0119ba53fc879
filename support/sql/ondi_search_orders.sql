CREATE OR REPLACE FUNCTION public.ondi_search_orders(words text[])
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'auto'
AS $function$
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];

    word text;
    said text;
    pattern text;
    of_name text;
    wanted integer;
    found uuid[];
BEGIN
    
    FOR word, said IN
        SELECT btrim(regexp_replace(public.ondi_fold(one), '\s+', ' ', 'g')), btrim(one) FROM unnest(words) AS one
        ORDER BY length(one) DESC
    LOOP
        CONTINUE WHEN word = '';
        pattern := replace('%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%', ' ', '_');
        of_name := '%' || regexp_replace(replace(word, ' ', ''), '([\\%_])', '\\\1', 'g') || '%';
        wanted := CASE WHEN word ~ '^#?[0-9]{1,9}$' THEN ltrim(word, '#')::integer END;
        IF found IS NULL THEN
            found := ARRAY(
            SELECT one.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
                UNION
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND here.external_id = said
                UNION
                SELECT bought.id FROM public.accounts_membership AS here
                JOIN public.orders_order AS bought ON bought.tenant_id = tenant AND bought.customer_id = here.id
                WHERE here.tenant_id = tenant AND replace(public.ondi_fold(here.first_name || here.last_name), ' ', '') LIKE of_name
            ) AS one);
        ELSE
            found := ARRAY(
            SELECT one.id FROM unnest(scope) AS tenant CROSS JOIN LATERAL (
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND public.ondi_fold(here.number) LIKE pattern
                UNION
                SELECT here.id FROM public.orders_order AS here
                WHERE here.tenant_id = tenant AND here.external_id = said
                UNION
                SELECT bought.id FROM public.accounts_membership AS here
                JOIN public.orders_order AS bought ON bought.tenant_id = tenant AND bought.customer_id = here.id
                WHERE here.tenant_id = tenant AND replace(public.ondi_fold(here.first_name || here.last_name), ' ', '') LIKE of_name
            ) AS one WHERE one.id = ANY (found));
        END IF;
        EXIT WHEN found = '{}';
    END LOOP;
    RETURN COALESCE(found, '{}');
END
$function$;
