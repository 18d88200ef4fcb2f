"""The lab trains small networks, many replicas at once, and judges the curves that come out.

A simulation file begins with ``from quizserver.lab import Arm, Axis, Knob, Simulation`` (no torch)
and takes ``losses`` and ``optim`` from here too (torch). What each module is for:

- ``simulation``: knobs, arms, axes; the checks that need no training
- ``catalog``, ``describe``: reading simulation files without torch in this process
- ``ensemble``, ``layers``, ``losses``, ``optim``: training with a leading replica axis
- ``shapes``: does a curve have a named property; a curve in words
- ``claims``, ``verify``, ``evidence``: counting replicas, giving verdicts, keeping the record
"""

from quizserver.lab.simulation import Arm, Axis, Knob, Simulation

__all__ = ["Arm", "Axis", "Knob", "Simulation"]
