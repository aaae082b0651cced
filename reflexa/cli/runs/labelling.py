"""Carries out ``reflexa label``: opens the judge, shows how far it is, and says what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflexa.agent import BenchOptions, Workbench
from reflexa.agent.labelling import Labelled, LabelOptions, label_runs
from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session
from reflexa.cli.tasks.verifying import watched
from reflexa.cli.text import one_line, plural
from reflexa.verifiers import open_comparison, own_file

if TYPE_CHECKING:
    from reflexa.cli.options.label import LabelVerbOptions


def label(options: LabelVerbOptions) -> int:
    """``reflexa label``."""
    session = Session.here({"database_url": options.database, "concurrency": options.concurrency})
    settings, root = session.settings, session.workspace.root
    model = options.judge_model or settings.judge_model or settings.model
    bench_options = BenchOptions(concurrency=settings.concurrency, api_base=settings.api_base, workspace=root)
    with session.open_store() as store, Workbench(store, bench_options) as bench:
        runs = [store.find_run(name).id for name in options.run]
        path = own_file("constitution", options.constitution, root) if options.constitution else None
        judge = open_comparison(path, bench.means(model), likelihoods=options.likelihoods)
        wanted = LabelOptions(pairs=options.pairs, principles=options.principles, seed=options.seed)
        labelled = label_runs(bench, runs, judge, wanted, lambda found, total: watched(found, total, "comparing"))
    emit_json(labelled) if options.json else emit(_report(labelled, judge.name, judge.judge, options))
    return DONE


def _report(labelled: Labelled, by: str, judge: str, options: LabelVerbOptions) -> str:
    lines = [f"{plural(labelled.made, 'pair')} labelled by {one_line(by)}, judged by {one_line(judge)}"]
    if labelled.known:
        lines.append(f"{plural(labelled.known, 'pair')} had been labelled before")
    if labelled.made:
        lines.append(
            f"{labelled.undecided:,} undecided; {labelled.inconsistent:,} where the order of the answers decided more "
            "than the answers"
        )
    if labelled.retracted:
        lines.append(f"{plural(labelled.retracted, 'pair')} left out: an answer of theirs is retracted")
    if labelled.unlabelled:
        lines.append(f"{labelled.unlabelled:,} without a label: the judge's replies could not be read")
    runs = " ".join(f"--run {one_line(run)}" for run in options.run)
    lines.append(f"next: reflexa export preferences --labels all {runs}")
    return "\n".join(lines)
