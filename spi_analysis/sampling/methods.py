"""How a draw selects: one door for drawing and for the check that repeats it.

All randomness comes from the permanent secret, a public value and a turn: nobody can choose it, and an auditor can
make it again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.sampling.coordination import turned_shift
from spi_analysis.sampling.prn import permanent_random_numbers, shift_of, shifted
from spi_analysis.sampling.selection import select_srs
from spi_analysis.sampling.systematic import select_systematic
from spi_analysis.sampling.two_stage import select_two_stage
from spi_analysis.sampling.waves import assign_waves, wave_sizes

SEED_LABEL = b"seed of a draw, version 3\x00"


@dataclass(frozen=True)
class DrawDesign:
    """All that decides who is drawn, but the frame and the secret.

    ``sizes``: stratum -> people of each wave, first release first, such as ``{"north": [6, 2, 2]}``. For two stages
    the people of a stratum follow from its units; ``sizes`` then gives the waves as shares (``wave_shares``).
    ``method``: ``{"name": "srs"}``; ``{"name": "systematic", "order": [columns]}``; ``{"name": "two_stage",
    "unit": column, "units": {stratum: m}, "people": k, "wave_shares": [...]}``.
    ``scope``: a text that keeps the seeds of several draws apart (such as round, institution and source).
    """

    public_value: str
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    method: Mapping[str, Any] = field(default_factory=lambda: {"name": "srs"})
    turn: float = 0.0
    scope: str = ""
    person: str = "person_id"
    stratum: str = "stratum"

    @property
    def shift(self) -> float:
        """Where on the circle of random numbers the draw begins."""
        return turned_shift(shift_of(self.public_value), self.turn)

    def seed(self, secret: bytes) -> int:
        """The seed of what permanent numbers do not decide: random starts, and waves of unequal probabilities."""
        text = SEED_LABEL + f"{self.shift.hex()}\x00{self.scope}".encode()
        return int.from_bytes(hmac.digest(secret, text, "sha256")[:8], "big")


def draw_sample(frame: pd.DataFrame, design: DrawDesign, secret: bytes) -> pd.DataFrame:
    """Select from a frame as a design says.

    Parameters
    ----------
    frame : DataFrame (N, ...)   one row per person, with a person and a stratum column
    design : DrawDesign
    secret : bytes               the permanent secret

    Returns
    -------
    The selected rows in the order of the frame, with ``prn`` (counted from the shift on), ``pop_size``,
    ``inclusion_prob`` (to be drawn, in whatever wave) and ``wave``. The order of rows changes nobody's fate.

    Raises
    ------
    SamplingError   an unknown method; a size that does not fit.
    """
    name = str(design.method.get("name", ""))
    if name not in METHODS:
        raise SamplingError(
            "unknown method of selection", got=name, expected=", ".join(METHODS), hint=nearest(name, METHODS)
        )
    numbers = shifted(permanent_random_numbers(frame[design.person], secret), design.shift)
    return METHODS[name](frame.assign(prn=numbers), design, design.seed(secret))


def _srs(frame: pd.DataFrame, design: DrawDesign, _: int) -> pd.DataFrame:
    """The smallest numbers; the smallest of those are released first, so each release is a simple random sample."""
    sizes = {name: sum(waves) for name, waves in design.sizes.items()}
    return assign_waves(select_srs(frame, sizes, design.stratum), design.sizes, design.stratum)


def _systematic(frame: pd.DataFrame, design: DrawDesign, seed: int) -> pd.DataFrame:
    """Every k-th in an order that ends with the random numbers: who is alike stands at random."""
    sizes = {name: sum(waves) for name, waves in design.sizes.items()}
    order = [*design.method.get("order", []), "prn"]
    drawn = select_systematic(frame, sizes, design.stratum, order, seed)
    return assign_waves(drawn, design.sizes, design.stratum, seed=seed, person=design.person)


def _two_stage(frame: pd.DataFrame, design: DrawDesign, seed: int) -> pd.DataFrame:
    """Units by size, people inside by their numbers; waves inside each unit, so that every wave visits all units."""
    method = design.method
    drawn = select_two_stage(
        frame, method["units"], method["people"], method["unit"], stratum=design.stratum, seed=seed,
        person=design.person, prn="prn",
    )  # fmt: skip
    inside = drawn.assign(_place=drawn.groupby([design.stratum, method["unit"]]).ngroup())
    counts = inside["_place"].value_counts()
    sizes = {str(place): wave_sizes(int(n), method.get("wave_shares", [1.0])) for place, n in counts.items()}
    split = assign_waves(inside, sizes, "_place", seed=seed, person=design.person)
    return split.assign(pop_size=split["people_in_unit"]).drop(columns="_place")


METHODS: dict[str, Callable[[pd.DataFrame, DrawDesign, int], pd.DataFrame]] = {
    "srs": _srs,
    "systematic": _systematic,
    "two_stage": _two_stage,
}
