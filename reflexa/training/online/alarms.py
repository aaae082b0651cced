"""Rules that notice when a run goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from reflexa.training.online.config import AlarmConfig, AlarmRule
from reflexa.types import Frozen


class Alarm(Frozen):
    """A rule that fired after a step. ``limit`` and ``value`` are in the rule's own unit."""

    rule: str
    step: int
    value: float
    limit: float
    stops: bool

    def __str__(self) -> str:
        return f"{self.rule}: {self.value:.3g} (the limit is {self.limit:g})"


class WatchState(Frozen):
    """``baselines`` are values of the first step that had them; ``streaks`` count steps beyond the limit in a row."""

    baselines: dict[str, float] = Field(default_factory=dict)
    streaks: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class _Rule:
    """Reads ``metric``, as a multiple of its first value where ``relative``; beyond the limit is above or ``below``.
    ``name`` is that of its settings in ``AlarmConfig``.
    """

    name: str
    metric: str
    relative: bool = False
    below: bool = False

    def settings(self, config: AlarmConfig) -> AlarmRule:
        """What was asked of the rule."""
        found: AlarmRule = getattr(config, self.name)
        return found


_RULES = (
    _Rule("kl_explosion", "kl/sequence"),
    _Rule("entropy_collapse", "entropy", relative=True, below=True),
    _Rule("length_hacking", "length", relative=True),
    _Rule("equal_groups", "equal_groups"),
    _Rule("mismatch", "mismatch"),
)


class Watch:
    """Looks at each step's metrics. What it says follows from them and from its state."""

    def __init__(self, config: AlarmConfig, state: WatchState) -> None:
        self._config, self.state = config, state

    def look(self, metrics: Mapping[str, float], step: int) -> list[Alarm]:
        """The rules that fire now: those beyond their limit for as many steps in a row as they are patient."""
        alarms = []
        for rule in _RULES:
            settings = rule.settings(self._config)
            if settings.action == "off" or rule.metric not in metrics:
                continue
            value = self._value(rule, metrics[rule.metric])
            beyond = value < settings.limit if rule.below else value > settings.limit
            streak = self.state.streaks.get(rule.name, 0) + 1 if beyond else 0
            self.state = self.state.model_copy(update={"streaks": {**self.state.streaks, rule.name: streak}})
            if streak >= settings.patience:
                stops = settings.action == "stop"
                alarms.append(Alarm(rule=rule.name, step=step, value=value, limit=settings.limit, stops=stops))
        return alarms

    def _value(self, rule: _Rule, value: float) -> float:
        if not rule.relative:
            return value
        if rule.metric not in self.state.baselines:
            baselines = {**self.state.baselines, rule.metric: value}
            self.state = self.state.model_copy(update={"baselines": baselines})
        first = self.state.baselines[rule.metric]
        return value / first if first > 0 else 1.0
