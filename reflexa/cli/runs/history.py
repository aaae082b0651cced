"""Recorded runs: listed, shown, compared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.runs.episodes import EpisodeDetail, EpisodeReport, episode_text, episodes_table
from reflexa.cli.runs.report import RunReport, comparison_table, table, title
from reflexa.cli.session import open_store
from reflexa.cli.text import aligned, one_line
from reflexa.cli.why import retracted
from reflexa.errors import UsageError, unknown_name
from reflexa.evaluation import compare, summarise
from reflexa.types import Episode, RunRecord

if TYPE_CHECKING:
    from reflexa.cli.options.compare import CompareOptions
    from reflexa.cli.options.runs import ListOptions, ShowOptions
    from reflexa.memory import Store


class ShownRun(RunReport):
    """A run with its episodes. ``retracted`` says why it is not to be trusted any more."""

    tasks: tuple[EpisodeReport, ...]
    retracted: str | None = None


def show_runs(options: ListOptions) -> int:
    """``reflexa runs list``."""
    with open_store(options.database) as store:
        runs = store.list_runs(options.limit)
        reports = [_report(store, run) for run in runs]
    if options.json:
        emit_json([found.model_dump() for found in reports])
        return DONE
    if not reports:
        emit("no runs yet; the first one: reflexa run --task humaneval --limit 5")
        return DONE
    rows = [("run", "name", "started", "suite", "model", "strategy", "feedback", "status", "solved")]
    for run, found in zip(runs, reports, strict=True):
        feedback = "ORACLE" if found.oracle else found.feedback
        suite, model = one_line(found.suite, 30), one_line(found.model, 30)
        solved = f"{found.solved}/{found.n_planned}"
        name = one_line(found.name or "", 20)
        rows.append((run.id, name, _time(run.created), suite, model, found.strategy, feedback, found.status, solved))
    emit(aligned(rows))
    return DONE


def show_run(options: ShowOptions) -> int:
    """``reflexa runs show``."""
    with open_store(options.database) as store:
        run = store.find_run(options.run)
        episodes = list(store.episodes(run.id))
        if options.task is not None:
            return _show_episode(store, run, episodes, options)
        mark = retracted(store, "run", run.id)
    summary = RunReport.of(run, summarise(run, episodes))
    if options.json:
        tasks = tuple(EpisodeReport.of(episode) for episode in episodes)
        emit_json(ShownRun(**summary.model_dump(), tasks=tasks, retracted=mark))
        return DONE
    emit(title(run))
    emit(_circumstances(run, summary))
    if mark:
        emit(f"! {one_line(mark)}")
    emit(table(summary))
    if episodes:
        emit("")
        emit(episodes_table(episodes))
        emit(f"next: reflexa runs show {run.id} --task {one_line(episodes[0].task.id)}")
    return DONE


def compare_runs(options: CompareOptions) -> int:
    """``reflexa compare``."""
    with open_store(options.database) as store:
        first, second = store.find_run(options.first), store.find_run(options.second)
        if first.id == second.id:
            raise UsageError(f"{options.first} and {options.second} are the same run, {first.id}: name two runs")
        found = compare((first, store.episodes(first.id)), (second, store.episodes(second.id)))
    if options.json:
        emit_json(found)
    else:
        emit(f"{one_line(found.suite)} ({found.split}), {found.n} tasks that both runs have")
        emit(comparison_table(found))
    return DONE


def _report(store: Store, run: RunRecord) -> RunReport:
    return RunReport.of(run, summarise(run, store.episodes(run.id)))


def _show_episode(store: Store, run: RunRecord, episodes: list[Episode], options: ShowOptions) -> int:
    ids = [episode.task.id for episode in episodes]
    wanted = options.task or ""
    found = [episode for episode in episodes if wanted in (episode.task.id, episode.task.id.rsplit("/", 1)[-1])]
    if not found:
        raise unknown_name(f"task of run {run.id}", wanted, ids)
    shown = store.lessons_of(run.id, found[0].task.id)
    if options.json:
        emit_json(EpisodeDetail.of(found[0]).model_copy(update={"lessons": tuple(shown)}))
    else:
        emit(title(run))
        emit(episode_text(found[0], [store.find_lesson(lesson_id) for lesson_id in shown]))
    return DONE


def _circumstances(run: RunRecord, summary: RunReport) -> str:
    parts = [f"started {_time(run.created)}", run.status]
    if summary.n_tasks < summary.n_planned:
        parts.append(f"{summary.n_tasks} of {summary.n_planned} tasks have ended")
    if run.baseline_of:
        parts.append(f"baseline of {run.baseline_of}")
    if run.code_version:
        parts.append(f"reflexa {run.code_version}")
    return " · ".join(parts)


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")
