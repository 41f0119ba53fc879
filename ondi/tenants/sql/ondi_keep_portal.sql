CREATE OR REPLACE FUNCTION public.ondi_keep_portal()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    was jsonb := '{"allow_customer_close": false, "support_chat_enabled": true, "max_customer_priority": "urgent",
                   "acknowledgement_html": {}}';
    written jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        was := to_jsonb(OLD);
    END IF;
    SELECT COALESCE(jsonb_object_agg(key, value), '{}') INTO written FROM jsonb_each(to_jsonb(NEW))
        WHERE key IN ('allow_customer_close', 'support_chat_enabled', 'max_customer_priority', 'acknowledgement_html')
            AND value <> was->key;
    NEW.values := CASE TG_OP WHEN 'UPDATE' THEN NEW.values || written ELSE written || NEW.values END;
    RETURN NEW;
END
$function$;
