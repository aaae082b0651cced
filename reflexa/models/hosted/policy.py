"""Hosted models through litellm: one request per try, our own retries, and a deadline that always holds.

litellm knows the providers' dialects, prices and errors. What it does not do well is done here: its own retries
send requests that nobody asked for and are switched off, its timeouts do not bound a body that drips
(``hosted_transport``), and it returns answers without content as success. It costs over 5 CPU-seconds to import and
so is imported by the first policy that is made.

Keys are read from the environment by litellm at each call; nothing here stores or shows them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reflexa.errors import PolicyError
from reflexa.models.hosted.errors import explain
from reflexa.models.retrying import Backoff, RetryLoop
from reflexa.types import Completion, Message, Sampling

if TYPE_CHECKING:
    from reflexa.models.hosted.transport import Try


class HostedPolicy:
    """A model behind an HTTP API, named as litellm names it (``gpt-…``, ``anthropic/…``, ``hosted_vllm/…``).

    ``timeout`` bounds one try and ``deadline`` a call with all its tries, both in seconds by the clock. ``api_base``
    points at a server of your own. May be called from any number of threads.
    """

    def __init__(
        self,
        model: str,
        api_base: str | None = None,
        timeout: float = 120.0,
        deadline: float = 600.0,
        max_tries: int = 10,
        backoff: Backoff | None = None,
    ) -> None:
        from reflexa.models.hosted.endpoint import Endpoint

        self.name = model
        self._endpoint = Endpoint.resolve(model, api_base)
        self._timeout = float(timeout)
        # Ten tries, not the usual three: where three requests in ten fail, six in a row fail for one call in 1,700.
        self._retries = RetryLoop(max_tries=max_tries, deadline=deadline, backoff=backoff or Backoff())
        self._closed = threading.Event()
        self._answered = False
        self._under_way: dict[int, Try] = {}

    @property
    def takes_tools(self) -> bool:
        """Whether litellm knows that the provider's model takes tools. They can be offered to any hosted model."""
        return self._endpoint.takes_tools

    def generate(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        """Draws ``n`` completions by ``n`` requests; with a seed, sample i is drawn with seed + i.

        Raises ``AuthenticationError``, ``ContextOverflowError`` or ``PolicyError``; what may pass is retried first.
        """
        return [self._draw(messages, _nth(sampling, index)) for index in range(n)]

    def close(self) -> None:
        """Ends calls that are under way with ``PolicyError`` and closes idle connections."""
        from reflexa.models.hosted.endpoint import close_idle_connections

        self._closed.set()
        for running in list(self._under_way.values()):
            running.abort()
        close_idle_connections()

    def _draw(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        return self._retries.run(lambda end: self._try(messages, sampling, end), self._closed)

    def _try(self, messages: Sequence[Message], sampling: Sampling, end: float) -> Completion:
        from reflexa.models.hosted.transport import Try, current_try

        running = Try(self._timeout, latest=end)
        self._under_way[id(running)] = running
        token = current_try.set(running)
        try:
            # Checked after the try is registered, so that close() either sees it or is seen here.
            if self._closed.is_set():
                raise PolicyError(f"{self.name}: the policy is closed")
            completion = self._endpoint.ask(messages, sampling, self._timeout)
        except PolicyError:
            raise
        except Exception as error:
            failure = explain(error, running, self._endpoint)
        else:
            self._answered = True
            return completion
        finally:
            current_try.reset(token)
            del self._under_way[id(running)]
        # Raised outside the handler: the client library's exception holds the request, key and all.
        raise self._final(failure, running)

    def _final(self, failure: PolicyError, running: Try) -> PolicyError:
        """A server that never answered this policy is a wrong address, not a passing failure."""
        if running.status is not None:
            self._answered = True
        if running.stage == "connecting" and not self._answered:
            return PolicyError(f"{failure}: check the api base and that the server runs")
        return failure


def _nth(sampling: Sampling, index: int) -> Sampling:
    """Sampling of the n-th sample: the same seed would draw the same text again."""
    if index == 0 or sampling.seed is None:
        return sampling
    return sampling.model_copy(update={"seed": sampling.seed + index})
