"""Aggregates Django does not bring."""

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, FloatField


class Percentiles(Aggregate):
    """The values at these fractions of the ordered, non-null values: `Percentiles("seconds", [0.5, 0.9])`."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(ARRAY[%(fractions)s]) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = ArrayField(FloatField())

    def __init__(self, expression: Any, fractions: Sequence[float], **options: Any) -> None:
        super().__init__(expression, fractions=", ".join(str(float(fraction)) for fraction in fractions), **options)
