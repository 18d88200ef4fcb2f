"""What front matter may hold: strict models, and each of their complaints at its line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quizserver.topics.identity import did_you_mean
from quizserver.topics.parse import Front
from quizserver.topics.text import Flaw
from quizserver.topics.yaml_nodes import Path, Read, read_yaml

Number = Annotated[float, Field(allow_inf_nan=False)]
Word = Annotated[str, Field(min_length=1)]
Line = Annotated[str, Field(min_length=1, max_length=300)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ClaimFront(_Strict):
    """One entry of ``claims``."""

    option: Word | None = None
    arm: Word
    versus: Word | None = None
    shape: Word
    value: Number | None = None
    series: Word | None = None
    quantifier: Literal["could", "will"] = "could"
    at_least: Annotated[Number, Field(alias="at-least", gt=0, le=1)] = 0.5
    expect: Literal["supported", "refuted"] | None = None
    over: dict[str, Annotated[list[Number], Field(min_length=1)]] = Field(default_factory=dict)


class QuestionFront(_Strict):
    id: Word | None = None
    title: Line | None = None
    tags: list[Word] = Field(default_factory=list)
    shuffle: bool = True
    simulation: Word | None = None
    described: list[Annotated[list[Number], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list
    )
    claims: list[ClaimFront] = Field(default_factory=list)


class LessonFront(_Strict):
    title: Line | None = None
    summary: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    order: int | None = None


class SimulationFront(_Strict):
    """The content of a ``simulation`` block in a lesson."""

    simulation: Word = "simulation"
    arm: Word | None = None
    knobs: dict[str, Number] = Field(default_factory=dict)


Model = TypeVar("Model", bound=BaseModel)


class Checked(Generic[Model]):
    """A model (None: it could not be made) with the places of its keys and its flaws."""

    def __init__(self, model: Model | None, read: Read, flaws: Sequence[Flaw]) -> None:
        self.model = model
        self.read = read
        self.flaws = tuple(flaws)


def check_front(front: Front | None, model: type[Model]) -> Checked[Model]:
    """Front matter as ``model``; the model's defaults where there is none."""
    if front is None:
        return Checked(model(), Read(data={}), ())
    if not front.closed:
        message = "The front matter that begins here has no end."
        flaw = Flaw(1, 1, "open-front-matter", message, "Close it with a line of ---.", fatal=True)
        return Checked(None, Read(data={}), (flaw,))
    return check_yaml(front.yaml, model, line=2)


def check_yaml(text: str, model: type[Model], *, line: int) -> Checked[Model]:
    """A YAML mapping that begins at ``line`` as ``model``, with every complaint at its place."""
    read = read_yaml(text, line=line)
    if any(flaw.fatal and flaw.code == "bad-yaml" for flaw in read.flaws):
        return Checked(None, read, read.flaws)
    flaws = list(read.flaws)
    made: Model | None = None
    data = read.data
    for _ in range(2):  # a second time without the unknown keys, which spoil nothing
        try:
            made = model.model_validate(data)
            break
        except ValidationError as error:
            unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
            known = [e["loc"] for e in error.errors() if e["type"] != "extra_forbidden"]
            flaws.extend(_flaw(detail, read, model) for detail in error.errors())
            if known or not unknown:
                break
            data = _without(data, unknown)
    if any(flaw.fatal for flaw in flaws):
        made = None
    return Checked(made, read, flaws)


def _without(data: Any, paths: Iterable[Path], at: Path = ()) -> Any:
    dropped = set(paths)
    if isinstance(data, dict):
        kept = {key: value for key, value in data.items() if (*at, key) not in dropped}
        return {key: _without(value, dropped, (*at, key)) for key, value in kept.items()}
    if isinstance(data, list):
        return [_without(value, dropped, (*at, index)) for index, value in enumerate(data)]
    return data


def _flaw(detail: Any, read: Read, model: type[BaseModel]) -> Flaw:
    path: Path = tuple(detail["loc"])
    name = ".".join(str(part) for part in path)
    kind = str(detail["type"])
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _keys(model, path[:-1]))
        message = f'The key "{path[-1]}" is unknown here.'
        return Flaw(*read.place(path, key=True), "unknown-key", message, hint)
    if kind == "missing":
        message = f'The key "{path[-1]}" is missing here.'
        return Flaw(*read.place(path[:-1]), "missing-key", message, f"Add {path[-1]}: …", True)
    message, hint = _saying(kind, name, read.written.get(path, ""), detail)
    return Flaw(*read.place(path), "bad-value", message, hint, True)


def _saying(kind: str, name: str, written: str, detail: Any) -> tuple[str, str]:
    """What a value must be, and how to write it."""
    got = f', not "{written}"' if written else ""
    context = detail.get("ctx", {})
    if kind.startswith("bool"):
        yes = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(written.lower())
        return f'"{name}" must be true or false{got}.', f"Write {yes or 'true or false'}."
    if kind.startswith("string_type"):
        quoted = f' such as "{written}"' if written else ""
        return f'"{name}" must be text{got}.', f"Put it into quotes{quoted}."
    if kind.startswith("string_too"):
        limit = context.get("min_length") or context.get("max_length")
        most = "too" in kind and "long" in kind
        return (
            f'"{name}" is too {"long" if most else "short"}.',
            f"Write {'at most' if most else 'at least'} {limit} character{'s'[: limit != 1]}.",
        )
    if kind.startswith(("float", "int")):
        return f'"{name}" must be a number{got}.', "Write a number such as 0.5 or 1e-3."
    if kind == "finite_number":
        return f'"{name}" must be a finite number{got}.', "Write a number such as 0.5 or 1e-3."
    if kind.startswith("list_type"):
        return f'"{name}" must be a list{got}.', "Write [one, two], or one line with - for each."
    if kind == "too_short":
        return (
            f'"{name}" needs at least {context.get("min_length")} values.',
            "Add what is missing.",
        )
    if kind == "too_long":
        return f'"{name}" may hold {context.get("max_length")} values.', "Take the others out."
    if kind.startswith(("dict", "model")):
        return f'"{name}" must be lines of the form key: value{got}.', "Indent them below it."
    if kind == "literal_error":
        return f'"{name}" must be {context.get("expected")}{got}.', "Write one of them."
    bound = {"greater_than": "gt", "less_than_equal": "le"}.get(kind, "")
    words = {"gt": "more than", "le": "at most"}.get(bound, "other than it is:")
    return f'"{name}" must be {words} {context.get(bound, "")}{got}.', "Change the number."


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that are known at ``path`` of ``model``."""
    at = ClaimFront if path and path[0] == "claims" else model
    return [field.alias or name for name, field in at.model_fields.items()]
