from __future__ import annotations

from reflexa.agent.curating import Refused, Tally
from reflexa.agent.distilling import Distilled
from reflexa.cli.runs.ended import distilled_lines


def test_what_became_of_operations_and_why_some_were_refused() -> None:
    tally = Tally(added=2, repeated=1, refused=(Refused(why="quotation", count=3), Refused(why="length", count=1)))
    found = Distilled(
        run_id="k7f2", suite="mine\x1b", split="train", episodes=9, calls=2, reused=1, tokens=4200, tally=tally
    )
    assert distilled_lines(found).splitlines() == [
        "lessons from run k7f2: 9 episodes of mine\\x1b (train) · 2 calls, 1 made before · 4.2k tokens",
        "added 2 · edited 0 · merged 0 · dropped 0 · repeated 1",
        "refused: 3 quotation, 1 length",
    ]
