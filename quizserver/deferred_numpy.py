"""numpy, imported when something of it is first used.

The pages that are visited most need nothing of it, and it takes a tenth of the time and of the
memory that a web process needs to start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["np"]


class _DeferredNumpy:
    def __getattr__(self, name: str) -> Any:
        import numpy

        # From now on all names are found without this method.
        self.__dict__.update(vars(numpy))
        return getattr(numpy, name)


if TYPE_CHECKING:
    import numpy as np
else:
    np = _DeferredNumpy()
