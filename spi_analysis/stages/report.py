"""Stage: everything that the stakeholders' page shows of one institution, as tables, before any wording."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from spi_analysis.disclosure import few_of_either, size_tells
from spi_analysis.errors import StoreError
from spi_analysis.fieldwork import (
    INELIGIBLE,
    IneligibleReports,
    answers_by_mode,
    disposition_counts,
    ineligible_reports,
    response_rates,
)
from spi_analysis.params import (
    CategoryParams,
    FieldworkParams,
    Institution,
    InstitutionInputs,
    RoundParams,
    RoundSetup,
    Source,
)
from spi_analysis.scores import (
    BY_RULE,
    CHECKED,
    COLUMNS,
    CONTACTS,
    SECRET,
    History,
    applicable,
    category_of,
    expected_index,
    experience_answers,
    find_priority_areas,
    institutions_reporting,
    low_limit,
    with_rate,
)
from spi_analysis.stages.change import history_of
from spi_analysis.stages.interventions import interventions
from spi_analysis.stages.open_answers import open_answer_counts
from spi_analysis.stages.peers import COMPARED, RESPONSE, Peers, peers_of, write_peers
from spi_analysis.stages.peers import KEYS as PEER_KEYS
from spi_analysis.stages.plan import plan_source
from spi_analysis.stages.respondents import nonrespondent_count
from spi_analysis.stages.score import sources_without_score
from spi_analysis.survey.weighting import kish_deff
from spi_analysis.tables import (
    AGAIN,
    Store,
    published_history,
    published_results,
    read_record,
    read_table,
    released_estimates,
    released_rows,
)


@dataclass(frozen=True)
class InstitutionPage:
    """One institution's page. Hidden figures are missing here already.

    ``figures``: table ``estimates``; ``who``: one row per source (listed, eligible, invited, needed,
    answered, RR1, RR3, effective_n); ``category``: code, or None where no index is shown;
    ``history``: published rows of earlier years; ``recommendations``: rules that apply; ``data_until``: day of the
    last event or answer; ``tracker``: what became of recommendations of earlier years; ``reports``: answers of people
    who were reported as ineligible; ``peers``: what other institutions of the same kind reach; ``modes``: answers by
    mode, per source drawn (``answers_by_mode``); ``interventions``: what people did beside the method (stage
    ``interventions``); ``opened``: answers by open link, which are in no figure (``open_answer_counts``); ``course``:
    how the survey went (``survey_course``).
    """

    setup: RoundSetup
    institution: Institution
    inputs: InstitutionInputs
    figures: pd.DataFrame
    who: pd.DataFrame
    category: str | None
    history: pd.DataFrame
    recommendations: pd.DataFrame
    fieldwork: FieldworkParams
    data_until: dt.date | None
    is_synthetic: bool
    tracker: pd.DataFrame
    reports: IneligibleReports
    peers: Peers
    modes: pd.DataFrame
    interventions: pd.DataFrame
    opened: pd.Series
    course: pd.DataFrame

    @cached_property
    def round(self) -> RoundParams:
        """The round with what differs for this institution; ``setup.round`` is what holds for all."""
        return self.setup.round_for(self.institution.institution_id)

    @property
    def categories(self) -> CategoryParams:
        """The categories that hold for this institution, with limits in points."""
        return self.round.categories

    @cached_property
    def priority_areas(self) -> pd.DataFrame:
        """All parts with their evidence, the clearest weakness first (``scores.find_priority_areas``)."""
        params = self.setup.round.weak_sides
        return find_priority_areas(
            self.figures, params.threshold, params.adjustment, params.rate, self.peers.yardsticks
        )

    @property
    def withheld_reason(self) -> str | None:
        """Why the result is not released; None where it is (or only hidden, since too few people answered)."""
        return withheld_reason(self.figures, self.inputs)

    @property
    def missing_sources(self) -> list[Source]:
        """Sources without a score that is shown: no answers yet, or too few."""
        return sources_without_score(self.figures, self.setup.round)

    def figure(self, measure: str, **where: str) -> pd.Series | None:
        """The one shown row of a measure, or None."""
        rows = self.rows(measure, **where)
        return None if rows.empty or rows.iloc[0]["status"] != "shown" else rows.iloc[0]

    def rows(self, measure: str, **where: str) -> pd.DataFrame:
        """All rows of a measure, hidden ones included."""
        rows = self._by_measure.get(measure, self.figures.iloc[:0])
        for column, value in where.items():
            rows = rows[rows[column] == value]
        return rows.reset_index(drop=True)

    @cached_property
    def _by_measure(self) -> dict[str, pd.DataFrame]:
        return {str(measure): rows for measure, rows in self.figures.groupby("measure", sort=False)}


@dataclass(frozen=True)
class RoundResult:
    """One institution's index in a round, as shown (missing figures are NaN).

    ``rates``: response rates (RR1) of the sources that are drawn, where they may be shown;
    ``stale``: its report is of an earlier state: what it is made from has changed, or the last attempt failed.
    """

    institution: Institution
    index: float
    ci_low: float
    ci_high: float
    n: float
    category: str | None
    category_chance: float
    status: str
    rates: Mapping[Source, float] = field(default_factory=dict)
    reason: str | None = None
    stale: bool = False


RATES = ("RR1", "RR3")
# What tells how many were asked, and what tells how many answered.
LIST_COUNTS = ["listed", "eligible", "invited", "needed"]
ANSWER_COUNTS = ["answered", *RATES, "kish_deff", "effective_n"]


def round_results(setup: RoundSetup, store: Store) -> list[RoundResult]:
    """The index of every institution of the round that has been scored."""
    scored = [i for i in setup.institution_ids if store.has("estimates", i)]
    rates = shown_response_rates(setup, store, scored)
    return [_result(setup, store, i, rates.loc[i].dropna().to_dict()) for i in scored]


# Of one institution that hides its rate a share would tell whether anyone said yes.
LEAST_REPORTING = 2


def round_experiences(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """Share of the round's institutions in which an experience was reported (`institutions_reporting`).

    From the answers, since an institution's own rate is hidden where few said yes: of shown rates alone the share of
    institutions would be too high. Sources that are shown count, and items that enough people with contact answered.
    """
    answers = _respondents(setup, store)
    # All institutions of a source at once: one by one they would take most of the time of the national page.
    rows = [_reported(part, str(source), setup) for source, part in answers.groupby("source")]
    if not sum(map(len, rows)):
        return pd.DataFrame(columns=["source", "item"])
    rates = pd.concat(rows)
    keys = ["institution_id", "source", "part"]
    own = released_rows(store, setup.inputs, ["experience_rate"], ["source", "part", "denominator"])
    own = own[(own["status"] == "shown") & (own["denominator"] == CONTACTS)]
    hidden = rates[~pd.MultiIndex.from_frame(rates[keys]).isin(pd.MultiIndex.from_frame(own[keys]))]
    return _without_hidden(institutions_reporting(rates, setup.round.level), hidden, setup.round.disclosure.min_cell)


def _without_hidden(table: pd.DataFrame, hidden: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Shares of institutions without what they tell of those that hide their own rate.

    Less the shown rates above 0 a share says in how many of them nobody said yes: it is hidden unless at least two of
    them have a report. Less those that are shown the number of people says how many a hidden rate rests on: it is
    rounded down to a multiple of ``min_cell``.
    """
    keys, table = ["source", "item"], table.copy()
    groups = hidden.rename(columns={"part": "item"}).groupby(keys)["estimate"]
    reporting = table[keys].join(groups.agg(reporting=lambda yes: (yes > 0).sum()), on=keys)["reporting"]
    table.loc[reporting < LEAST_REPORTING, ["estimate", "ci_low", "ci_high"]] = float("nan")
    return table.assign(people=table["people"].where(reporting.isna(), table["people"] // min_cell * min_cell))


def _respondents(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """Whom the respondents of the sources that are shown had contact with, and what they experienced."""
    scores = released_rows(store, setup.inputs, ["source_score"], ["source"])
    shown = scores.loc[scores["status"] == "shown", ["institution_id", "source"]].drop_duplicates()
    parts = setup.instrument.sources.values()
    asked = dict.fromkeys(question.code for part in parts for question in (*part.contacts, *part.experiences))
    codes = shown["institution_id"].unique()
    if not len(codes):
        return pd.DataFrame(columns=["institution_id", "source"])
    people = _of_all(store, "weights", codes, ["source", "person_id", "weight"])
    people = people.loc[people["weight"] > 0, ["institution_id", "source", "person_id"]].merge(shown)
    answers = _of_all(store, "responses", codes, ["source", "person_id", *asked])
    return answers.merge(people, on=["institution_id", "source", "person_id"]).drop(columns="person_id")


def _of_all(store: Store, table: str, institution_ids: Iterable[str], columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table of several institutions, with institution_id."""
    return pd.concat(
        [store.read(table, i, columns).assign(institution_id=i) for i in institution_ids], ignore_index=True
    )


def _reported(answers: pd.DataFrame, source: Source, setup: RoundSetup) -> pd.DataFrame:
    """Of every institution and item: how many people with contact answered it, and how many said yes."""
    found = experience_answers(answers, setup.instrument, source).filter(like=f"|{CONTACTS}")
    groups = found.groupby(answers["institution_id"])
    counts = [
        pd.DataFrame({"estimate": yes, "n": n, "part": column.partition("|")[0]}).reset_index()
        for (column, yes), (_, n) in zip(groups.sum().items(), groups.count().items(), strict=True)
    ]
    if not counts:
        return pd.DataFrame()
    rows = pd.concat(counts, ignore_index=True).assign(source=source, denominator=CONTACTS, status="shown")
    return rows[rows["n"] >= setup.round.disclosure.min_cell]


def _result(setup: RoundSetup, store: Store, institution_id: str, rates: Mapping[Source, float]) -> RoundResult:
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    index = estimates[estimates["measure"] == "index"].iloc[0]
    shown = index["status"] == "shown"
    levels, decimals = setup.round_for(institution_id).categories, setup.round.index.decimals
    category = category_of(float(index["estimate"]), levels, decimals) if shown else None
    chances = estimates[estimates["measure"] == "category_probability"].set_index("part")["estimate"]
    return RoundResult(
        institution=setup.roster[institution_id],
        index=float(index["estimate"]),
        ci_low=float(index["ci_low"]),
        ci_high=float(index["ci_high"]),
        n=float(index["n"]),
        category=category,
        category_chance=float(chances.get(category, float("nan"))) if category else float("nan"),
        status=str(index["status"]),
        rates=rates if shown else {},
        reason=withheld_reason(estimates, setup.inputs[institution_id]),
        stale=institution_id in _stale_reports(setup),
    )


def _stale_reports(setup: RoundSetup) -> list[str]:
    path = setup.workspace.stale_reports(setup.round.round_id)
    if not path.exists():
        return []
    record = read_record(path, "the list of reports that are out of date", f"{AGAIN}spi run", ["stale"])
    return [str(code) for code in record["stale"]]


def withheld_reason(estimates: pd.DataFrame, inputs: InstitutionInputs) -> str | None:
    """The decision on the institution, or the rule that the round applied when it was scored."""
    index = estimates[estimates["measure"] == "index"]
    by_rule = BY_RULE if (index["status"] == "withheld").any() else None
    return inputs.withheld_reason or by_rule


def institution_page(setup: RoundSetup, store: Store, institution_id: str) -> InstitutionPage:
    """Collect the page of an institution; needs its estimates."""
    setup.require(institution_id)
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    index = estimates[(estimates["measure"] == "index") & (estimates["status"] == "shown")]
    round_ = setup.round_for(institution_id)
    category = (
        None if index.empty else category_of(float(index["estimate"].iloc[0]), round_.categories, round_.index.decimals)
    )
    past = published_history(published_results(setup), institution_id)
    reports = _ineligible_reports(setup, store, institution_id)
    who, peers = who_answered(setup, store, institution_id), peers_of(setup, institution_id)
    if withheld_reason(estimates, setup.inputs[institution_id]) == SECRET:
        who[[*LIST_COUNTS, *ANSWER_COUNTS]] = float("nan")
    return InstitutionPage(
        setup=setup,
        institution=setup.roster[institution_id],
        inputs=setup.inputs[institution_id],
        figures=estimates,
        who=who,
        category=category,
        history=past[past["year"] < round_.year].reset_index(drop=True),
        recommendations=applicable(estimates, setup.rules, round_.recommendations.max_shown, peers.yardsticks),
        fieldwork=round_.fieldwork,
        data_until=_data_until(store, institution_id),
        is_synthetic=store.is_synthetic,
        tracker=tracked(setup, institution_id),
        reports=reports,
        peers=peers,
        modes=_modes(setup, store, institution_id),
        interventions=interventions(setup, store, institution_id, reports),
        opened=open_answer_counts(setup, store, institution_id),
        course=_course(setup, store, institution_id, who),
    )


def _modes(setup: RoundSetup, store: Store, institution_id: str) -> pd.DataFrame:
    """By the weights, as all else on the page; of panels nothing is told."""
    round_, weights = setup.round_for(institution_id), store.read("weights", institution_id)
    people = weights[(weights["weight"] > 0) & ~weights["source"].isin(round_.nominated)]
    return answers_by_mode(people, store.read("responses", institution_id), round_.disclosure.min_cell)


WHO = ["source", "person_id"]
COURSE = ["kind", "source", "detail", "number"]
# After more messages than these nobody's answer is told apart; contacts that did not work, and people who said no.
MOST_MESSAGES = 4
CONTACTS_FAILED, DECLINED = ("invalid_number",), ("refused", "opted_out")


def _course(setup: RoundSetup, store: Store, institution_id: str, who: pd.DataFrame) -> pd.DataFrame:
    """Of sources whose numbers may be told; nothing without a log of contacts."""
    told = who.dropna(subset=["invited", "answered"])["source"]
    if not store.has("events", institution_id) or told.empty:
        return pd.DataFrame(columns=COURSE)
    tables = (
        store.read("weights", institution_id, [*WHO, "weight"]),
        store.read("events", institution_id, [*WHO, "event", "at"]),
        store.read("responses", institution_id, [*WHO, "started_at", "completed_at"]),
    )
    parts = [table[table["source"].isin(told)] for table in tables]
    found, order = survey_course(*parts, setup.round.disclosure.min_cell), list(setup.round.sources)
    return found.sort_values("source", key=lambda sources: sources.map(order.index), kind="stable")


def survey_course(people: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame, least: int) -> pd.DataFrame:
    """After how many messages people answered, whom no message reached, who declined: numbers in bands of ``least``.

    Parameters
    ----------
    people : DataFrame     source, person_id, weight of everybody invited
    events : DataFrame     source, person_id, event, at
    responses : DataFrame  source, person_id, started_at, completed_at
    least : int            fewer people are not told

    Returns
    -------
    DataFrame: kind (answered, unreached, declined), source, detail (messages before the answer), number (rounded down
    to a multiple of ``least``; missing below it).
    """
    answered = people[people["weight"] > 0].merge(responses, on=WHO)
    answered = answered.assign(answered_at=answered["completed_at"].fillna(answered["started_at"]))
    sent = events[events["event"] == "sent"].merge(answered[[*WHO, "answered_at"]], on=WHO)
    days = sent[sent["at"] <= sent["answered_at"]].assign(day=lambda rows: rows["at"].dt.normalize())
    messages = days.drop_duplicates([*WHO, "day"]).groupby(WHO).size()
    counted = messages.reindex(pd.MultiIndex.from_frame(answered[WHO]), fill_value=0).clip(upper=MOST_MESSAGES)
    by_messages = counted.groupby([counted.index.get_level_values("source"), counted.to_numpy()]).size()
    rows = [("answered", source, str(n), size) for (source, n), size in by_messages.items()]
    for kind, names in (("unreached", CONTACTS_FAILED), ("declined", DECLINED)):
        found = events[events["event"].isin(names)].drop_duplicates(WHO).groupby("source").size()
        rows += [(kind, source, None, size) for source, size in found.items()]
    table = pd.DataFrame(rows, columns=COURSE)
    bands = table["number"] // least * least
    return table.assign(number=bands.astype(float).where(bands > 0)).sort_values(["source", "kind", "detail"])


def _ineligible_reports(setup: RoundSetup, store: Store, institution_id: str) -> IneligibleReports:
    """By the dispositions that the weights were made with: what the scores rest on."""
    if not store.has("events", institution_id):
        return IneligibleReports(0, 0, 0)
    people = store.read("weights", institution_id, ["source", "person_id", "disposition"])
    events = store.read("events", institution_id, ["source", "person_id", "event"])
    responses = store.read("responses", institution_id)
    return ineligible_reports(people, events, responses, setup.round_for(institution_id).dispositions, setup.instrument)


def _data_until(store: Store, institution_id: str) -> dt.date | None:
    events = store.read("events", institution_id, ["at"]) if store.has("events", institution_id) else None
    return last_day(events, store.read("responses", institution_id, ["started_at", "completed_at"]))


def last_day(events: pd.DataFrame | None, responses: pd.DataFrame) -> dt.date | None:
    """The day of the last event or answer: what a page knows, it knows until then."""
    times = [responses["started_at"], responses["completed_at"]] + ([] if events is None else [events["at"]])
    known = pd.concat([pd.to_datetime(time) for time in times]).dropna()
    return None if known.empty else known.max().date()


def who_answered(setup: RoundSetup, store: Store, institution_id: str) -> pd.DataFrame:
    """Per source: people listed, eligible, invited, answers needed and given, response rates, effective n.

    Where fewer answered than may be shown, what tells of them is missing; ``least`` is that number. The number of
    answers stands beside the score, so where fewer than ``least`` did not answer, and for every panel, what would tell
    their number is missing: the size of the list, the invitations, the answers needed (they follow from the size)
    and the response rates.
    """
    round_ = setup.round_for(institution_id)
    frame = store.read("frame", institution_id)
    weights = store.read("weights", institution_id, ["source", "disposition", "weight"])
    rates = response_rates(disposition_counts(weights, ["source"]))
    rows = []
    for source in round_.sources:
        part = weights[weights["source"] == source]
        answered = part[part["weight"] > 0]
        limits = round_.disclosure
        least = limits.min_panel if source in round_.nominated else limits.min_cell
        plan = plan_source(frame, round_, source)
        rows.append(
            {
                "least": least,
                "source": source,
                "listed": int((frame["source"] == source).sum()),
                "eligible": plan.population,
                "invited": len(part),
                "needed": plan.size.completes,
                "answered": len(answered),
                "RR1": rates["RR1"].get(source),
                "RR3": rates["RR3"].get(source),
                "kish_deff": kish_deff(answered["weight"]),
                "effective_n": len(answered) / kish_deff(answered["weight"]) if len(answered) else 0.0,
                "nonrespondents": nonrespondent_count(weights, source),
            }
        )
    return _kept_back(pd.DataFrame(rows), round_)


def shown_response_rates(setup: RoundSetup, store: Store, institution_ids: Sequence[str]) -> pd.DataFrame:
    """RR1 by institution (rows) and source of a population (columns), as `who_answered` shows it; else missing."""
    keys, sources = ["institution_id", "source"], setup.round.populations
    if not len(institution_ids):
        return pd.DataFrame(columns=sources)
    weights = _of_all(store, "weights", institution_ids, ["source", "disposition", "weight"])
    answered = weights["weight"] > 0
    others = ~answered & (weights["disposition"] != INELIGIBLE)
    counts = weights[keys].assign(answered=answered, others=others).groupby(keys).sum()
    least = counts.index.get_level_values(0).map({i: setup.round_for(i).disclosure.min_cell for i in institution_ids})
    rates = response_rates(disposition_counts(weights, keys))["RR1"]
    shown = rates.where(~few_of_either(counts["answered"], counts["others"], pd.Series(least, counts.index)))
    return shown.unstack().reindex(index=institution_ids, columns=sources)


def _kept_back(table: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """Who answered, without what would tell of few answers or of few nonrespondents (column ``nonrespondents``).

    Of nominated people that were drawn, the size of their list stays: whoever nominated them knows it, and not who was
    drawn. Not so where nearly everybody on it answered.
    """
    table = table.astype(dict.fromkeys([*LIST_COUNTS, *ANSWER_COUNTS], float))
    panels, lists = table["source"].isin(round_.nominated), table["eligible"]
    drawn = panels & ~table["source"].isin(round_.panels) & (lists - table["answered"] >= round_.disclosure.min_cell)
    counts = table["answered"], table.pop("nonrespondents"), table["least"]
    table.loc[panels | size_tells(*counts), LIST_COUNTS] = float("nan")
    table.loc[drawn & (counts[0] >= counts[2]), "eligible"] = lists
    table.loc[panels | few_of_either(*counts), list(RATES)] = float("nan")
    table.loc[counts[0] < counts[2], ANSWER_COUNTS] = float("nan")
    return table


def round_store(setup: RoundSetup) -> Store:
    """The store of the round."""
    store = Store(setup.workspace.data / setup.round.round_id)
    if not store.root.exists():
        raise StoreError(
            "the round has no data yet",
            file=f"data/{setup.round.round_id}",
            hint="import lists with `spi import frame FILES...`, or try `spi demo`",
        )
    return store


# Stage: the tracker of recommendations, as imported.

TRACKER_FILE = "tracker.parquet"


def tracker_of(setup: RoundSetup) -> pd.DataFrame:
    """What became of all institutions' recommendations; empty if nothing is known."""
    path = setup.workspace.data / TRACKER_FILE
    empty = pd.DataFrame(columns=COLUMNS)
    table = read_table(path, None, "the tracker", f"{AGAIN}spi import tracker FILE") if path.exists() else empty
    # A file kept by an earlier version does not say what was validated: its rates, of what was reported, do not count.
    return with_rate(table.reindex(columns=[*COLUMNS, *CHECKED]))


def tracked(setup: RoundSetup, institution_id: str) -> pd.DataFrame:
    """What became of an institution's recommendations of the years before this round; empty if nothing is known."""
    table = tracker_of(setup)
    own = table[(table["institution_id"] == institution_id) & (table["year"] < setup.round.year)]
    return own.sort_values(["year", "recommendation"], ascending=[False, True]).reset_index(drop=True)


# Stage: what was to be expected by the years before.

EXPECTATIONS = ["year", "before", "expected", "expected_low", "expected_high", "chance", "index", "beyond", "outside"]


def page_expectations(page: InstitutionPage) -> pd.DataFrame:
    """The index of this year and of the next as the years before lead to expect, from published figures alone.

    Returns
    -------
    DataFrame: year, before (index of the year before), expected, expected_low, expected_high, chance (of a rise on it),
    index, beyond (index less expected), outside (of the interval); empty where the index is not shown or nothing was
    published before. What is not known of next year is missing.
    """
    found, year = page.figure("index"), page.setup.round.year
    history = history_of(page.history, page.setup, page.institution.institution_id)
    if found is None or history is None or not history.own:
        return pd.DataFrame(columns=EXPECTATIONS)
    index = round(float(found["estimate"]), page.setup.round.index.decimals)
    ahead = replace(history, own={**history.own, year: index})
    level = page.setup.round.level
    rows = [_expectation_row(history, year, level, index), _expectation_row(ahead, year + 1, level, None)]
    return pd.DataFrame([row for row in rows if row], columns=EXPECTATIONS)


def _expectation_row(history: History, year: int, level: float, index: float | None) -> dict[str, object]:
    expected = expected_index(history, year)
    if expected is None:
        return {}
    low, high = expected.interval(level)
    before = history.own.get(year - 1)
    row: dict[str, object] = {"year": year, "before": before, "expected": expected.mean}
    row |= {"expected_low": low, "expected_high": high}
    row |= {"chance": None if before is None else expected.chance_above(before)}
    return row if index is None else row | {
        "index": index, "beyond": index - expected.mean, "outside": not low <= index <= high,
    }  # fmt: skip


def page_low_limit(page: InstitutionPage) -> float | None:
    """Below which index an institution is among the lowest of its type; None where nothing is known of the type."""
    history = history_of(page.history, page.setup, page.institution.institution_id)
    params = page.setup.years.effect
    if params is None or history is None or history.spread is None:
        return None
    return low_limit(history.spread, page.setup.round.year, params.low_share)


# The figures of all institutions that reports are compared with.


def freeze_peers(setup: RoundSetup, store: Store, as_of: dt.date) -> pd.DataFrame:
    """Write the round's table of peers from all results that are released; gives it.

    Raises
    ------
    StoreError   fewer institutions have a released index than may be compared.
    """
    scored = [code for code in setup.institution_ids if store.has("estimates", code)]
    rows = [one for code in scored if (one := _released_rows(setup, store, code)) is not None]
    least = setup.round.disclosure.min_cell
    if len(rows) < least:
        raise StoreError(
            "too few institutions have a released index to be peers",
            file=f"data/{setup.round.round_id}/estimates",
            got=str(len(rows)),
            expected=f"at least {least}",
            hint="until then reports are compared with the published years",
        )
    basis = "generated" if store.is_synthetic else "round"
    return write_peers(setup, pd.concat(rows), as_of, basis)


def _released_rows(setup: RoundSetup, store: Store, institution_id: str) -> pd.DataFrame | None:
    """Figures of an institution that its page shows; None without an index."""
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    shown = estimates[(estimates["status"] == "shown") & estimates["measure"].isin(COMPARED)]
    if not (shown["measure"] == "index").any():
        return None
    one = setup.roster[institution_id]
    rows = shown[PEER_KEYS].assign(value=shown["estimate"])
    rates = who_answered(setup, store, institution_id)[["source", "RR1"]].dropna().rename(columns={"RR1": "value"})
    return pd.concat([rows, rates.assign(measure=RESPONSE, part=None)]).assign(
        institution_id=institution_id, type=one.type, size_class=one.size_class, province_code=one.province_code
    )
