"""Embedding models behind an HTTP API, through litellm."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from reflexa.models.hosted.errors import explain
from reflexa.models.retrying import Backoff, RetryLoop

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reflexa.models.hosted.endpoint import Endpoint

AT_ONCE = 128
"""Texts in one request."""


class HostedEmbedder:
    """A model named as litellm names it (``text-embedding-3-small``, ``hosted_vllm/…``).

    ``timeout`` bounds one try and ``deadline`` a request with all its tries, both in seconds. litellm is imported, and
    the model's provider and key are looked for, when the first text is embedded.
    """

    def __init__(
        self,
        model: str,
        api_base: str | None = None,
        timeout: float = 20.0,
        deadline: float = 60.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = f"litellm:{model}"
        self._model, self._api_base, self._timeout = model, api_base, timeout
        self._retries = RetryLoop(max_tries=5, deadline=deadline, backoff=backoff or Backoff())
        self._lock = threading.Lock()
        self._resolved: Endpoint | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [texts, dimensions]. Raises ``PolicyError``; what may pass is tried again first."""
        import numpy as np

        endpoint, never = self._endpoint(), threading.Event()
        rows: list[list[float]] = []
        for start in range(0, len(texts), AT_ONCE):
            part = texts[start : start + AT_ONCE]
            rows += self._retries.run(partial(self._try, endpoint, part), never)
        return np.array(rows, np.float32)

    def _endpoint(self) -> Endpoint:
        from reflexa.models.hosted.endpoint import Endpoint

        with self._lock:
            if self._resolved is None:
                self._resolved = Endpoint.resolve(self._model, self._api_base)
            return self._resolved

    def _try(self, endpoint: Endpoint, texts: Sequence[str], end: float) -> list[list[float]]:
        from reflexa.models.hosted.transport import Try, current_try

        running = Try(self._timeout, latest=end)
        token = current_try.set(running)
        try:
            return endpoint.embed(texts, self._timeout)
        except Exception as error:
            failure = explain(error, running, endpoint)
        finally:
            current_try.reset(token)
        # Raised outside the handler: the client library's exception holds the request, key and all.
        raise failure
