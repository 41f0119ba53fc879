"""Kinds of settings: what fits, and what a change makes of what was there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import nh3
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from ondi.common.text import shows

_PLACEHOLDER = re.compile(r"\{(.*?)\}")


@dataclass(frozen=True, slots=True)
class Switch:
    """Yes or no."""

    def fits(self, value: object) -> bool:
        return isinstance(value, bool)

    def merged(self, now: bool, value: bool) -> bool:
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number between these two, both included."""

    least: int
    most: int

    def fits(self, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most

    def merged(self, now: int, value: int) -> int:
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words."""

    choices: type[TextChoices]

    def fits(self, value: object) -> bool:
        return isinstance(value, str) and value in self.choices.values

    def merged(self, now: str, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts by language, each at most `longest` characters, without scripts and the like. An empty one is removed."""

    longest: int
    is_html: bool = True

    def fits(self, value: object) -> bool:
        return isinstance(value, dict) and all(isinstance(html, str) for html in value.values())

    def merged(self, now: Mapping[str, str], value: Mapping[str, str]) -> dict[str, str]:
        texts = {**now, **{language: self.cleaned(html) for language, html in value.items()}}
        return {language: html for language, html in texts.items() if html.strip()}

    def cleaned(self, html: str) -> str:
        """Take scripts and the like out of HTML. Raises Django's `ValidationError` where too much is left."""
        cleaned = nh3.clean(html) if self.is_html else html.strip()
        if len(cleaned) > self.longest:
            raise ValidationError(_("This text is too long."), code="max_length")
        return cleaned


@dataclass(frozen=True, slots=True)
class Line:
    """One line of plain text; it may be empty."""

    longest: int

    def fits(self, value: object) -> bool:
        return isinstance(value, str)

    def merged(self, now: str, value: str) -> str:
        """Raises Django's `ValidationError`."""
        return self.cleaned(value)

    def cleaned(self, value: str) -> str:
        line = value.strip()
        if len(line) > self.longest:
            raise ValidationError(_("This text is too long."), code="max_length")
        if not all(map(shows, line)):
            raise ValidationError(_("This does not fit."), code="invalid")
        return line


@dataclass(frozen=True, slots=True)
class Address(Line):
    """An e-mail address, or empty."""

    longest: int = 254

    def cleaned(self, value: str) -> str:
        address = Line.cleaned(self, value)
        if address:
            validate_email(address)
        return address


@dataclass(frozen=True, slots=True)
class Link(Line):
    """The address of a page, with this placeholder and no other; it may be empty."""

    longest: int = 500
    placeholder: str = "id"

    def cleaned(self, value: str) -> str:
        link = Line.cleaned(self, value)
        if link and not self._is_address(link):
            raise ValidationError(_("This does not fit."), code="invalid")
        return link

    def _is_address(self, link: str) -> bool:
        if set(link) & set(' "<>\\'):
            return False
        try:
            parts = urlsplit(link)
        except ValueError:
            return False
        host = parts.hostname or ""
        is_local = host in ("localhost", "127.0.0.1")  # a portal that is being made
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_local)
        return is_safe and bool(host) and "{" not in parts.netloc and _PLACEHOLDER.findall(link) == [self.placeholder]


@dataclass(frozen=True, slots=True)
class Links:
    """Such addresses by name; an empty one is removed."""

    names: type[TextChoices]
    link: Link

    def fits(self, value: object) -> bool:
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())

    def merged(self, now: Mapping[str, str], value: Mapping[str, str]) -> dict[str, str]:
        """Raises Django's `ValidationError`."""
        if set(value) - set(self.names.values):
            raise ValidationError(_("This does not fit."), code="invalid")
        return {name: link for name, one in {**now, **value}.items() if (link := self.link.cleaned(one))}


Kind = Switch | Number | Choice | Texts | Line | Address | Link | Links
