"""All notebooks of all institutions with each engine: are all files the same to the last byte?

Run in a workspace that holds the demo's data: python -m benchmarks.engines

Ends with code 1 and the names of the files if anything differs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from spi_analysis.params import RoundSetup, find_workspace, load_setup
from spi_analysis.params.workspace import the_round
from spi_analysis.runner.plan import ENGINES, EngineName, plan_steps
from spi_analysis.runner.pool import run_steps


def digests(setup: RoundSetup) -> dict[str, str]:
    """Of all that the notebooks make: pages, executed notebooks, tables, weights, estimates."""
    place = setup.workspace
    return {
        str(path.relative_to(place.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (place.outputs, place.data)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _is_made(path)
    }


def _is_made(path: Path) -> bool:
    return path.suffix in (".html", ".ipynb", ".csv", ".parquet")


def run_all(setup: RoundSetup, engine: EngineName, workers: int) -> dict[str, str]:
    """Every notebook of the round; then what it made."""
    for step, outcome in run_steps(setup, plan_steps(setup.institution_ids), workers, engine=engine, say=print):
        if not outcome.ok:
            raise SystemExit(f"{step}\n{outcome.error}")
    return digests(setup)


def main() -> None:
    place = find_workspace()
    setup = load_setup(place, the_round(place))
    found: dict[str, dict[str, str]] = {}
    for number, engine in enumerate(ENGINES):
        # With one worker and with two, so that the order differs as well.
        found[engine] = run_all(setup, engine, 1 + number % 2)
        print(f"{engine}: {len(found[engine])} files")
    first, *others = ENGINES
    differing = sorted(
        f"{engine}: {name}"
        for engine in others
        for name in found[first].keys() | found[engine].keys()
        if found[first].get(name) != found[engine].get(name)
    )
    print("\n".join(differing) or f"all the same in {', '.join(ENGINES)}")
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()
