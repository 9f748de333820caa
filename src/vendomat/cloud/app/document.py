"""The public application's OpenAPI 3.1 document: what its routes say of themselves, and what holds for all of them.

Routes say their own answer, parameters and body. Here come the things that no route can know alone: how one proves who
asks, the problems (RFC 9457) an answer may be instead, what the tags mean. Adds no route and decides nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from vendomat.cloud.app.operations import SENTENCES
from vendomat.cloud.app.problems import MEDIA_TYPE, Problem
from vendomat.cloud.merchants import COOKIE, Permission, Permitted, Proven

API_VERSION = "1"
PATH = "/api/v1/openapi.json"
_REF = "#/components/schemas/{model}"
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_OPEN = frozenset(
    {
        "session.create",
        "session.delete",
        "session.begin_passkey",
        "session.create_by_passkey",
        "session.doors",
        "session.begin_provider",
        "session.create_by_provider",
        "session.leave_provider",
        "invitation.look",
        "invitation.accept",
    }
)
_DESCRIPTION = """\
What the console, the members' page and the order page use, and what your own programs may use.

* **Who asks** is known by the cookie of a session (`POST /api/v1/session`). A request that changes something comes
  from a page of the same server: it carries `Origin`, and `application/json`.
* **Money** is integer minor units of the currency beside them; **times** are RFC 3339 in UTC.
* **Lists** take `limit` and `cursor` and answer `data`, `next_cursor` and `has_more`, in a stable order.
* **Errors** are problems (`application/problem+json`, RFC 9457). Decide by `code`, which is never renamed.
* **A fresh proof** of who one is (`PUT /api/v1/session/proof`) is needed for what a stolen session should not do:
  prices, refunds, keys, people, locks (`x-fresh-proof`). Without one: 403 `proof_required`; prove it, send it again.
* **No answer is not a no**: a request whose answer was lost may have done its work. Look, or repeat it as it was.
* **Permissions** are named by each operation as `x-permission`; `GET /api/v1/roles` says which role has which.
"""


class Tag(NamedTuple):
    """A group of operations. `scheme` is how one proves who asks; None: anybody may."""

    description: str
    scheme: str | None = "session"


TAGS: Mapping[str, Tag] = {
    "setup": Tag("The first run of a cloud: who may set it up holds the token of its data folder.", None),
    "session": Tag("Sign in, who am I, prove it again, sign out. The answer to signing in sets the cookie."),
    "people": Tag("Who works for the merchant, what each role may do, and links that invite."),
    "account": Tag("One's own password and sessions."),
    "change log": Tag("Who changed what, before and after, each entry sealed to the one before it."),
    "attention": Tag("What needs somebody first, ranked by what it loses an hour."),
    "statistics": Tag("What was sold, by hour, day, machine, product, site and way to pay, and the usual band."),
    "reports": Tag("Machines and orders with their evidence, what is not known, and how the objective was met."),
    "machines": Tag("Machines as they are registered, and the links that let them in."),
    "refunds": Tag("What a person may do about an order's money. Each reason stays in the order's evidence."),
    "claims": Tag("What buyers say is wrong with their orders, and the answers they get."),
    "goods": Tag("What was found out by looking into a machine, and what was put in or taken out by hand."),
    "visits": Tag("Open-door coolers: visits of buyers, what was taken, and money that is given up."),
    "promotions": Tag("Rules that lower prices: drafted, previewed, tried on a cart, active, ended."),
    "products": Tag("What is sold: names, pictures, what a label says, what it costs from when."),
    "planograms": Tag("What each machine shall hold: drafted, published, and compared with what its screen shows."),
    "alarms": Tag("What needs somebody: listed, acknowledged, given, put off, cleared; and what happened to each."),
    "notifications": Tag("Who is told of alarms, by which rules, and when it is quiet."),
    "codes": Tag("Pickup codes: issued, listed, withdrawn. The digits are in the answer to issuing only."),
    "members": Tag("Whom the merchant knows, their links and wallets, and what goes back to those who leave."),
    "reconciliation": Tag("Each account's day against the platform's bill."),
    "statements": Tag("A merchant's day or month, as numbers, rows, CSV and PDF."),
    "sites": Tag("Places and their owners, what was agreed, and the statements they get."),
    "own sites": Tag("What a site's owner sees: the machines, sales and statements of sites that belong to them."),
    "profit sharing": Tag("Paying a site's owner through the platform: agreed, planned, given, taken back."),
    "payment accounts": Tag("Ways to pay: keys go in and never come out; what each machine offers."),
    "events": Tag("Live events, as server-sent events. A page that comes back says `Last-Event-ID` and misses none."),
    "order": Tag("A buyer's page of one order, with the token of the order's link.", "orderLink"),
    "member": Tag("A member's own page, with the key of the member's link.", "memberLink"),
    "buyer": Tag("What the page of an open-door cooler asks. Whoever holds a visit's id may see it.", None),
    "media": Tag("Pictures by the hash of their content; they never change.", None),
    "health": Tag("Whether this worker can do its work.", None),
}

_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Set by signing in. No script can read it, and no other site can send it.",
    },
    "orderLink": {"type": "http", "scheme": "bearer", "description": "What stands behind the `#` of an order's link."},
    "memberLink": {"type": "http", "scheme": "bearer", "description": "What stands behind the `#` of a member's link."},
}

_PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("NotUnderstood", "The request cannot be read. Nothing changed."),
    401: ("NotSignedIn", "Nobody is known to ask. Nothing changed."),
    403: ("Refused", "The role may not do this, a fresh proof is needed, or the page is elsewhere. Nothing changed."),
    404: ("NotFound", "There is no such thing, or it is not yours. Nothing changed."),
    408: ("TooSlow", "The request did not come in time. Nothing changed."),
    409: ("NotNow", "Not possible as things stand, or a request with this key is under way."),
    412: ("ChangedMeanwhile", "`If-Match` quotes an older version. Nothing changed: read again."),
    413: ("TooLarge", "The request is too large. Nothing changed."),
    415: ("NotJson", "A body is `application/json`. Nothing changed."),
    422: ("NotValid", "A field is missing or not valid; `errors` names it. Nothing changed."),
    428: ("VersionNeeded", "`If-Match` has to say which version was read. Nothing changed."),
    429: ("TooManyTries", "Too many tries: `Retry-After` says how long to wait. Nothing changed."),
    500: ("OurFault", "Our fault. Whether something changed is not known: look before you repeat it with a new key."),
    502: ("PlatformRefused", "A payment platform refused."),
    503: ("NotAvailable", "The database or a platform did not answer. Whether something changed is not known."),
}
_WAITING = frozenset({429, 503})


def document_of(app: FastAPI) -> dict[str, Any]:
    """The whole document, for the routes that `app` has."""
    document = get_openapi(
        title="Vendomat", version=API_VERSION, openapi_version="3.1.0", description=_DESCRIPTION, routes=app.routes
    )
    used: set[str] = set()
    permissions = _permissions(app)
    asking_proof = {route.operation_id for route in routes_of(app) if needs_proof(route)}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                used.update(operation.get("tags", ()))
                _complete(path, method, operation)
                _say(operation, permissions)
                if operation["operationId"] in asking_proof:
                    operation["x-fresh-proof"] = True
    document["tags"] = [{"name": name, "description": tag.description} for name, tag in TAGS.items() if name in used]
    document = _with_page_names(document)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for stock in ("HTTPValidationError", "ValidationError"):
        schemas.pop(stock, None)
    schemas |= models_json_schema([(Problem, "serialization")], ref_template=_REF)[1]["$defs"]
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = {name: _answer(status, text) for status, (name, text) in _PROBLEMS.items()}
    components["securitySchemes"] = _SCHEMES
    return document


def routes_of(router: object) -> Iterator[APIRoute]:
    """Those of an application and of the routers in it, however deep."""
    for one in getattr(router, "routes", ()):
        if isinstance(one, APIRoute):
            yield one
        else:
            yield from routes_of(getattr(one, "original_router", None))


def dependencies_of(dependant: Dependant) -> Iterator[object]:
    """What a route depends on, however deep."""
    yield dependant.call
    for inner in dependant.dependencies:
        yield from dependencies_of(inner)


def needs_proof(route: APIRoute) -> bool:
    """Whether who asks must have proved lately who they are."""
    return any(isinstance(one, Permitted | Proven) and one.is_proven for one in dependencies_of(route.dependant))


def document_router(app: FastAPI) -> APIRouter:
    """`GET /api/v1/openapi.json`. Made once, when it is first asked for, and not on the event loop."""
    router = APIRouter()
    kept: list[bytes] = []

    @router.get(PATH, operation_id="document.get", include_in_schema=False)  # it describes, and is not described
    async def document(request: Request) -> Response:
        if not kept:
            kept.append(await asyncio.to_thread(lambda: msgspec.json.encode(document_of(app))))
        tag = f'"{hashlib.sha256(kept[0]).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(kept[0], media_type="application/json", headers=headers)

    return router


def _with_page_names(document: dict[str, Any]) -> dict[str, Any]:
    """`Page_OrderView_` is called `OrderViewPage`."""
    schemas = document.get("components", {}).get("schemas", {})
    text = msgspec.json.encode(document).decode()
    for name in schemas:
        if name.startswith("Page_"):
            title = name.removeprefix("Page_").removesuffix("_") + "Page"
            text = text.replace(f'"{name}"', f'"{title}"').replace(f'/{name}"', f'/{title}"')
    renamed: dict[str, Any] = msgspec.json.decode(text)
    return renamed


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Adds to one operation who may ask and which problems may come; what the route says itself stays."""
    scheme = _scheme_of(operation)
    if scheme is not None:
        operation["security"] = [{scheme: []}]
    parameters = [one for one in operation.get("parameters", ()) if one["name"].lower() != "authorization"]
    operation.pop("parameters", None)
    if parameters:
        operation["parameters"] = parameters
    responses = operation["responses"]
    if responses.get("422", {}).get("description") == "Validation Error":
        del responses["422"]  # the framework's own form, which we never answer
    for status in sorted(_statuses(path, method, operation)):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{_PROBLEMS[status][0]}"})


def _say(operation: dict[str, Any], permissions: Mapping[str, Permission]) -> None:
    """What the operation does, in one sentence, and which permission it takes."""
    name = operation["operationId"]
    operation.pop("summary", None)  # the framework's own, made from the function's name
    if name in SENTENCES:
        operation["summary"] = SENTENCES[name]
    if name in permissions:
        operation["x-permission"] = permissions[name].value


def _permissions(app: FastAPI) -> dict[str, Permission]:
    """By operation; one that names none is open, or about oneself."""
    return {
        str(route.operation_id): one.permission
        for route in routes_of(app)
        for one in dependencies_of(route.dependant)
        if isinstance(one, Permitted)
    }


def _scheme_of(operation: Mapping[str, Any]) -> str | None:
    if operation["operationId"] in _OPEN:
        return None
    known = [TAGS[name] for name in operation.get("tags", ()) if name in TAGS]
    return known[0].scheme if known else "session"


def _statuses(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[int]:
    """The problems that an operation may be answered with, by what it takes and who may ask."""
    parameters = operation.get("parameters", ())
    is_changing, scheme = method != "get", _scheme_of(operation)
    has_body = "requestBody" in operation
    yield from (400, 500, 503)
    if scheme is not None or operation["operationId"] == "session.create":
        yield 401
    if scheme == "session" or (is_changing and path.startswith("/api/")):
        yield 403
    if parameters or has_body:
        yield 422
    if has_body or scheme == "orderLink" or any(one["in"] == "path" for one in parameters):
        yield 404
    if is_changing:
        yield from (408, 409, 413, 429, 502)
        if path.startswith("/api/"):
            yield 415
    if scheme in ("orderLink", "memberLink"):
        yield 429
    if any(one["name"].lower() == "if-match" for one in parameters):
        yield from (412, 428)


def _answer(status: int, description: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
    if status in _WAITING:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer
