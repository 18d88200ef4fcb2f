"""The addresses of what trains in a browser: the plans of simulations, and the kernel's module."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, request

from quizserver.kernel.recipe import WASM_FILE, WASM_FLOAT32_FILE, source_version
from quizserver.runs.context import RunContext
from quizserver.runs.model import RunRefusedError
from quizserver.runs.pages import json_response, refusal_response
from quizserver.runs.plans import StoredPlan
from quizserver.runs.request_builder import build_plan_request
from quizserver.runs.request_parser import parse_plan_query
from quizserver.translation import N_, gettext
from quizserver.web.static_files import YEAR_SECONDS

if TYPE_CHECKING:  # it costs time at start, and only its name is needed here
    from flask_limiter import Limiter

QUERY_MAX = 8 * 1024
"""Bytes of a query; a full setting of every knob is far below."""

KERNELS = {"float32": WASM_FLOAT32_FILE, "float64": WASM_FILE}
"""The module that trains plans in each type; that of float64 trains both."""

OTHER_KERNEL = N_(
    "The machines of this site train with different versions of its kernel. Reload the page in a "
    "few minutes."
)
NOT_GIVEN = N_("No plan of this simulation was given to you. Reload the page, then turn a knob.")


@dataclass(frozen=True, slots=True)
class PlanPages:
    """The views of plans, for those who may use their simulation."""

    context: RunContext

    def show_plan(self, topic: str, name: str) -> Response:
        """The image of the plan of the setting in the query, with the kernel's version in it.

        Where there is none: 404, and ``reason`` in words. The tag is of all settings with this
        plan, so that turning a knob that is a number of it fetches nothing again.
        """
        path = self.context.access.locate_simulation(topic, name, "plan")
        # A link or picture elsewhere must not have anything planned, nor count as a use.
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            message = gettext("Plans are given to the pages of this site alone.")
            raise RunRefusedError(403, message)
        if len(request.query_string) > QUERY_MAX:
            raise RunRefusedError(413, gettext("The address is longer than any setting needs."))
        plan_request = build_plan_request(
            parse_plan_query(topic, name, request.args.to_dict()),
            self.context.describe_simulation(path),
            path.relative_to(self.context.settings.content).as_posix(),
            replicas_max=self.context.settings.run_replicas_max,
        )
        visitor = self.context.visitor_token()
        plan = self.context.runs.find_or_make_plan(plan_request, visitor)
        if plan.summary.refusal is not None:
            return self._refuse_plan(plan)
        if plan.summary.kernel != source_version():
            raise RunRefusedError(503, gettext(OTHER_KERNEL), retry_after=60)
        self.context.runs.plans.note_given(plan.run_id, visitor)
        return _image_response(plan)

    def note_use(self, topic: str, name: str) -> Response:
        """Somebody trained a plan that they were given: nothing but that is taken from them."""
        self.context.access.locate_simulation(topic, name, "plan")
        if not self.context.runs.plans.was_given(topic, name, self.context.visitor_token()):
            raise RunRefusedError(409, gettext(NOT_GIVEN))
        self.context.on_use(topic, name)
        return json_response({"noted": True})

    def refuse(self, error: RunRefusedError) -> Response:
        return refusal_response(error, for_author=self.context.is_author())

    def _refuse_plan(self, plan: StoredPlan) -> Response:
        data = {"reason": plan.summary.refusal, "error": plan.summary.refusal, "field": None}
        if self.context.is_author():
            data["error_detail"] = plan.summary.detail
        return json_response(data, 404)


def create_plans_blueprint(pages: PlanPages, *, limiter: Limiter | None = None) -> Blueprint:
    """The blueprint ``plans``: the addresses of ``pages``, and that of the kernel's module."""
    blueprint = Blueprint("plans", __name__)
    show_plan, note_use = pages.show_plan, pages.note_use
    if limiter is not None:
        context = pages.context
        by_visitor = limiter.shared_limit(
            context.settings.limit_plans, "plans", key_func=context.visitor_token
        )
        by_client = limiter.shared_limit(
            context.settings.limit_plans_client, "client-plans", key_func=context.limit_key
        )
        show_plan, note_use = by_client(by_visitor(show_plan)), by_client(by_visitor(note_use))
    address = "/plans/<topic>/<name>"
    blueprint.add_url_rule(address, "show_plan", show_plan)
    blueprint.add_url_rule(f"{address}/used", "note_use", note_use, methods=["POST"])
    blueprint.add_url_rule("/kernel/<version_hash>/<dtype>.wasm", "kernel", show_kernel)
    blueprint.register_error_handler(RunRefusedError, pages.refuse)
    return blueprint


def show_kernel(version_hash: str, dtype: str) -> Response:
    """The WebAssembly module for plans in ``dtype``. It is part of the program: everybody may have
    it."""
    if version_hash != source_version() or dtype not in KERNELS:
        abort(404)
    response = _gzip_response(_kernel_gzip(dtype), "application/wasm")
    response.cache_control.max_age = YEAR_SECONDS
    response.cache_control.immutable = True
    response.cache_control.public = True
    return response


@cache
def _kernel_gzip(dtype: str) -> bytes:
    return gzip.compress(KERNELS[dtype].read_bytes(), mtime=0)


def _image_response(plan: StoredPlan) -> Response:
    response = _gzip_response(plan.image, "application/octet-stream")
    response.cache_control.private = True
    response.cache_control.no_cache = True
    response.vary.add("Cookie")
    coding = "-gzip" if response.content_encoding == "gzip" else ""
    response.set_etag(f"{plan.key}{coding}")
    response.make_conditional(request)
    return response


def _gzip_response(data: bytes, mimetype: str) -> Response:
    """The answer with gzipped ``data``, unpacked for those few who can't unpack it."""
    if request.accept_encodings.quality("gzip"):
        response = Response(data, mimetype=mimetype)
        response.content_encoding = "gzip"
    else:
        response = Response(gzip.decompress(data), mimetype=mimetype)
    response.vary.add("Accept-Encoding")
    return response
