"""What is known of units from outside their lists: how many people there are, and how last round went.

``params/rounds/<round>.units.csv``, optional: one row per institution, source and unit; an empty unit stands for the
whole source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from spi_analysis.params.base import Frozen, Source
from spi_analysis.params.loading import Wrong
from spi_analysis.params.roster import Blank, Roster, read_rows

People = Annotated[Annotated[int, Field(ge=0)] | None, Blank]


class UnitFacts(Frozen):
    """One unit of one source: people by the personnel office or the service's register, and last round's response.

    ``invited_before`` leaves out those who proved ineligible; ``sd_before`` is the standard deviation of the score,
    in points. ``basis`` says where the figures come from.
    """

    institution_id: str
    source: Source
    unit: str = ""
    known_people: People = None
    invited_before: People = None
    answered_before: People = None
    sd_before: Annotated[Annotated[float, Field(ge=0, le=50)] | None, Blank] = None
    basis: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _answers_fit(self) -> UnitFacts:
        given = (self.invited_before, self.answered_before)
        if (given[0] is None) != (given[1] is None) or (given[0] is not None and given[1] > given[0]):
            raise Wrong("invited_before and answered_before do not fit", given, "both, answers at most as invited")
        return self


def load_units(path: Path, roster: Roster) -> tuple[UnitFacts, ...]:
    """Read the file, if there is one; every code must be in the roster, every unit stand there once."""
    if not path.exists():
        return ()
    return tuple(read_rows(path, UnitFacts, roster, lambda row: (row.institution_id, row.source, row.unit)))
