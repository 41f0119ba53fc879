"""Hostile files: each gets the verdict that the table says, and nothing of a picture is left but what is seen.

One process reads many pictures here, under the limits of the product, and one of each kind has its own; `make hostile`
takes a process for each, and those that take long as well.
"""

from collections import Counter

import pytest

from ondi.files.kinds import IMAGES
from tests.files.corpus import MALFORMED, MISMATCH, TABLE, corpus, table
from tests.files.hostile import looked_at

SLOW = ("png bomb", "jpg bomb", "gif bomb", "webp bomb", "photo")
CASES = [case for case in corpus() if case.group not in SLOW]
ALONE = [case for case in CASES if case.claimed not in IMAGES or case.expected == (MISMATCH,)]
PICTURES = [case for case in CASES if case not in ALONE and case.expected != (MISMATCH, MALFORMED)]


def bad(cases, folder, way):
    looked = list(looked_at(cases, folder, way))
    assert len(looked) == len(cases)
    return [(case.group, case.name, faults) for case, _answer, faults in looked if faults]


def test_the_table_says_what_is_tried():
    assert TABLE.read_text() == table(), "python -m tests.files.corpus writes it"
    assert len(CASES) > 200
    assert len({(case.group, case.name) for case in corpus()}) == len(corpus())


def test_what_is_no_picture_is_judged_as_the_table_says(tmp_path):
    assert bad(ALONE, tmp_path, "alone") == []


@pytest.mark.parametrize("part", range(4))
def test_pictures_are_judged_as_the_table_says_and_keep_nothing_but_what_is_seen(tmp_path, part):
    assert bad(PICTURES[part::4], tmp_path, "together") == []


def test_one_of_each_kind_is_read_by_a_process_of_its_own(tmp_path):
    seen = Counter(case.group for case in PICTURES)
    first = {case.group: case for case in reversed(PICTURES)}
    assert len(first) == len(seen) > 10

    assert bad(list(first.values()), tmp_path, "alone") == []


def test_bombs_are_refused_by_what_they_say_of_themselves(tmp_path):
    bombs = [
        case
        for case in corpus()
        if case.group in SLOW and case.name.startswith(("60000", "65500 x 65500", "16383 x 16383"))
    ]

    assert bad(bombs, tmp_path, "alone") == []
