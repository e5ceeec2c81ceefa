"""Stage: any finished survey, from its answers and the weights it came with: a design, its scores and rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import Instrument, Source, find_workspace, read_yaml, validate
from spi_analysis.scores import item_scores
from spi_analysis.stages.research import answers_of
from spi_analysis.stages.respondents import FIGURES, scored_column, source_rows
from spi_analysis.survey.estimation import SurveyDesign
from spi_analysis.tables import ESTIMATE_KEYS, with_kinds
from spi_analysis.tables.importing import survey_answers

COLUMNS = [*ESTIMATE_KEYS, *FIGURES, "level", "status"]


@dataclass(frozen=True)
class FinishedSurvey:
    """A survey of others: ``answers`` (a row per respondent: codes of the items, and all other columns of the file);
    ``unread``: item, code, rows of cells that are no answer of the item's scale (they count as left empty).
    """

    answers: pd.DataFrame
    unread: pd.DataFrame
    instrument: Instrument
    source: Source

    def design(self, weight: str = "weight", stratum: str | None = None, psu: str | None = None) -> SurveyDesign:
        """Its design, with the columns of ``load_round(...).design``: answers as ticked, experiences, scores.

        Parameters
        ----------
        weight, stratum, psu : columns of the file; without strata and primary units the rows count as drawn one by one

        Examples
        --------
        >>> survey = read_survey("answers.sav", instrument)                        # doctest: +SKIP
        >>> estimate_mean(survey.design(weight="withinwt"), "score", by="REGION")  # doctest: +SKIP
        """
        scores = item_scores(self.answers, self.instrument, self.source).rename(columns=scored_column)
        data = pd.concat([self.answers, scores], axis=1)
        found = answers_of(data, self.instrument, self.source)
        return SurveyDesign(data.assign(**found), weight, stratum, psu)

    def estimates(
        self, level: float, weight: str = "weight", stratum: str | None = None, psu: str | None = None
    ) -> pd.DataFrame:
        """Every score and rate, in the columns of the table ``estimates``, without institution (nothing is hidden: who
        has the file owns the data).

        Parameters
        ----------
        level : of the intervals
        weight, stratum, psu : as ``design``
        """
        scores = item_scores(self.answers, self.instrument, self.source).rename(columns=scored_column)
        design = SurveyDesign(pd.concat([self.answers, scores], axis=1), weight, stratum, psu)
        rows = source_rows(self.source, design, self.instrument, level)
        status = np.where(rows["estimate"].isna(), "no_answers", "shown")
        return with_kinds(rows.assign(level=level, status=status))[COLUMNS]


def read_survey(
    path: Path | str,
    instrument: Instrument | Path | str,
    source: Source | None = None,
    columns: Mapping[str, str] | None = None,
) -> FinishedSurvey:
    """Read a finished survey of others (SPSS, CSV, XLSX) whose columns are named like the items, whatever the case.

    Parameters
    ----------
    instrument : what was asked: items with their codes, and which of them are no answer; or its YAML file, or its name
        in ``params/instruments/``
    source : whose answers of the instrument; None: of its only source
    columns : our name -> name in the file, for columns that are to have another name

    Raises
    ------
    InputError   a column that is missing; the instrument has several sources and none is named; else as the named
        columns "person_id" (respondents twice, or without a number) and "weight" (not positive)

    Examples
    --------
    >>> survey = read_survey("tun_r7.sav", "afrobarometer_tunisia_r7")   # doctest: +SKIP
    >>> survey.design(weight="withinwt", stratum="REGION")               # doctest: +SKIP
    """
    asked = instrument if isinstance(instrument, Instrument) else _read_instrument(instrument)
    chosen = _only_source(asked) if source is None else source
    read = survey_answers(Path(path), asked, chosen, columns or {})
    return FinishedSurvey(read.answers, read.unread, asked, chosen)


def _read_instrument(named: Path | str) -> Instrument:
    path = Path(named)
    if not path.suffix:
        path = find_workspace().params / "instruments" / f"{named}.yaml"
    return validate(Instrument, read_yaml(path), path)


def _only_source(instrument: Instrument) -> Source:
    sources = list(instrument.sources)
    if len(sources) > 1:
        raise InputError("the instrument asks several sources", got=", ".join(sources), expected="source=... names one")
    return sources[0]
