"""A self-correcting agent in a few lines: `python examples/embed.py` (any model string as the first argument)."""

from __future__ import annotations

import json
import sys

import reflexa


def is_address_book(answer: str) -> str:
    """A verifier that speaks: empty feedback means that the answer passes."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        book = json.loads(answer[start : end + 1])
    except ValueError as error:
        return f"The answer holds no valid JSON object: {error}."
    missing = [key for key in ("name", "city", "phone") if key not in book]
    return f"The object lacks the keys {', '.join(missing)}." if missing else ""


def main() -> None:
    model = sys.argv[1] if len(sys.argv) > 1 else "embedded"
    with reflexa.Agent(model=model, verifier=is_address_book) as agent:
        episode = agent.solve('Make up a person. Reply with one JSON object with the keys "name", "city" and "phone".')
    for graded in episode.tries:
        feedback = graded.feedback.feedback if graded.feedback else ""
        print(f"attempt {graded.attempt.index + 1}: {feedback or 'passed'}")
    print(episode.answer)


if __name__ == "__main__":
    main()
