"""Task suites: loading, selecting, and reading models' answers."""

from reflexa.tasks.suites import Suite, SuiteInfo, list_suites, load_suite, select

__all__ = ["Suite", "SuiteInfo", "list_suites", "load_suite", "select"]
