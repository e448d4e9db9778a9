"""The OpenAPI 3.1 document of the routes.

`python -m services.api.openapi > docs/openapi.json` writes it.
"""

import json
import re
import sys
from typing import Any

from pydantic.json_schema import models_json_schema

from services.api.models import Body, Error
from services.api.routes import OPERATIONS, Operation

_REF = "#/components/schemas/{model}"
_WHY = {
    400: "Bad input: what and where",
    403: "The caller may not do that",
    404: "There is none",
    409: "A conflict: with what",
    503: "Cannot be reached",
}


def openapi() -> dict[str, Any]:
    """The document."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in _models()], ref_template=_REF, by_alias=True
    )
    paths: dict[str, dict[str, Any]] = {}
    for it in OPERATIONS:
        paths.setdefault(it.path, {})[it.method.lower()] = _operation(it)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Recovery Instance Sync",
            "version": "1",
            "description": "Which servers already have a recovery instance. Unknown is never none.",
        },
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _models() -> list[type[Body]]:
    found = {Error} | {
        model for it in OPERATIONS for model in (it.takes, *it.answers.values()) if model
    }
    return sorted(found, key=lambda it: it.__name__)


def _operation(it: Operation) -> dict[str, Any]:
    answers = {status: _content(model, model.__doc__ or "") for status, model in it.answers.items()}
    answers |= {status: _content(Error, _WHY[status]) for status in (403, *it.errors)}
    if it.is_page:
        answers[304] = {"description": "Unchanged since the ETag that was sent"}
    operation: dict[str, Any] = {
        "summary": it.summary,
        "x-function": it.function,
        "parameters": [_parameter(name, "path", None) for name in re.findall(r"{(\w+)}", it.path)]
        + [_parameter(name, "query", what) for name, what in it.query],
        "responses": {str(status): answers[status] for status in sorted(answers)},
    }
    if it.takes:
        operation["requestBody"] = {"required": True, **_content(it.takes, it.takes.__doc__ or "")}
    return operation


def _content(model: type[Body], description: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, where: str, description: str | None) -> dict[str, Any]:
    schema: dict[str, object] = {"type": "string"}
    if name == "limit":
        schema = {"type": "integer", "minimum": 1, "maximum": 500}
    what = {"description": description} if description else {}
    return {"name": name, "in": where, "required": where == "path", "schema": schema, **what}


if __name__ == "__main__":
    json.dump(openapi(), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
