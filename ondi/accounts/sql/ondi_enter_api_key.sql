CREATE OR REPLACE FUNCTION public.ondi_enter_api_key(wanted_hash text)
 RETURNS TABLE(key_id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    found_key uuid;
    found_tenant uuid;
BEGIN
    PERFORM set_config('ondi.tenants', '', true);
    SELECT key.id, key.tenant_id INTO found_key, found_tenant
        FROM public.accounts_apikey AS key
        JOIN public.tenants_tenant AS tenant ON tenant.id = key.tenant_id
        WHERE key.key_hash = wanted_hash AND key.revoked_at IS NULL AND tenant.status = 'active'
            AND (key.expires_at IS NULL OR key.expires_at > now());
    IF FOUND THEN
        PERFORM set_config('ondi.tenants', found_tenant::text, true);
        RETURN QUERY SELECT found_key, found_tenant;
    END IF;
END
$function$;
