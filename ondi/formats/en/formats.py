"""How Django writes times where it does so by itself: as `ondi.common.times.in_words`."""

from ondi.common.times import IN_WORDS

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = IN_WORDS
DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
