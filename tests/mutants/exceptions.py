"""Mutants that cannot be judged, or change nothing, each with the reason.

By key: file, function, what is done there, and how often that was done there before. One that is no longer there fails
`make mutants` and the suite.
"""

_OF_PURGE = "the tickets are of the scope, and a link holds what hangs on them to their tenant"
EXCEPTIONS = {
    "database ondi_erase_customer sql 1": "more logins would be locked, and none changed",
    "database ondi_erase_customer sql 3": "a login more would be locked, and none changed",
    "database ondi_erase_customer sql 86": "the login is locked by the look before it",
    "database ondi_foreign_rows_2 sql 1": "without a scope no row compares as another's",
    **{
        f"database ondi_purge_tickets sql {number}": _OF_PURGE
        for number in (1, 6, 8, 10, 13, 15, 17, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40)
    },
    "ondi/accounts/forgotten.py _ask guard 3": "narrows a type: in no tenant nobody waits",
    "ondi/accounts/invitations.py _redeem guard 3": "what is looked up next refuses it too: it proves nothing",
    "ondi/accounts/invitations.py _redeem guard 4": "another login took the name and lost it within two statements",
    "conversations/services.py _append_statement sql 5": "a foreign key holds a part to its conversation's tenant",
    "conversations/services.py _append_statement sql 8": "a foreign key holds a part to its conversation's tenant",
    "ondi/staff/admin_base.py ScopedAdmin.has_module_permission answer 1": (
        "where Django asks it, it asks for each right to the rows as well"
    ),
    "support/admin/phone.py _caller scope 1": "whose order it is has to be a customer of the same tenants",
    "support/admin/phone.py _caller scope 2": "whose delivery it is has to be a customer of the same tenants",
    "support/api/filters.py filters_of guard 2": "a short cut: a form without values finds none",
    "support/api/messaging/message_views.py _sees_short_names scope 1": (
        "who sees no tickets of others reads conversations only as their customer"
    ),
    "ondi/notifications/unsubscribing.py unsubscribing guard 1": "narrows a type: what is signed holds two ids",
    "ondi/streaming/hub.py Hub._tell fact 1": "who is woken for nothing moves on by itself",
    "ondi/streaming/news.py _people_in_force guard 1": "a short cut: of nobody the statement finds nobody",
    "ondi/streaming/news.py news_after guard 1": "a short cut: behind it no event comes after the last one either",
    "support/querysets.py TicketQuerySet.visible_to scope 2": (
        "an actor has one tenant, and the two are the same where there is one to see"
    ),
    "support/services/assignment.py _wait_for_first call 2": "a savepoint that stays ends with the transaction",
    "ondi/files/services.py drafts_to_send guard 1": "a short cut: of no ids it finds no file",
    "support/files.py note_checked guard 1": "narrows a type: what was sent goes with its ticket",
    "support/policies.py is_customer_of operand 1": "every ticket has a requester, who is not None",
}
