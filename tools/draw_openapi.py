"""Writes `web/packages/api/openapi.json` from the routes of the public application, and TypeScript types from that.

`--check` only compares, and says what the document lacks: an operation without a name of its own, a tag that nobody
explained, an answer without a shape. It starts no engine: the application is put together and never asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import asyncpg
from argon2 import PasswordHasher
from build_web import install_packages, node_environment, run_npm
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from vendomat.cloud.app import PublicParts, SalesGround, build_public_app, build_sales
from vendomat.cloud.app.document import TAGS, document_of
from vendomat.cloud.app.operations import SENTENCES
from vendomat.cloud.codes import CodePosting
from vendomat.cloud.machines import EnrolmentDoor
from vendomat.cloud.merchants import FirstRun, MasterKey, Merchants, Passwords
from vendomat.cloud.payments import open_provider
from vendomat.cloud.platform.connection import Handle
from vendomat.cloud.platform.database import Database, driver_url
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports import EventFeeds
from vendomat.kernel import ManualClock, TimeOrderedIds

ROOT = Path(__file__).resolve().parent.parent
PAGE = "web/packages/api/openapi.json"
TYPES = "web/packages/api/src/schema.ts"
_NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
_NO_ROUTES = frozenset({"metrics", "lifespan", "wall"})
_NAME = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")


class _NoWire:
    """A wire that nobody ever asks anything over."""

    is_connected = False

    async def serve(self, handle: Handle) -> None:
        raise NotImplementedError

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        raise NotImplementedError

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        raise NotImplementedError


class _NoSigner:
    """The key of a cloud that never speaks."""

    key_id = "nobody"

    def sign(self, data: bytes) -> bytes:
        raise NotImplementedError


async def _no_posting(_connection: AsyncConnection, _codes: Sequence[CodePosting]) -> None:
    raise NotImplementedError


async def unconnected_app() -> FastAPI:
    """The public application of a worker that sells, put together and connected to nothing."""
    clock = ManualClock()
    ids, master_key, settings = TimeOrderedIds(clock), MasterKey(bytes(32)), CloudSettings()
    passwords = Passwords(PasswordHasher())
    engine = create_async_engine(driver_url(_NOWHERE))
    database = Database(asyncpg.create_pool(_NOWHERE, min_size=1, max_size=1), engine, _NOWHERE)
    ground = SalesGround(
        settings=settings,
        database=database,
        wire=_NoWire(),
        master_key=master_key,
        signer=_NoSigner(),
        open_provider=open_provider,
        clock=clock,
        ids=ids,
    )
    async with AsyncExitStack() as stack:
        sales = build_sales(ground, stack)
        parts = PublicParts(
            database=database,
            master_key=master_key,
            passwords=passwords,
            ids=ids,
            clock=clock,
            post_ledger=_no_posting,
            feeds=EventFeeds(database, clock),
            settings=settings,
            refunds=sales.refunds,
            goods=sales.goods,
            top_ups=sales.top_ups,
            payouts=sales.payouts,
            visits=sales.visits,
            sharing=sales.sharing,
            first_run=FirstRun(database, Merchants(database, passwords, ids, clock), Path(), clock),
            door=EnrolmentDoor("https://machines.example", b""),
        )
        left_out = [
            one.name for one in fields(parts) if getattr(parts, one.name) is None and one.name not in _NO_ROUTES
        ]
        assert not left_out, f"the document would lack the routes of {sorted(left_out)}: hand them over here, too"
        return build_public_app(parts)


def document() -> dict[str, Any]:
    """The document as the application serves it."""

    async def draw() -> dict[str, Any]:
        return document_of(await unconnected_app())

    return asyncio.run(draw())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`(GET /api/v1/orders, operation)` for each."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def breaches(document: dict[str, Any]) -> list[str]:
    """What the document lacks, a line each."""
    found = [f"{name}: two shapes are called so; give one another name" for name in _schemas(document) if "__" in name]
    for where, operation in operations(document):
        found += [f"{where}: {what}" for what in _of_operation(document, operation)]
    unused = SENTENCES.keys() - {operation.get("operationId") for _, operation in operations(document)}
    return found + [f"{name} has a sentence in cloud/app/operations.py and is no operation" for name in sorted(unused)]


def _of_operation(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    if not _NAME.fullmatch(operation.get("operationId", "")):
        yield "has no operation_id of the form noun.verb"
    if "summary" not in operation:
        yield "has no sentence in cloud/app/operations.py"
    tags = operation.get("tags", [])
    if len(tags) != 1 or tags[0] not in TAGS:
        yield f"has the tags {tags}; one is wanted, explained in cloud/app/document.py"
    for status, answer in operation["responses"].items():
        if status.startswith("2") and status != "204" and not _has_shape(answer):
            yield f"its answer {status} has no shape"
    for media_type in operation.get("responses", {}).get("200", {}).get("content", {}).values():
        if _is_page(document, media_type["schema"]) and not {"limit", "cursor"} <= _parameters(operation):
            yield "answers a page and takes no limit and cursor"


def _has_shape(answer: dict[str, Any]) -> bool:
    shapes = [one.get("schema") for one in answer.get("content", {}).values()]
    return bool(shapes) and all(shapes)


def _is_page(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    name = schema.get("$ref", "").rpartition("/")[2]
    return {"data", "next_cursor", "has_more"} <= set(_schemas(document).get(name, {}).get("properties", ()))


def _parameters(operation: dict[str, Any]) -> set[str]:
    return {one["name"] for one in operation.get("parameters", ())}


def _schemas(document: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = document["components"]["schemas"]
    return schemas


def text_of(document: dict[str, Any]) -> str:
    """The file's text: one fact a line, so that two people's additions meet in few places."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def draw_types(root: Path) -> None:
    """Make the TypeScript types again with the web workspace's own generator."""
    env = node_environment()
    install_packages(root / "web", env)
    run_npm(["run", "types", "--workspace", "packages/api"], root / "web", env)


def run(root: Path, fresh: dict[str, Any], *, is_check: bool, types: Callable[[Path], None] = draw_types) -> int:
    """Compare or write; the exit code."""
    lacks = breaches(fresh)
    for line in lacks:
        print(f"openapi: {line}")
    kept, text = root / PAGE, text_of(fresh)
    is_current = kept.is_file() and kept.read_text(encoding="utf-8") == text
    if is_current and (is_check or (root / TYPES).is_file()):
        print(f"openapi: {PAGE} is current")
        return 1 if lacks else 0
    if is_check:
        print(f"openapi: {PAGE} is not what the routes say; run `make openapi`")
        return 1
    kept.write_text(text, encoding="utf-8")
    types(root)
    print(f"openapi: wrote {PAGE} and {TYPES}")
    return 1 if lacks else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Write the API's document and the types made from it.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the document is not current")
    return run(ROOT, document(), is_check=parser.parse_args().check)


if __name__ == "__main__":
    sys.exit(main())
