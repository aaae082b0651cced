"""Studies that reproduce an effect from nothing, with models made on the spot."""

from __future__ import annotations

from reflexa.improve.study.config import QUICK, STUDY, Size, StudyConfig
from reflexa.improve.study.overoptimisation import study_overoptimisation
from reflexa.improve.study.results import ProxyStudy, StudyResult

__all__ = ["QUICK", "STUDY", "ProxyStudy", "Size", "StudyConfig", "StudyResult", "study_overoptimisation"]
