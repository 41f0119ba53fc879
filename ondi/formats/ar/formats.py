"""As in English, with an Arabic comma; the months are Arabic."""

from ondi.common.times import IN_WORDS
from ondi.formats.en.formats import DATE_FORMAT, SHORT_DATE_FORMAT, TIME_FORMAT  # noqa: F401 - Django reads them here

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = IN_WORDS.replace(",", "،")
