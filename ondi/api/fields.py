"""Serializer fields that hold API.md's rules for text and ids."""

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from ondi.common.ids import parse_id
from ondi.common.text import TextRefused, plain_text
from ondi.common.times import parse_instant


class PlainTextField(serializers.CharField):
    """Text as sent, refused where it cannot be kept; see `ondi.common.text`."""

    def __init__(self, *, max_length: int, one_line: bool = False, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)
        self.longest = max_length
        self.one_line = one_line

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is serializers.empty or data is None:
            return super().run_validation(data)
        if not isinstance(data, str):
            self.fail("invalid")
        if data == "" and self.allow_blank:
            return data
        try:
            return plain_text(data, max_length=self.longest, one_line=self.one_line)
        except TextRefused as refused:
            raise serializers.ValidationError(code=refused.code) from refused


class StringField(serializers.CharField):
    """A JSON string and nothing that merely looks like one, kept exactly as sent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class IdField(serializers.UUIDField):
    """An id in its dashed form, and in no other."""

    def to_internal_value(self, data: Any) -> UUID:
        found = parse_id(data)
        if found is None:
            self.fail("invalid", value=data)
        return found


class BoundedIntegerField(serializers.IntegerField):
    """A whole JSON number the database can hold, from 0 unless said."""

    def __init__(self, *, min_value: int = 0, max_value: int = 2_147_483_647, **options: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class InstantField(serializers.DateTimeField):
    """A moment: ISO 8601 with a zone."""

    def to_internal_value(self, value: Any) -> datetime:
        moment = parse_instant(value)
        if moment is None:
            self.fail("invalid", format="ISO 8601")
        return moment


class ForbiddenField(serializers.Field[Any, Any, Any, Any]):
    """A key this version does not know how to honour: 400 `not_allowed` where it is sent."""

    default_error_messages = {"not_allowed": "not allowed"}

    def __init__(self) -> None:
        super().__init__(required=False, write_only=True, allow_null=True)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is serializers.empty:
            raise serializers.SkipField
        self.fail("not_allowed")
