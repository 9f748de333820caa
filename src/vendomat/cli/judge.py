"""The judge of a simulated town: the independent audit, asked about a town at rest.

The town does not know the audit and the audit does not know the town; they meet here. Decides nothing itself.
"""

from __future__ import annotations

from vendomat.audit import AuditSources, Terms, machine_files, run_audit
from vendomat.simulator.town import LeftBehind, Verdict


async def judge(town: LeftBehind) -> Verdict:
    """Audit everything the town left behind, on the terms that nothing is under way."""
    cabinets, journals = machine_files(town.machines)
    sources = AuditSources(town.database_url, cabinets, journals, dict(town.books))
    report = await run_audit(sources, Terms(is_at_rest=True))
    return Verdict(
        violations=sum(finding.count for finding in report.breaches),
        breaches=[f"{finding.name}: {finding.title} ({finding.count})" for finding in report.breaches],
        not_checked=[finding.name for finding in report.findings if finding.missing],
    )
