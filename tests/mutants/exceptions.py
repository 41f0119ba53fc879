"""Mutants that cannot be judged, or change nothing, each with the reason.

By key: file, function, what is done there, and how often that was done there before. One that is no longer there fails
`make mutants` and the suite.
"""

EXCEPTIONS = {
    "support/policies.py is_customer_of operand 1": "every ticket has a requester, who is not None",
}
