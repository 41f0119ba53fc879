CREATE OR REPLACE FUNCTION public.ondi_erase_customer(wanted_member uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    scope uuid[] := string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[];
    member public.accounts_membership;
    login public.accounts_user;
    tickets uuid[];
    talks uuid[];
    rows uuid[];
    alone boolean;
BEGIN
    -- A login is locked before its memberships; the second look is for one that was joined meanwhile.
    PERFORM FROM public.accounts_user AS u WHERE u.id = (
        SELECT m.user_id FROM public.accounts_membership AS m WHERE m.id = wanted_member AND m.tenant_id = ANY (scope)
    ) FOR NO KEY UPDATE;
    SELECT * INTO member FROM public.accounts_membership AS m
        WHERE m.id = wanted_member AND m.tenant_id = ANY (scope) AND m.role = 'customer' AND m.erased_at IS NULL
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT * INTO login FROM public.accounts_user AS u WHERE u.id = member.user_id FOR NO KEY UPDATE;
    alone := NOT login.is_superuser AND NOT EXISTS (
        SELECT FROM public.accounts_membership AS m WHERE m.user_id = login.id AND m.id <> member.id
            AND m.erased_at IS NULL);

    DELETE FROM public.support_draft AS d WHERE d.tenant_id = member.tenant_id AND d.ticket_id IN (
        SELECT t.id FROM public.support_ticket AS t
        WHERE t.tenant_id = member.tenant_id AND t.requester_id = member.id);
    PERFORM FROM public.orders_order AS o
        WHERE o.tenant_id = member.tenant_id AND o.customer_id = member.id ORDER BY o.id FOR NO KEY UPDATE;
    PERFORM FROM public.deliveries_delivery AS d
        WHERE d.tenant_id = member.tenant_id AND d.customer_id = member.id ORDER BY d.id FOR NO KEY UPDATE;
    PERFORM FROM public.support_ticket AS t WHERE t.tenant_id = member.tenant_id AND (t.requester_id = member.id
        OR t.conversation_id IN (SELECT m.conversation_id FROM public.conversations_message AS m
                                 WHERE m.tenant_id = member.tenant_id AND m.sender_id = member.id))
        ORDER BY t.id FOR NO KEY UPDATE;
    SELECT COALESCE(array_agg(t.id), '{}'), COALESCE(array_agg(t.conversation_id), '{}') INTO tickets, talks
        FROM public.support_ticket AS t WHERE t.tenant_id = member.tenant_id AND t.requester_id = member.id;

    PERFORM FROM public.conversations_conversation AS c WHERE c.tenant_id = member.tenant_id AND (c.id = ANY (talks)
        OR c.id IN (SELECT m.conversation_id FROM public.conversations_message AS m
                    WHERE m.tenant_id = member.tenant_id AND m.sender_id = member.id))
        ORDER BY c.id FOR NO KEY UPDATE;
    PERFORM FROM public.conversations_message AS m WHERE m.tenant_id = member.tenant_id
        AND (m.conversation_id = ANY (talks) OR m.sender_id = member.id) ORDER BY m.id FOR NO KEY UPDATE;
    rows := ARRAY[member.id, login.id] || tickets || talks
        || ARRAY(SELECT m.id FROM public.conversations_message AS m
                 WHERE m.tenant_id = member.tenant_id AND (m.conversation_id = ANY (talks) OR m.sender_id = member.id))
        || ARRAY(SELECT n.id FROM public.support_ticketnote AS n
                 WHERE n.tenant_id = member.tenant_id AND n.ticket_id = ANY (tickets))
        || ARRAY(SELECT o.id FROM public.orders_order AS o
                 WHERE o.tenant_id = member.tenant_id AND o.customer_id = member.id)
        || ARRAY(SELECT d.id FROM public.deliveries_delivery AS d
                 WHERE d.tenant_id = member.tenant_id AND d.customer_id = member.id);

    rows := rows || ARRAY(SELECT f.id FROM public.files_storedfile AS f WHERE f.tenant_id = member.tenant_id AND (f.uploader_id = member.id
        OR f.parent_kind IN ('message', 'note') AND f.parent_id = ANY (rows)));
    UPDATE public.files_storedfile AS f SET state = 'removed', reason = '', next_at = NULL, file_name = '',
        sha256 = '', attempts = f.attempts + 1, uploader_id = NULL, parent_kind = '',
        parent_id = NULL
        WHERE f.state <> 'removed' AND f.tenant_id = member.tenant_id
            AND f.id = ANY (rows);
    UPDATE public.conversations_message SET attachment_count = 0, content = '', message_type = 'system', event = '{"code": "message_redacted", "params": {}}'::jsonb
        WHERE tenant_id = member.tenant_id AND (conversation_id = ANY (talks) OR sender_id = member.id)
            AND message_type <> 'system';
    UPDATE public.conversations_conversation AS c SET title = 'Erased', last_message_preview = '',
        last_message_type = CASE WHEN c.last_message_id IS NULL THEN NULL ELSE 'system' END,
        last_message_event = (SELECT m.event FROM public.conversations_message AS m WHERE m.id = c.last_message_id)
        WHERE c.tenant_id = member.tenant_id AND c.id = ANY (talks);
    UPDATE public.support_ticket SET subject = 'Erased', version = version + 1, updated_at = now()
        WHERE tenant_id = member.tenant_id AND id = ANY (tickets);
    UPDATE public.support_ticketnote SET content = 'Erased', attachment_count = 0
        WHERE tenant_id = member.tenant_id AND ticket_id = ANY (tickets);
    UPDATE public.orders_orderitem AS i SET name = 'Erased' FROM public.orders_order AS o
        WHERE i.tenant_id = member.tenant_id AND o.tenant_id = i.tenant_id AND o.id = i.order_id
            AND o.customer_id = member.id;
    UPDATE public.orders_order SET number = 'erased-' || id, external_id = NULL
        WHERE tenant_id = member.tenant_id AND customer_id = member.id;
    UPDATE public.deliveries_delivery SET external_id = NULL, from_address = NULL, to_address = NULL
        WHERE tenant_id = member.tenant_id AND customer_id = member.id;
    DELETE FROM public.api_idempotencyrecord AS r WHERE r.tenant_id = member.tenant_id
        AND (r.user_id = login.id OR EXISTS (SELECT FROM unnest(rows) AS one (id)
             WHERE r.path LIKE '%' || one.id || '%' OR r.response::text LIKE '%' || one.id || '%'));
    DELETE FROM public.datafixes_fiximage WHERE tenant_id = member.tenant_id AND row_id = ANY (rows);
    DELETE FROM public.accounts_refreshfamily WHERE tenant_id = member.tenant_id AND user_id = login.id;
    UPDATE public.django_admin_log SET object_repr = 'Erased', change_message = ''
        WHERE object_id = ANY (rows::text[]);
    DELETE FROM public.axes_accessattempt WHERE username IN (login.email, member.email);
    DELETE FROM public.axes_accessfailurelog WHERE username IN (login.email, member.email);
    DELETE FROM public.axes_accesslog WHERE username IN (login.email, member.email);
    UPDATE public.accounts_membership SET first_name = '', last_name = '', email = NULL, phone = '', language = '',
        external_id = NULL, ended_at = COALESCE(ended_at, now()), erased_at = now() WHERE id = member.id;
    IF alone THEN
        DELETE FROM public.otp_static_statictoken WHERE device_id IN (
            SELECT d.id FROM public.otp_static_staticdevice AS d WHERE d.user_id = login.id);
        DELETE FROM public.otp_static_staticdevice WHERE user_id = login.id;
        DELETE FROM public.otp_totp_totpdevice WHERE user_id = login.id;
        UPDATE public.accounts_user SET email = NULL, email_proved_at = NULL, password = '!', is_active = false
            WHERE id = login.id;
    END IF;
    RETURN true;
END
$function$;
