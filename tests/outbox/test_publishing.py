"""What is published says ids, numbers, moments and codes, under the names of its kind, and nothing else."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from ondi.outbox import publishing
from ondi.outbox.publishing import NotPublishable, entry, register

AT, TENANT = datetime(2026, 11, 26, tzinfo=UTC), UUID(int=1)


@pytest.fixture(autouse=True)
def a_kind(monkeypatch):
    monkeypatch.setattr(publishing, "_KINDS", {})
    register("parcel.moved", ("before", "after", "place", "number", "at", "places"))


def moved(**data):
    return entry("parcel.moved", tenant_id=TENANT, at=AT, data=data).data


def test_ids_numbers_moments_and_codes_are_kept():
    said = moved(before={"place": None}, after={"place": UUID(int=2)}, number=7, at=AT, places=["a", "b:c"])

    assert said == {
        "before": {"place": None}, "after": {"place": str(UUID(int=2))}, "number": 7,
        "at": "2026-11-26T00:00:00.000000Z", "places": ["a", "b:c"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        {"place": "Where is my parcel?"}, {"place": "Layla"}, {"place": ""}, {"place": "x" * 65}, {"place": 1.5},
        {"place": "a\nb"}, {"place": object()}, {"who": 1}, {"after": {"who": 1}}, {"places": ["a", "two words"]},
        {"place": b"x"},
    ],
)  # fmt: skip
def test_words_and_names_that_are_not_listed_are_refused_when_it_is_made(data):
    with pytest.raises(NotPublishable):
        moved(**data)


@pytest.mark.parametrize("kind", ["parcel.lost", "", "parcel.moved "])
def test_an_unknown_kind_is_refused(kind):
    with pytest.raises(NotPublishable):
        entry(kind, tenant_id=TENANT, at=AT)


@pytest.mark.parametrize("kind", ["parcel.moved", "Parcel", "two words", ""])
def test_a_kind_has_a_name_of_its_own(kind):
    with pytest.raises(NotPublishable):
        register(kind)


def test_a_cause_is_a_code():
    assert entry("parcel.moved", tenant_id=TENANT, at=AT, cause="fix:0197f0a0-0000-7000-8000-000000000001").cause
    with pytest.raises(NotPublishable):
        entry("parcel.moved", tenant_id=TENANT, at=AT, cause="because of Layla")
