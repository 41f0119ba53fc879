"""The addresses of views, as their documentation says them: `documented("GET users/me", …)`."""

import inspect
from collections import defaultdict

from django.urls import URLPattern, path

from ondi.api.views import ApiViewSet


def routes_of(*views: type[ApiViewSet]) -> list[URLPattern]:
    """A pattern for each address of these views; a word of its own comes before an id in its place."""
    found: dict[tuple[str, type[ApiViewSet]], dict[str, str]] = defaultdict(dict)
    for view in views:
        for name, method in inspect.getmembers(view, inspect.isfunction):
            if at := getattr(method, "at", None):
                verb, address = at.split(" ")
                found[address, view][verb.lower()] = name
    ordered = sorted(found.items(), key=lambda one: one[0][0].replace("<", "~"))
    return [path(address, view.as_view(actions)) for (address, view), actions in ordered]
