"""Mutants that no rule of the tree makes: each says in words what it takes out, and does it in its process.

Its tests are those that come by the other mutants of the module `file`, or those whose names begin with `tests`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ondi.accounts import credentials, forgotten, invitations, links, tokens
from ondi.outbox import subscribers
from ondi.tenants.scope import find_tenants
from support.fixes import schema
from support.fixes.findings import FINDINGS
from support.services import assignment
from tests.mutants.sql import without_one_condition


@dataclass(frozen=True)
class Row:
    key: str
    file: str
    put_in: Callable[[], None]
    tests: str = ""


DOCTOR, PICTURE = "support/fixes/doctor.py", "support/fixes/schema.py"
# A finding is data: most tests of it come by no condition of the module that reads it.
OF_FINDINGS = "tests/support/test_doctor.py"


def rows() -> Iterator[Row]:
    yield Row("an access token is read as a refresh token", "ondi/accounts/tokens.py", _tokens_are_alike)
    yield Row("links of all purposes are salted alike", "ondi/accounts/links.py", _no_salt)
    yield Row("whose role ends takes part still", "support/services/assignment.py", _nobody_leaves)
    yield Row("a link of any kind resets", "ondi/accounts/invitations.py", _any_link_resets)
    yield Row("every link proves", "ondi/accounts/invitations.py", _every_link_proves)
    yield Row("no network is counted", "ondi/accounts/credentials.py", _no_network_is_counted)
    yield Row("a subscriber reads every tenant", "ondi/outbox/subscribers.py", _every_tenant_is_read)
    for name in schema.QUERIES:
        yield Row(f"the schema's picture has no {name}", PICTURE, lambda name=name: schema.QUERIES.pop(name))  # type: ignore[misc]
    for finding in FINDINGS:
        if " AS doubt" in finding.find:
            undoubted = f"SELECT key, detail FROM ({finding.find}) AS found (key, detail)"
            yield Row(
                f"nothing of {finding.name} is in doubt", DOCTOR, _changed(finding, "find", undoubted), OF_FINDINGS
            )
    by_name = {finding.name: finding for finding in FINDINGS}
    agents = by_name["assignee_takes_no_part"]
    for number, (gone, changed) in enumerate(without_one_condition(agents.find), start=1):
        if "t.status" in gone or gone.startswith("WHERE (m."):
            yield Row(
                f"{agents.name} without condition {number}", DOCTOR, _changed(agents, "find", changed), OF_FINDINGS
            )
    numbers = by_name["message_sequence"]
    markers, *others = numbers.repair
    *_conditions, (_gone, changed) = list(without_one_condition(markers))[:3]
    yield Row(f"{numbers.name} reads all", DOCTOR, _changed(numbers, "repair", (changed, *others)), OF_FINDINGS)


def _tokens_are_alike() -> None:
    read = tokens._read
    tokens._read = lambda _kind, text: read(tokens.OurRefreshToken, text)


def _no_salt() -> None:
    links._salt = lambda purpose: "the same"


def _any_link_resets() -> None:
    accept = forgotten.accept_invitation
    forgotten.accept_invitation = lambda *, purposes, **options: accept(**options)


def _every_link_proves() -> None:
    name = invitations._name
    invitations._name = lambda login, address, *, proved: name(login, address, proved=True)


def _no_network_is_counted() -> None:
    limits_of = credentials.limits_of
    credentials.limits_of = lambda *, network, email: limits_of(network="", email=email)


def _every_tenant_is_read() -> None:
    set_scope = subscribers.set_scope
    subscribers.set_scope = lambda _tenant_ids: set_scope(find_tenants().values())


def _nobody_leaves() -> None:
    assignment.leave_all_conversations = lambda **_options: []


def _changed(finding: object, part: str, value: object) -> Callable[[], None]:
    return lambda: object.__setattr__(finding, part, value)
