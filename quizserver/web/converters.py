"""Numbers in addresses: those that can be a row's. Any other is no page, not an error."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

ROW_ID_MAX = 2**31 - 1
"""The largest number that both databases give a row."""


class RowIdConverter(IntegerConverter):
    """``<int:…>`` that knows no number which a database would refuse."""

    def __init__(self, map: Map, max: int = ROW_ID_MAX) -> None:
        super().__init__(map, max=max)


def install_row_id_converter(app: Flask) -> None:
    """Makes it the ``int`` of the routes that are added from now on."""
    app.url_map.converters["int"] = RowIdConverter
