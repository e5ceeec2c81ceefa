"""An instrument that changed after the answers came in, and weights that are older than the answers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.params import Instrument
from spi_analysis.params.workspace import Workspace
from spi_analysis.scores import item_scores
from spi_analysis.stages.score import score_round
from spi_analysis.stages.sensitivity import conduct_round
from spi_analysis.stages.weight import people_with_disposition
from spi_analysis.tables.round_data import RoundData, load_round
from spi_analysis.tables.store import Store
from tests.conftest import PROJECT
from tests.stages.conftest import Round
from tests.stages.town import TOWN

NEW, OLD = "int_tra_9", "int_tra_1"


@pytest.fixture
def data(tmp_path: Path, drawn: Round) -> RoundData:
    """The town's round of the project's parameters, weighted, through a store."""
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    store = Store(tmp_path / "data" / "spi_2024")
    for table in ("frame", "sample", "events", "responses"):
        store.write(table, TOWN, getattr(drawn, table))
    store.write("weights", TOWN, drawn.weighted.weights)
    store.write("replicates", TOWN, drawn.weighted.replicates)
    return load_round("spi_2024", TOWN, Workspace(tmp_path))


def with_instrument(data: RoundData, change) -> RoundData:
    """The same data with a changed instrument."""
    given = data.instrument.model_dump()
    change(given["sources"]["internal"]["dimensions"][0]["indicators"][0]["items"])
    return replace(data, setup=replace(data.setup, instrument=Instrument.model_validate(given)))


def gained(items: list[dict]) -> None:
    items.append(items[0] | {"code": NEW})


def renamed(items: list[dict]) -> None:
    items[0]["code"] = f"{items[0]['code']}_new"


def lost(items: list[dict]) -> None:
    items.pop(0)


@pytest.mark.parametrize(("change", "named"), [(gained, NEW), (renamed, f"{OLD}_new")])
@pytest.mark.parametrize("stage", ["people", "score", "conduct"])
def test_every_stage_names_the_item_and_the_way_out(data: RoundData, change, named: str, stage: str) -> None:
    changed = with_instrument(data, change)
    tables = (changed.frame, changed.sample, changed.events, changed.responses)
    stages = {
        "people": lambda: people_with_disposition(*tables, changed.round, changed.instrument),
        "score": lambda: score_round(changed),
        "conduct": lambda: conduct_round(changed),
    }
    with pytest.raises(InputError, match="an item of the instrument has no column") as caught:
        stages[stage]()
    assert [p.column for p in caught.value.problems] == [named]
    assert "import them again: spi import responses" in str(caught.value)
    assert "notebook" not in str(caught.value), "running a notebook again would mend nothing"


def test_imported_again_the_new_item_counts_as_not_asked(data: RoundData, drawn: Round) -> None:
    """Its column is then there and empty: the other items of its dimension carry its weight, as for any such item."""
    changed = with_instrument(data, gained)
    data.store.write("responses", TOWN, drawn.responses.assign(**{NEW: float("nan")}))
    before, scored = score_round(data).estimates, score_round(replace(changed))
    scores = [
        table[(table["measure"] == "dimension_score") & (table["source"] == "internal")].set_index("part")["estimate"]
        for table in (before, scored.estimates)
    ]
    own = drawn.weighted.weights.query("source == 'internal' and weight > 0").set_index("person_id")["weight"]
    answers = drawn.responses.query("source == 'internal'").set_index("person_id").loc[own.index]
    items = item_scores(answers, data.instrument, "internal")
    means = items.mul(own, axis=0).sum() / items.notna().mul(own, axis=0).sum()
    shares = changed.instrument.item_weights("internal")["transparency"].drop(NEW)
    assert scores[1]["transparency"] == pytest.approx((shares * means[shares.index]).sum() / shares.sum())
    others = scores[0].index.drop("transparency")
    assert scores[1][others].tolist() == pytest.approx(scores[0][others].tolist())
    gaps = scored.item_nonresponse.set_index("item")
    assert gaps.loc[NEW, "left_empty"] == 1, "and the page of missing answers says so"


def test_an_item_that_was_taken_out_is_no_longer_scored(data: RoundData) -> None:
    changed = with_instrument(data, lost)
    assert OLD not in set(score_round(changed).item_nonresponse["item"])


def test_a_recoded_scale_is_named_with_the_codes(data: RoundData) -> None:
    given = data.instrument.model_dump()
    scale = given["sources"]["internal"]["dimensions"][0]["indicators"][0]["items"][0]["scale"]
    top = given["scales"][scale]["maximum"]
    given["scales"][scale] |= {"maximum": top - 1}
    given["scales"][scale]["labels"][top - 1] = {"id": "x", "en": "x"}
    changed = replace(data, setup=replace(data.setup, instrument=Instrument.model_validate(given)))
    with pytest.raises(InputError, match="outside the scale") as caught:
        score_round(changed)
    assert {p.got for p in caught.value.problems} == {str(top)}


def test_weights_older_than_the_answers_are_not_used(data: RoundData) -> None:
    """Three employees who had not answered when the weights were made: their answers would be lost without a word."""
    nonrespondents = data.weights[(data.weights["source"] == "internal") & (data.weights["disposition"] == "NC")].head(
        3
    )
    own = data.responses[data.responses["source"] == "internal"]
    late = own.head(len(nonrespondents)).assign(person_id=nonrespondents["person_id"].to_numpy())
    data.store.write("responses", TOWN, pd.concat([data.responses, late], ignore_index=True))
    with pytest.raises(InputError, match="the weights are older than the answers") as caught:
        score_round(replace(data))
    (problem,) = caught.value.problems
    assert problem.got == "internal: 3 people with another disposition now"
    assert problem.hint == "make the weights again: spi run --notebook 30"


def test_weights_older_than_an_event_are_not_used(data: RoundData) -> None:
    """Somebody who answered was found ineligible since."""
    who = data.weights[(data.weights["source"] == "internal") & (data.weights["weight"] > 0)].iloc[0]
    event = data.events.iloc[[0]].assign(person_id=who["person_id"], source="internal", event="ineligible")
    data.store.write("events", TOWN, pd.concat([data.events, event], ignore_index=True))
    with pytest.raises(InputError, match="internal: 1 people with another disposition now"):
        score_round(replace(data))
