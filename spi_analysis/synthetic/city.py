"""One generated city: its people, what they would answer, how likely they are to answer, and the truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
import pandas as pd

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.errors import InputError, nearest
from spi_analysis.params import FrameParams, InstitutionInputs, ListKind, RoundSetup, Source, read_csv_table
from spi_analysis.scores import answer_counts
from spi_analysis.stages import CORRECTION
from spi_analysis.synthetic.answers import (
    SourceAnswers,
    UnitEffects,
    answer_table,
    draw_unit_effects,
    listed_answers,
    panel_answers,
    scored_items,
)
from spi_analysis.synthetic.country import drawn_score, example_scores, is_example
from spi_analysis.synthetic.profiles import CityProfile, list_kinds, profile_of, response_rate_of
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.residents import draw_sizes, make_people
from spi_analysis.synthetic.times import Calendar, years_since
from spi_analysis.synthetic.worlds import (
    ADDITIVE,
    World,
    draw_cell_effects,
    draw_coached_people,
    eager,
    inside_units,
    kinds_of,
    listed_logit,
    reminders_needed,
    response_propensity,
    scripted,
)
from spi_analysis.tables import LAST_COLUMNS, checked, tenure_bands


@dataclass(frozen=True, eq=False)
class SyntheticCity:
    """A city with known truth. ``people``, ``answers`` and ``propensity`` share one index (a row = person and source).

    ``is_eligible`` is the truth by the round's rules; people marked ``hidden_ineligible``
    look eligible on the lists and are not. ``reference_date`` is the first day of
    fieldwork, to which ages and tenures refer. ``kinds``: which kind of generated person a source has;
    ``labels``: what its list is called. ``resistance`` (people,), 0 to 1: what a message has to overcome, where the
    world has it count; the truth of a coached world is what people would have said by themselves. ``logit`` (people,):
    log-odds to answer before the intercept that gives the mean rate; ``told``: whom a coached world tells what to say.
    """

    institution_id: str
    seed: int
    name: str
    reference_date: dt.date
    people: pd.DataFrame
    answers: pd.DataFrame
    propensity: pd.Series
    truth: pd.DataFrame
    kinds: Mapping[Source, ListKind]
    labels: Mapping[Source, str]
    person_ids: pd.Series
    logit: np.ndarray
    told: np.ndarray
    world: World = ADDITIVE
    resistance: np.ndarray | None = None

    @cached_property
    def kind(self) -> np.ndarray:
        """Which kind of generated person each one is: employee, user or expert."""
        return kinds_of(self.people, self.kinds)

    def answering(self, rate: float) -> SyntheticCity:
        """The same people with the same answers, of whom this share answers in the mean.

        Not where answers hang on how many reminders somebody needs: there another rate is another city.

        Raises
        ------
        InputError   the rate is out of range.
        """
        assert self.resistance is None
        _check_rate(rate)
        return replace(self, propensity=_propensity(self.people, self.kind, self.logit, rate, self.told))


def _propensity(people: pd.DataFrame, kind: np.ndarray, logit: np.ndarray, rate: float, told: np.ndarray) -> pd.Series:
    return eager(response_propensity(people, kind, logit, rate), told)


def _person_ids(people: pd.DataFrame, seed: int) -> pd.Series:
    """Opaque codes that follow from the uid, one per row of ``people``."""
    key = f"{seed}".encode()
    codes = [blake2b(uid.encode(), digest_size=8, key=key).hexdigest() for uid in people["uid"]]
    return pd.Series(codes, index=people.index, dtype=object)


def make_city(
    setup: RoundSetup,
    institution_id: str,
    seed: int,
    *,
    world: World = ADDITIVE,
    response_rate: float | None = None,
    coached: bool = True,
    sizes: Mapping[Source, int] | None = None,
    people: pd.DataFrame | None = None,
) -> SyntheticCity:
    """Generate a city whose true source scores are the published ones of the round's year.

    An example institution (``country.is_example``) has none: its scores, like its size, follow from its code.

    Parameters
    ----------
    world : what there is beyond the lists (``worlds``); a coached one has no coached units but its own
    response_rate : mean response probability of eligible employees and users; default: the city's own
    coached : whether the city's coached units are in it
    sizes : number of people per source, instead of the city's own
    people : those of the same institution and seed (``city_people``), where they were made before

    Raises
    ------
    InputError   an argument is out of range, or the institution has no published scores for the year
    """
    _check_arguments(seed, response_rate, sizes or {}, list(setup.round.sources))
    institution = setup.roster[setup.require(institution_id)]
    profile, round_ = profile_of(institution), setup.round_for(institution_id)
    streams = Streams(institution_id, (seed,))
    kinds = list_kinds(setup)
    if people is None:
        people = city_people(setup, institution_id, seed, sizes)
    ages = years_since(people["birth_date"].to_numpy(), np.datetime64(round_.fieldwork.start))
    units = {
        source: draw_unit_effects(people["unit"][people["source"] == source], streams(f"{source} units"))
        for source, kind in kinds.items()
        if kind != "expert"
    }
    rate = response_rate or response_rate_of(setup, institution_id)
    kind, cells = kinds_of(people, kinds), draw_cell_effects(people, kinds, world.together, streams)
    logit = listed_logit(people, kinds, ages, units) + world.cell_response * cells.response
    by_list = response_propensity(people, kind, logit, rate)
    resistance = streams("resistance").random(len(people)) if world.per_reminder else None
    added = world.cell_score * cells.score
    if resistance is not None:
        needed = reminders_needed(resistance, by_list.to_numpy(), Calendar(round_.fieldwork).reminders)
        added -= world.per_reminder * needed
    coaching = profile if coached and not world.coached else None
    parts = _answers(setup, institution_id, institution.name, people, ages, units, coaching, added, world, streams)
    score = np.concatenate([part.scores["score"].to_numpy() for part in parts.values()])
    logit += world.on_answer * inside_units(score, people, kind != "expert")
    told = draw_coached_people(people, world, streams("told"))
    answers = answer_table(parts)
    if told.any():
        items = scored_items(setup.instrument, "internal")
        own = answers.loc[told, items.codes].to_numpy()
        answers.loc[told, items.codes] = scripted(own, items, world.script, streams("script"))
    was_coached = np.concatenate([part.coached for part in parts.values()]) | told
    return SyntheticCity(
        institution_id=institution_id,
        seed=seed,
        name=institution.name,
        reference_date=round_.fieldwork.start,
        people=people.assign(is_coached=was_coached),
        answers=answers,
        propensity=_propensity(people, kind, logit, rate, told),
        truth=true_figures(setup, setup.inputs[institution_id], people, parts),
        kinds=kinds,
        labels={source: part.label.id for source, part in setup.round.sources.items()},
        person_ids=_person_ids(people, seed),
        logit=logit,
        told=told,
        world=world,
        resistance=resistance,
    )


def city_people(
    setup: RoundSetup, institution_id: str, seed: int, sizes: Mapping[Source, int] | None = None
) -> pd.DataFrame:
    """Everyone on the lists of a city: the same people in every world, however many of them answer."""
    streams = Streams(institution_id, (seed,))
    drawn = draw_sizes(setup, institution_id, streams("sizes"))
    return make_people(setup, institution_id, setup.round_for(institution_id), {**drawn, **(sizes or {})}, streams)


def _answers(
    setup: RoundSetup,
    code: str,
    name: str,
    people: pd.DataFrame,
    ages: np.ndarray,
    units: dict[Source, UnitEffects],
    coaching: CityProfile | None,
    added: np.ndarray,
    world: World,
    streams: Streams,
) -> dict[Source, SourceAnswers]:
    target = true_scores(setup, code, name)
    parts: dict[Source, SourceAnswers] = {}
    for source, kind in list_kinds(setup).items():
        rows = (people["source"] == source).to_numpy()
        if kind == "expert":
            experts = people.loc[rows, "expert_group"].to_numpy()
            house = (world.house, experts)
            named_by = people.loc[rows, "nominator"]
            kinder = world.nominators * (named_by == "institution").to_numpy(dtype=float)[:, None]
            found = panel_answers(len(experts), setup.instrument, target[source], streams, source, house, kinder)
            # A list is the population itself; a panel stands for all who could have been asked.
            is_list = named_by.notna().all()
            parts[source] = replace(found, expected=None) if is_list else found
            continue
        n_coached = coaching.coached_units if coaching and source == "internal" else 0
        parts[source] = listed_answers(
            people[rows],
            ages[rows],
            units[source],
            setup.instrument,
            target[source],
            n_coached,
            streams,
            kind,
            added[rows],
        )
    return parts


def true_scores(setup: RoundSetup, code: str, name: str) -> dict[Source, float]:
    """The source scores that an institution's people are generated around: published ones; an example has its own."""
    if setup.generator is not None:
        drawn = {source: part.score for source, part in setup.generator.sources.items()}
        return {source: drawn_score(code, source, *drawn[source]) for source in setup.round.sources}
    return example_scores(code) if is_example(code) else _published_scores(setup, name)


def _published_scores(setup: RoundSetup, name: str) -> dict[Source, float]:
    """The source scores published for the institution in the round's year."""
    year = str(setup.round.year)
    for _, row in read_csv_table(setup.workspace.params / "published.csv").rows:
        if row["institution"] == name and row["year"] == year and row["internal"]:
            return {source: float(row[source]) for source in PUBLISHED_SOURCES}
    raise InputError(
        "no published source scores to anchor a generated city to",
        file="params/published.csv",
        key=name,
        expected=f"a row of {year} with internal, external and expert",
    )


def _check_rate(rate: float) -> None:
    if not 0 < rate < 1:
        raise InputError("the response rate is out of range", got=str(rate), expected="between 0 and 1")


def _check_arguments(
    seed: int, response_rate: float | None, sizes: Mapping[Source, int], sources: list[Source]
) -> None:
    if seed < 0:
        raise InputError("the seed is negative", got=str(seed), expected="0 or more")
    if response_rate is not None:
        _check_rate(response_rate)
    for source, size in sizes.items():
        if source not in sources or size < 1:
            raise InputError(
                "unknown source or empty list",
                got=f"{source}: {size}",
                expected=f"{', '.join(sources)}, and at least one person",
                hint=nearest(source, sources),
            )


# The true figures of a generated city: what a full response of everyone eligible would give.

TRUTH_COLUMNS = ["measure", "source", "part", "domain", "denominator", "value"]
EVERYONE, WITH_CONTACT = "respondents", "contacts"


def true_figures(
    setup: RoundSetup, inputs: InstitutionInputs, people: pd.DataFrame, parts: dict[Source, SourceAnswers]
) -> pd.DataFrame:
    """Index, source scores, dimensions, units and rates as a table of ``TRUTH_COLUMNS``."""
    rows: list[tuple[object, ...]] = []
    scores: dict[Source, float] = {}
    for source, part in parts.items():
        group = people[people["source"] == source]
        eligible = group["is_eligible"].to_numpy()
        means = part.scores[eligible].mean() if part.expected is None else part.expected
        scores[source] = float(means["score"])
        rows.append(("source", source, None, None, None, scores[source]))
        rows += [("dimension", source, code, None, None, value) for code, value in means.drop("score").items()]
        rows += _unit_rows(source, part, group["unit"].to_numpy(), eligible)
        rows += _rate_rows(setup, source, part.codes[eligible])
    weights = setup.round.index.weights
    corrections = sum(inputs.corrections.values())
    known = {**scores, **{one.component: one.score for one in inputs.components}}
    index = sum(weight * known[part] for part, weight in weights.items()) - corrections
    return pd.DataFrame([("index", None, None, None, None, index), *rows], columns=TRUTH_COLUMNS)


def _unit_rows(source: Source, part: SourceAnswers, unit: np.ndarray, eligible: np.ndarray) -> list[tuple[object, ...]]:
    means = part.scores["score"][eligible].groupby(unit[eligible]).mean()
    return [("unit", source, None, name, None, value) for name, value in means.items()]


def _rate_rows(setup: RoundSetup, source: Source, codes: pd.DataFrame) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for item in setup.instrument.sources[source].experiences:
        scale = setup.instrument.scales[item.scale]
        yes = codes[item.code] == scale.maximum
        met = codes[item.contact] == scale.maximum
        rows.append(("rate", source, item.code, None, EVERYONE, 100 * yes.mean()))
        rows.append(("rate", source, item.code, None, WITH_CONTACT, 100 * yes[met].mean()))
    return rows


# The frame that a perfect import of perfect lists would give, for simulations in memory.

AS_LISTED = ["source", "unit", "position_class", "service", "expert_group", "nominator", "is_asn", "sex"]


def clean_frame(city: SyntheticCity, setup: RoundSetup) -> pd.DataFrame:
    """The city's lists without dirt (contract ``frame``): one row per person and source.

    ``is_eligible`` is what the lists show, so people with a hidden ineligibility are eligible here.
    """
    people, at = city.people, np.datetime64(city.reference_date)
    frame = people[AS_LISTED].assign(
        institution_id=city.institution_id,
        person_id=city.person_ids,
        age_group=_age_groups(years_since(people["birth_date"].to_numpy(), at), setup.round.frame),
        tenure_band=tenure_bands(pd.Series(years_since(people["start_date"].to_numpy(), at), people.index)),
        unit_tenure_band=tenure_bands(pd.Series(years_since(people["unit_start_date"].to_numpy(), at), people.index)),
        channels="whatsapp+email",
        stream="list",
        n_listings=1,
        also_listed_as=_also_listed_as(people),
        is_eligible=people["is_eligible"] | people["hidden_ineligible"],
        frame_status="clean",
        frame_problem=None,
    )
    return checked("frame", frame)


def _age_groups(ages: np.ndarray, rules: FrameParams) -> np.ndarray:
    """The group of every age in years."""
    return np.array(rules.age_labels, dtype=object)[np.digitize(ages, rules.age_limits)]


def _also_listed_as(people: pd.DataFrame) -> pd.Series:
    """The other sources in which the same person is listed."""
    sources = list(people["source"].unique())
    places = {source: people["uid"].isin(people.loc[people["source"] == source, "uid"]) for source in sources}
    others = [
        np.where(places[source] & (people["source"] != source), f"{source} ", "").astype(object) for source in sources
    ]
    return pd.Series(sum(others[1:], others[0]), index=people.index).str.strip().replace("", None)


# The round before, of which a demo has nothing but the results: they make the index that was published for that year.

# SDs in points: how sources move from year to year (docs: published years), dimensions beside their source, questions
# beside their dimension, and the conduct correction.
MOVES: dict[ListKind, float] = {"internal": 2.8, "external": 4.7, "expert": 7.3}
DIMENSION_MOVE, ITEM_MOVE, CORRECTION_MOVE = 2.0, 3.0, 1.5
# The highest score of a dimension; a hundred would be everybody's best answer to everything.
TOP = 99.0
# Answers and SD of the scores; both of the generated rounds.
ANSWERED: dict[ListKind, int] = {"internal": 320, "external": 240, "expert": 13}
SCORE_SD = 15.0


def generated_last_round(setup: RoundSetup, city: SyntheticCity, index: float) -> pd.DataFrame:
    """Generated results of the year before whose weighted scores, less the corrections, are the published ``index``.

    Returns
    -------
    DataFrame: ``LAST_COLUMNS`` of the package of tables; corrections in points, taken off.
    """
    rng, year = Streams(city.institution_id, (city.seed,))("last round"), setup.round.previous_year
    inputs, weights = setup.inputs[city.institution_id], setup.years.weights(year)
    conduct = max(0.0, inputs.correction_conduct + CORRECTION_MOVE * rng.standard_normal())
    corrections = {"correction_conduct": round(conduct, 2), "correction_facts": inputs.correction_facts}
    now = city.truth[city.truth["measure"] == "source"].set_index("source")["value"].astype(float)
    moves = pd.Series({source: MOVES[city.kinds[source]] for source in now.index})
    scores = _adding_up(now + moves * rng.standard_normal(len(now)), moves, weights, index + sum(corrections.values()))
    rows = [(CORRECTION, None, name, points, 0.0, np.inf, np.nan) for name, points in corrections.items()]
    for source, score in scores.items():
        rows += _last_results_of(setup, city, str(source), float(score - now[source]), rng)
    table = pd.DataFrame(rows, columns=LAST_COLUMNS[2:])
    return table.assign(institution_id=city.institution_id, reference_year=year)


def _adding_up(drawn: pd.Series, moves: pd.Series, weights: Mapping[str, float], total: float) -> pd.Series:
    """The scores most likely given their weighted sum: what is missing goes where moves are large."""
    by_source = pd.Series(weights).reindex(drawn.index)
    missing = total - float((by_source * drawn).sum())
    share = by_source * moves**2 / float((by_source**2 * moves**2).sum())
    return drawn + share * missing


def _last_results_of(
    setup: RoundSetup, city: SyntheticCity, source: Source, move: float, rng: np.random.Generator
) -> list[tuple[object, ...]]:
    """A source, its dimensions and its questions, all moved together and each a little for itself."""
    truth, n = city.truth[city.truth["source"] == source], ANSWERED[city.kinds[source]]
    answers = city.answers[(city.people["source"] == source) & city.people["is_eligible"]]
    counts, error = answer_counts(answers, setup.instrument, source), SCORE_SD / n**0.5
    now = truth[truth["measure"] == "source"]["value"].iloc[0]
    rows: list[tuple[object, ...]] = [("source_score", source, None, now + move, error, n - 1.0, n)]
    dimensions = setup.instrument.sources[source].dimensions
    own = DIMENSION_MOVE * rng.standard_normal(len(dimensions))
    own -= own.mean()
    known = truth[truth["measure"] == "dimension"].set_index("part")["value"].astype(float)
    moved = known.loc[[dimension.code for dimension in dimensions]].to_numpy() + move
    # All the same share of their own moves, so that none passes the end of the scale and their mean stays.
    room = np.where(own > 0, TOP - moved, moved - (100 - TOP))
    own *= np.clip(np.divide(room, np.abs(own), out=np.ones(len(own)), where=own != 0), 0, 1).min()
    for dimension, value, beside in zip(dimensions, moved, own, strict=True):
        rows.append(("dimension_score", source, dimension.code, value + beside, error, n - 1.0, n))
        for item in dimension.items:
            share = 100 * counts[f"{item.code}|favourable"] / counts.filter(like=f"{item.code}|").sum()
            then = float(np.clip(share + move + beside + ITEM_MOVE * rng.standard_normal(), 0, 100))
            error_of_share = (then * (100 - then) / n) ** 0.5
            rows.append(("item_favourable", source, item.code, then, error_of_share, n - 1.0, n))
    return rows
