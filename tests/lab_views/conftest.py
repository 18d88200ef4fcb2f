"""The application of ``tests/runs`` for the pages of simulations."""

from __future__ import annotations

from tests.runs.conftest import client, runs_app

__all__ = ["client", "runs_app"]
