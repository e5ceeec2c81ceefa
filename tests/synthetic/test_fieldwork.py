import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.synthetic import clean_frame, make_city, simulate_fieldwork
from spi_analysis.tables.contracts import checked

SENSITIVE, GOOD = ("int_dut_1", "int_hrm_2", "int_pro_4"), ("int_tra_1", "int_awa_3", "int_hrm_4")


@pytest.fixture(scope="module")
def city(setup):
    return make_city(setup, "kabupaten-probolinggo", 2, response_rate=0.35)


@pytest.fixture(scope="module")
def frame(city, setup):
    return clean_frame(city, setup)


@pytest.fixture(scope="module")
def round_(city, frame, setup):
    """Events and responses of a census of the frame's eligible people."""
    return simulate_fieldwork(city, frame[frame["is_eligible"]], setup, seed=9)


def who(events, event):
    return set(events.loc[events["event"] == event, "person_id"])


def test_tables_fit_their_contracts(frame, round_):
    for name, table in (("frame", frame), ("events", round_[0]), ("responses", round_[1])):
        pd.testing.assert_frame_equal(checked(name, table), table)


def test_frame_shows_what_lists_show(city, frame):
    assert len(frame) == len(city.people)
    assert (frame["is_eligible"].to_numpy() == (city.people["is_eligible"] | city.people["hidden_ineligible"])).all()
    assert set(frame["age_group"]) == {"<30", "30-39", "40-49", "50+"}
    assert set(frame["position_class"].dropna()) == {"top_official", "structural", "functional", "staff", "non_asn"}
    twice = frame[frame["also_listed_as"].notna()]
    assert (twice.groupby("person_id")["source"].nunique() == 2).all()
    assert (twice["also_listed_as"] != twice["source"]).all()
    assert not frame["person_id"].isin(city.people["uid"]).any()


def test_completed_means_a_finished_questionnaire(city, round_):
    events, responses = round_
    finished = responses[responses["completed_at"].notna()]
    completed = events[events["event"] == "completed"].sort_values(["person_id", "at"])
    finished = finished.sort_values(["person_id", "completed_at"])
    assert completed["person_id"].tolist() == finished["person_id"].tolist()
    assert completed["at"].tolist() == finished["completed_at"].tolist()
    started = events[events["event"] == "started"]
    unfinished = responses[responses["completed_at"].isna()]
    assert len(started) == len(responses) + (events["event"] == "ineligible").sum()
    assert 0.02 < len(unfinished) / len(started) < 0.045
    assert (finished["completed_at"] > finished["started_at"]).all()


def test_ineligible_are_the_hidden_ones_and_only_those(city, round_):
    events, responses = round_
    hidden = set(city.person_ids[city.people["hidden_ineligible"]])
    assert who(events, "ineligible") <= hidden
    eligible = city.people.set_index([city.people["source"], city.person_ids])["is_eligible"]
    assert eligible.loc[list(zip(responses["source"], responses["person_id"], strict=True))].all()
    share = len(who(events, "ineligible")) / len(who(events, "started"))
    assert 0.015 < share < 0.035


def test_response_rate_is_the_propensity(city, frame, round_):
    _, responses = round_
    eligible = city.people["is_eligible"] & (city.people["source"] != "expert")
    p = city.propensity[eligible]
    finished = (responses["completed_at"].notna() & (responses["source"] != "expert")).sum()
    assert abs(finished - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())


def test_wrong_numbers_are_as_common_as_said_and_do_not_bar_email(city, frame, round_):
    events, _ = round_
    invited = frame[frame["is_eligible"]]
    wrong = invited["person_id"].isin(who(events, "invalid_number"))
    share = wrong.groupby(invited["source"]).mean()
    assert 0.04 < share["external"] < 0.105
    assert 0.02 < share["internal"] < 0.045
    assert who(events, "invalid_number") & who(events, "completed")


def test_events_are_sorted_plausible_and_inside_fieldwork(setup, round_):
    events, _ = round_
    assert events["at"].is_monotonic_increasing
    assert events["at"].min() >= pd.Timestamp(setup.round.fieldwork.start)
    assert events["at"].max() < pd.Timestamp(setup.round.fieldwork.end) + pd.Timedelta(days=1)
    sent = events.loc[events["event"] == "sent", "at"]
    assert sent.dt.day_of_week.max() <= 4
    assert sent.dt.hour.between(8, 16).all()
    started = events.loc[events["event"] == "started", "at"]
    assert started.dt.hour.between(8, 15).mean() > 0.6
    assert started.dt.hour.between(5, 22).all()
    assert events.loc[events["event"] == "read", "at"].dt.hour.between(5, 22).all()
    assert (events.loc[events["event"].isin(["started", "completed", "ineligible"]), "channel"] == "web").all()


def test_each_persons_story_is_in_order(city, frame, round_):
    """sent <= delivered <= read <= started < completed; nobody is reminded who is done."""
    events, _ = round_
    once = frame.loc[frame["is_eligible"] & frame["also_listed_as"].isna(), "person_id"]
    events = events[events["person_id"].isin(once)]
    first = events.groupby(["person_id", "event"])["at"].min().unstack()
    for early, late in [("sent", "delivered"), ("delivered", "read"), ("read", "started"), ("started", "completed")]:
        both = first[[early, late]].dropna()
        assert (both[early] < both[late]).all(), f"{early} before {late}"
    assert first["sent"].notna().all()
    last_sent = events[events["event"] == "sent"].groupby("person_id")["at"].max()
    for end in ("completed", "refused", "opted_out", "ineligible"):
        ended = first[end].dropna()
        assert (last_sent[ended.index] < ended).all(), f"no message after {end}"
        assert not set(ended.index) & (who(events, "completed") - {*first["completed"].dropna().index})
    assert not (who(events, "refused") | who(events, "opted_out")) & who(events, "started")


def test_item_nonresponse_is_as_common_as_said(round_):
    _, responses = round_
    full = responses[(responses["source"] == "internal") & responses["completed_at"].notna()]
    for code, low, high in ((8, 0.025, 0.06), (9, 0.01, 0.04)):
        shares = (full.filter(regex="^int_(?!con|exp)") == code).mean()
        assert low < shares.mean() < high
        assert shares[list(SENSITIVE)].mean() > shares[list(GOOD)].mean()
    empty = full.filter(regex="^int_").isna().mean()
    assert 0.003 < empty.mean() < 0.02


def test_broken_off_questionnaires_end_early_and_stay_empty(setup, round_):
    _, responses = round_
    broken = responses[(responses["source"] == "internal") & responses["completed_at"].isna()]
    answered = broken[setup.instrument.codes("internal")].notna().to_numpy()
    assert not answered[:, -1].any()
    length = answered.shape[1] - answered[:, ::-1].argmax(axis=1)
    assert length.min() < answered.shape[1] / 3
    assert length.max() > answered.shape[1] * 2 / 3


def test_substantive_answers_are_the_persons_own(city, setup, round_):
    _, responses = round_
    rows = pd.Series(city.people.index, index=pd.MultiIndex.from_arrays([city.people["source"], city.person_ids]))
    for source in ("internal", "external", "expert"):
        own = responses[responses["source"] == source]
        truth = city.answers.loc[rows[source][own["person_id"]], setup.instrument.codes(source)].to_numpy()
        given = own[setup.instrument.codes(source)].to_numpy()
        substantive = ~np.isnan(given) & (given < 8)
        assert (given[substantive] == truth[substantive]).all()


def test_some_rush_and_coached_units_answer_together(city, round_):
    _, responses = round_
    minutes = (responses["completed_at"] - responses["started_at"]).dt.total_seconds().div(60)
    minutes = minutes[responses["source"] == "internal"].dropna()
    assert 10 < minutes.median() < 18
    assert 0.005 < (minutes < 4).mean() < 0.05
    coached = responses["person_id"].isin(city.person_ids[city.people["is_coached"]])
    starts = responses.loc[coached, "started_at"]
    assert starts.dt.date.nunique() <= 2
    assert starts.dt.hour.between(9, 10).all()


def test_strangers_and_people_off_the_frame_never_answer(city, frame, setup):
    stranger = pd.DataFrame({"person_id": ["nobody", "no-one"], "source": ["internal", "external"]})
    invited = pd.concat([stranger, frame.loc[~frame["is_eligible"], ["person_id", "source"]]])
    events, responses = simulate_fieldwork(city, invited, setup, seed=9)
    assert responses.empty
    assert {"nobody", "no-one"} <= who(events, "invalid_number")
    assert not who(events, "completed")
    ineligible = events[events["person_id"].isin(who(events, "ineligible"))]
    assert len(ineligible) > 0
    only_strangers = simulate_fieldwork(city, stranger, setup, seed=9)
    assert set(only_strangers[0]["event"]) == {"sent", "invalid_number"}


def test_a_person_does_the_same_whoever_else_is_invited(city, frame, setup, round_):
    some = frame[frame["is_eligible"]].sample(200, random_state=4)
    events, responses = simulate_fieldwork(city, some[["source", "person_id"]], setup, seed=9)
    key = ["source", "person_id"]
    expected = round_[1].merge(some[key], on=key)
    pd.testing.assert_frame_equal(
        responses.sort_values(key, ignore_index=True), expected.sort_values(key, ignore_index=True)
    )
    alone = some.loc[some["also_listed_as"].isna(), "person_id"]
    order = ["person_id", "at", "event"]
    pair = [
        table[table["person_id"].isin(alone)].sort_values(order, ignore_index=True) for table in (events, round_[0])
    ]
    pd.testing.assert_frame_equal(*pair)


def test_same_seed_same_fieldwork(city, frame, setup, round_):
    again = simulate_fieldwork(city, frame[frame["is_eligible"]], setup, seed=9)
    other = simulate_fieldwork(city, frame[frame["is_eligible"]], setup, seed=10)
    for first, second in zip(round_, again, strict=True):
        pd.testing.assert_frame_equal(first, second)
    assert len(other[1]) != len(again[1]) or not other[1]["person_id"].equals(again[1]["person_id"])


def test_invited_must_name_person_and_source(city, setup):
    with pytest.raises(InputError, match="source"):
        simulate_fieldwork(city, pd.DataFrame({"person_id": ["x"]}), setup, seed=1)
