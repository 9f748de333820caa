"""The independent audit: recomputes the invariants of money and motors from what all parts left behind.

It reads the cloud's database, the machines' journals, the cabinets' physical logs and the payment platforms' own books,
and imports none of the code that wrote them.
"""

from vendomat.audit.command import audit_command, report_json
from vendomat.audit.model import AuditReport, Figures, Finding, Severity, Source, Terms, Totals
from vendomat.audit.service import Auditor, open_auditor, run_audit
from vendomat.audit.sources import AuditSources, machine_files

__all__ = [
    "AuditReport",
    "AuditSources",
    "Auditor",
    "Figures",
    "Finding",
    "Severity",
    "Source",
    "Terms",
    "Totals",
    "audit_command",
    "machine_files",
    "open_auditor",
    "report_json",
    "run_audit",
]
