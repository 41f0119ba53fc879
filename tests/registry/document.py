"""What the OpenAPI document says of a route: where a caller puts ids, and where words."""

import functools
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from ondi.api.document import document as as_bytes

Place = tuple[str | int, ...]


@functools.cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(as_bytes())
    return found


def call_of(method: str, path: str) -> Mapping[str, Any]:
    """The document's entry of a route as Django spells it."""
    found: Mapping[str, Any] = document()["paths"]["/" + path.replace("<str:", "{").replace(">", "}")][method.lower()]
    return found


def documented_routes() -> set[tuple[str, str]]:
    return {
        (method.upper(), path.strip("/").replace("{", "<str:").replace("}", ">"))
        for path, calls in document()["paths"].items()
        for method in calls
    }


def query_parameters(method: str, path: str) -> dict[str, Mapping[str, Any]]:
    return {one["name"]: one["schema"] for one in call_of(method, path)["parameters"] if one["in"] == "query"}


def body_fields(method: str, path: str) -> dict[Place, Mapping[str, Any]]:
    """The leaves of a body by where they stand; 0 is the first of a list."""
    body = call_of(method, path).get("requestBody")
    return dict(_leaves(body["content"]["application/json"]["schema"], ())) if body else {}


def is_id(schema: Mapping[str, Any]) -> bool:
    return schema.get("format") == "uuid"


def is_free_text(schema: Mapping[str, Any]) -> bool:
    return "string" in schema.get("type", ()) and not {"enum", "const"} & set(schema) and not is_id(schema)


def with_value(body: Any, place: Place, value: Any) -> Any:
    """The body with this value at this place; the way there is made where it is missing."""
    step, *rest = place
    whole: Any = deepcopy(body) if body else ([] if isinstance(step, int) else {})
    if isinstance(step, int):
        return [with_value(whole[0] if whole else None, tuple(rest), value) if rest else value, *whole[1:]]
    return {**whole, step: with_value(whole.get(step), tuple(rest), value) if rest else value}


def _leaves(schema: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    while "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rsplit("/")[-1]]
    branches = [one for word in ("oneOf", "anyOf", "allOf") for one in schema.get(word, ())]
    if branches:
        for branch in branches:
            yield from _leaves(branch, place)
    elif "properties" in schema:
        for name, part in schema["properties"].items():
            yield from _leaves(part, (*place, name))
    elif "items" in schema:
        yield from _leaves(schema["items"], (*place, 0))
    else:
        yield place, schema
