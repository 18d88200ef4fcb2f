"""Addresses: how they are built, and which numbers in them can be the id of a row."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from quizserver.web.numbers import WHOLE_NUMBER_PATTERN

UrlBuilder = Callable[..., str]
"""Builds the address of an endpoint from its arguments, as ``flask.url_for`` does."""

ROW_ID_MAX = 2**31 - 1
"""The largest id that both databases give a row."""


class RowIdConverter(IntegerConverter):
    """``<int:…>`` for ids of rows, each with one spelling.

    Larger numbers than a database takes match no route, nor do the digits of other scripts.
    """

    regex = WHOLE_NUMBER_PATTERN

    def __init__(self, map: Map, max: int = ROW_ID_MAX) -> None:
        super().__init__(map, max=max)


def install_row_id_converter(app: Flask) -> None:
    """Makes ``RowIdConverter`` the ``int`` of the routes that are added from now on."""
    app.url_map.converters["int"] = RowIdConverter
