"""Checks the image of a plan that a training process gave, before it is stored for browsers."""

from __future__ import annotations

import json
import struct
from typing import Any

from quizserver.kernel.plan_image import (
    MAGIC,
    MAX_BROWSER_MULTIPLICATIONS,
    MAX_IMAGE_BYTES,
    VERSION,
)
from quizserver.kernel.recipe import source_version
from quizserver.runs.requests import PlanRequest

_PREFIX = len(MAGIC) + 8


def check_plan_image(image: bytes, request: PlanRequest, depends_on: tuple[str, ...]) -> None:
    """Raises ValueError unless ``image`` is whole, and the plan that was asked for.

    The author's code ran in the process that made it, so that nothing of it is believed. What a
    plan computes is bounded by its browser's own memory and by
    ``MAX_BROWSER_MULTIPLICATIONS``.
    """
    if not _PREFIX < len(image) <= MAX_IMAGE_BYTES or not image.startswith(MAGIC):
        raise ValueError("it gave something that is no plan")
    version, head_size = struct.unpack_from("<II", image, len(MAGIC))
    if version != VERSION or head_size > len(image) - _PREFIX:
        raise ValueError("it gave a plan of another format")
    try:
        head = json.loads(image[_PREFIX : _PREFIX + head_size])
        body = _body_size(head)
    except (ValueError, TypeError, KeyError, RecursionError, MemoryError):
        raise ValueError("it gave a plan whose head can't be read") from None
    if body != len(image) - _PREFIX - head_size:
        raise ValueError("it gave a plan that was cut short")
    wanted = {
        "kernel": source_version(),
        "fingerprint": request.fingerprint,
        "seeds": list(request.seeds),
        "replicas": request.replicas,
        "structural": {name: request.knobs.get(name) for name in depends_on},
    }
    for name, value in wanted.items():
        if head.get(name) != value:
            raise ValueError(f"it gave a plan with other {name} than requested")
    work = head.get("multiplications")
    if type(work) is not int or not 0 <= work <= MAX_BROWSER_MULTIPLICATIONS:
        raise ValueError("it gave a plan with more work than browsers are given")


def _body_size(head: dict[str, Any]) -> int:
    """Bytes after the head, as it says."""
    numbers = [head[name] for name in ("blocks", "constants", "replicas")]
    pieces = {name: [piece[2] for piece in head[name]] for name in ("shared", "own")}
    if any(type(n) is not int or n < 0 for n in (*numbers, *pieces["shared"], *pieces["own"])):
        raise ValueError("a size is no whole number")
    blocks, constants, replicas = numbers
    size: int = sum(pieces["shared"]) + blocks * sum(pieces["own"]) + 8 * constants * replicas
    return size
