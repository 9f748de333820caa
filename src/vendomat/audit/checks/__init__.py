"""All questions of the audit, by what they are about. Each is one SQL statement whose rows are the offences."""

from vendomat.audit.checks import (
    at_rest,
    bills,
    cash,
    changes,
    claims,
    coolers,
    facts,
    findings,
    goods,
    holds,
    ledger,
    motor,
    planograms,
    platforms,
    promotions,
    refunds,
    sequence,
    shares,
    statements,
    states,
    statistics,
    stock,
    wallets,
)
from vendomat.audit.checks.ledger import BY_CLASS, CAPTURED, REFUNDED
from vendomat.audit.model import Check

CHECKS: tuple[Check, ...] = (
    *motor.CHECKS,
    *refunds.CHECKS,
    *ledger.CHECKS,
    *holds.CHECKS,
    *bills.CHECKS,
    *statements.CHECKS,
    *statistics.CHECKS,
    *shares.CHECKS,
    *goods.CHECKS,
    *findings.CHECKS,
    *claims.CHECKS,
    *changes.CHECKS,
    *sequence.CHECKS,
    *states.CHECKS,
    *facts.CHECKS,
    *stock.CHECKS,
    *planograms.CHECKS,
    *wallets.CHECKS,
    *cash.CHECKS,
    *coolers.CHECKS,
    *promotions.CHECKS,
    *platforms.CHECKS,
    *at_rest.CHECKS,
)

__all__ = ["BY_CLASS", "CAPTURED", "CHECKS", "REFUNDED"]
