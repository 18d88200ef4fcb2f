from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.flows.browser_client import Visitor


@pytest.fixture
def new_visitor(app: Flask) -> Callable[[], Visitor]:
    return lambda: Visitor(app.test_client())


@pytest.fixture
def visitor(new_visitor: Callable[[], Visitor]) -> Visitor:
    return new_visitor()
