"""Evaluation: what a run's episodes show, and how sure that is."""

from reflexa.evaluation.compare import Comparison, CurvePoint, Side, compare
from reflexa.evaluation.memory_audit import MemoryAudit, audit_memory
from reflexa.evaluation.statistics import (
    McNemar,
    mcnemar_exact,
    mean_pass_at_k,
    paired_bootstrap,
    pass_at_k,
    pass_hat_k,
    wilson,
)
from reflexa.evaluation.summary import RunSummary, summarise
from reflexa.types import choose_submitted as submitted

__all__ = [
    "Comparison",
    "CurvePoint",
    "McNemar",
    "MemoryAudit",
    "RunSummary",
    "Side",
    "audit_memory",
    "compare",
    "mcnemar_exact",
    "mean_pass_at_k",
    "paired_bootstrap",
    "pass_at_k",
    "pass_hat_k",
    "submitted",
    "summarise",
    "wilson",
]
