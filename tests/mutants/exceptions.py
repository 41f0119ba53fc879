"""Mutants that cannot be judged, or change nothing, each with the reason.

By key: file, function, what is done there, and how often that was done there before. One that is no longer there fails
`make mutants` and the suite.
"""

EXCEPTIONS = {
    "conversations/services.py _append_statement sql 5": "a foreign key holds a part to its conversation's tenant",
    "conversations/services.py _append_statement sql 8": "a foreign key holds a part to its conversation's tenant",
    "ondi/accounts/forgotten.py reset_mail guard 2": "narrows a type: in no tenant nobody waits",
    "support/policies.py is_customer_of operand 1": "every ticket has a requester, who is not None",
}
