"""Form fields that hold text to the rules of the API."""

from datetime import datetime
from typing import Any

from django import forms

from ondi.common.errors import FIELD_MESSAGES
from ondi.common.text import TextRefused, plain_text, shows_nothing
from ondi.common.times import EARLIEST, LATEST


def refuse_what_shows_nothing(text: str) -> None:
    """A validator. Raises `ValidationError`."""
    if shows_nothing(text):
        raise forms.ValidationError(str(FIELD_MESSAGES["blank"]), code="blank")


class RowForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A row of a tenant. Its tenant is read-only once it is there, and counts nevertheless: what has to be unique in
    the tenant is asked of a form, not of the database."""

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"tenant"}  # type: ignore[misc, no-any-return]


def within_calendar(moment: datetime) -> None:
    """A validator for days. Raises `ValidationError`."""
    if not EARLIEST <= moment <= LATEST:
        raise forms.ValidationError(forms.DateTimeField.default_error_messages["invalid"], code="no_such_year")


class PlainTextField(forms.CharField):
    """Text as people type it: kept as it is or refused with the reason, never cleaned in silence."""

    def __init__(self, *, max_length: int, one_line: bool = False, **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.longest, self.one_line = max_length, one_line

    def clean(self, value: Any) -> str:
        """Raises `ValidationError` with the words the API uses."""
        text = self.to_python(value) or ""
        if not self.required and not text:
            return ""
        try:
            return plain_text(text, max_length=self.longest, one_line=self.one_line)
        except TextRefused as refusal:
            raise forms.ValidationError(str(FIELD_MESSAGES[refusal.code]), code=refusal.code) from refusal
