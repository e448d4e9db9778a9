"""The check of a plan right before it is launched.

What it finds is kept in the execution's row, answered and logged, and stops nothing: in a disaster
people may have to launch what is lagging, and whoever asks has seen the findings in the dialog.
"""

import logging
from collections import Counter

from cache.errors import NotFound, TierUnavailable
from services.platform.execution import FINDINGS_KEPT, PlanFinding
from services.reads.check import Severity
from services.reads.servers import Servers

logger = logging.getLogger(__name__)


def check_before_launch(servers: Servers, plan_id: str) -> list[PlanFinding]:
    """What the check finds now, the worst first. That nobody could check is a finding too."""
    try:
        (checked,) = servers.check_all(plan_id)
    except (NotFound, TierUnavailable) as error:
        message = f"The plan could not be checked before its launch: {error}"
        found = [PlanFinding(severity=Severity.UNKNOWN, code="NOT_CHECKED", message=message)]
    else:
        found = [PlanFinding.model_validate(it) for it in checked["findings"]]
    counts = Counter(it.severity for it in found)
    said = ", ".join(f"{count} {severity}" for severity, count in counts.items()) or "nothing"
    logger.info("Plan %s was checked before its launch: %s", plan_id, said)
    return found[:FINDINGS_KEPT]
