import numpy as np
import pandas as pd
import pytest
from synthetic_scoring import FIVE, person_scores, true_value

from spi_analysis.synthetic import WORLDS, clean_frame, make_city, simulate_fieldwork

CELLS = ["source", "unit", "position_class"]


def listed(city):
    return city.people["is_eligible"] & (city.people["source"] != "expert")


def scores(city, setup):
    return pd.concat([person_scores(city, setup, source) for source in ("internal", "external")])


def test_overall_rate_is_the_citys_own_or_the_one_asked_for(cities, setup):
    for institution_id, city in cities.items():
        mean = city.propensity[listed(city)].mean()
        assert mean == pytest.approx(0.0831, abs=1e-9) if institution_id == "kota-pangkalpinang" else 0.18 < mean < 0.45
    given = make_city(setup, "kota-bengkulu", 3, response_rate=0.12)
    assert given.propensity[listed(given)].mean() == pytest.approx(0.12, abs=1e-9)
    assert (cities["kota-bengkulu"].propensity[cities["kota-bengkulu"].people["source"] == "expert"] == 0.95).all()


def test_unit_rates_are_spread(cities):
    for institution_id, city in cities.items():
        for _, group in city.people[listed(city)].groupby("source"):
            rates = city.propensity[group.index].groupby(group["unit"]).mean()
            if institution_id == "kota-pangkalpinang":
                assert 0.01 < rates.min() < 0.06
                assert 0.09 < rates.max() < 0.3
            else:
                assert 0.05 < rates.min() < 0.25
                assert 0.3 < rates.max() < 0.7


@pytest.mark.parametrize("world", ["additive", "depends_on_answer"])
def test_whether_response_depends_on_the_answer_within_cells(setup, world):
    """Score of responders minus the rest inside unit x position x sex x age, pooled over cities as one z."""
    gaps, variances = [], []
    for institution_id in FIVE:
        city = make_city(setup, institution_id, 11, world=WORLDS[world])
        frame = clean_frame(city, setup)[city.people["is_eligible"].to_numpy()]
        _, responses = simulate_fieldwork(city, frame, setup, seed=21)
        frame = frame[frame["source"] != "expert"].assign(score=scores(city, setup)[listed(city)].to_numpy())
        keys = [frame["source"] + frame["person_id"], responses["source"] + responses["person_id"]]
        frame["answered"] = keys[0].isin(keys[1][responses["completed_at"].notna().to_numpy()])
        for _, cell in frame.groupby(["source", "unit", "position_class", "sex"], dropna=False):
            yes, no = (cell.loc[cell["answered"] == value, "score"] for value in (True, False))
            if min(len(yes), len(no)) < 5:
                continue
            variance = yes.var() / len(yes) + no.var() / len(no)
            gaps.append((yes.mean() - no.mean()) / max(variance, 0.5))
            variances.append(1 / max(variance, 0.5))
    z = sum(gaps) / sum(variances) ** 0.5
    assert abs(z) < 4 if world == "additive" else z > 10


def test_answer_dependence_biases_the_weighted_mean(setup):
    errors = {}
    for world in ("additive", "depends_on_answer"):
        city = make_city(setup, "kabupaten-probolinggo", 6, world=WORLDS[world])
        means = expected_cell_weighted_mean(city, scores(city, setup))
        errors[world] = means - np.array([true_value(city, "source", s) for s in ("internal", "external")])
    assert (np.abs(errors["additive"]) < 0.25).all()
    assert (errors["depends_on_answer"] > 1.5).all()


def expected_cell_weighted_mean(city, score):
    """What weighting by cell response rates gives on average over fieldworks (ratio of expectations)."""
    people = city.people[listed(city)].fillna({"position_class": ""})
    p = city.propensity[people.index]
    weight = p / p.groupby([people[c] for c in CELLS]).transform("mean")
    y = score[people.index]
    return np.array(
        [np.average(y[people["source"] == s], weights=weight[people["source"] == s]) for s in ("internal", "external")]
    )


@pytest.mark.slow
@pytest.mark.long
def test_unweighted_answers_are_biased_and_cell_weights_repair_it(setup):
    """Forty fieldworks: the mean error of the weighted mean is zero within its own noise; the plain mean's is not."""
    errors = {name: [] for name in ("internal", "external", "plain")}
    for seed in range(40):
        city = make_city(setup, "kota-mojokerto", seed, response_rate=0.4, sizes={"internal": 3000, "external": 2500})
        frame = clean_frame(city, setup)
        invited = frame[frame["is_eligible"]]
        events, responses = simulate_fieldwork(city, invited, setup, seed=seed + 1000)
        score = scores(city, setup)
        for source in ("internal", "external"):
            weighted, plain = weighted_mean(source, invited, events, responses, frame, score)
            errors[source].append(weighted - true_value(city, "source", source))
            errors["plain"].append(plain - true_value(city, "source", source))
    for source in ("internal", "external"):
        mean, noise = np.mean(errors[source]), np.std(errors[source], ddof=1) / 40**0.5
        assert abs(mean) < 3 * noise, f"{source}: mean error {mean:.3f}, standard error {noise:.3f}"
        assert noise < 0.15
    assert np.mean(errors["plain"]) > 0.3


def weighted_mean(source, invited, events, responses, frame, score):
    """Weighting classes unit x position; known ineligibles count as answered and are then dropped."""
    listed_people = invited[invited["source"] == source].fillna({"position_class": ""})
    own = responses[(responses["source"] == source) & responses["completed_at"].notna()]
    ineligible = set(events.loc[events["event"] == "ineligible", "person_id"])
    answered = listed_people["person_id"].isin(own["person_id"])
    known = answered | listed_people["person_id"].isin(ineligible)
    cell = listed_people["unit"] + "|" + listed_people["position_class"]
    cell = cell.where(known.groupby(cell).transform("sum") > 0, listed_people["unit"])
    rate = known.groupby(cell).transform("mean")
    value = score.reindex(listed_people.index)
    return np.average(value[answered], weights=1 / rate[answered]), value[answered].mean()
