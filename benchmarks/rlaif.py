"""RLAIF end to end: does DPO on AI preferences move a small model's style towards the constitution?

    python benchmarks/rlaif.py --folder FOLDER [--seeds 0,1,2] [--out benchmarks/results/learning-rlaif]

The model answers "Tell me about …" twice; a judge compares the two answers by one principle (not to speak of oneself),
in both orders; DPO learns from the soft labels; the share of answers without a word in the first person is measured on
other subjects, before and after, by a paired test. No capable model is at hand here: the judge is a program behind a
loopback server, which speaks as a hosted model does, errs in one comparison of ten and goes by the order in another.
SmolLM2-135M itself, asked for likelihoods, goes by the order of the answers alone (``--own-judge`` shows it).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.learning import Result, draw_curves, losses, note, recorded_run, run_config, tell
from reflexa.agent import BenchOptions, Workbench
from reflexa.agent.labelling import LabelOptions, label_runs
from reflexa.evaluation import compare
from reflexa.export import ExportOptions, Measuring, export_rows
from reflexa.memory import Store
from reflexa.models.local.dequantised import checkpoint_of
from reflexa.tasks import Suite
from reflexa.training.api import train
from reflexa.training.config import BatchConfig, OptimizerConfig, TrainConfig
from reflexa.types import Message, Task
from reflexa.verifiers import open_comparison

NEW_TOKENS = 48
OF_ITSELF = r"\b([Ii]|[Mm]e|[Mm]y|[Mm]yself|[Mm]ine|[Ww]e|[Oo]ur|[Uu]s)\b"
"""Words in the first person."""
KINDS = ("old", "small", "famous", "wild", "green", "modern", "quiet", "southern")
THINGS = (
    "bridges", "rivers", "songs", "trees", "birds", "towns", "ships", "stones", "games", "gardens", "markets", "clocks",
    "islands", "horses", "lamps", "roads", "coins", "kitchens", "schools", "storms", "paintings", "spices", "maps",
    "bees",
)  # fmt: skip
CONSTITUTION = """\
kind = "constitution"

[[principles]]
id = "impersonal"
text = "The response speaks of its subject alone, and never of itself: no I, me, my, we, us or our."
critique = "Point out where the response speaks of itself."
revision = "Rewrite the response so that it never speaks of itself."
"""


def suite(split: str) -> Suite:
    """Every fourth thing is kept for measuring, with all its kinds."""
    things = [thing for number, thing in enumerate(THINGS) if (number % 4 == 0) == (split == "test")]
    tasks = tuple(
        Task(
            id=f"{kind}-{thing}",
            suite="subjects",
            split=split,
            prompt=(Message(role="user", content=f"Tell me about {kind} {thing}."),),
        )
        for thing in things
        for kind in KINDS
    )
    digest = hashlib.sha256("".join(task.id for task in tasks).encode()).hexdigest()
    judge = rf"regex:(?s)\A(?!.*{OF_ITSELF}).*\Z"
    return Suite(name="subjects", split=split, tasks=tasks, source="benchmarks/rlaif.py", digest=digest, judge=judge)


class Judge(BaseHTTPRequestHandler):
    """A chat completion that prefers the answer that speaks less of itself, errs in one comparison of ten, and goes by
    the order in another.
    """

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        blocks = re.findall(r"^(`{3,}|~{3,})\n(.*?)\n\1$", prompt, re.M | re.S)
        first, second = (len(re.findall(OF_ITSELF, text)) for _, text in blocks[1:3])
        chance = hashlib.sha256("".join(sorted(text for _, text in blocks)).encode()).digest()[0] / 256
        better = first < second
        if chance < 0.1:
            better = not better
        elif chance < 0.2:
            better = True
        said = {"reason": "It speaks less of itself.", "better": "first" if better else "second"}
        if first == second:
            said["better"] = "tie"
        reply = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "rule",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps(said)}}
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        payload = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def experiment(seed: int, folder: Path, judge_url: str | None) -> Result:
    """One seed, from the first answers to the paired test. Without a judge's URL the model judges itself."""
    model, options = checkpoint_of("embedded"), BenchOptions(concurrency=64, api_base=judge_url)
    (folder / "impersonal.toml").write_text(CONSTITUTION, encoding="utf-8")
    with Store.open(folder / "rlaif.db") as store, Workbench(store, options) as bench:

        def run(name: str, asked: Suite, attempts: int) -> str:
            return recorded_run(bench, asked, run_config(asked, name, attempts, 1.0, NEW_TOKENS, seed))

        before = run(model, suite("test"), 1)
        grown = run(model, suite("train"), 2)
        means = bench.means("openai/rule" if judge_url else model)
        judge = open_comparison(folder / "impersonal.toml", means, likelihoods=judge_url is None)
        labelled = label_runs(bench, [grown], judge, LabelOptions())
        note(f"labels: {labelled.model_dump_json()}")
        wanted = ExportOptions(kind="preferences", labels="all", runs=(grown,), split="train")
        card = export_rows(store, wanted, folder / "pairs.jsonl", measuring=Measuring(suite("test").tasks))
        found: Result = {"labels": labelled.model_dump(), "pairs": card.rows, "dropped": card.rows_dropped}
        if not card.rows:
            return found
        made = train(
            TrainConfig(
                algorithm="dpo",
                model=model,
                data=(folder / "pairs.jsonl",),
                output=folder / "dpo",
                seed=seed,
                epochs=3,
                batch=BatchConfig(rows=8),
                optimizer=OptimizerConfig(learning_rate=2e-5),
                options={"beta": 0.1},
            ),
            tell,
        )
        after = run(str(made.model), suite("test"), 1)
        records = [(store.find_run(each), list(store.episodes(each))) for each in (before, after)]
        outcome = compare(*records)
    return found | {
        "impersonal before": outcome.a.rate,
        "impersonal after": outcome.b.rate,
        "difference": outcome.difference,
        "ci95": outcome.ci95,
        "p": outcome.mcnemar.p,
        "curves": {"dpo": losses(folder / "dpo")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--folder", type=Path, required=True, help="for checkpoints, rows and the database")
    parser.add_argument("--out", type=Path, help="writes OUT.json and OUT.png")
    parser.add_argument("--own-judge", action="store_true", help="the model judges itself, by likelihoods")
    asked = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = None if asked.own_judge else f"http://127.0.0.1:{server.server_port}/v1"
    results: dict[int, Result] = {}
    for seed in map(int, asked.seeds.split(",")):
        folder = asked.folder / str(seed)
        folder.mkdir(parents=True)
        began = time.monotonic()
        results[seed] = experiment(seed, folder, url)
        results[seed]["seconds"] = round(time.monotonic() - began)
        shown = {name: value for name, value in results[seed].items() if name != "curves"}
        print(f"rlaif seed {seed}: {json.dumps(shown)}", flush=True)
    server.shutdown()
    if asked.out:
        asked.out.with_suffix(".json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        draw_curves(results, "RLAIF: DPO on soft labels", asked.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
