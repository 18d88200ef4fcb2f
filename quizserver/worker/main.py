"""The worker: one process that imports torch once (``worker/dispatcher.py``), and an executor with
its training process for each run, forked from it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from quizserver.confined import limits
from quizserver.db.computed import open_computed
from quizserver.kernel.library import check_kernel
from quizserver.runs.queue import skip_unused_drivers
from quizserver.server_log import configure_logging
from quizserver.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from quizserver.worker.reaper import SILENCE

if TYPE_CHECKING:  # it imports numpy, which reads the number of threads from the environment
    from quizserver.worker.process import TrainFunction

log = logging.getLogger(__name__)

WARM_UP_NICE = 15


def run_worker(
    settings: Settings,
    *,
    parent: int | None = None,
    train_function: TrainFunction | None = None,
    silence: float = SILENCE,
) -> None:
    """Trains runs from the queue until SIGTERM or SIGINT; no process is left then.

    With ``parent``, the id of the process that started this one, it also ends when that one dies.
    ``train_function`` trains a request in place of the lab; ``silence`` is how many seconds a
    worker may send no heartbeat before its run is reclaimed.
    """
    if parent is not None:
        limits.die_with_parent(parent)
    configure_logging()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave_at_once)
    _forget_secrets()
    _use_one_thread()
    can_train = train_function is not None or check_kernel()
    train_function = train_function or _warm_up()
    open_computed(settings.store_url).dispose()

    from quizserver.worker.dispatcher import Dispatcher

    skip_unused_drivers(settings)
    dispatcher = Dispatcher(settings, train_function, silence, can_train=can_train)
    if can_train:
        log.info("training with up to %d processes", settings.worker_count)
    dispatcher.run()


def _leave_at_once(_number: int, _frame: FrameType | None) -> None:
    """Before there are executors, there is nothing to release."""
    os._exit(0)


def _forget_secrets() -> None:
    """Removes the settings that may hold secrets or passwords from this process's environment."""
    for name in ("SECRET_KEY", "DATABASE_URL", "RUNS_URL", "QUEUE_URL"):
        os.environ.pop(ENVIRONMENT_PREFIX + name, None)


def _use_one_thread() -> None:
    """A process that is forked from one with several threads would wait for threads that it does
    not have; and there may be as many executors as cores already."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _warm_up() -> TrainFunction:
    """Imports torch and trains one step, so that a fork need not: 2.5 s become 10 ms."""
    # In Linux a thread has a priority of its own: visitors of a server that has just started come
    # first. No thread is left when the first process is forked.
    importing = threading.Thread(target=_import_at_low_priority)
    importing.start()
    importing.join()

    import torch

    from quizserver.worker.training import train_run

    torch.set_num_threads(1)
    # A step by hand: torch.optim would import torch's compiler, one more second and 60 MB.
    weights = torch.randn(2, 4, 4, requires_grad=True)
    loss = torch.bmm(torch.randn(2, 3, 4), weights).tanh().square().mean()
    (gradient,) = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        weights.sub_(gradient, alpha=0.1)
    return train_run


def _import_at_low_priority() -> None:
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WARM_UP_NICE)
    # What fails here fails again, and is reported, where it is needed.
    with suppress(Exception):
        import numpy.random  # noqa: F401 -- NumPy imports it when it is first used

        import quizserver.lab.map_checks  # which a simulation with maps imports
        import quizserver.worker.training  # noqa: F401


if __name__ == "__main__":
    configure_logging()
    logging.getLogger().setLevel(logging.INFO)
    run_worker(load_settings(os.environ))
