CREATE OR REPLACE FUNCTION public.ondi_foreign_rows_2(wanted uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];
    branches text;
BEGIN
    IF scope IS NULL THEN
        RETURN;
    END IF;
    SELECT string_agg(format(
            'SELECT t.id, t.tenant_id FROM %I.%I AS t WHERE t.id = ANY ($1) AND NOT t.tenant_id = ANY ($2)',
            space.nspname, relation.relname), ' UNION ALL ')
        INTO branches
        FROM pg_class AS relation JOIN pg_namespace AS space ON space.oid = relation.relnamespace
        WHERE space.nspname = 'public' AND relation.relkind = 'r' AND relation.relrowsecurity AND (
            SELECT count(*) FROM pg_attribute AS part
            WHERE part.attrelid = relation.oid AND part.attname IN ('id', 'tenant_id')
                AND part.atttypid = 'uuid'::regtype AND NOT part.attisdropped) = 2;
    RETURN QUERY EXECUTE branches || '
        UNION ALL SELECT tenant.id, tenant.id FROM public.tenants_tenant AS tenant
            WHERE tenant.id = ANY ($1) AND NOT tenant.id = ANY ($2)
        UNION ALL SELECT member.user_id, member.tenant_id FROM public.accounts_membership AS member
            WHERE member.user_id = ANY ($1) AND NOT member.tenant_id = ANY ($2) AND NOT EXISTS (
                SELECT FROM public.accounts_membership AS own
                WHERE own.user_id = member.user_id AND own.tenant_id = ANY ($2))
        ORDER BY 1' USING wanted, scope;
END
$function$;
