CREATE OR REPLACE FUNCTION public.ondi_enter_api_key_2(wanted_hash text)
 RETURNS TABLE(key_id uuid, tenant_id uuid, scopes text[])
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    found_key public.accounts_apikey;
BEGIN
    PERFORM set_config('ondi.tenants', '', true);
    SELECT key.* INTO found_key
        FROM public.accounts_apikey AS key
        JOIN public.tenants_tenant AS tenant ON tenant.id = key.tenant_id
        WHERE key.key_hash = wanted_hash AND key.revoked_at IS NULL AND tenant.status = 'active'
            AND (key.expires_at IS NULL OR key.expires_at > now());
    IF FOUND THEN
        PERFORM set_config('ondi.tenants', found_key.tenant_id::text, true);
        RETURN QUERY SELECT found_key.id, found_key.tenant_id, found_key.scopes::text[];
    END IF;
END
$function$;
