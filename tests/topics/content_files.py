"""Makes content folders for tests: a dictionary of paths and texts, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from quizserver.evidence.claim_checks import DescriptionOrError, create_claim_checker
from quizserver.lab.model import Arm, Axis, Description, Knob, SimulationError
from quizserver.topics.content_checks import check_content
from quizserver.topics.model import Diagnostic

PLAINEST = """\
# The late drop

Mira trains her first network. For most of the run the loss stays where it began; shortly before
the end it falls all at once.

**Which of these could be the reason?**

- [x] Her penalty on the weights is too strong.
- [x] Her learning rate is too small.
- [x] The network sat on a saddle for a while.
- [ ] Her learning rate is too large.

## Answer

Three of them slow the start. A large rate shows itself as swings instead.

## References

- [A recipe](https://example.org/recipe)
"""


LIST = "- [x] Yes\n- [ ] No\n"
FINE = f"# Title\n\nStem.\n\n{LIST}"
CLAIMS = """\
---
claims:
  - {option: yes-it-is, arm: healthy, shape: flat}
  - {option: no-not-so, arm: low-rate, shape: diverges}
---
# Title

- [x] Yes, it is
- [ ] No, not so
"""


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write ``files`` below ``folder`` and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


class FakeDescriber:
    """A catalog that says the same of every simulation, or the error given for its path's name."""

    def __init__(self, **errors: SimulationError) -> None:
        self.errors = errors
        self.described_paths: list[Path] = []

    def describe_many(self, paths: Iterable[Path]) -> dict[Path, DescriptionOrError]:
        paths = list(paths)
        self.described_paths.extend(paths)
        return {path: self.errors.get(path.stem, DESCRIPTION) for path in paths}


DESCRIPTION = Description(
    title="A small network",
    summary="",
    knobs=(Knob("rate", "learning rate", 0.001, 1.0, 0.1, scale="log"),),
    arms=(Arm("healthy", "healthy", {"rate": 0.1}), Arm("low-rate", "low rate", {"rate": 0.01})),
    x=Axis("epoch"),
    series={"loss": Axis("loss")},
    points=11,
    fingerprint="0",
)


def check_files(
    folder: Path, files: Mapping[str, str | bytes], catalog: FakeDescriber | None = None
) -> list[Diagnostic]:
    """What the checker says about a content folder that holds ``files``."""
    write_files(folder, files)
    claim_checker = create_claim_checker(catalog or FakeDescriber())
    return check_content(folder, content=folder, claim_checker=claim_checker)


def locations(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """``path:line:column code`` for each problem."""
    return [f"{p.path}:{p.line}:{p.column} {p.code}" for p in diagnostics]
