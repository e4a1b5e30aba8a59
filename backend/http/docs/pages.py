"""The document and the problems as pages for people: plain HTML, no scripts, nothing from elsewhere."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from itertools import groupby
from json import dumps
from typing import Any

from backend.http.codes import PROBLEMS, page_of, title_of

from .examples import problem_example

Json = dict[str, Any]

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
h1,h2,h3{line-height:1.2}
h2{margin-top:3rem;border-bottom:1px solid #8886}
h3{margin-top:2rem}
code,pre{font:14px/1.4 ui-monospace,monospace}
h3 code{font-size:16px}
pre{padding:.75rem;border:1px solid #8886;border-radius:6px;overflow:auto}
table{border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0;overflow-wrap:anywhere}
nav a{margin-right:1rem}
summary{cursor:pointer}
"""
SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    f" style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)
"""The Content-Security-Policy of the pages: their own style, and nothing else."""


def problem_page(code: str) -> str:
    """Returns what a problem means and what to do about it. `code` is one of PROBLEMS."""
    meaning = PROBLEMS[code]
    again = "may succeed a little later" if meaning.retryable else "will fail again"
    body = f"""<p><code>{code}</code>, status {meaning.status}</p>
<p>{escape(meaning.what)}</p>
<h2>What to do</h2>
<p>{_prose(meaning.fix)}</p>
<p>The very same request {again}.</p>
<h2>Example</h2>
{_json(problem_example(code))}
<p><a href="/problems">All problems</a></p>"""
    return _page(title_of(code), body)


def problems_page() -> str:
    """Returns all problems by their status."""
    rows = (
        f'<tr><td>{meaning.status}</td><td><a href="{page_of(code)}"><code>{code}</code></a></td>'
        f"<td>{escape(meaning.what)}</td></tr>"
        for code, meaning in sorted(PROBLEMS.items(), key=lambda item: (item[1].status, item[0]))
    )
    return _page("Problems", _table(("Status", "Code", "What happened"), rows))


def reference_page(document: Json) -> str:
    """Returns all operations of the OpenAPI document, by their tag, and the schemas they use."""
    operations = [
        (operation["tags"][0], method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    operations.sort(key=lambda operation: operation[0])
    tags = dict.fromkeys(tag for tag, *_ in operations)
    links = [f'<a href="#{tag}">{tag}</a>' for tag in (*tags, "schemas")]
    parts = [
        f"<nav>{' '.join(links)}</nav>",
        '<p>For programs: <a href="/api/v1/openapi.json">OpenAPI 3.1</a>. <a href="/problems">All problems</a>.</p>',
    ]
    for tag, group in groupby(operations, key=lambda operation: operation[0]):
        parts.append(f'<h2 id="{tag}">{tag}</h2>')
        parts += [_operation(method, path, operation) for _, method, path, operation in group]
    parts.append('<h2 id="schemas">schemas</h2>')
    parts += [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return _page(f"{document['info']['title']} {document['info']['version']}", "\n".join(parts))


def _operation(method: str, path: str, operation: Json) -> str:
    scopes = sorted({scope for scheme in operation["security"] for scopes in scheme.values() for scope in scopes})
    rights = " or ".join(f"<code>{scope}</code>" for scope in scopes)
    asks = f"Asks for the right {rights}." if scopes else "Asks for no token."
    parts = [
        f'<h3 id="{operation["operationId"]}"><code>{method} {escape(path)}</code></h3>',
        f"<p>{_prose(operation['description'])} {asks}</p>",
    ]
    if operation["parameters"]:
        parts.append(_table(("Parameter", "In", "", "Value"), map(_parameter, operation["parameters"])))
    if "requestBody" in operation:
        (content,) = operation["requestBody"]["content"].values()
        parts.append(f"<p>Body: {_type(content['schema'])}</p>{_json(content['example'])}")
    codes: list[str] = []
    for status, response in operation["responses"].items():
        contents = response.get("content", {})
        codes += contents.get("application/problem+json", {}).get("examples", ())
        for kind, content in contents.items() or [("", {})]:
            if kind != "application/problem+json":
                what = _type(content["schema"]) if content else ""
                parts.append(f"<p><b>{status}</b> {escape(response['description'])} {what} {_kind(kind)}</p>")
                parts.append(_json(content["example"]) if "example" in content else "")
    links = [f'<a href="{page_of(code)}"><code>{code}</code></a> {PROBLEMS[code].status}' for code in codes]
    parts.append(f"<details><summary>Problems</summary><p>{', '.join(links)}</p></details>")
    return "\n".join(parts)


def _parameter(parameter: Json) -> str:
    must = "required" if parameter["required"] else ""
    about = _prose(parameter.get("description", ""))
    value = f"{_type(parameter['schema'])}. {about}"
    return (
        f"<tr><td><code>{parameter['name']}</code></td><td>{parameter['in']}</td><td>{must}</td><td>{value}</td></tr>"
    )


def _schema(name: str, schema: Json) -> str:
    about = escape(schema.get("description", ""))
    head = f'<h3 id="schema-{name}"><code>{name}</code></h3><p>{about}</p>'
    if "properties" not in schema:
        return f"{head}<p>{_type(schema)}</p>"
    must = dict.fromkeys(schema.get("required", ()), "required")
    rows = (
        f"<tr><td><code>{field}</code></td><td>{must.get(field, '')}</td><td>{_type(kind)}</td></tr>"
        for field, kind in schema["properties"].items()
    )
    return head + _table(("Field", "", "Value"), rows)


_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "minItems": "{} entries or more",
    "maxItems": "{} entries at most",
    "pattern": "like {}",
}


def _type(schema: Json) -> str:
    """Returns a schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{name}"><code>{name}</code></a>'
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(map(_type, schema[key]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(dumps(value))}</code>" for value in values)
    kind = schema.get("format") or schema.get("type", "anything")
    if schema.get("items"):
        kind = f"list of {_type(schema['items'])}"
    bounds = (
        words.format(f"<code>{escape(_short(schema[key]))}</code>") for key, words in _BOUNDS.items() if key in schema
    )
    return ", ".join((kind, *bounds))


def _short(bound: float | str) -> str:
    return bound if isinstance(bound, str) else f"{bound:.10g}"


def _prose(text: str) -> str:
    """Returns text whose `code` is marked as such."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _kind(media_type: str) -> str:
    return "" if media_type in ("", "application/json") else f"<code>{escape(media_type)}</code>"


def _json(value: Any) -> str:
    return f"<pre>{escape(dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    names = "".join(f"<th>{name}</th>" for name in head)
    return "\n".join((f"<table><tr>{names}</tr>", *rows, "</table>"))


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
"""
