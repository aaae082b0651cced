"""The Reflexion loop, its strategies, and the runner for many tasks."""

from __future__ import annotations

from reflexa.agent.acting import ActingLimits
from reflexa.agent.agent import Agent, AgentConfig
from reflexa.agent.bench import Bench, BenchOptions
from reflexa.agent.budget import Budget, Limits
from reflexa.agent.desk import Cast
from reflexa.agent.fanout import Cluster, Joining, fan_out, require_ray
from reflexa.agent.loop import Loop, LoopConfig
from reflexa.agent.runner import Outcome, Runner, Tally
from reflexa.agent.strategies import STRATEGIES, Strategy
from reflexa.agent.workbench import NO_LESSONS, Workbench, baseline_of, code_version, package_versions

__all__ = [
    "NO_LESSONS",
    "STRATEGIES",
    "ActingLimits",
    "Agent",
    "AgentConfig",
    "Bench",
    "BenchOptions",
    "Budget",
    "Cast",
    "Cluster",
    "Joining",
    "Limits",
    "Loop",
    "LoopConfig",
    "Outcome",
    "Runner",
    "Strategy",
    "Tally",
    "Workbench",
    "baseline_of",
    "code_version",
    "fan_out",
    "package_versions",
    "require_ray",
]
