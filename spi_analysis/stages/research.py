"""The researcher's door: a round's answers as designs and as labelled tables, of one institution or of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.columns import VALUES
from spi_analysis.disclosure import released_table
from spi_analysis.errors import InputError, ParameterError, nearest
from spi_analysis.params import Instrument, Language, RoundSetup, Source, Workspace, load_setup
from spi_analysis.scores import experience_answers, item_answers, person_scores, said_yes
from spi_analysis.stages.respondents import SCORE, Design, item_weights, respondents_design
from spi_analysis.stages.weight import require_weights_fit
from spi_analysis.survey import with_unknown_level
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.tables import (
    TENURE_BANDS,
    Meaning,
    RoundData,
    Store,
    eligible_list,
    meanings,
    require_answers_fit,
    workspace_of,
)
from spi_analysis.tables import load_round as load_tables

# What an institution is, beside its people.
INSTITUTION = ("institution_id", "type", "province_code", "size_class")


class ResearchRound(RoundData):
    """One institution's round with its designs: what ``load_round`` gives."""

    def design(self, source: Source, replicates: int | None = None, released: bool = False) -> Design:
        """The design of a source's respondents, with everything that is known of each.

        Columns of its data: what the list says; every item as ticked (NaN where nothing was answered); contacts and
        experiences as 1, 0 (no contact counts as no); a 0-100 score per item (``code__score``), per dimension, and
        ``score``: the person's weighted mean of what was answered. Ages and tenures are categories in their order.

        Parameters
        ----------
        source : a source of the round, such as "internal"
        replicates : so many of the stored replicates, the first ones; None: all
        released : estimates are rounded, and cells that would expose people are missing: what they show may leave the
            house

        Raises
        ------
        InputError       nobody of the source answered; weights or answers do not fit; ``released`` for a result that is
            withheld
        ParameterError   no such source

        Examples
        --------
        >>> data = load_round("spi_2024", "kota-mojokerto")               # doctest: +SKIP
        >>> estimate_mean(data.design("internal"), "score", by="unit")    # doctest: +SKIP
        """
        stored = _respondents(self, source)
        more = pd.concat([in_order(stored.data, self.setup), answers_of(stored.data, self.instrument, source)], axis=1)
        made = _shortened(stored.with_columns(more), replicates)
        if not released:
            return made
        if is_withheld(self):
            raise InputError("the result is withheld: nothing of it may be shown", key=self.institution_id)
        return made.with_rule(release_rule(self.setup, source))

    def labelled(self, source: Source, language: Language = "en") -> pd.DataFrame:
        """The respondents of a source in words: codes as categories with their labels, in the order of the scale.

        No answer is missing. ``.attrs["labels"]`` has the text of every question and the label of every column.

        Examples
        --------
        >>> answers = data.labelled("external")              # doctest: +SKIP
        >>> answers.attrs["labels"]["ext_exp_1"]             # doctest: +SKIP
        """
        return in_words(_respondents(self, source).data, self.setup, language)

    def listed(self, source: Source) -> pd.DataFrame:
        """The people of a source's list who could be drawn, with a level for what is not known: totals to weight to.

        Examples
        --------
        >>> people = data.listed("internal")                                               # doctest: +SKIP
        >>> totals = {name: people[name].value_counts().to_dict() for name in ("sex", "age_group")}  # doctest: +SKIP
        >>> data.design("internal").calibrated(totals, method="raking")                    # doctest: +SKIP
        """
        people = eligible_list(self.frame, source).reset_index(drop=True)
        weighting = self.round.sources[source].weighting
        margins = weighting.margins if weighting else []
        return people.assign(**{name: with_unknown_level(people[name]) for name in margins})


def load_round(round_id: str, institution_id: str, workspace: Workspace | Path | str | None = None) -> ResearchRound:
    """One institution in a round: parameters, all its tables, and designs to estimate from.

    Parameters
    ----------
    round_id : str         such as "spi_2024"
    institution_id : str   such as "kota-mojokerto"
    workspace              the folder with params/ and data/; default: the one around the current folder

    Examples
    --------
    >>> data = load_round("spi_2024", "kota-mojokerto")   # doctest: +SKIP
    >>> data.design("internal")                           # doctest: +SKIP
    """
    found = load_tables(round_id, institution_id, workspace)
    return ResearchRound(found.setup, found.store, found.institution)


def load_all(round_id: str | Sequence[str], workspace: Workspace | Path | str | None = None) -> Pooled:
    """All institutions of a round, or of several.

    Parameters
    ----------
    round_id : str or list of str   such as "spi_2024"
    workspace                       as in ``load_round``

    Examples
    --------
    >>> everyone = load_all("spi_2024")                                           # doctest: +SKIP
    >>> estimate_mean(everyone.design("external"), "score", by="type")            # doctest: +SKIP
    >>> everyone["kota-mojokerto"].estimates                                      # doctest: +SKIP
    """
    place = workspace_of(workspace, "load_all(round_id, workspace=...)")
    names = [round_id] if isinstance(round_id, str) else list(round_id)
    return Pooled(tuple(load_setup(place, name) for name in names))


@dataclass(frozen=True, repr=False)
class Pooled:
    """All institutions of one or more rounds; an institution of the last round by its code: ``everyone[code]``."""

    setups: tuple[RoundSetup, ...]

    def __getitem__(self, institution_id: str) -> ResearchRound:
        return _opened(self.setups[-1], institution_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.setups[-1].institution_ids)

    def __len__(self) -> int:
        return len(self.setups[-1].institution_ids)

    def _ipython_key_completions_(self) -> list[str]:
        """What JupyterLab offers after the opening bracket."""
        return list(self)

    def __repr__(self) -> str:
        return "\n".join(f"{setup.round.title.en}: {self._counts(setup)}" for setup in self.setups)

    @staticmethod
    def _counts(setup: RoundSetup) -> str:
        store = Store(setup.workspace.data / setup.round.round_id)
        weighted, scored = (len(store.institutions(name)) for name in ("weights", "estimates"))
        return f"{len(setup.institution_ids)} institutions, {weighted} with weights, {scored} with estimates"

    def with_table(self, name: str) -> list[ResearchRound]:
        """The institutions that have a table, round by round."""
        everyone = (_opened(setup, one) for setup in self.setups for one in setup.institution_ids)
        return [data for data in everyone if data.has(name)]

    def design(self, source: Source, replicates: int = 200, released: bool = False) -> Design:
        """One design of all respondents of a source: means of it are means of people, wherever they are.

        Beside the columns of an institution's design: institution_id, type, province_code, size_class and round_id.
        Institutions are drawn from independently: the replicates of one are joined with those of any other. Rounds use
        different replicates and count as independent, too: people who answered in both are not matched.

        Parameters
        ----------
        source : a source of the round, such as "internal"
        replicates : of each institution
        released : as ``ResearchRound.design``; institutions whose result is withheld are left out

        Raises
        ------
        InputError   no institution has weights and answers of the source
        """
        chosen = [data for data in self._answered(source) if not (released and is_withheld(data))]
        rounds = [setup.round.round_id for setup in self.setups]
        parts = [(_placed(data, source), rounds.index(data.setup.round.round_id)) for data in chosen]
        if not parts:
            raise InputError("no institution has respondents that may be shown", key=source)
        design = _pooled(parts, replicates)
        return design.with_rule(release_rule(self.setups[-1], source)) if released else design

    def labelled(self, source: Source, language: Language = "en") -> pd.DataFrame:
        """All respondents of a source in words, as ``ResearchRound.labelled``, with what their institution is."""
        return in_words(
            _joined([_placed(data, source).data for data in self._answered(source)]),
            self.setups[-1],
            language,
        )

    def _answered(self, source: Source) -> list[ResearchRound]:
        """The institutions in which somebody of the source has a weight."""
        found = [
            data
            for data in self.with_table("weights")
            if (data.weights["weight"][data.weights["source"] == source] > 0).any()
        ]
        if not found:
            raise InputError(
                "no institution has respondents with weights", key=source, hint="run: spi run --notebook 30"
            )
        return found

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """The estimates of all institutions as they may be passed on: a mean of them is a mean of institutions."""
        tables = [
            _about(data, data.estimates.drop(columns="institution_id", errors="ignore"))
            for data in self.with_table("estimates")
        ]
        if not tables:
            raise InputError("no institution has estimates", hint="run: spi run --notebook 40")
        return pd.concat(tables, ignore_index=True)


def release_rule(setup: RoundSetup, source: Source) -> partial[pd.DataFrame]:
    """What a table of a source's estimates may show outside the house."""
    limits = setup.round.disclosure
    least = limits.min_panel if source in setup.round.nominated else limits.min_cell
    return partial(released_table, min_cell=least)


def answers_of(data: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """Answers as ticked, contacts and experiences as 1 and 0, and scores of dimensions and source.

    Parameters
    ----------
    data : DataFrame (n, ...)   answer codes, and their 0-100 scores
    """
    items = [item.code for item in instrument.items(source)]
    ticked = pd.DataFrame(item_answers(data, instrument, source), data.index, items)
    weights = item_weights(instrument, source)
    scores = {name: person_scores(data, weights, name) for name in weights}
    happened = experience_answers(data, instrument, source)
    everyone = {name.split("|")[0]: happened[name] for name in happened if name.endswith("|respondents")}
    met = {one.code: said_yes(data, one, instrument) for one in instrument.sources[source].contacts}
    return pd.concat([ticked, pd.DataFrame(met | everyone | scores, data.index)], axis=1)


def is_withheld(data: RoundData) -> bool:
    """Whether an institution's result must not be shown."""
    return data.setup.inputs[data.institution_id].release == "withheld"


def in_order(data: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    """The columns of age groups and tenures as categories from the lowest on: the alphabet has "<30" after "50+"."""
    bands = {"age_group": setup.round.frame.age_labels, "tenure_band": TENURE_BANDS, "unit_tenure_band": TENURE_BANDS}
    kept = [name for name in bands if name in data]
    return data[kept].assign(
        **{name: pd.Categorical(data[name], _with_others(bands[name], data[name])) for name in kept}
    )


def _with_others(codes: Sequence[str], column: pd.Series) -> list[str]:
    """The codes in their order, and then what else the column holds, such as "unknown"."""
    return [*codes, *sorted(set(column.dropna()) - set(codes), key=str)]


def in_words(data: pd.DataFrame, setup: RoundSetup, language: Language) -> pd.DataFrame:
    """Codes as categories with their labels; answers that are none are missing."""
    raw = data[[name for name in data if not name.endswith(SCORE)]]
    sources = {code: one.label for code, one in setup.round.sources.items()}
    words = meanings(raw.columns, setup.instrument, language, sources)
    if "age_group" in raw:
        # They name themselves, so that no file of labels has them.
        unknown = {code: label.get(language) or label.en for code, label in VALUES["age_group"].items()}
        named = {group: group for group in setup.round.frame.age_labels}
        words["age_group"] = replace(words["age_group"], values=named | unknown)
    found = raw.assign(**{name: _labelled(raw[name], words[name]) for name in raw if words[name].values})
    found.attrs["labels"] = {name: words[name].label for name in raw}
    return found


def _labelled(column: pd.Series, meaning: Meaning) -> pd.Series:
    """A column of codes as categories: ordered where the codes are numbers."""
    if meaning.in_words:
        words: Mapping[Any, str] = meaning.values
        labels = {code: words.get(code, code) for code in _with_others([*words], column)}
        return column.map(labels).astype(pd.CategoricalDtype([*labels.values()]))
    known = [code for code in meaning.values if code not in meaning.missing]
    # A scale need not name every step.
    steps = range(int(min(known)), int(max(known)) + 1)
    labels = {step: meaning.values.get(step, str(step)) for step in steps}
    values = column.astype("Float64").astype(float).map(labels)
    return values.astype(pd.CategoricalDtype([*labels.values()], ordered=True))


def _opened(setup: RoundSetup, institution_id: str) -> ResearchRound:
    store = Store(setup.workspace.data / setup.round.round_id)
    return ResearchRound(setup, store, setup.roster[setup.require(institution_id)])


def _respondents(data: RoundData, source: Source) -> Design:
    """The stored design of a source, whose answers fit the instrument and whose weights fit the answers."""
    if source not in data.instrument.sources:
        known = list(data.instrument.sources)
        raise ParameterError("unknown source", got=str(source), expected=", ".join(known), hint=nearest(source, known))
    require_answers_fit(data.responses, data.instrument, data.where("responses"))
    require_weights_fit(data)
    tables = (data.frame, data.responses, data.weights, data.replicates)
    made = respondents_design(source, *tables, data.round, data.instrument)
    if made is None:
        raise InputError("nobody of the source answered", file=data.where("weights"), key=source)
    return made


def _shortened(design: Design, replicates: int | None, after: int = 0) -> Design:
    """So many of a design's replicates, after the first so many."""
    if replicates is None or not isinstance(design, ReplicateDesign):
        return design
    there = design.replicates.shape[1]
    if not replicates >= 2 or after + replicates > there:
        raise InputError(
            "so many replicates are not stored", got=str(after + replicates), expected=f"2 to {there}",
            hint="ask for fewer, or raise n_replicates in the round's parameters and weight again",
        )  # fmt: skip
    return ReplicateDesign(
        design.data, "weight", design.replicates[:, after : after + replicates], "bootstrap",
        scale=design.scale * there / replicates, df_design=design.df_design,
    )  # fmt: skip


def _about(data: RoundData, table: pd.DataFrame) -> pd.DataFrame:
    """A table with what its institution is."""
    one = data.institution
    return table.assign(**{name: getattr(one, name) for name in INSTITUTION}, round_id=data.setup.round.round_id)


def _placed(data: ResearchRound, source: Source) -> Design:
    """An institution's design with what the institution is."""
    design = data.design(source)
    names = pd.DataFrame(index=design.data.index)
    return design.with_columns(_about(data, names))


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def _pooled(parts: list[tuple[Design, int]], replicates: int) -> Design:
    """Designs drawn independently, as one; those of the k-th round take the k-th part of their replicates."""
    data = _joined([design.data for design, _ in parts])
    if not isinstance(parts[0][0], ReplicateDesign):
        # An expert who is the only one of a panel has an error that cannot be known: that of the others stands in.
        panels = data["institution_id"] + "/" + data["round_id"]
        return SurveyDesign(data.assign(panel=panels), "weight", stratum="panel", lonely_psu="average")
    shortened = [_shortened(design, replicates, number * replicates) for design, number in parts]
    scale = max(one.scale for one in shortened)
    values = np.vstack([_at_scale(one, scale) for one in shortened])
    return ReplicateDesign(
        data, "weight", values, "bootstrap", scale=scale, df_design=sum(one.df_design for one in shortened)
    )


def _at_scale(design: ReplicateDesign, scale: float) -> np.ndarray:
    """Replicates with the same variances at a scale at least as large: they deviate less."""
    if design.scale == scale:
        return design.replicates
    weight = design.data["weight"].to_numpy()[:, None]
    return weight + np.sqrt(design.scale / scale) * (design.replicates - weight)
