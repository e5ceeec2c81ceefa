"""Arms of the optional modules and forms of the questionnaire: drawn, recorded, and found when they are changed."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.errors import SamplingError
from spi_analysis.params import RoundSetup
from spi_analysis.params.round import FormParams, ModuleParams
from spi_analysis.stages.draw import archive_path
from spi_analysis.stages.verify import verify_institution
from spi_analysis.survey import random_arms
from spi_analysis.tables import Store, write_parquet
from tests.stages.town import SECRET, TOWN, draw_announced

ARMS = {"list_short": 0.4, "list_long": 0.4, "crosswise": 0.2}


@pytest.fixture
def asked(setup: RoundSetup) -> RoundSetup:
    """The town's users get the modules."""
    given = {"institutions": [TOWN], "sources": ["external"], "arms": ARMS, "source": "a test", "as_of": "2024-07-01"}
    return replace(setup, round=setup.round.model_copy(update={"modules": ModuleParams.model_validate(given)}))


def test_arms_are_drawn_recorded_and_verified(asked: RoundSetup, store: Store) -> None:
    record = draw_announced(asked, store, TOWN, SECRET)
    assert record["sources"]["external"]["context"]["arms"] == ARMS
    assert "arms" not in record["sources"]["internal"]["context"]
    sample = store.read("sample", TOWN)
    assert sample.loc[sample["source"] != "external", "arm"].isna().all()
    of_users = sample.loc[sample["source"] == "external", "arm"].value_counts(normalize=True)
    assert set(of_users.index) == set(ARMS)
    assert of_users["crosswise"] < 0.35
    assert not any(verify_institution(asked, store, TOWN, SECRET).values())


def test_a_changed_arm_is_found(asked: RoundSetup, store: Store) -> None:
    draw_announced(asked, store, TOWN, SECRET)
    path = archive_path(store, TOWN, "drawn")
    drawn = pd.read_parquet(path)
    row = drawn.index[drawn["arm"] == "list_long"][0]
    drawn.loc[row, "arm"] = "list_short"
    write_parquet(path, drawn)
    found = verify_institution(asked, store, TOWN, SECRET)
    assert drawn.loc[row, "person_id"] in [person for one in found["external"] for person in one.rows]
    assert not found["internal"]


def test_arms_move_nobody_into_or_out_of_the_sample(
    setup: RoundSetup, asked: RoundSetup, store: Store, tmp_path
) -> None:
    other = Store(tmp_path / "other" / "spi_2024")
    other.write("frame", TOWN, store.read("frame", TOWN))
    draw_announced(setup, other, TOWN, SECRET)
    draw_announced(asked, store, TOWN, SECRET)
    without, with_arms = other.read("sample", TOWN), store.read("sample", TOWN)
    assert "arm" not in without
    pd.testing.assert_frame_equal(with_arms.drop(columns="arm"), without)


FORMS = {"usual": 0.5, "reversed": 0.5}


@pytest.fixture
def formed(asked: RoundSetup) -> RoundSetup:
    """The town's users get the modules and both forms, its employees the forms."""
    given = {"institutions": [TOWN], "sources": ["internal", "external"], "shares": FORMS, "source": "a test",
             "as_of": "2024-07-01"}  # fmt: skip
    return replace(asked, round=asked.round.model_copy(update={"forms": FormParams.model_validate(given)}))


def test_forms_are_drawn_beside_the_arms_recorded_and_verified(
    asked: RoundSetup, formed: RoundSetup, store: Store, tmp_path
) -> None:
    other = Store(tmp_path / "other" / "spi_2024")
    other.write("frame", TOWN, store.read("frame", TOWN))
    draw_announced(asked, other, TOWN, SECRET)
    record = draw_announced(formed, store, TOWN, SECRET)
    assert all(record["sources"][source]["context"]["forms"] == FORMS for source in ("internal", "external"))
    sample = store.read("sample", TOWN)
    pd.testing.assert_frame_equal(sample.drop(columns="form"), other.read("sample", TOWN))
    drawn = sample[sample["source"].isin(["internal", "external"])]
    assert drawn["form"].value_counts(normalize=True).to_dict() == pytest.approx(FORMS, abs=0.1)
    of_users = drawn[drawn["source"] == "external"]
    by_arm = pd.crosstab(of_users["arm"], of_users["form"], normalize="index")
    assert by_arm["usual"].between(0.25, 0.75).all(), "by other numbers than those of the arms"
    assert sample.loc[~sample["source"].isin(["internal", "external"]), "form"].isna().all()
    assert not any(verify_institution(formed, store, TOWN, SECRET).values())


def test_a_changed_form_is_found(formed: RoundSetup, store: Store) -> None:
    draw_announced(formed, store, TOWN, SECRET)
    path = archive_path(store, TOWN, "drawn")
    drawn = pd.read_parquet(path)
    row = drawn.index[(drawn["form"] == "usual") & (drawn["source"] == "internal")][0]
    drawn.loc[row, "form"] = "reversed"
    write_parquet(path, drawn)
    found = verify_institution(formed, store, TOWN, SECRET)
    assert [person for one in found["internal"] for person in one.rows] == [drawn.loc[row, "person_id"]]
    assert not found["external"]


def test_an_arm_depends_on_person_secret_and_scope_alone() -> None:
    people = pd.Series([f"p{i}" for i in range(2000)])
    arms = random_arms(people, ARMS, SECRET, "one")
    assert arms.value_counts(normalize=True).to_dict() == pytest.approx(ARMS, abs=0.04)
    pd.testing.assert_series_equal(random_arms(people[::3], dict(reversed(ARMS.items())), SECRET, "one"), arms[::3])
    assert (random_arms(people, ARMS, SECRET, "two") != arms).mean() > 0.5


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.2, "b": -0.2}])
def test_shares_that_make_no_whole_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(SamplingError, match="shares of the arms"):
        random_arms(pd.Series(["p1"]), shares, SECRET, "one")
