"""The short form of `make mutants`: there is something to judge everywhere, and no exception is of something gone."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.mutants.database import changes
from tests.mutants.exceptions import EXCEPTIONS
from tests.mutants.modules import KINDS, Modules, matching
from tests.mutants.rows import rows
from tests.mutants.sql import without_one_condition
from tests.mutants.tree import SWITCH, narrowing_methods, weave

OPERATORS = {"guard", "operand"}


@pytest.fixture(scope="module")
def modules():
    return Modules()


def test_every_pattern_of_modules_has_mutants_with_keys_of_their_own(modules):
    keys = [mutant.key for mutant in modules.mutants.values()]
    with_mutants = {Path(key.split()[0]) for key in keys}

    assert len(keys) == len(set(keys))
    for operators, patterns in KINDS:
        for pattern in patterns:
            found = [key for key in keys if Path(key.split()[0]) in with_mutants & set(matching(pattern))]
            assert any(key.split()[2] in operators for key in found), pattern


@pytest.mark.django_db
def test_no_exception_is_of_a_mutant_that_is_gone(modules, owner):
    keys = {mutant.key for mutant in modules.mutants.values()} | {row.key for row in rows()}
    keys |= {change.key for change in changes(owner())}

    assert set(EXCEPTIONS) - keys == set()
    assert all(EXCEPTIONS.values())


@pytest.mark.django_db
def test_every_change_of_the_database_can_be_made_and_brought_back(owner):
    """What is brought back is what was there; all of it in a transaction that is undone."""
    connection = owner()
    known = list(changes(connection))
    assert {each.key.split()[2] for each in known} == {"sql", "wall", "policy", "link", "right"}

    with connection.transaction(force_rollback=True):
        for each in known:
            connection.execute(each.change)
            connection.execute(each.back)
        assert list(changes(connection)) == known


def answers_of(source, call):
    """What the call gives for each mutant of this source that is on, by its key; and first, with none on."""
    woven = weave(source, "rules.py", 1, narrowing_methods([source]), OPERATORS)
    code = compile(woven.tree, "rules.py", "exec")

    def answer(on):
        module = ModuleType("rules")
        setattr(module, SWITCH, lambda number: number == on)
        exec(code, vars(module))
        return call(module)

    return answer(0), {mutant.key: answer(number) for number, mutant in woven.mutants.items()}


def test_a_mutant_changes_what_its_rule_says_and_nothing_does_while_all_are_off():
    source = """
def may(leads: bool, own: bool, closed: bool) -> bool:
    if closed:
        return False
    return leads and own
"""
    plain, changed = answers_of(source, lambda module: (module.may(True, False, False), module.may(True, True, True)))

    assert plain == (False, False)
    assert changed["rules.py may guard 1"] == (False, True)
    assert changed["rules.py may operand 1"] == (False, False), "without `leads`"
    assert changed["rules.py may operand 2"] == (True, False), "without `own`"


def test_statements_lose_one_condition_at_a_time():
    inner = "EXISTS (SELECT FROM u WHERE u.x = t.x)"
    text = f"SELECT id FROM t WHERE a = 1 AND (b BETWEEN 2 AND 3 OR c) AND {inner} FOR UPDATE"

    assert [gone for gone, _changed in without_one_condition(text)] == [
        "WHERE a = 1",
        "WHERE (b BETWEEN 2 AND 3 OR c)",
        f"WHERE {inner}",
        "WHERE u.x = t.x",
        "FOR UPDATE",
    ]
    changed = dict(without_one_condition(text))
    assert " ".join(changed["WHERE a = 1"].split()).startswith("SELECT id FROM t WHERE (b BETWEEN")
    assert "WHERE true" in " ".join(changed["WHERE u.x = t.x"].split())
