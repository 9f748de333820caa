"""`vendomat emvco`: what a merchant-presented payment code says, and the code for a machine's label.

Reads and writes texts only: it draws no picture, asks nobody, and says nothing about whether an account exists.
"""

from __future__ import annotations

import json
from typing import Annotated, NoReturn

import typer

from vendomat.cloud.payments import (
    Field,
    MachineLabel,
    MerchantCode,
    decode_merchant_code,
    encode_merchant_code,
    label_code,
)
from vendomat.kernel import Money, VendomatError

NOT_A_CODE = 1
emvco_app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@emvco_app.callback()
def emvco() -> None:
    """Read or write the static payment code (EMVCo QR) of a machine's label."""


@emvco_app.command()
def decode(
    text: Annotated[str, typer.Argument(help="What the QR code says.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what a code contains. Exit 1: it is none, and what is wrong with it."""
    try:
        code = decode_merchant_code(text)
    except VendomatError as error:
        _refuse(error)
    said = _said(code)
    typer.echo(json.dumps(said, ensure_ascii=False, indent=2) if as_json else "\n".join(_lines(said)))


@emvco_app.command()
def encode(  # noqa: PLR0913 (one argument per option of the command)
    *,
    scheme: Annotated[str, typer.Option(help="Who moves the money, as its globally unique identifier.")],
    account: Annotated[list[str], typer.Option(help="ID=VALUE: a field of the account, as the scheme says.")],
    name: Annotated[str, typer.Option(help="The merchant, at most 25 characters.")],
    city: Annotated[str, typer.Option(help="At most 15 characters.")],
    country: Annotated[str, typer.Option(help="Two letters.")],
    currency: Annotated[str, typer.Option(help="Three letters.")],
    machine: Annotated[str, typer.Option(help="What a buyer reads on the cabinet.")],
    category: Annotated[str, typer.Option(help="Merchant category code.")] = "5814",
    account_id: Annotated[str, typer.Option(help="26 to 51: which account field.")] = "26",
    amount: Annotated[str, typer.Option(help="Only where everything costs the same.")] = "",
) -> None:
    """Print the text of a machine's code, ready to be drawn."""
    try:
        label = MachineLabel(
            scheme=scheme,
            account=tuple(_field(text) for text in account),
            name=name,
            city=city,
            country=country,
            currency=currency,
            machine=machine,
            category=category,
            account_id=account_id,
            amount=Money.from_decimal_text(amount, currency) if amount else None,
        )
        typer.echo(encode_merchant_code(label_code(label)))
    except VendomatError as error:
        _refuse(error)


def _said(code: MerchantCode) -> dict[str, object]:
    return {
        "kind": "static" if code.is_static else "dynamic",
        "name": code.name,
        "city": code.city,
        "country": code.country,
        "category": code.category,
        "currency": code.currency or code.get("53"),
        "amount": code.get("54"),
        "terminal": code.terminal,
        "accounts": [{"id": account.id, "scheme": account.scheme, "value": account.value} for account in code.accounts],
        "fields": [{"id": field.id, "value": field.value} for field in code.fields],
    }


def _lines(said: dict[str, object]) -> list[str]:
    lines = [f"{name:9} {value}" for name, value in said.items() if isinstance(value, str) and value]
    for account in said["accounts"] if isinstance(said["accounts"], list) else []:
        lines.append(f"account   {account['id']} {account['scheme']} {account['value']}")
    return lines


def _field(text: str) -> Field:
    number, _, value = text.partition("=")
    return Field(number, value)


def _refuse(error: VendomatError) -> NoReturn:
    typer.echo(error.message, err=True)
    raise typer.Exit(NOT_A_CODE) from error
