"""``python -m reflexa.cli``: the command line."""

from __future__ import annotations

from reflexa.cli.main import main

if __name__ == "__main__":
    main()
