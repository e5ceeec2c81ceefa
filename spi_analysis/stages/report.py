"""Stage: everything that the stakeholders' page shows of one institution, as tables, before any wording."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.disclosure import few_of_either, size_tells
from spi_analysis.errors import StoreError
from spi_analysis.fieldwork import IneligibleReports, disposition_counts, ineligible_reports, response_rates
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
    applicable,
    category_of,
    experience_answers,
    institutions_reporting,
    load_tracker,
    with_rate,
)
from spi_analysis.stages.peers import COMPARED, RESPONSE, Peers, peers_of, write_peers
from spi_analysis.stages.peers import KEYS as PEER_KEYS
from spi_analysis.stages.plan import plan_source
from spi_analysis.stages.respondents import nonrespondent_count
from spi_analysis.survey.weighting import kish_deff
from spi_analysis.tables import (
    AGAIN,
    Store,
    checked,
    published_history,
    published_results,
    read_record,
    read_table,
    released_estimates,
    write_parquet,
)


@dataclass(frozen=True)
class InstitutionPage:
    """One institution's page. Hidden figures are missing here already.

    ``figures``: table ``estimates``; ``who``: one row per source (listed, eligible, invited, needed,
    answered, RR1, RR3, effective_n); ``category``: code, or None where no index is shown;
    ``history``: published rows of earlier years; ``recommendations``: rules that apply; ``data_until``: day of the
    last event or answer; ``tracker``: what became of recommendations of earlier years; ``reports``: answers of people
    who were reported as ineligible; ``peers``: what other institutions of the same kind reach.
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

    @property
    def categories(self) -> CategoryParams:
        """The categories that hold for this institution, with limits in points."""
        return self.setup.round_for(self.institution.institution_id).categories

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
        rows = self.figures[self.figures["measure"] == measure]
        for column, value in where.items():
            rows = rows[rows[column] == value]
        return rows.reset_index(drop=True)


@dataclass(frozen=True)
class RoundResult:
    """One institution's index in a round, as shown (missing figures are NaN).

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
    reason: str | None = None
    stale: bool = False


RATES = ("RR1", "RR3")
# What tells how many were asked, and what tells how many answered.
LIST_COUNTS = ["listed", "eligible", "invited", "needed"]
ANSWER_COUNTS = ["answered", *RATES, "kish_deff", "effective_n"]


def round_results(setup: RoundSetup, store: Store) -> list[RoundResult]:
    """The index of every institution of the round that has been scored."""
    return [_result(setup, store, i) for i in setup.institution_ids if store.has("estimates", i)]


def round_experiences(setup: RoundSetup, store: Store) -> pd.DataFrame:
    """Share of the round's institutions in which an experience was reported (`institutions_reporting`).

    From the answers, since an institution's own rate is hidden where few said yes: of shown rates alone the share of
    institutions would be too high. Sources that are shown count, and items that enough people with contact answered.
    """
    parts = [_reported(setup, store, i) for i in setup.institution_ids if store.has("estimates", i)]
    rows = pd.concat(parts) if parts else pd.DataFrame()
    if rows.empty:
        return pd.DataFrame(columns=["source", "item"])
    return institutions_reporting(rows, setup.round.level)


def _reported(setup: RoundSetup, store: Store, institution_id: str) -> pd.DataFrame:
    """Of every item: how many people with contact answered it, and whether any said yes."""
    estimates = released_estimates(store, institution_id, setup.inputs[institution_id])
    shown = estimates[(estimates["measure"] == "source_score") & (estimates["status"] == "shown")]
    people = store.read("weights", institution_id, ["source", "person_id", "weight"])
    responses = store.read("responses", institution_id)
    respondents = people[(people["weight"] > 0) & people["source"].isin(shown["source"])]
    rows: list[dict[str, object]] = []
    for source, part in respondents.groupby("source"):
        answers = responses[(responses["source"] == source) & responses["person_id"].isin(part["person_id"])]
        found = experience_answers(answers, setup.instrument, str(source)).filter(like=f"|{CONTACTS}")
        named = {"source": source, "denominator": CONTACTS, "status": "shown"}
        rows += [
            {**named, "part": column.partition("|")[0], "estimate": yes, "n": n}
            for column, yes, n in zip(found, found.sum(), found.count(), strict=True)
            if n >= setup.round.disclosure.min_cell
        ]
    return pd.DataFrame(rows)


def _result(setup: RoundSetup, store: Store, institution_id: str) -> RoundResult:
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


def sources_without_score(estimates: pd.DataFrame, round_: RoundParams) -> list[Source]:
    """Sources of the round that have no shown score in the table ``estimates``, in the order of the round."""
    shown = estimates[(estimates["measure"] == "source_score") & (estimates["status"] == "shown")]
    return [source for source in round_.sources if source not in set(shown["source"])]


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
        reports=_ineligible_reports(setup, store, institution_id),
        peers=peers,
    )


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
        least = limits.min_panel if source in round_.panels else limits.min_cell
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
    return _kept_back(pd.DataFrame(rows), ~pd.Series(list(round_.sources)).isin(round_.probability_sources))


def _kept_back(table: pd.DataFrame, panels: pd.Series) -> pd.DataFrame:
    """Who answered, without what would tell of few answers or of few nonrespondents (column ``nonrespondents``)."""
    table = table.astype(dict.fromkeys([*LIST_COUNTS, *ANSWER_COUNTS], float))
    counts = table["answered"], table.pop("nonrespondents"), table["least"]
    table.loc[panels | size_tells(*counts), LIST_COUNTS] = float("nan")
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


def import_tracker(setup: RoundSetup, path: Path) -> pd.DataFrame:
    """Read the tracker and keep it as ``data/tracker.parquet``, in the place of an earlier one; gives the table."""
    table = checked("tracker", load_tracker(path, setup.roster.ids()), path.name)
    write_parquet(setup.workspace.data / TRACKER_FILE, table)
    return table


def tracked(setup: RoundSetup, institution_id: str) -> pd.DataFrame:
    """What became of an institution's recommendations of the years before this round; empty if nothing is known."""
    path = setup.workspace.data / TRACKER_FILE
    empty = pd.DataFrame(columns=COLUMNS)
    table = read_table(path, None, "the tracker", f"{AGAIN}spi import tracker FILE") if path.exists() else empty
    # A file kept by an earlier version does not say what was validated: its rates, of what was reported, do not count.
    table = with_rate(table.reindex(columns=[*COLUMNS, *CHECKED]))
    own = table[(table["institution_id"] == institution_id) & (table["year"] < setup.round.year)]
    return own.sort_values(["year", "recommendation"], ascending=[False, True]).reset_index(drop=True)


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
