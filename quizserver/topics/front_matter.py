"""Front matter: strict models of its keys, and a diagnostic at the place of each wrong value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quizserver.topics.markdown import MarkdownSource
from quizserver.topics.model import Diagnostic, RevealRule
from quizserver.topics.slugs import did_you_mean
from quizserver.topics.yaml_nodes import YamlDocument, YamlPath, parse_yaml

FiniteNumber = Annotated[float, Field(allow_inf_nan=False)]
NonEmptyText = Annotated[str, Field(min_length=1)]
TitleText = Annotated[str, Field(min_length=1, max_length=300)]


class _StrictModel(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ClaimEntry(_StrictModel):
    """One entry of ``claims``."""

    option: NonEmptyText | None = None
    arm: NonEmptyText
    versus: NonEmptyText | None = None
    shape: NonEmptyText
    value: FiniteNumber | None = None
    series: NonEmptyText | None = None
    quantifier: Literal["could", "will"] = "could"
    at_least: Annotated[FiniteNumber, Field(alias="at-least", gt=0, le=1)] = 0.5
    expect: Literal["supported", "refuted"] | None = None
    over: dict[str, Annotated[list[FiniteNumber], Field(min_length=1)]] = Field(
        default_factory=dict
    )


class QuestionFrontMatter(_StrictModel):
    id: NonEmptyText | None = None
    title: TitleText | None = None
    tags: list[NonEmptyText] = Field(default_factory=list)
    shuffle: bool = True
    reveal: RevealRule = "tried"
    simulation: NonEmptyText | None = None
    described: list[Annotated[list[FiniteNumber], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list
    )
    claims: list[ClaimEntry] = Field(default_factory=list)


class LessonFrontMatter(_StrictModel):
    title: TitleText | None = None
    summary: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    order: int | None = None


class SimulationEntry(_StrictModel):
    """The content of a ``simulation`` block in a lesson."""

    simulation: NonEmptyText = "simulation"
    arm: NonEmptyText | None = None
    knobs: dict[str, FiniteNumber] = Field(default_factory=dict)


FrontMatterModel = TypeVar("FrontMatterModel", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class CheckedYaml(Generic[FrontMatterModel]):
    """YAML as a model (None: it is invalid), with the places of its keys and its diagnostics."""

    model: FrontMatterModel | None
    document: YamlDocument
    diagnostics: tuple[Diagnostic, ...]


def check_front_matter(
    source: MarkdownSource, model: type[FrontMatterModel]
) -> CheckedYaml[FrontMatterModel]:
    """The front matter of ``source`` as ``model``; the model's defaults where there is none."""
    if source.front_matter_closed is None:
        return CheckedYaml(model(), YamlDocument(data={}), ())
    if not source.front_matter_closed:
        message = "The front matter that begins here has no end."
        diagnostic = Diagnostic(
            1, 1, "open-front-matter", message, "Close it with a line of ---.", fatal=True
        )
        return CheckedYaml(None, YamlDocument(data={}), (diagnostic,))
    yaml_lines = source.lines[1 : source.front_matter_length - 1]
    return check_yaml("\n".join(yaml_lines), model, line=2)


def check_yaml(
    text: str, model: type[FrontMatterModel], *, line: int
) -> CheckedYaml[FrontMatterModel]:
    """A YAML mapping that begins at ``line`` as ``model``, with its diagnostics."""
    document = parse_yaml(text, line=line)
    if any(
        diagnostic.fatal and diagnostic.code == "bad-yaml" for diagnostic in document.diagnostics
    ):
        return CheckedYaml(None, document, tuple(document.diagnostics))
    diagnostics = list(document.diagnostics)
    instance: FrontMatterModel | None = None
    data = document.data
    for _ in range(2):  # a second time without the unknown keys, which spoil nothing
        try:
            instance = model.model_validate(data)
            break
        except ValidationError as error:
            unknown_paths = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
            other_errors = [e["loc"] for e in error.errors() if e["type"] != "extra_forbidden"]
            diagnostics.extend(
                _validation_diagnostic(detail, document, model) for detail in error.errors()
            )
            if other_errors or not unknown_paths:
                break
            data = _drop_paths(data, unknown_paths)
    if any(diagnostic.fatal for diagnostic in diagnostics):
        instance = None
    return CheckedYaml(instance, document, tuple(diagnostics))


def _drop_paths(data: Any, paths: Iterable[YamlPath], prefix: YamlPath = ()) -> Any:
    dropped = set(paths)
    if isinstance(data, dict):
        remaining = {key: value for key, value in data.items() if (*prefix, key) not in dropped}
        return {
            key: _drop_paths(value, dropped, (*prefix, key)) for key, value in remaining.items()
        }
    if isinstance(data, list):
        return [_drop_paths(value, dropped, (*prefix, index)) for index, value in enumerate(data)]
    return data


def _validation_diagnostic(
    detail: Any, document: YamlDocument, model: type[BaseModel]
) -> Diagnostic:
    path: YamlPath = tuple(detail["loc"])
    name = ".".join(str(step) for step in path)
    kind = str(detail["type"])
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _known_keys(model, path[:-1]))
        message = f'The key "{path[-1]}" is unknown here.'
        return Diagnostic(*document.position_of(path, key=True), "unknown-key", message, hint)
    if kind == "missing":
        message = f'The key "{path[-1]}" is missing here.'
        return Diagnostic(
            *document.position_of(path[:-1]), "missing-key", message, f"Add {path[-1]}: …", True
        )
    message, hint = _explain_error(kind, name, document.source_texts.get(path, ""), detail)
    return Diagnostic(*document.position_of(path), "bad-value", message, hint, True)


def _explain_error(kind: str, name: str, source_text: str, detail: Any) -> tuple[str, str]:
    """What a value must be, and how to write it."""
    instead = f', not "{source_text}"' if source_text else ""
    context = detail.get("ctx", {})
    if kind.startswith("bool"):
        boolean = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(
            source_text.lower()
        )
        return f'"{name}" must be true or false{instead}.', f"Write {boolean or 'true or false'}."
    if kind.startswith("string_type"):
        quoted = f' such as "{source_text}"' if source_text else ""
        return f'"{name}" must be text{instead}.', f"Put it into quotes{quoted}."
    if kind.startswith("string_too"):
        limit = context.get("min_length") or context.get("max_length")
        most = "too" in kind and "long" in kind
        return (
            f'"{name}" is too {"long" if most else "short"}.',
            f"Write {'at most' if most else 'at least'} {limit} character{'s'[: limit != 1]}.",
        )
    if kind.startswith(("float", "int")):
        return f'"{name}" must be a number{instead}.', "Write a number such as 0.5 or 1e-3."
    if kind == "finite_number":
        return f'"{name}" must be a finite number{instead}.', "Write a number such as 0.5 or 1e-3."
    if kind.startswith("list_type"):
        return (
            f'"{name}" must be a list{instead}.',
            "Write [one, two], or one line with - for each.",
        )
    if kind == "too_short":
        return (
            f'"{name}" needs at least {context.get("min_length")} values.',
            "Add what is missing.",
        )
    if kind == "too_long":
        return f'"{name}" may hold {context.get("max_length")} values.', "Take the others out."
    if kind.startswith(("dict", "model")):
        return f'"{name}" must be lines of the form key: value{instead}.', "Indent them below it."
    if kind == "literal_error":
        return f'"{name}" must be {context.get("expected")}{instead}.', "Write one of them."
    bound = {"greater_than": "gt", "less_than_equal": "le"}.get(kind, "")
    bound_text = {"gt": "more than", "le": "at most"}.get(bound, "other than it is:")
    return f'"{name}" must be {bound_text} {context.get(bound, "")}{instead}.', "Change the number."


def _known_keys(model: type[BaseModel], path: YamlPath) -> list[str]:
    """The keys that are known at ``path`` of ``model``."""
    owner = ClaimEntry if path and path[0] == "claims" else model
    return [field.alias or name for name, field in owner.model_fields.items()]
