"""The API's description: what Litestar makes of our types, put right where it says too little."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

REF = "#/components/schemas/{name}"


class DescriptionPlugin(JsonRenderPlugin):
    """Serves the description as JSON."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document; made when first asked for, kept by Litestar's own route."""
        return super().render(request, describe(request.app, openapi_schema))


def describe(site: Litestar, document: dict[str, Any] | None = None) -> dict[str, Any]:
    """The whole description of a site, as plain data."""
    found = document if document is not None else site.openapi_schema.to_schema()
    schemas = found["components"]["schemas"]
    for name, schema in _bodies(site).items():
        if name in schemas:
            schemas[name] = schema
    for schema in schemas.values():
        _mend(schema)
    return found


def _bodies(site: Litestar) -> dict[str, dict[str, Any]]:
    """The bodies that are taken, as the decoder itself describes them: its limits, and no unknown fields.

    A body that is alone at its address needs no tag.
    """
    handlers = [h for route in site.routes if isinstance(route, HTTPRoute) for h in route.route_handlers]
    described = [h for h in handlers if h.resolve_include_in_schema()]
    kinds = {h.parsed_data_field.annotation for h in described if h.parsed_data_field}
    structs = {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)}
    _, components = msgspec.json.schema_components(structs, ref_template=REF)
    tags = {kind.__name__: kind.__struct_config__.tag_field for kind in structs}
    for name, tag in tags.items():
        components[name]["required"] = [f for f in components[name].get("required", ()) if f != tag]
    return {name: components[name] for name in tags}


def _mend(schema: Any) -> None:
    """Take `anything else` out of a list's items: Litestar reads the dots of `tuple[X, ...]` as a type."""
    if isinstance(schema, list):
        for part in schema:
            _mend(part)
    if not isinstance(schema, dict):
        return
    choices = schema.get("oneOf")
    if isinstance(choices, list) and {} in choices and len(choices) == 2:
        schema.pop("oneOf")
        schema.update(next(choice for choice in choices if choice))
    for part in list(schema.values()):
        _mend(part)
