"""Reader of the outside figures: numbers that another program computed, with their provenance."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

FILES = ("figures.json", "anes_figures.json")


@dataclass(frozen=True)
class Figure:
    """One figure: ``value`` a number, list, matrix or dict; ``names`` of its parts in the same order."""

    id: str
    group: str
    value: Any
    names: list[str] | None
    provenance: str


class Figures:
    """All figures by id. A figure of the ANES file is split into ``<id>.est`` and ``<id>.se``."""

    def __init__(self, figures: dict[str, Figure], data: Path) -> None:
        self.figures, self.folder = figures, data

    @staticmethod
    def found_in(folder: Path) -> bool:
        return all((folder / "reference" / name).is_file() for name in FILES)

    @classmethod
    def read(cls, folder: Path) -> Figures:
        main, anes = (json.loads((folder / "reference" / name).read_text(encoding="utf-8")) for name in FILES)
        figures = [_figure(entry, main["meta"]) for entry in main["refs"]]
        figures += [part for entry in anes["refs"] for part in _anes_parts(entry, anes["meta"])]
        # The data stand beside the figures, or one level up.
        data = next(d for d in (folder / "reference" / "data", folder / "data") if d.is_dir())
        return cls({figure.id: figure for figure in figures}, data)

    def __getitem__(self, figure_id: str) -> Figure:
        return self.figures[figure_id]

    def value(self, figure_id: str) -> Any:
        return self.figures[figure_id].value

    def ids(self) -> set[str]:
        return set(self.figures)

    def data(self, name: str) -> pd.DataFrame:
        return _read_csv(self.folder / f"{name}.csv").copy()


@cache
def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path)


def _figure(entry: dict[str, Any], meta: dict[str, Any]) -> Figure:
    program = f"{meta['R']}; survey {meta['survey']}, sampling {meta['sampling']}, sae {meta['sae']}"
    call = f"data {entry['data']}; design: {entry['design']}; call: {entry['r']}"
    return Figure(entry["id"], entry["group"], entry["value"], entry.get("names"), f"{program}; {call}")


def _anes_parts(entry: dict[str, Any], meta: dict[str, Any]) -> list[Figure]:
    provenance = f"{meta['program']}, {meta['date']}; data {meta['data']}; {meta['design']}"
    parts = {part: entry[part] for part in ("est", "se") if entry[part] is not None}
    return [Figure(f"{entry['id']}.{part}", "anes", v, entry["names"], provenance) for part, v in parts.items()]
