"""Problem documents (RFC 9457): what is wrong with a request, for programs and for people."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Route

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("problems")


class Problem(BaseModel):
    """What is wrong."""

    type: str = Field(default="about:blank", description="Nothing more than the status says.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The status of the answer.")
    detail: str = Field(default="", description="What is wrong with this very request.")
    errors: list[str] = Field(default_factory=list, description="What is wrong with each field.")


class ProblemError(Exception):
    """Ends the answering of a request with a problem.

    Attributes:
        status: of the answer.
        detail: what is wrong, for people.
        headers: of the answer.
    """

    def __init__(self, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def body(status: int, detail: str, errors: tuple[str, ...] = ()) -> bytes:
    """The document as it is sent."""
    document: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        document["detail"] = detail
    if errors:
        document["errors"] = list(errors)
    return json.dumps(document).encode()


def respond(status: int, detail: str, errors: tuple[str, ...] = (), headers: dict[str, str] | None = None) -> Response:
    """The answer with a document."""
    return Response(body(status, detail, errors), status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every error of an application answered with a document."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
    for status, description in ((422, "What was sent is not right."), ("default", "Something went wrong."))
}
"""For the OpenAPI document of an application."""


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class alone
    return respond(error.status, error.detail, headers=error.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return respond(HTTPStatus.BAD_REQUEST, "the body is not JSON")
    errors = tuple(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in found)
    return respond(HTTPStatus.UNPROCESSABLE_ENTITY, "what was sent is not what is asked for", errors)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = dict(error.headers) if error.headers else {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"allow": ", ".join(sorted(_methods(request)))}
    return respond(error.status_code, str(error.detail), headers=headers)


def _methods(request: Request) -> set[str]:
    """What may be asked of a path: Starlette names only the methods of the first route that has it."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    return {
        method for route in routes if route.path_regex.fullmatch(request.url.path) for method in route.methods or ()
    }


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("%s %s could not be answered", request.method, request.url.path, exc_info=error)
    return respond(HTTPStatus.INTERNAL_SERVER_ERROR, "")
