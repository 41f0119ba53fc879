"""Every condition that keeps tenants and people apart, and how it reads when it is gone.

A row: file, the words, what stands there instead, and the tests that ought to notice. `make mutants` runs them;
words that are no longer in the file fail it, so the list cannot grow stale silently.
"""

from typing import NamedTuple

PERMISSIONS = "tests/api/test_permissions.py"
RULES = "tests/architecture/test_database_rules.py"
CODE_WALL = "tests/tenants/test_leaks.py::test_nothing_leaks_without_the_databases_wall"
FLAGS = "tests/support/test_flags.py"
CUSTOMERS = "tests/support/test_customer_tickets.py"
QUEUE = "tests/support/test_queue.py"
SERVICES = "tests/support/test_services.py"
RACES = "tests/support/test_races.py"
MESSAGES = "tests/conversations/test_messages.py"
ADMIN = "tests/staff/test_admin.py"
STAFF_SIGN_IN = "tests/staff/test_sign_in.py"
SIGN_IN = "tests/accounts/test_sign_in.py"
LIMITS = "tests/accounts/test_limits.py"
CLIENT = "tests/api/test_client.py"
TOKENS = "tests/accounts/test_tokens.py"
SETTINGS = "tests/accounts/test_settings.py"
KEYS = "tests/deliveries/test_integrations.py"
TOLERANCE = "tests/deliveries/test_tolerance.py"
FILES = "tests/deliveries/test_import_files.py"
LOGS = "tests/platform/test_logs.py"
UNITS = "tests/platform/test_units.py"
HIDDEN = "tests/tenants/test_code_wall.py"
CONVENTIONS = "tests/api/test_conventions.py"
PAGES = "tests/staff/test_pages.py"
WORKBENCH = "tests/support/test_workbench.py"
ONCE = "tests/staff/test_once.py"
PARTS = "tests/support/test_parts.py"
LOCKS = "tests/support/test_locks.py"
FIGURES = "tests/support/test_figures.py"
ONE_CASE = "tests/support/test_one_case.py"
DESK_SERVICES = "tests/support/test_desk_services.py"
FORGOTTEN = "tests/accounts/test_forgotten.py"
PROVED = "tests/accounts/test_proved_addresses.py"
INVITATIONS = "tests/staff/test_invitations.py"
FIXES = "tests/datafixes/test_commands.py"
UNDO = "tests/datafixes/test_undo.py"
DOCTOR = "tests/support/test_doctor.py"
DRIFT = "tests/architecture/test_schema_picture.py"
RUNS = "tests/datafixes/test_runs.py"
ERASURE = "support/migrations/0005_erasure.py"
ADDRESSES = "support/migrations/0007_addresses.py"

POLICIES = "support/policies.py"
TICKETS = "support/querysets.py"
DESK = "support/services/desk.py"
OPENING = "support/services/opening.py"
SHARED = "support/services/shared.py"
PARTICIPANTS = "support/services/participants.py"
READS = "support/reads.py"
TALK = "conversations/querysets.py"
ENTRY = "ondi/accounts/migrations/0002_database_rules.py"
KEY_ENTRY = "ondi/accounts/migrations/0003_api_keys.py"
SEARCH = "support/migrations/0010_folding.py"
WALL = "ondi/common/database.py"
BASE = "ondi/staff/admin_base.py"
SCREENS = "ondi/staff/admin.py"
FEEDS, RELAY = "tests/outbox/test_feeds.py", "tests/outbox/test_relay.py"
PUBLISHING, SUBSCRIBERS = "tests/outbox/test_publishing.py", "tests/outbox/test_subscribers.py"
SESSIONS = "ondi/accounts/sessions.py"
FORGETTING = "ondi/accounts/forgotten.py"
INVITING = "ondi/accounts/invitations.py"
LINKS = "ondi/accounts/links.py"
CREDENTIALS = "ondi/accounts/credentials.py"
ATTEMPTS = "ondi/accounts/attempts.py"


class Mutant(NamedTuple):
    file: str
    before: str
    after: str
    tests: str
    which: int = 0  # of several places with these words


MUTANTS = [
    Mutant(POLICIES, "    if actor.membership_id is None:", "    if False:", SERVICES),
    # Who may: the policies, and that they are asked.
    Mutant(
        POLICIES,
        "return None if Portal.of(actor).support_chat_enabled else SupportChatDisabled()",
        "return None",
        FLAGS,
    ),
    Mutant(
        POLICIES,
        "return None if Portal.of(actor).allow_customer_close else CustomerCloseDisabled()",
        "return None",
        FLAGS,
    ),
    Mutant(
        POLICIES,
        "return None if actor.is_support_user or actor.is_system else NotASupportUser()",
        "return None",
        SERVICES,
    ),
    Mutant(POLICIES, "    if not actor.is_support_user:\n", "    if False:\n", SERVICES),
    Mutant(POLICIES, "return PermissionDenied() if is_customer_of(ticket, actor) else None", "return None", QUEUE),
    Mutant(POLICIES, "    if is_customer_of(ticket, actor):\n", "    if False:\n", MESSAGES),
    Mutant("support/api/presentation.py", "is_own = policies.is_customer_of(row, viewer)", "is_own = False", QUEUE),
    Mutant(
        POLICIES,
        "return None if actor.leads or ticket.assignee_id == actor.membership_id else PermissionDenied()",
        "return None",
        MESSAGES,
    ),
    Mutant(POLICIES, " if priority.rank <= highest]", "]", CUSTOMERS),
    Mutant(OPENING, "if refusal := policies.opening_refusal(actor):", "if False:", SERVICES),
    Mutant(
        "support/api/views.py",
        'if view.action == "create" and (refusal := policies.opening_refusal(actor_of(request))):',
        "if refusal := None:",
        CUSTOMERS,
    ),
    Mutant(OPENING, "if delivery_id and not Delivery", "if False and not Delivery", CUSTOMERS),
    Mutant(OPENING, "if order_id and order is None:", "if False:", CUSTOMERS),
    Mutant(DESK, "if refusal := policies.closing_refusal(ticket, actor):", "if refusal := None:", CUSTOMERS),
    Mutant(DESK, "if refusal := policies.handling_refusal(ticket, actor):", "if refusal := None:", SERVICES),
    Mutant(SHARED, "if refusal := policies.handling_refusal(ticket, actor):", "if refusal := None:", SERVICES),
    Mutant(
        DESK,
        "    if ticket.assignee_id != actor.membership_id and not actor.is_system:\n        raise TicketNotAssignedToYou\n",
        "",
        QUEUE,
    ),
    Mutant(DESK, "    if ticket.assignee is not None:", "    if False:", QUEUE),
    Mutant(SHARED, "    if actor.is_support_user and not hold_support_role(person_of(actor)):", "    if False:", RACES),
    Mutant(DESK, "    if not agent_stays or ticket.assignee_id != agent_id:", "    if False:", SERVICES),
    Mutant(DESK, "    if not actor.is_support_user:\n        raise NotASupportUser\n    hold", "    hold", SERVICES),
    Mutant(
        SHARED,
        "if actor.is_system or policies.is_customer_of(holder, actor) or actor.is_support_user:",
        "if True:",
        CUSTOMERS,
    ),
    Mutant(
        PARTICIPANTS, "if refusal := policies.participants_refusal(ticket, actor):", "if refusal := None:", SERVICES
    ),
    Mutant(PARTICIPANTS, "        if not member.is_support_user:", "        if False:", MESSAGES),
    Mutant(PARTICIPANTS, "(ticket.requester_id, ticket.assignee_id if action == REMOVE else None)", "()", MESSAGES),
    Mutant(
        "support/api/conversation_views.py",
        "if refusal := policies.participants_refusal(ticket, actor):",
        "if refusal := None:",
        PERMISSIONS,
    ),
    Mutant("support/api/agent_views.py", "        if not actor.is_support_user:", "        if False:", PERMISSIONS),
    Mutant(
        "support/api/agent_views.py",
        'if request.query_params.get("assigned_to") and not actor.leads:',
        "if False:",
        QUEUE,
    ),
    Mutant(
        "support/api/agent_views.py",
        "if refusal := policies.handling_refusal(ticket, actor):",
        "if refusal := None:",
        QUEUE,
    ),
    Mutant(
        "support/api/presentation.py",
        "if row.delivery_id is None or row.delivery__customer_id != row.requester_id:",
        "if row.delivery_id is None:",
        CUSTOMERS,
    ),
    Mutant(
        "support/api/presentation.py",
        "if row.order_id is None or row.order__customer_id != row.requester_id:",
        "if row.order_id is None:",
        CUSTOMERS,
    ),
    Mutant(
        "support/api/presentation.py",
        "return not viewer.is_support_user or policies.is_customer_of(row, viewer)",
        "return False",
        CUSTOMERS,
    ),
    Mutant("conversations/services.py", "    if part is None:", "    if False:", MESSAGES),
    Mutant(
        "conversations/services.py",
        "    WHERE id = %s AND (%s OR status = 'active' AND (",
        "    WHERE id = %s AND (%s OR (",
        MESSAGES,
    ),
    Mutant(
        "conversations/services.py",
        "SELECT own.left_at IS NULL FROM",
        "SELECT true FROM",
        PARTS,
    ),
    Mutant(
        "conversations/services.py",
        "left_at IS NULL AND role <> 'customer' RETURNING",
        "left_at IS NULL RETURNING",
        PARTS,
    ),
    Mutant("conversations/policies.py", "    if role is None or left_at is not None:", "    if role is None:", FLAGS),
    Mutant(
        "conversations/policies.py",
        "    return actor.is_support_user or role == Participant.Role.CUSTOMER",
        "    return True",
        PARTS,
    ),
    Mutant(
        "support/api/presentation.py",
        "    return counts and as_customer == policies.is_customer_of(row, viewer)",
        "    return counts",
        PARTS,
    ),
    Mutant(
        "support/services/turns.py",
        "    if (requester_id == message.sender_id) != from_customer:",
        "    if False:",
        PARTS,
    ),
    Mutant(
        DESK,
        "    left = leave_all_conversations(tenant_id=membership.tenant_id, membership_id=membership.id, at=at)",
        "    left = []",
        PARTS,
    ),
    Mutant(
        TICKETS,
        ".filter(theirs | Q(conversation_id__in=talks))",
        ".filter(theirs)",
        PARTS,
    ),
    Mutant(
        TICKETS,
        "return self.visible_to(actor).filter(conversation_id__in=parts",
        "return self.filter(conversation_id__in=parts",
        PARTS,
    ),
    Mutant(PARTICIPANTS, "    if action == ADD and actor.is_support_user:", "    if False:", PARTS),
    Mutant("support/services/undoing.py", "        leave_desk(membership=person, at=at)", "        pass", PARTS),
    Mutant("ondi/api/idempotency.py", '            refuse(request, kept.data["data"], **path)\n', "", PARTS),
    Mutant("ondi/api/idempotency.py", "            refuse(request, None, **path)\n", "", PARTS),
    Mutant("support/api/views.py", "        if told[item] and not now[item]:", "        if False:", PARTS),
    Mutant("support/statistics.py", "TicketEvent.objects.in_tenants(tenant_ids)", "TicketEvent.objects", FIGURES),
    # What is held while it is looked at and changed.
    Mutant("ondi/datafixes/undo.py", "if not self.dry_run and self.run.command in HELD:", "if False:", PARTS),
    Mutant(DESK, "    hold_role_of(actor)\n", "", LOCKS, which=0),
    Mutant(DESK, "    hold_role_of(actor)\n", "", LOCKS, which=1),
    Mutant(DESK, "    hold_role_of(actor)\n", "", LOCKS, which=2),
    Mutant(DESK, "    if not hold_support_role(assignee_id):", "    if False:", LOCKS),
    Mutant(DESK, "agent_id is not None and hold_support_role(agent_id)", "agent_id is not None", LOCKS),
    Mutant(DESK, "worked_on_by(membership).locked()", "worked_on_by(membership)", LOCKS),
    Mutant("support/services/replying.py", "    hold_role_of(actor)\n", "", LOCKS),
    Mutant(OPENING, "    hold_role_of(actor)\n", "", LOCKS),
    Mutant(SHARED, '    list(people.locked().values_list("pk"))', "    pass", LOCKS),
    Mutant(
        SHARED,
        "    ticket = tickets.locked().filter(id=ticket_id).first()",
        "    ticket = tickets.filter(id=ticket_id).first()",
        LOCKS,
    ),
    Mutant(
        PARTICIPANTS,
        ".visible_to(actor).locked().filter(conversation_id",
        ".visible_to(actor).filter(conversation_id",
        LOCKS,
    ),
    Mutant(
        "support/services/turns.py", "Ticket.objects.locked().open().filter(", "Ticket.objects.open().filter(", LOCKS
    ),
    Mutant("conversations/services.py", "Conversation.objects.locked().get(", "Conversation.objects.get(", LOCKS),
    Mutant("conversations/services.py", "Message.objects.locked().filter(", "Message.objects.filter(", LOCKS),
    Mutant("conversations/services.py", "Conversation.objects.locked().filter(", "Conversation.objects.filter(", LOCKS),
    Mutant(
        "conversations/services.py",
        "id = %s AND last_read_sequence < %s",
        "id = %s AND last_read_sequence <> %s",
        MESSAGES,
    ),
    Mutant("ondi/accounts/services.py", "Membership.objects.locked().get(", "Membership.objects.get(", LOCKS),
    Mutant("ondi/accounts/services.py", "is_support_user=True).locked()", "is_support_user=True)", LOCKS),
    Mutant("ondi/accounts/services.py", "User.objects.select_for_update().filter(", "User.objects.filter(", LOCKS),
    Mutant(
        "ondi/accounts/services.py",
        "people.filter(user=user).locked().first()",
        "people.filter(user=user).first()",
        LOCKS,
    ),
    Mutant(
        "support/settings/services.py", "PortalSettings.objects.select_for_update()", "PortalSettings.objects", LOCKS
    ),
    Mutant(
        "support/settings/services.py",
        "Membership.objects.locked().filter(id__in",
        "Membership.objects.filter(id__in",
        LOCKS,
    ),
    Mutant("ondi/accounts/credentials.py", "User.objects.select_for_update().get(", "User.objects.get(", LOCKS),
    Mutant(
        "ondi/accounts/invitations.py", "User.objects.select_for_update().filter(Q(", "User.objects.filter(Q(", LOCKS
    ),
    Mutant("ondi/accounts/invitations.py", "people.locked().first()", "people.first()", LOCKS),
    Mutant("ondi/common/upsert.py", "for fields in wanted]).locked()", "for fields in wanted])", LOCKS),
    Mutant("ondi/staff/forms.py", ' - {"tenant"}', "", ONE_CASE),
    Mutant(
        "conversations/services.py",
        "        ).exclude(role=Participant.Role.CUSTOMER)".replace("        )", "    )"),
        "    )",
        SERVICES,
    ),
    Mutant(
        "conversations/api/views.py",
        "        if not _takes_part(actor, conversation):\n            raise NotAParticipant\n",
        "",
        MESSAGES,
    ),
    Mutant(
        "conversations/api/views.py",
        "        if not _takes_part(actor, _readable(actor, conversation_id)):",
        "        if False:",
        MESSAGES,
    ),
    Mutant(
        "support/settings/services.py",
        "    if refusal := managing_refusal(actor):",
        "    if refusal := None:",
        SETTINGS,
    ),
    Mutant("support/settings/services.py", "    if wanted - set(staff):", "    if False:", SETTINGS),
    # Whose it is: the filters of the code, each alone with the database's wall away, or by behaviour.
    Mutant(
        "ondi/common/querysets.py",
        "return self.filter(tenant_id=next(iter(tenant_ids)))",
        "return self.all()",
        CODE_WALL,
    ),
    Mutant("ondi/common/querysets.py", "return self.filter(tenant_id__in=tenant_ids)", "return self.all()", CODE_WALL),
    Mutant(
        TICKETS, "(viewer.tenant_ids).filter(requester_id=viewer.membership_id)", "(viewer.tenant_ids)", PERMISSIONS
    ),
    Mutant(TICKETS, "return self.in_tenants(viewer.support_tenant_ids)", "return self.all()", CODE_WALL),
    Mutant(TICKETS, "(actor.tenant_ids).filter(requester_id=actor.membership_id)", "(actor.tenant_ids)", PERMISSIONS),
    Mutant(TICKETS, ".exclude(requester_id=actor.membership_id)", "", QUEUE),
    Mutant(
        READS, "    tickets = Ticket.objects.visible_to(viewer).open()", "    tickets = Ticket.objects.open()", HIDDEN
    ),
    Mutant(READS, "mine = tickets.filter(assignee=viewer.membership_id)", "mine = tickets", QUEUE),
    Mutant(
        READS,
        "    found = Ticket.objects.visible_to(viewer).narrowed(**wanted).queue_order()",
        "    found = Ticket.objects.narrowed(**wanted).queue_order()",
        HIDDEN,
    ),
    Mutant(
        READS,
        "    return Ticket.objects.visible_to(viewer).narrowed(**wanted).queue_order().keys_and_total()",
        "    return Ticket.objects.narrowed(**wanted).queue_order().keys_and_total()",
        HIDDEN,
    ),
    Mutant(
        READS,
        "    found = Ticket.objects.visible_to(viewer).narrowed(**wanted)\n    return _counts",
        "    found = Ticket.objects.narrowed(**wanted)\n    return _counts",
        HIDDEN,
    ),
    Mutant(
        "support/api/filters.py",
        '        wanted["assignee_id"] = actor.membership_id',
        "        pass",
        QUEUE,
    ),
    Mutant(
        "ondi/accounts/tokens.py",
        "    if expires_at <= (timezone.now() - settings.CLOCKS_APART).timestamp():",
        "    if False:",
        TOKENS,
    ),
    Mutant(
        "orders/querysets.py",
        "(actor.tenant_ids).filter(customer_id=actor.membership_id)",
        "(actor.tenant_ids)",
        CUSTOMERS,
    ),
    Mutant(
        "deliveries/querysets.py",
        "(actor.tenant_ids).filter(customer_id=actor.membership_id)",
        "(actor.tenant_ids)",
        CUSTOMERS,
    ),
    Mutant(
        "orders/querysets.py",
        "tenant_id=tenant_id, external_id__in",
        "external_id__in",
        HIDDEN,
    ),
    Mutant(
        "deliveries/querysets.py",
        "tenant_id=tenant_id, external_id__in",
        "external_id__in",
        HIDDEN,
    ),
    Mutant(TALK, '            readable = readable.filter(part__role="customer")', "            pass", PERMISSIONS),
    Mutant(TALK, "readable = self.in_tenants(actor.tenant_ids)", "readable = self.all()", CODE_WALL),
    Mutant(TALK, ".present().filter(membership=actor.membership_id)", ".present()", MESSAGES),
    Mutant(TALK, ".present().filter(membership=actor.membership_id)", ".filter(membership=actor.membership_id)", PARTS),
    Mutant(TALK, 'return own if actor.support_tenant_ids else own.filter(role="customer")', "return own", PARTS),
    Mutant(
        "conversations/reads.py",
        "filter(conversation_id=conversation, id=message)",
        "filter(id=message)",
        MESSAGES,
    ),
    Mutant("conversations/reads.py", ".filter(conversation_id=conversation)\n", "\n", MESSAGES),
    Mutant("conversations/reads.py", ".filter(conversation_id=conversation)\n", "\n", MESSAGES, which=1),
    Mutant("conversations/reads.py", ".filter(conversation_id=conversation)\n", "\n", MESSAGES, which=2),
    Mutant("conversations/reads.py", ".filter(conversation_id=conversation)\n", "\n", MESSAGES, which=3),
    Mutant(
        "ondi/api/idempotency.py",
        '            "user_id": caller.user_id,\n',
        '            "user_id": caller.tenant_id,\n',
        CONVENTIONS,
    ),
    Mutant(
        "ondi/api/views.py",
        "            if tenant_id and tenant_id.lower()",
        "            if False and tenant_id.lower()",
        PERMISSIONS,
    ),
    Mutant(
        "ondi/accounts/audit.py",
        "        if tenant_ids and _may_be_a_refusal",
        "        if False and _may_be_a_refusal",
        LOGS,
    ),
    # Coming in: tokens, sessions, keys, sign-in.
    Mutant(
        ENTRY,
        "login.id = wanted_user AND login.is_active\n            AND member.tenant_id",
        "login.id = wanted_user\n            AND member.tenant_id",
        PERMISSIONS,
    ),
    Mutant(
        ENTRY,
        "AND member.tenant_id = wanted_tenant AND member.ended_at IS NULL",
        "AND member.tenant_id = wanted_tenant",
        SIGN_IN,
    ),
    Mutant(
        ENTRY,
        "AND tenant.status = 'active' AND session.revoked_at IS NULL",
        "AND session.revoked_at IS NULL",
        PERMISSIONS,
    ),
    Mutant(
        ENTRY, "AND tenant.status = 'active' AND session.revoked_at IS NULL", "AND tenant.status = 'active'", SIGN_IN
    ),
    Mutant(
        ENTRY,
        "ON session.id = wanted_session AND session.user_id = login.id AND",
        "ON session.id = wanted_session AND",
        TOKENS,
    ),
    Mutant(ENTRY, " AND session.tenant_id = tenant.id\n", "\n", TOKENS),
    Mutant(ENTRY, "AND member.ended_at IS NULL AND member.role <> 'customer'", "AND member.role <> 'customer'", ADMIN),
    Mutant(
        ENTRY, "AND member.ended_at IS NULL AND member.role <> 'customer'", "AND member.role <> 'customer'", ADMIN, 1
    ),
    Mutant(
        ENTRY,
        "AND member.ended_at IS NULL AND member.role <> 'customer'",
        "AND member.ended_at IS NULL",
        HIDDEN,
    ),
    Mutant(ENTRY, "AND member.ended_at IS NULL AND member.role <> 'customer'", "AND member.ended_at IS NULL", ADMIN, 1),
    Mutant(
        ENTRY,
        "(login.is_superuser OR (member.id IS NOT NULL AND tenant.status = 'active'))",
        "(login.is_superuser OR member.id IS NOT NULL)",
        HIDDEN,
    ),
    Mutant(
        ENTRY,
        "(login.is_superuser OR (member.id IS NOT NULL AND tenant.status = 'active'))",
        "(login.is_superuser OR member.id IS NOT NULL)",
        HIDDEN,
        1,
    ),
    Mutant(
        ENTRY,
        "WHERE member.user_id = wanted_user AND member.ended_at IS NULL AND",
        "WHERE member.ended_at IS NULL AND",
        SIGN_IN,
    ),
    Mutant(
        ENTRY,
        "WHERE member.user_id = wanted_user AND member.ended_at IS NULL AND",
        "WHERE member.user_id = wanted_user AND",
        SIGN_IN,
    ),
    Mutant(
        ENTRY,
        "member.ended_at IS NULL AND tenant.status = 'active'\n    ORDER",
        "member.ended_at IS NULL\n    ORDER",
        SIGN_IN,
    ),
    Mutant(KEY_ENTRY, "AND key.revoked_at IS NULL ", "", KEYS),
    Mutant(KEY_ENTRY, "AND tenant.status = 'active'\n", "\n", KEYS),
    Mutant(KEY_ENTRY, "\n            AND (key.expires_at IS NULL OR key.expires_at > now())", "", KEYS),
    Mutant(
        SESSIONS,
        "in_force.filter(current_jti=claims.jti)",
        "in_force",
        SIGN_IN,
    ),
    Mutant(
        SESSIONS,
        "filter(revoked_at=None, expires_at__gt=now - settings.CLOCKS_APART)",
        "filter(expires_at__gt=now - settings.CLOCKS_APART)",
        SIGN_IN,
    ),
    Mutant(SESSIONS, "        of_this_session.filter(revoked_at=None).update(revoked_at=now)\n", "", SIGN_IN),
    Mutant(SESSIONS, " and in_grace:", ":", SIGN_IN),
    Mutant(CREDENTIALS, "    if isinstance(found, InvalidCredentials) or", "    if", SIGN_IN),
    Mutant(CREDENTIALS, "        if current.password != user.password:\n            return False\n", "", LIMITS),
    Mutant(
        CREDENTIALS,
        "    if user is None or not is_right or not user.is_active:",
        "    if user is None or not is_right:",
        SIGN_IN,
    ),
    Mutant(CREDENTIALS, "    if user is None or not is_right or", "    if user is None or", SIGN_IN),
    Mutant(CREDENTIALS, "    give_back_connection()  # before the wait as well", "    pass  #", LIMITS),
    Mutant(CREDENTIALS, "    attempt.forgive()\n", "", SIGN_IN),
    Mutant(CREDENTIALS, "            give_back_connection()\n", "", LIMITS),
    Mutant(
        CREDENTIALS,
        "    limits = limits_of(network=network, email=email)",
        '    limits = limits_of(network="", email=email)',
        LIMITS,
    ),
    Mutant(SESSIONS, "    end_sessions(user_id=user.id, but=but)\n", "", SIGN_IN),
    Mutant(
        ATTEMPTS,
        "        if wait:\n            transaction.set_rollback(True)\n            return",
        "        if False:\n            return",
        STAFF_SIGN_IN,
    ),
    Mutant(ATTEMPTS, "        limits = {pair: limits[pair]}", "        pass", LIMITS),
    Mutant(ATTEMPTS, "and good > now - KNOWN_FOR", "", LIMITS),
    Mutant(ATTEMPTS, " AND moment <= %(until)s", "", LIMITS),
    Mutant(ATTEMPTS, '        _key("network", network): settings.SIGN_IN_FAILURES_PER_ADDRESS,\n', "", LIMITS),
    Mutant(ATTEMPTS, '        _key("e-mail", email): settings.SIGN_IN_FAILURES_PER_ACCOUNT,\n', "", LIMITS),
    Mutant(SESSIONS, "-settings.CLOCKS_APART <= now - family.issued_at", "now - family.issued_at", TOKENS),
    Mutant(
        "ondi/staff/second_factor.py",
        '    is_sure = request.method == "POST" and form.is_valid()',
        "    is_sure = True",
        STAFF_SIGN_IN,
    ),
    Mutant(
        "ondi/staff/sign_in.py", "    if found is None or found.pk != user.pk:", "    if found is None:", STAFF_SIGN_IN
    ),
    Mutant(
        SCREENS,
        "        return found.filter(~_unlisted(request) | by_name), False",
        "        return found, False",
        ADMIN,
    ),
    Mutant(
        SCREENS, "super().get_queryset(request).filter(seen).annotate", "super().get_queryset(request).annotate", ADMIN
    ),
    Mutant(SCREENS, " & ~Q(tenant_id__in=staff_at(request).support_tenant_ids)", "", ADMIN),
    Mutant("ondi/api/client.py", "_parsed(forwarded[-count])", "_parsed(forwarded[0])", CLIENT),
    Mutant("ondi/api/client.py", "int(address) >> 64 << 64, 64", "int(address), 128", LIMITS),
    Mutant(
        "ondi/accounts/sign_in.py",
        '        tenants = [tenant for tenant in tenants if tenant["slug"] == slug]',
        "        pass",
        SIGN_IN,
    ),
    Mutant(
        "ondi/accounts/tokens.py",
        "    if any(found is None for found in ids):\n        raise TokenInvalid\n",
        "",
        TOKENS,
    ),
    Mutant(
        "ondi/accounts/tokens.py", "known = _read(OurAccessToken, text)", "known = _read(OurRefreshToken, text)", TOKENS
    ),
    Mutant(
        "ondi/accounts/services.py", "    if was_support and not current.is_support_user:", "    if False:", SERVICES
    ),
    Mutant("ondi/keys.py", "    for name, key in _keys():", "    for name, key in ():", "tests/platform/test_keys.py"),
    # The admin.
    Mutant(BASE, 'rows.filter(**{f"{self.tenant_field}__in": self.visible_in(staff_at(request))})', "rows", CODE_WALL),
    Mutant(
        BASE, "return staff is not None and self._holds(obj, self.visible_in(staff))", "return staff is not None", ADMIN
    ),
    Mutant(
        BASE,
        "return staff is not None and self._holds(obj, self.changeable_in(staff))",
        "return staff is not None",
        ADMIN,
    ),
    Mutant(BASE, "_default_manager.filter(id__in=mine)", "_default_manager.all()", HIDDEN),
    Mutant(BASE, '(*fields, "tenant") if obj is not None', "fields if obj is not None", HIDDEN),
    Mutant(BASE, "        return staff.support_tenant_ids", "        return staff.tenant_ids", ADMIN),
    Mutant(SCREENS, "return staff.tenant_ids if staff.is_operator else ()", "return staff.tenant_ids", ADMIN),
    Mutant(
        SCREENS, "        return staff is not None and staff.is_operator", "        return staff is not None", ADMIN
    ),
    Mutant(
        "ondi/staff/access.py",
        "        return obj is None and super().has_change_permission(request)",
        "        return super().has_change_permission(request)",
        ADMIN,
    ),
    Mutant(
        "ondi/staff/entry.py",
        "if actor.is_support_user or actor.is_view_only or self.is_operator\n",
        "if True\n",
        "tests/staff/test_pages.py",
    ),
    Mutant(
        "ondi/staff/entry.py", "for actor in self.actors if actor.is_support_user)", "for actor in self.actors)", ADMIN
    ),
    Mutant("ondi/staff/entry.py", "if actor.role == Role.ADMIN or self.is_operator)", "if True)", ADMIN),
    Mutant("ondi/staff/site.py", 'return getattr(request, "staff", None) is not None', "return True", ADMIN),
    Mutant(
        "ondi/staff/middleware.py", "settings.STAFF_SECOND_FACTOR and not user.is_verified()", "False", STAFF_SIGN_IN
    ),
    Mutant(
        "ondi/staff/middleware.py",
        '        if not getattr(response, "try_again", False):'.replace("        if", "            if"),
        "            if True:",
        UNITS,
    ),
    Mutant("ondi/staff/sign_in.py", "or staff_of(found) is None", "or False", STAFF_SIGN_IN),
    Mutant(
        "ondi/staff/session_limits.py", "idle > settings.STAFF_IDLE_LIMIT.total_seconds() or", "False or", STAFF_SIGN_IN
    ),
    Mutant("ondi/staff/session_limits.py", " or age > settings.STAFF_SESSION_LIMIT.total_seconds()", "", STAFF_SIGN_IN),
    Mutant(
        "support/admin/records.py",
        "        return staff.working_tenant_ids",
        "        return staff.support_tenant_ids",
        ADMIN,
    ),
    # The desk.
    Mutant(
        "support/admin/desk.py",
        "Ticket.objects.in_tenants(staff.support_tenant_ids)",
        "Ticket.objects.all()",
        CODE_WALL,
    ),
    Mutant("support/admin/desk.py", "wanted.startswith(queue_url())", "wanted", WORKBENCH),
    Mutant(
        "support/admin/tabs.py",
        "Membership.objects.in_tenants(staff.support_tenant_ids).support_users()",
        "Membership.objects.support_users()",
        WORKBENCH,
    ),
    Mutant(
        "support/admin/tabs.py",
        "queryset.assigned_to([UUID(value)]) if value in known",
        "queryset.assigned_to([UUID(value)]) if value",
        WORKBENCH,
    ),
    Mutant("ondi/staff/once.py", "        user_id=staff_at(request).user.id,", "        user_id=tenant_id,", ONCE),
    Mutant("ondi/staff/once.py", "    if not is_new:", "    if False:", ONCE),
    Mutant(BASE, "if chosen is None or chosen not in staff_at(request).tenant_ids:", "if chosen is None:", ONCE),
    Mutant("support/admin/queue.py", "if staff_at(request).working_tenant_ids else {}", "", PAGES),
    Mutant("support/admin/queue.py", "        if not self.has_view_permission(request):", "        if False:", PAGES),
    Mutant("support/admin/phone.py", "    if not staff.working_tenant_ids:", "    if False:", PAGES),
    Mutant(
        "support/admin/phone.py",
        "people = Membership.objects.in_tenants(staff.working_tenant_ids)",
        "people = Membership.objects",
        CODE_WALL,
    ),
    Mutant("support/admin/items.py", "row.tenant_id in staff.support_tenant_ids", "True", WORKBENCH),
    Mutant(
        "support/admin/export.py", "if isinstance(value, str) and value.lstrip", "if False and value.lstrip", WORKBENCH
    ),
    Mutant(INVITING, " or link.state != state_of(link.purpose, membership, own)", "", INVITATIONS),
    Mutant(INVITING, "not link.purpose.proves or holder.is_superuser", "holder.is_superuser", INVITATIONS),
    Mutant(INVITING, "if is_free else None", "", INVITATIONS),
    Mutant(INVITING, " or holder.is_superuser", "", PROVED),
    Mutant(INVITING, " or not holder.is_active", "", PROVED),
    Mutant(INVITING, "        if holder.email_proved_at is None:", "        if False:", PROVED),
    Mutant(INVITING, "        if holder.email_proved_at is None:", "        if True:", PROVED),
    Mutant(INVITING, "proved=link.purpose.proves", "proved=True", PROVED),
    Mutant(INVITING, "        membership = people.locked().first()", "        membership = people.first()", PROVED),
    Mutant(INVITING, "User.objects.select_for_update().filter(Q(", "User.objects.filter(Q(", PROVED),
    Mutant(
        INVITING,
        "    if Membership.objects.in_tenants([membership.tenant_id]).filter(user=holder).exists():",
        "    if False:",
        PROVED,
    ),
    Mutant(INVITING, "    if link.state != state_of_login(login):", "    if False:", FORGOTTEN),
    Mutant(INVITING, " or not login.is_active or login.is_superuser", "", FORGOTTEN),
    Mutant(LINKS, "RESET_LIFETIME if self is Purpose.RESET else", "", FORGOTTEN),
    Mutant(FORGETTING, ", purposes=(Purpose.RESET,)", "", FORGOTTEN),
    Mutant(FORGETTING, ", is_active=True, is_superuser=False", "", FORGOTTEN),
    Mutant(FORGETTING, "else count_attempt(limits)", "else None", FORGOTTEN),
    Mutant(FORGETTING, ", tenant__status=Tenant.Status.ACTIVE", "", FORGOTTEN),
    Mutant(FORGETTING, " or not may_be_invited(found, found.user)", "", FORGOTTEN),
    Mutant(FORGETTING, "tenant_slug in tenant_ids or (", "tenant_slug or (", FORGOTTEN),
    Mutant(
        "ondi/accounts/sign_in.py", "    if not still.values_list", "    if False and not still.values_list", PROVED
    ),
    Mutant(LINKS, "    if purpose.proves:", "    if False:", PROVED),
    Mutant(
        "ondi/accounts/customers.py",
        "members = Membership.objects.in_tenants([tenant_id])",
        "members = Membership.objects.all()",
        HIDDEN,
    ),
    Mutant(
        "deliveries/api/batches.py", "rows, Order.objects.in_tenants([tenant_id])", "rows, Order.objects.all()", HIDDEN
    ),
    Mutant("deliveries/api/batches.py", "Delivery.objects.in_tenants([tenant_id])", "Delivery.objects.all()", HIDDEN),
    Mutant(
        "deliveries/importing/upsert.py",
        "model._default_manager.in_tenants([self.tenant_id])",
        "model._default_manager",
        HIDDEN,
    ),
    Mutant("deliveries/importing/upsert.py", "Order.objects.in_tenants([self.tenant_id])", "Order.objects", HIDDEN),
    Mutant(
        "deliveries/importing/upsert.py", "Delivery.objects.in_tenants([self.tenant_id])", "Delivery.objects", HIDDEN
    ),
    Mutant("orders/services.py", "Order.objects.in_tenants([tenant_id])", "Order.objects.all()", HIDDEN),
    Mutant("deliveries/services.py", "Delivery.objects.in_tenants([tenant_id])", "Delivery.objects.all()", HIDDEN),
    Mutant("ondi/accounts/customers.py", "member.waits and ", "", TOLERANCE),
    Mutant("ondi/accounts/customers.py", "member.waits and member.role == Role.CUSTOMER", "member.waits", TOLERANCE),
    Mutant("ondi/accounts/customers.py", "email is None or email not in self.held", "True", TOLERANCE),
    Mutant("ondi/accounts/customers.py", " and holder.role == Role.CUSTOMER", "", FILES),
    Mutant("ondi/accounts/models.py", "self.user.email == self.email and ", "", PROVED),
    Mutant("ondi/accounts/models.py", "self.role == Role.CUSTOMER and self.tenant", "self.tenant", PROVED),
    Mutant("ondi/accounts/services.py", "email=email if password is not None else None", "email=email", PROVED),
    Mutant("ondi/accounts/services.py", "    user.email_proved_at = None\n", "", PROVED),
    Mutant("ondi/accounts/migrations/0006_end_sessions.py", " AND session.user_id = wanted_user", "", PROVED),
    Mutant(INVITING, " and membership.email is not None and membership.is_active", "", INVITATIONS),
    Mutant(LINKS, "salt=_salt(purpose), max_age", 'salt="", max_age', INVITATIONS),
    Mutant("ondi/staff/admin.py", 'if obj.waits else (*fields, "email_is_proved", "email")', "", INVITATIONS),
    Mutant("ondi/staff/session_limits.py", " and POLL_HEADER not in request.headers", "", WORKBENCH),
    Mutant(POLICIES, "    if ticket.requester_id == assignee_id:", "    if False:", DESK_SERVICES),
    Mutant(
        POLICIES,
        "return None if actor.leads or actor.is_system or is_theirs else",
        "return None or",
        DESK_SERVICES,
    ),
    Mutant(
        POLICIES,
        "        return refusal\n    return None if actor.leads else PermissionDenied()",
        "        return refusal\n    return None",
        DESK_SERVICES,
    ),
    Mutant(
        "ondi/api/units.py",
        "                if not asks_for_retry(error):\n                    raise\n",
        "                raise\n",
        UNITS,
    ),
    # Data fixes.
    Mutant(
        ADDRESSES,
        "WHERE m.id = wanted_member AND m.tenant_id = ANY (scope) AND m.role",
        "WHERE m.id = wanted_member AND m.role",
        FIXES,
    ),
    Mutant(ERASURE, "WHERE t.id = ANY (wanted) AND t.tenant_id = ANY (scope)", "WHERE t.id = ANY (wanted)", FIXES),
    Mutant("ondi/datafixes/runs.py", 'cursor.execute("SET TRANSACTION READ ONLY")', "pass", FIXES),
    Mutant("ondi/datafixes/undo.py", "if images.changed(row, image.after):", "if False:", FIXES),
    Mutant("ondi/datafixes/undo.py", "if item in self.todo and not _lets_go(one, becomes):", "if False:", UNDO),
    Mutant("ondi/datafixes/images.py", " FOR NO KEY UPDATE OF t", "", RUNS),
    Mutant("support/migrations/0014_locks_and_audit.py", "ITEMS_AND_TICKETS + FIND", "FIND", RUNS),
    Mutant("support/migrations/0014_locks_and_audit.py", "TALKS_AND_MESSAGES + COLLECT", "COLLECT", RUNS),
    Mutant("ondi/datafixes/undo.py", "if item != other and item in self.todo:", "if False:", UNDO),
    # What no repair may do.
    Mutant("support/management/commands/repair.py", "if finding.look_at:", "if False:", DOCTOR),
    Mutant("support/fixes/doctor.py", "            if row[0]:", "            if False:", DOCTOR),
    Mutant("support/fixes/doctor.py", "for statement in self.finding.hold:", "for statement in ():", DOCTOR),
    Mutant("support/fixes/findings/people.py", "THEN 'its agent is its customer' END", "THEN NULL END", DOCTOR),
    Mutant(
        "support/fixes/findings/people.py", "AND t.status = 'open' AND {AT_THE_DESK} ", "AND t.status = 'open' ", DOCTOR
    ),
    Mutant("support/fixes/findings/conversations.py", "AND m.sequence <= t.last_read_sequence", "", DOCTOR),
    Mutant("support/fixes/schema.py", "WHEN c.relforcerowsecurity THEN ' forced'", "WHEN false THEN ' forced'", DRIFT),
    Mutant("support/fixes/schema.py", "        elif expected[fact] != found[fact]:", "        elif False:", DRIFT),
    Mutant("ondi/tenants/management/commands/shell.py", 'if not options["write"]:', "if False:", FIXES),
    # The database's wall.
    Mutant(WALL, "            yield f'REVOKE UPDATE", "            return\n            yield f'REVOKE UPDATE", RULES),
    Mutant(WALL, """inside = f'"{self.tenant_column}" = {IN_SCOPE}'""", "inside = 'true'", RULES),
    Mutant(WALL, """        yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'\n""", "", RULES),
    Mutant(WALL, """        yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'\n""", "", RULES),
    *(
        Mutant(file, f'        TenantTable("{model}"', f'        *[] and TenantTable("{model}"', RULES)
        for file, models in (
            ("ondi/tenants/migrations/0002_database_rules.py", ("Tenant", "PortalSettings")),
            (ENTRY, ("RefreshFamily", "ApiKey", "SettingsChange")),
            ("orders/migrations/0002_database_rules.py", ("OrderItem",)),
            (
                "support/migrations/0002_database_rules.py",
                ("TicketTag", "TicketCounter", "TicketEvent", "TicketNote", "CannedReply"),
            ),
        )
        for model in models
    ),
    Mutant("ondi/api/migrations/0002_database_rules.py", '[TenantTable("IdempotencyRecord")]', "[]", RULES),
    *(
        Mutant(file, f'        TenantLinks("{model}")', f'        *[] and TenantLinks("{model}")', RULES)
        for file, models in (
            (ENTRY, ("ApiKey", "SettingsChange")),
            ("orders/migrations/0002_database_rules.py", ("Order", "OrderItem")),
            ("deliveries/migrations/0002_database_rules.py", ("Delivery",)),
            ("conversations/migrations/0002_database_rules.py", ("Conversation", "Participant", "Message")),
            ("support/migrations/0002_database_rules.py", ("Ticket", "TicketTag", "TicketEvent", "TicketNote")),
        )
        for model in models
    ),
    # The search takes its tenants from the scope. (Its other branches say it twice, for their indexes' sake.)
    Mutant(SEARCH, "WHERE here.tenant_id = tenant AND", "WHERE", HIDDEN),
    Mutant(SEARCH, "WHERE here.tenant_id = tenant AND", "WHERE", HIDDEN, 1),
    *(Mutant(SEARCH, "WHERE here.tenant_id = tenant AND", "WHERE", HIDDEN, branch) for branch in range(5, 9)),
    Mutant(SEARCH, "WHERE ticket.tenant_id = ANY (scope) AND", "WHERE", HIDDEN),
    Mutant(SEARCH, "WHERE delivery.tenant_id = ANY (scope) AND", "WHERE", HIDDEN),
    Mutant("support/migrations/0004_audit.py", "WHERE NOT named.tenant_id = ANY (scope)", "WHERE true", LOGS),
    # What is told, and to whom.
    Mutant(
        "support/changes.py", "as_customer | ~Q(person_id=actor.membership_id) if actor.is_support_user else", "", FEEDS
    ),
    Mutant("support/changes.py", "| ~Q(person_id=actor.membership_id) if", "| Q() if", FEEDS),
    Mutant("support/changes.py", "person_id=actor.membership_id, kind__in=", "kind__in=", FEEDS),
    Mutant("support/changes.py", ", kind__in=_TOLD_TO_CUSTOMERS)", ")", FEEDS),
    Mutant(
        "ondi/outbox/feed.py",
        "    events = Event.objects.in_tenants([tenant_id])",
        "    events = Event.objects",
        HIDDEN,
    ),
    Mutant(
        "ondi/outbox/feed.py",
        "    return Position.objects.in_tenants([tenant_id])",
        "    return Position.objects",
        HIDDEN,
    ),
    Mutant(
        "ondi/accounts/api_keys.py", "        if view.scope not in", "        if False and view.scope not in", FEEDS
    ),
    Mutant(
        "ondi/outbox/publishing.py",
        '        raise NotPublishable(f"{kind} does not say',
        '        str(f"{kind} does not say',
        PUBLISHING,
    ),
    Mutant(
        "ondi/outbox/migrations/0002_rules.py",
        "NOT pg_try_advisory_xact_lock",
        "false AND NOT pg_try_advisory_xact_lock",
        RELAY,
    ),
    Mutant("ondi/outbox/subscribers.py", "select_for_update(skip_locked=True).filter(pk=", "filter(pk=", SUBSCRIBERS),
    Mutant(
        "ondi/outbox/subscribers.py",
        "    set_scope({tenant_id for _seq, tenant_id in found})",
        "    set_scope(find_tenants().values())",
        SUBSCRIBERS,
    ),
]
