"""All attacks on generated rounds: prints tried and succeeded; exit code 1 if any succeeded. ``make attack``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from spi_analysis.params import Workspace, load_setup
from spi_analysis.stages import round_store
from tests.attack.campaign import campaign, files

PROJECT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=40, help="panels of every size")
    parser.add_argument("--rounds", type=int, default=40, help="rounds with random units and classes")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--workspace", type=Path, help="a round that was published: its files are attacked, too")
    given = parser.parse_args()
    setup = load_setup(Workspace(PROJECT), "spi_2024")
    results = campaign(setup, given.panels, given.rounds, given.seed)
    if given.workspace is not None:
        own = load_setup(Workspace(given.workspace), "spi_2024")
        results += files(own, round_store(own), given.workspace / "build" / "publish" / own.round.round_id)
    tried, succeeded = Counter(r.attack for r in results), Counter(r.attack for r in results if r.succeeded)
    print(f"{'attack':<44}{'tried':>8}{'succeeded':>11}")
    for attack in tried:
        print(f"{attack:<44}{tried[attack]:>8}{succeeded[attack]:>11}")
    for result in results:
        if result.succeeded:
            print(f"SUCCEEDED  {result.attack}: {result.told}")
    cells = [r.hidden_share for r in results if r.hidden_share is not None]
    print(f"cells hidden: {sum(cells) / len(cells):.1%} on average of these rounds, made to be the worst")
    sys.exit(1 if succeeded else 0)


if __name__ == "__main__":
    main()
