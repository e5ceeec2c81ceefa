"""Converts a round's file to the current form. Values, sources and dates do not change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from spi_analysis.params.loading import read_yaml, validate
from spi_analysis.params.round import PARAMETER_SCHEMA, RoundParams

RECIPE_KEYS = ("nonresponse", "rake", "trim")


def upgrade_parameters(path: Path, dry_run: bool = False) -> Path | None:
    """Write the weighting of a round's file as a list of steps; gives the path of the kept file, or None.

    Raises
    ------
    ParameterError   something else in the file does not hold; nothing is changed then.
    """
    given, text = read_yaml(path), path.read_text(encoding="utf-8")
    version = given.get("schema_version", 1)
    written = with_steps(text, given)
    if version >= PARAMETER_SCHEMA or written == text:
        return None
    said = f"schema_version: {PARAMETER_SCHEMA}"
    head = re.compile(r"^schema_version:.*$", re.MULTILINE)
    written = head.sub(said, written) if head.search(written) else f"{written.rstrip()}\n{said}\n"
    validate(RoundParams, yaml.safe_load(written), path)
    kept = path.with_suffix(f".yaml.schema-{version}")
    if not dry_run:
        for place, content in ((kept, text), (path, written)):
            beside = place.with_name(f".{place.name}.new")
            beside.write_text(content, encoding="utf-8")
            beside.replace(place)
    return kept


def with_steps(text: str, given: dict[str, Any]) -> str:
    """A round's file without weightings of the three keys of schema 2; comments and everything else stay."""
    lines, found = text.splitlines(), []
    for name, source in _entries(_value(yaml.compose(text), "sources")):
        weighting = _value(source, "weighting")
        places = [(key, last) for key, value, last in _spans(weighting) if value in RECIPE_KEYS]
        if len(places) == len(RECIPE_KEYS):
            found.append((places, steps_of_schema_2(given["sources"][name]["weighting"])))
    for places, steps in reversed(found):
        indent = " " * places[0][0].column
        first = min(mark.line for mark, _ in places)
        for mark, last in sorted(places, key=lambda place: -place[0].line):
            del lines[mark.line : last + 1]
        items = [yaml.safe_dump(s, default_flow_style=True, width=10**6, sort_keys=False).strip() for s in steps]
        lines[first:first] = [f"{indent}steps:", *(f"{indent}  - {item}" for item in items)]
    return "\n".join(lines) + "\n" if found else text


def steps_of_schema_2(weighting: dict[str, Any]) -> list[dict[str, Any]]:
    """The fixed cascade of schema 2 as a recipe."""
    classes, rake, trim = (dict(weighting[key]) for key in RECIPE_KEYS)
    classes["by"] = classes.pop("classes")
    classes = {key: classes[key] for key in ("by", *classes)}
    return [
        {"step": "unknown_eligibility", **classes},
        {"step": "weighting_classes", **classes},
        {"step": "rake", **rake},
        {"step": "trim", **trim},
        {"step": "rake", **rake, "column": "recal_weight"},
        {"step": "drop_ineligible"},
    ]


def _entries(node: Any) -> list[tuple[str, Any]]:
    return [(key.value, value) for key, value in node.value] if isinstance(node, yaml.MappingNode) else []


def _value(node: Any, key: str) -> Any:
    return dict(_entries(node)).get(key)


def _spans(node: Any) -> list[tuple[Any, str, int]]:
    """Where each key of a mapping in block style begins, the key, and the last line of its value."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return []
    return [(key.start_mark, key.value, _last_line(value)) for key, value in node.value]


def _last_line(node: Any) -> int:
    """The last line of a value: the end of a block lies behind the comments that follow."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)
