"""What an application leaves behind when it has been closed."""

from __future__ import annotations

import gc
import weakref

from quizserver.app import create_app
from quizserver.settings import Settings


def test_a_closed_application_is_let_go(settings: Settings, quick_passwords: None):
    """Whoever makes many in one process keeps none of them, with all of its pages, to the end."""
    app = create_app(settings)
    assert app.test_client().get("/").status_code == 200
    app.extensions["quizserver-close"]()
    closed = weakref.ref(app)
    del app
    gc.collect()
    assert closed() is None
