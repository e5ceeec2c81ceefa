"""Stage: units with few answers, estimated with the help of the other units of the source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.fieldwork import INELIGIBLE
from spi_analysis.params import Instrument, RoundParams, SmallAreaParams, Source
from spi_analysis.stages.respondents import GROUPS, Design, item_weights
from spi_analysis.survey import UnitModel, merge_thin_cells, response_tendency, unit_model, with_unknown_level
from spi_analysis.survey.estimation import SurveyDesign, fay_herriot, logit_interval, smooth_variances
from spi_analysis.tables import eligible_list

MEASURE = "unit_score_model"
ModelState = Literal["modelled", "few_units", "no_spread"]
# How readily the people of a cell answer: a column of the model.
READINESS = "readiness"
LIST, ANSWERS = "list", "answers"


def model_rows(
    shown: pd.DataFrame,
    designs: Mapping[Source, Design],
    frame: pd.DataFrame,
    weights: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
) -> pd.DataFrame:
    """Model estimates beside the direct ones, from people of shown units only: so they can give away nothing hidden.

    Parameters
    ----------
    shown : DataFrame   table ``estimates`` after disclosure control

    Returns
    -------
    DataFrame: rows of the same table, measure "unit_score_model", se the root of the mean squared error; none for a
    source with fewer than ``min_units`` usable units, or fewer answers than the model needs. By the round's
    ``small_area.model``: of people (``unit_level_scores``) or of areas (``area_rows``).
    """
    params = round_.small_area
    if params.model == "areas":
        return area_rows(shown, params, round_.level)
    made = [
        rows
        for source, part in _usable(shown).groupby("source")
        if len(part) >= params.min_units
        and (rows := _by_people(part, str(source), designs, frame, weights, round_, instrument)) is not None
    ]
    return pd.concat(made) if made else shown.iloc[:0]


def model_state(estimates: pd.DataFrame, source: Source, params: SmallAreaParams) -> ModelState:
    """Whether a source's units have model scores in the table ``estimates``, and if not, why."""
    own = estimates[estimates["source"] == source]
    if (own["measure"] == MEASURE).any():
        return "modelled"
    return "no_spread" if params.model == "areas" and len(_usable(own)) >= params.min_units else "few_units"


def _usable(shown: pd.DataFrame) -> pd.DataFrame:
    return shown[(shown["measure"] == "unit_score") & (shown["status"] == "shown") & (shown["se"] > 0)]


def _by_people(
    units: pd.DataFrame,
    source: Source,
    designs: Mapping[Source, Design],
    frame: pd.DataFrame,
    weights: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
) -> pd.DataFrame | None:
    """Rows of a source's units; None where there are fewer answers than the model needs."""
    try:
        model = unit_level_scores(source, designs[source], frame, weights, round_, instrument, set(units["domain"]))
    except EstimationError:
        return None
    return people_rows(units, model, round_.level)


def people_rows(units: pd.DataFrame, model: UnitModel, level: float) -> pd.DataFrame:
    """Rows of units with the model's figures in place of the direct ones, inside 0 to 100."""
    found = model.units.loc[units["domain"]]
    return _rows(units, found["estimate"].to_numpy(), found["se"].to_numpy(), level)


def _rows(units: pd.DataFrame, estimate: np.ndarray, se: np.ndarray, level: float) -> pd.DataFrame:
    """The error is that of a model, known from all units together: the normal distribution."""
    estimate, df = np.clip(estimate, 0.0, 100.0), np.full(len(units), np.inf)
    low, high = logit_interval(estimate, se, df, level)
    return units.assign(measure=MEASURE, estimate=estimate, se=se, df_design=df, ci_low=low, ci_high=high)


# The model of people: list variables, units and classes.


def unit_level_scores(
    source: Source,
    design: Design,
    frame: pd.DataFrame,
    weights: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
    units: Collection[str] | None = None,
) -> UnitModel:
    """The unit-level model of a source: margins of its weighting and readiness to answer fixed, its classes random.

    Who answers is known of every invited person, so how readily a cell answers can stand in the model: where cells
    that answer more score higher, the model would otherwise draw all cells towards them.

    Parameters
    ----------
    design : of the respondents (``respondents_design``)
    units : the model sees the people of these alone, so that it tells nothing of others; None: every unit

    Raises
    ------
    EstimationError   the weighting of the source has no classes; too few units or answers.
    """
    recipe = round_.sources[source].weighting
    if recipe is None or not recipe.classes:
        raise EstimationError("a model of units needs the classes of the weighting", source=source)
    # Units first, whatever the order of the classes, and where the weighting has others alone.
    unit, *inner = cells = list(dict.fromkeys([GROUPS["unit"], *recipe.classes]))[:2]
    listed, data = eligible_list(frame, source), design.data
    margins = [one for one in recipe.margins if one != unit and one in data and one in listed]
    if units is not None:
        listed, data = (table[table[unit].isin(units)] for table in (listed, data))
    if listed.empty or data.empty:
        raise EstimationError("a model of units needs listed people and answers in them", source=source)
    both = _people(data, listed, [*cells, *margins], item_weights(instrument, source))
    both = both.join(_readiness(both.loc[LIST], cells, weights, source), on=cells)
    for column in margins:
        both[f"{column} "] = both[column].map(
            _thick_levels(both.loc[LIST, column], both.loc[ANSWERS, column], recipe.least_of_margins)
        )
    fixed = [c for c in [*(f"{m} " for m in margins), READINESS] if both.loc[ANSWERS, c].nunique() > 1]
    keys = list(dict.fromkeys([*fixed, *cells]))
    totals = both.loc[LIST].groupby(keys, as_index=False).size().rename(columns={"size": "N"})
    answers, by = SurveyDesign(both.loc[ANSWERS].assign(weight=1.0), "weight"), inner[0] if inner else None
    return unit_model(answers, "score", fixed, unit, by, totals, round_.level, realised=True, variances="penalised")


def _people(data: pd.DataFrame, listed: pd.DataFrame, columns: list[str], weights: pd.DataFrame) -> pd.DataFrame:
    """Everybody listed, with their codes, and everybody who answered, with their scores.

    An item that somebody left out counts as its mean, as in the weighted score.
    """
    names = list(dict.fromkeys(columns))
    items = data[weights.index].astype(float)
    known = pd.concat({LIST: listed[names], ANSWERS: data[names]}).apply(with_unknown_level)
    scores = (items.fillna(items.mean()) @ weights["score"]).to_numpy()
    return known.assign(
        person_id=[*listed["person_id"], *[None] * len(items)], score=[*[np.nan] * len(listed), *scores]
    )


def _thick_levels(listed: pd.Series, answered: pd.Series, least: int) -> pd.Series:
    """The group of every level of the list, by level: those with few respondents are merged."""
    levels = pd.DataFrame({"level": sorted({*listed.unique(), *answered.unique()})})
    levels["respondents"] = levels["level"].map(answered.value_counts()).fillna(0)
    return merge_thin_cells(levels, ["level"], "respondents", least).set_index("level")["group"]


def _readiness(listed: pd.DataFrame, cells: list[str], weights: pd.DataFrame, source: Source) -> pd.Series:
    """How readily the people of every cell answer, from those who were invited."""
    invited = weights[(weights["source"] == source) & (weights["disposition"] != INELIGIBLE)]
    weight = invited.set_index("person_id")["weight"].reindex(listed["person_id"]).to_numpy()
    counted = listed.assign(invited=weight >= 0, answered=weight > 0).groupby(cells)[["invited", "answered"]].sum()
    return response_tendency(counted["invited"], counted["answered"]).rename(READINESS)


# The model of areas: the units' direct scores (Fay-Herriot).


def area_rows(shown: pd.DataFrame, params: SmallAreaParams, level: float) -> pd.DataFrame:
    """Model estimates from the direct scores alone, a common mean (no covariates) per source.

    Direct variances are smoothed by effective answers first. None for a source whose units differ no more than by
    chance (variance between units estimated as 0): all would get the same figure, the best measured the widest
    interval. Which of the reasons it was is said by ``model_state``.

    References
    ----------
    Fay & Herriot (1979), JASA 74; Rao & Molina (2015), Small Area Estimation, ch. 6.
    """
    sources = [part for _, part in _usable(shown).groupby("source") if len(part) >= params.min_units]
    made = [rows for part in sources if (rows := _by_areas(part, params, level)) is not None]
    return pd.concat(made) if made else shown.iloc[:0]


def _by_areas(units: pd.DataFrame, params: SmallAreaParams, level: float) -> pd.DataFrame | None:
    """Rows of a source's units; None where the model finds no spread beyond chance."""
    variances = smooth_variances(units["se"] ** 2, units["effective_n"], slope=params.variance_slope).smoothed
    common_mean = pd.DataFrame({"(intercept)": 1.0}, index=units.index)
    model = fay_herriot(units["estimate"], variances, common_mean, params.method)
    if model.on_boundary:
        return None
    return _rows(units, model.eblup.to_numpy(), np.sqrt(model.mse.to_numpy()), level)
