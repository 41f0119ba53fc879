"""What tables hold of people, declared on their models as `personal`: read by the export, the erasure and the purge.

`tests/architecture/test_personal_data.py` holds that every table says it, that no column of words is left out, and
that the owner's functions, which erase and purge, do what is declared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, Model, Q, QuerySet


class Whole(Enum):
    """The row itself goes when its person is erased."""

    ROW = "row"


ROW = Whole.ROW


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """Rows that are somebody's matter.

    `of`: the link that leads to whose it is, straight or by another row that is theirs; `brings`: links to rows that
    are theirs because this one is; `names`: a column that holds the id of any row of theirs, without a link. With `of`
    and `names`, either makes it theirs.
    `erase`: what their words become (`{id}`: the row's), or `ROW`; `kept`: words that stay, and why.
    `export`: the file of the archive that the person gets; `withheld`: why they get none.
    `is_purged`: it goes with its ticket, when old tickets are purged.
    """

    of: str = ""
    brings: tuple[str, ...] = ()
    names: str = ""
    erase: Mapping[str, str | None] | Whole = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    export: str = ""
    withheld: str = ""
    is_purged: bool = False


@dataclass(frozen=True, slots=True)
class NotPersonal:
    """A table without people's words or addresses. `because`: why its words are nobody's."""

    because: str


def declared() -> Iterator[tuple[type[Model], PersonalData]]:
    """The models whose rows are somebody's matter."""
    for model in apps.get_models():
        if isinstance(personal := getattr(model, "personal", None), PersonalData):
            yield model, personal


def rows_about(model: type[Model], person: Model) -> QuerySet[Any]:
    """The rows of a model that are this person's matter, in the person's tenant. `person`: a membership.

    What leads to them is asked first, link by link: of subqueries within subqueries PostgreSQL makes poor plans.
    """
    personal: PersonalData = model.personal  # type: ignore[attr-defined]
    rows = model._default_manager.all()
    if any(one.attname == "tenant_id" for one in model._meta.concrete_fields):
        rows = rows.filter(tenant_id=person.tenant_id)  # type: ignore[attr-defined]
    if isinstance(person, model):
        return rows.filter(pk=person.pk)
    if personal.of or personal.names:
        is_theirs = Q()
        if personal.of:
            above = rows_about(_led_to(model, personal.of), person)
            is_theirs |= Q(**{f"{personal.of}__in": list(above.values_list("pk", flat=True))})
        if personal.names:
            linked = [other for other, its in declared() if not its.names]
            ids = [key for other in linked for key in rows_about(other, person).values_list("pk", flat=True)]
            is_theirs |= Q(**{f"{personal.names}__in": ids})
        return rows.filter(is_theirs)
    (source, name), *_others = (
        (other, link) for other, its in declared() for link in its.brings if _led_to(other, link) is model
    )
    return rows.filter(pk__in=list(rows_about(source, person).values_list(name, flat=True)))


def _led_to(model: type[Model], link: str) -> type[Model]:
    found = model._meta.get_field(link)
    assert isinstance(found, ForeignKey)
    target: type[Model] = found.related_model
    return target
