"""YAML and CSV into validated models; whatever is wrong comes back as one ParameterError."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from spi_analysis.errors import ParameterError, Problem, nearest

Model = TypeVar("Model", bound=BaseModel)


class Wrong(ValueError):
    """What a model's own check raises; `validate` turns it into a Problem with file and key."""

    def __init__(self, what: str, got: object, expected: object, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.got, self.expected, self.hint = what, _short(got), str(expected), hint


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice (YAML itself silently keeps the last)."""


def _mapping_without_repeats(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key, (key_node, _) in zip(keys, node.value, strict=True):
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is given more than once", key_node.start_mark
            )
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_repeats)


def read_yaml(path: Path, shown_as: str | None = None) -> dict[str, Any]:
    """Read a YAML mapping; errors name the file and the line."""
    shown = shown_as or _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        others = sorted(p.stem for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise ParameterError("the parameter file does not exist", file=shown, hint=nearest(path.stem, others)) from None
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ParameterError(
            "the file is not valid YAML",
            file=shown,
            row=mark.line + 1 if mark else None,
            got=str(getattr(error, "problem", error)),
            expected="keys and values, each key once",
        ) from None
    if not isinstance(data, dict):
        raise ParameterError("the file holds no keys", file=shown, got=type(data).__name__, expected="key: value lines")
    return data


def read_csv_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV with a header into one dict per row (all text)."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return [dict(row) for row in csv.DictReader(handle)]
    except FileNotFoundError:
        raise ParameterError("the parameter file does not exist", file=_shown(path)) from None


def validate(model: type[Model], data: Any, file: Path | str) -> Model:
    """Build the model, or say everything that is wrong with the data: file, key, got, expected, nearest name."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        shown = _shown(file) if isinstance(file, Path) else file
        raise ParameterError(*(_problem(model, detail, shown) for detail in error.errors())) from None


def _problem(model: type[BaseModel], detail: ErrorDetails, file: str) -> Problem:
    location = tuple(part for part in detail["loc"] if part != "[key]")
    key = ".".join(str(part) for part in location)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return Problem("unknown key", file=file, key=key, expected="a known key", hint=nearest(location[-1], known))
    if kind == "missing":
        return Problem("a key is missing", file=file, key=key, got="nothing", expected="a value for this key")
    got = _short(detail["input"])
    if kind == "literal_error":
        choices = [c.strip().strip("'") for c in str(context["expected"]).replace(" or ", ",").split(",")]
        return Problem(
            "not one of the allowed values",
            file=file,
            key=key,
            got=got,
            expected=str(context["expected"]),
            hint=nearest(detail["input"], choices),
        )
    error = context.get("error")
    if isinstance(error, Wrong):
        return Problem(error.what, file=file, key=key, got=error.got, expected=error.expected, hint=error.hint)
    return Problem("the value does not fit", file=file, key=key, got=got, expected=detail["msg"])


def _fields_at(model: Any, location: tuple[object, ...]) -> list[str]:
    """Names of the fields that are valid at a place in a tree of models."""
    for part in location:
        fields = getattr(model, "model_fields", None)
        if fields and part in fields:
            model = fields[str(part)].annotation
        for inner in _inner_models(model):
            model = inner
            break
    return list(getattr(model, "model_fields", {}))


def _inner_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in getattr(annotation, "__args__", ()) for m in _inner_models(arg)]


def _short(value: object, limit: int = 80) -> str:
    text = str(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _shown(path: Path) -> str:
    """The path as people know it: from params/ on, never a machine's full path."""
    parts = path.parts
    return str(Path(*parts[parts.index("params") :])) if "params" in parts else path.name
