"""One bit flipped at a random place of a random stored file, again and again: is each noticed when the file is read?

``python -m tests.runner.flips --flips 420 --seed 1`` (``make flip-test``). A flip is noticed if reading ends in an
error of the workbench that names the table or file and says what to do. Round and people are made up for the test.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spi_analysis.errors import SpiError
from spi_analysis.params import Workspace, load_setup
from spi_analysis.runner.ledger import read_entries
from spi_analysis.tables.demo_marks import demo_key
from spi_analysis.tables.store import WRITTEN_BY, Store
from spi_analysis.tables.stored_files import read_record, read_table
from spi_analysis.tables.vault import Vault

ROUND = "spi_2024"


def stored(root: Path) -> list[Path]:
    """What the workbench itself wrote and will read again: below data/, and the ledger."""
    found = [*(root / "data").rglob("*"), *(root / "outputs" / ROUND / "batch").glob("ledger.sqlite")]
    return sorted(path for path in found if path.is_file() and path.suffix in (".parquet", ".json", ".bin", ".sqlite"))


def read_as_a_command_does(root: Path, path: Path, seed: int) -> Any:
    """The file, through the door that the commands use."""
    store = Store(root / "data" / ROUND)
    table, code = path.parent.name, path.stem
    if path.suffix == ".sqlite":
        return read_entries(load_setup(Workspace(root), ROUND))
    if (root / "data" / "vault") in path.parents:
        vault = Vault.open(root / "data" / "vault", demo_key(seed))
        return vault._read(path.relative_to(vault.root).with_suffix("").as_posix()) if path.suffix == ".bin" else vault
    if path.suffix == ".parquet":
        return store.read(table, code) if table in WRITTEN_BY else read_table(path)
    return store.read_record(table, code) if path.parent.parent == store.root else read_record(path)


def flip(root: Path, rng: random.Random, seed: int) -> str:
    """Flip one bit, read, put it back: "" if the flip was noticed, else where it was."""
    path = rng.choice(stored(root))
    content = path.read_bytes()
    place, bit = rng.randrange(len(content)), rng.randrange(8)
    path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
    try:
        read_as_a_command_does(root, path, seed)
    except SpiError as error:
        named = all(problem.hint and (path.stem in problem.file) for problem in error.problems)
        return "" if named else f"{path.relative_to(root)}: {error}"
    finally:
        path.write_bytes(content)
    return f"{path.relative_to(root)}: byte {place}, bit {bit}: read without a word"


def flips(root: Path, times: int, seed: int, key_seed: int, tell: Callable[[str], object] = print) -> int:
    """How many of so many flips were noticed; every other is told."""
    rng = random.Random(seed)
    silent = [where for _ in range(times) if (where := flip(root, rng, key_seed))]
    for where in silent:
        tell(where)
    return times - len(silent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=420)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    from tests.runner.test_damaged import SEED, whole_round

    with tempfile.TemporaryDirectory() as folder:
        noticed = flips(whole_round(Path(folder) / "w"), options.flips, options.seed, SEED)
    print(f"{options.flips} flips, {noticed} noticed (seed {options.seed})")
    return int(noticed < options.flips)


if __name__ == "__main__":
    sys.exit(main())
