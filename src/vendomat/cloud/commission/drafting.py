"""A site's statement from its lines to the row that is frozen, and back. Pure but for the paper it draws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from vendomat.cloud.commission.chain import FORMS, Sealed, canonical, link_of, sha256_hex
from vendomat.cloud.commission.model import Line, Sold
from vendomat.cloud.commission.printed import statement_csv, statement_paper
from vendomat.cloud.commission.views import LineView, MachineShareView, SiteStatementView
from vendomat.cloud.merchants import Operator
from vendomat.cloud.sites import Rule, Span, Terms, terms_within
from vendomat.cloud.statements import amount, draw


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement ready to be frozen."""

    view: SiteStatementView
    sealed: Sealed
    files: Mapping[str, bytes]
    at: datetime


def draft_of(view: SiteStatementView, at: datetime, operator: Operator) -> Draft:
    """Content, files and link. Takes its time over the paper, so it runs beside the loop."""
    content = canonical(_content(view, at, operator.operator_id))
    view = view.model_copy(update={"content_sha256": sha256_hex(content.encode()), "issued_at": at})
    files = _files(view)
    hashes = {form: sha256_hex(files[form]) for form in FORMS}
    link = link_of(view.previous, view.content_sha256, hashes)
    sealed = Sealed(view.position, content, view.content_sha256, hashes, view.previous, link)
    return Draft(view.model_copy(update={"state": "issued", "link": link}), sealed, files, at)


def line_view(line: Line, rules: Sequence[Rule], currency: str) -> LineView:
    """A line with the terms it was computed by."""
    ((_, terms),) = terms_within(rules, Span(line.first, line.first))
    return LineView(
        kind=line.kind,
        first=line.first,
        last=line.last,
        base_minor=line.base_minor,
        units=line.units,
        amount_minor=line.amount_minor,
        terms=_terms_text(line.kind, terms, currency),
    )


def _terms_text(kind: str, terms: Terms, currency: str) -> str:
    """The agreed figure behind a line: percents and above which net sales, or an amount."""
    if kind == "share":
        return "; ".join(
            f"{step.basis_points // 100}.{step.basis_points % 100:02d} %"
            + (f" > {amount(step.from_minor, currency)}" if step.from_minor else "")
            for step in terms.steps
        )
    minor = {"units": terms.per_unit_minor, "fixed": terms.fixed_minor, "minimum": terms.minimum_minor}[kind]
    return amount(minor, currency)


def machine_views(sold: Sequence[Sold], lines: Sequence[Line], numbers: dict[str, str]) -> list[MachineShareView]:
    """What each machine sold, and its part of the lines that are shared out."""
    shares: dict[str, int] = defaultdict(int)
    for line in lines:
        for machine, minor in line.shares:
            shares[machine] += minor
    return [
        MachineShareView(
            machine_id=machine,
            number=numbers.get(machine, machine),
            units=sum(one.units for one in sold if one.machine_id == machine),
            net_minor=sum(one.net_minor for one in sold if one.machine_id == machine),
            share_minor=shares[machine],
        )
        for machine in sorted({one.machine_id for one in sold})
    ]


_SEALED_LATER = {"state", "content_sha256", "link", "issued_at"}


def _content(view: SiteStatementView, at: datetime, operator_id: str) -> dict[str, object]:
    """What is frozen: all of the statement but what follows from it."""
    content = view.model_dump(mode="json", exclude=_SEALED_LATER)
    return {**content, "version": 1, "issued_at": at.isoformat(), "issued_by": operator_id}


def issued_view(row: Mapping[str, str]) -> SiteStatementView:
    """What was issued, read from the frozen `row`."""
    content = msgspec.json.decode(row["content"])
    known = {name: content[name] for name in SiteStatementView.model_fields if name in content}
    return SiteStatementView.model_validate(
        {**known, "state": "issued", "content_sha256": row["content_sha256"], "link": row["link"]}
    )


def _files(view: SiteStatementView) -> dict[str, bytes]:
    return {
        "csv": statement_csv(view),
        "pdf_en": draw(statement_paper(view, "en")),
        "pdf_zh": draw(statement_paper(view, "zh")),
    }
