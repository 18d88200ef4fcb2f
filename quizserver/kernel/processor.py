"""What this machine's processor can do, which decides on the variant of the kernel that it runs."""

from __future__ import annotations

import re
from pathlib import Path

from quizserver.kernel.recipe import VARIANTS, Variant, this_machine

_CPUINFO = Path("/proc/cpuinfo")


def read_abilities(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """The abilities that the operating system lets programs use, in Linux's words.

    Those of the first processor: a kernel has one scheduler for all of them. Empty where the file
    can't be read, so that only variants that need nothing special are run.
    """
    try:
        text = cpuinfo.read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.M)
    return frozenset(found[1].split()) if found else frozenset()


def usable_variants(
    machine: str | None = None, abilities: frozenset[str] | None = None
) -> list[Variant]:
    """The variants that a machine with these abilities (this one) can run, the best first."""
    variants = VARIANTS.get(machine or this_machine(), ())
    if abilities is None:
        abilities = read_abilities()
    usable = [variant for variant in variants if variant.abilities <= abilities]
    # numpy, which comes along, needs the last of them anyway.
    return usable or list(variants[-1:])
