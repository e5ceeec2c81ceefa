"""Stage: scores and rates of any finished survey, from its answers and the weights it came with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import Instrument, Source
from spi_analysis.scores import item_scores
from spi_analysis.stages.respondents import FIGURES, scored_column, source_rows
from spi_analysis.survey.estimation import SurveyDesign
from spi_analysis.tables import ESTIMATE_KEYS, with_kinds

COLUMNS = [*ESTIMATE_KEYS, *FIGURES, "level", "status"]


def score_survey(
    answers: pd.DataFrame,
    instrument: Instrument,
    source: Source,
    level: float,
    stratum: str | None = None,
    psu: str | None = None,
) -> pd.DataFrame:
    """Every score and rate of a survey whose weights are given (nothing is hidden: the caller owns the data).

    Parameters
    ----------
    answers : DataFrame   as ``read_survey`` gives it: weight, and a column of codes per item
    stratum, psu : str or None   design columns of the survey; without them the rows count as drawn independently

    Returns
    -------
    DataFrame in the columns of the table ``estimates``, without institution.
    """
    scores = item_scores(answers, instrument, source)
    data = answers.assign(**{scored_column(code): scores[code] for code in scores})
    rows = source_rows(source, SurveyDesign(data, "weight", stratum, psu), instrument, level)
    status = np.where(rows["estimate"].isna(), "no_answers", "shown")
    return with_kinds(rows.assign(level=level, status=status))[COLUMNS]
