"""The OpenAPI 3.1 document, from the routes as they are.

Litestar describes paths and parameters. Bodies and answers are described by msgspec, which also reads and writes them:
Litestar's own schemas of its structs lose bounds and know nothing of refused fields.
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler
from msgspec import Struct, inspect
from msgspec.json import schema_components

from backend.http.access import PUBLIC, scopes_of
from backend.http.codes import PROBLEMS
from backend.http.declaring import problems_of
from backend.http.parts import parts_of, structs_in
from backend.http.request import ApiRequest

from .examples import example_of, problem_example

Json = dict[str, Any]
_REF = "#/components/schemas/{name}"
_HEADERS = {
    "Idempotency-Key": (
        {"command_reused", "key_reused"},
        "A UUID that you make once per request: sent again it has no second effect.",
        {"type": "string", "format": "uuid"},
    ),
    "If-Match": (
        {"version_moved"},
        "The ETag that was read: the write happens only if nobody wrote in between.",
        {"type": "string", "maxLength": 200, "pattern": r'^(\*|(W/)?"[!#-~]*")$'},
    ),
}
"""Header → the problems by which a route shows that it takes the header, what it is for, and its schema."""
_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a person.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The key of a machine."},
}


class Problem(Struct, frozen=True):
    """RFC 9457. Some codes have typed fields of their own beside these; the page at `type` shows them."""

    type: str
    """The address of the page that explains the code."""
    title: str
    status: int
    detail: str
    """What happened to this request, and the fix."""
    instance: str
    code: str
    """Stable; programs decide by it."""
    retryable: bool
    """Whether the very same request may succeed a little later."""
    request_id: str
    """Also the header X-Request-Id; the server's log has it."""


def describe(routes: Sequence[ControllerRouterHandler], version: str) -> Json:
    """Returns the OpenAPI document of these routes."""
    app = Litestar(
        routes,
        request_class=ApiRequest,
        logging_config=None,  # its own way of logging is for the whole process
        openapi_config=OpenAPIConfig(
            "Mostrador", version, use_handler_docstrings=True, render_plugins=[JsonRenderPlugin()]
        ),
    )
    document: Json = app.openapi_schema.to_schema()
    operations = [(document["paths"][path][method], path, handler) for path, method, handler in _walk(app)]
    types = {kind for _, _, handler in operations for kind in _types(handler)} | {Problem}
    ordered = sorted(types, key=str)
    schemas, components = schema_components(ordered, ref_template=_REF)
    schema_of = dict(zip(ordered, schemas, strict=True))
    for struct in structs_in(*inspect.multi_type_info(ordered)):
        _mend(components[struct.cls.__name__]["properties"], struct)
    for operation, path, handler in operations:
        _complete(operation, path, handler, schema_of)
    examples = {code: {"summary": m.what, "value": problem_example(code)} for code, m in PROBLEMS.items()}
    # Enums are all that a parameter can refer to.
    enums = {name: schema for name, schema in document["components"]["schemas"].items() if "enum" in schema}
    components = enums | components
    document["components"] = {"schemas": components, "examples": examples, "securitySchemes": _SECURITY}
    return document


def _walk(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.resolve_include_in_schema() and "scope" in handler.opt:
                    for method in handler.http_methods:
                        yield route.path_format, method.lower(), handler


def _types(handler: HTTPRouteHandler) -> Iterator[Any]:
    if handler.parsed_data_field is not None:
        yield handler.parsed_data_field.annotation
    yield _answer(handler)
    for spec in (handler.responses or {}).values():
        yield spec.data_container


def _answer(handler: HTTPRouteHandler) -> Any:
    """Returns the type of a route's answer, out of the Response around it."""
    returned = handler.parsed_fn_signature.return_type
    if returned.is_subclass_of(Response):
        return returned.inner_types[0].annotation if returned.inner_types else Any
    return returned.annotation


def _mend(properties: Json, struct: inspect.StructType) -> None:
    """Say of moments how they are written, which msgspec leaves out."""
    for field in struct.fields:
        union = isinstance(field.type, inspect.UnionType)
        for kind in (field.type, *parts_of(field.type)):
            schema = properties[field.encode_name]
            plain = next((s for s in schema["anyOf"] if s.get("type") == "string"), schema) if union else schema
            if isinstance(kind, inspect.DateTimeType):
                plain["format"] = "date-time"


def _complete(operation: Json, path: str, handler: HTTPRouteHandler, schema_of: dict[Any, Json]) -> None:
    scope = handler.opt["scope"]
    codes = problems_of(handler)
    operation.pop("deprecated", None)
    operation["tags"] = [path.split("/")[3] if path.startswith("/api/v1/") and "." not in path else "server"]
    scopes = [] if scope == PUBLIC else sorted(scopes_of(handler))
    operation["security"] = [{name: [str(one)]} for one in scopes for name in _SECURITY]
    operation["parameters"] = [_parameter(p, handler) for p in operation.get("parameters", ())]
    for header, (shown_by, description, schema) in _HEADERS.items():
        if shown_by & set(codes):
            operation["parameters"].append(
                {"name": header, "in": "header", "required": False, "description": description, "schema": schema}
            )
    field = handler.parsed_data_field
    if field is not None:
        example = handler.opt.get("example") or example_of(inspect.type_info(field.annotation), whole=False)
        content = {"schema": schema_of[field.annotation], "example": example}
        operation["requestBody"] = {"required": not field.is_optional, "content": {"application/json": content}}
    operation["responses"] = {str(handler.status_code): _success(handler, schema_of)}
    for status, spec in (handler.responses or {}).items():
        described: Json = {"description": spec.description}
        if spec.data_container is not None:
            described["content"] = {"application/json": {"schema": schema_of[spec.data_container]}}
        operation["responses"][str(status)] = described
    for status in sorted({PROBLEMS[code].status for code in codes}):
        own = [code for code in codes if PROBLEMS[code].status == status]
        response = operation["responses"].setdefault(str(status), {"description": HTTPStatus(status).phrase})
        response.setdefault("content", {})["application/problem+json"] = _refusals(status, own, schema_of[Problem])


def _parameter(parameter: Json, handler: HTTPRouteHandler) -> Json:
    """As it is: Litestar adds null to what may be left out, drops a minimum of 0, and takes a path for a URI."""
    kept = {name: value for name, value in parameter.items() if value is not False or name == "required"}
    schema = dict(kept["schema"])
    variants = [variant for variant in schema.pop("oneOf", ()) if variant != {"type": "null"}]
    if len(variants) > 1:
        schema["oneOf"] = variants
    elif variants:
        schema |= variants[0]
    field = handler.parsed_fn_signature.parameters.get(parameter["name"])
    if field is not None and getattr(field.kwarg_definition, "ge", None) == 0:
        schema["minimum"] = 0
    if schema.get("format") == "uri":
        del schema["format"]
    return kept | {"schema": schema}


def _success(handler: HTTPRouteHandler, schema_of: dict[Any, Json]) -> Json:
    description = HTTPStatus(handler.status_code).phrase
    answer = _answer(handler)
    if answer is None or answer is type(None):
        return {"description": description}
    if handler.media_type and handler.media_type != "application/json":
        return {"description": description, "content": {str(handler.media_type): {"schema": {"type": "string"}}}}
    content = {"schema": schema_of[answer], "example": example_of(inspect.type_info(answer), whole=True)}
    return {"description": description, "content": {"application/json": content}}


def _refusals(status: int, codes: list[str], problem: Json) -> Json:
    """Returns the problems of one status: the schema narrows the common one to their codes."""
    only = {"status": {"const": status}, "code": {"enum": codes}}
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    return {"schema": {"allOf": [problem, {"properties": only}]}, "examples": examples}
