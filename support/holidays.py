"""Public holidays, as a library knows them: proposals that an admin takes or leaves, never more."""

import re
from collections.abc import Mapping
from datetime import date

import holidays
from django.utils.translation import get_language
from holidays.registry import COUNTRIES

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def countries() -> list[tuple[str, str]]:
    """Codes and English names of those it knows, by name."""
    return sorted(((code, _WORDS.sub(" ", name)) for name, code, *_more in COUNTRIES.values()), key=lambda one: one[1])


def proposed_holidays(country: str, year: int) -> Mapping[date, str]:
    """The days of a year with their names, in the language in force where the library has it."""
    known = holidays.country_holidays(country, years=year, language=get_language())
    return dict(sorted(known.items()))
