from __future__ import annotations

from reflexa.cli.runs.episodes import EpisodeDetail, EpisodeReport, episode_text, episodes_table
from reflexa.types import Attempt, Completion, Episode, Graded, Message, Reflection, Step, Task, Usage, Verdict

PASSED = Verdict(score=1.0, passed=True)
FAILED = Verdict(score=0.5, passed=False, feedback="f(1) returned\x1b[2J 2", gameable=True)


def attempt(index: int, *, recalled: tuple[str, ...] = ()) -> Attempt:
    completion = Completion(text="x", usage=Usage(input_tokens=3, output_tokens=4))
    return Attempt(index=index, answer=f"answer {index}\x1b]0;t\x07", completion=completion, recalled=recalled)


EPISODE = Episode(
    task=Task(id="t/1", prompt=(Message(role="user", content="?"),)),
    strategy="reflexion",
    tries=(
        Graded(attempt=attempt(0), feedback=FAILED, judged=FAILED),
        Graded(attempt=attempt(1, recalled=("r1",)), feedback=PASSED, judged=FAILED),
        Graded(attempt=attempt(2), feedback=None, judged=PASSED),
        Graded(attempt=attempt(3), feedback=PASSED),
    ),
    reflections=(Reflection(id="r1", task_id="t/1", attempt=0, text="Think\u202e."),),
    submitted=2,
    stop_reason="passed",
    usage=Usage(input_tokens=30, output_tokens=9),
    calls=5,
    seconds=1.5,
)


def test_a_report_has_both_verdicts_of_each_attempt() -> None:
    found = EpisodeReport.of(EPISODE)
    assert [(one.passed, one.feedback_passed, one.tokens) for one in found.attempts] == [
        (False, False, 7),
        (False, True, 7),
        (True, None, 7),
        (None, True, 7),
    ]
    assert (found.solved, found.reflections, found.tokens) == (True, ("Think\u202e.",), 39)


def test_a_detail_keeps_every_word() -> None:
    found = EpisodeDetail.of(EPISODE)
    assert found.attempts[0].answer == "answer 0\x1b]0;t\x07"
    assert (found.attempts[0].feedback, found.attempts[0].gameable) == (FAILED.feedback, True)
    assert found.attempts[2].feedback is None
    assert found.attempts[3].judgement is None


def test_the_table_shows_where_feedback_and_judge_disagree() -> None:
    rows = episodes_table([EPISODE]).splitlines()
    assert rows[1].split()[:6] == ["t/1", "yes", "✗", "✗(✓)", "✓", "?(✓)"]
    broken = EPISODE.model_copy(
        update={"stop_reason": "error", "error": "SandboxError: it\nbroke", "tries": (), "submitted": None}
    )
    assert "error: SandboxError: it broke" in episodes_table([broken])


def test_the_text_is_inert_and_complete() -> None:
    shown = episode_text(EPISODE)
    for words in (
        "t/1: solved · stopped: the feedback passed · 5 calls · 39 tokens · 1.5s",
        "attempt 1: hidden tests failed (0.50) · feedback failed (0.50) · gameable",
        "attempt 2: hidden tests failed (0.50) · feedback passed · gameable",
        "saw 1 reflection",
        "attempt 3 (handed in): hidden tests passed · feedback none",
        r"    answer 0\x1b]0;t\x07",
        r"    f(1) returned\x1b[2J 2",
        "  reflection r1:\n    Think\\u202e.",
    ):
        assert words in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_played_attempt_is_shown_step_by_step_and_its_judge_once() -> None:
    steps = (
        Step(thought="up\x1b[2J\nthere", action="go up", observation="A roof.", reward=0.0),
        Step(observation="Your reply names no action.", reward=0.0),
        Step(action="jump", observation="You land\nsoftly.", reward=1.0),
    )
    verdict = Verdict(score=0.5, passed=False, feedback="Not far enough.", verifier="goal")
    tried = Graded(
        attempt=Attempt(steps=steps, answer="go up\njump"),
        feedback=verdict.model_copy(update={"verifier": "trajectory"}),
        judged=verdict,
    )
    episode = EPISODE.model_copy(update={"tries": (tried,), "reflections": (), "submitted": 0})
    assert EpisodeDetail.of(episode).attempts[0].steps == steps
    assert episode_text(episode).splitlines()[1:] == [
        "",
        "attempt 1 (handed in): judge goal failed (0.50) · feedback failed (0.50) · 0 tokens",
        "  step 1: go up",
        "    thought: up\\x1b[2J",
        "    there",
        "    → A roof.",
        "  step 2: (no action that could be read)",
        "    → Your reply names no action.",
        "  step 3 · reward 1: jump",
        "    → You land",
        "    softly.",
        "  feedback, which the agent saw:",
        "    Not far enough.",
    ]


def test_an_action_of_several_lines_keeps_them() -> None:
    steps = (Step(action="python[x = 1\nprint(x)]", observation="1", reward=0.0),)
    tried = Graded(attempt=Attempt(steps=steps, answer=""))
    shown = episode_text(EPISODE.model_copy(update={"tries": (tried,), "reflections": (), "submitted": 0}))
    assert "  step 1:\n    python[x = 1\n    print(x)]\n    → 1" in shown


def test_the_answer_that_a_played_attempt_handed_in_is_shown() -> None:
    steps = (Step(action="finish[42]", observation="The answer is handed in.", reward=0.0),)
    tried = Graded(attempt=Attempt(steps=steps, answer="42"))
    shown = episode_text(EPISODE.model_copy(update={"tries": (tried,), "reflections": (), "submitted": 0}))
    assert shown.endswith("  answer:\n    42")
