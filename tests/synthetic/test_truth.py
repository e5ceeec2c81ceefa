import pytest
from synthetic_scoring import FIVE, person_scores, published, true_value

from spi_analysis.errors import InputError, ParameterError
from spi_analysis.synthetic import make_city, world_named


@pytest.mark.parametrize("institution_id", FIVE)
@pytest.mark.parametrize("source", ["internal", "external"])
def test_true_source_score_is_the_published_one(cities, setup, institution_id, source):
    city = cities[institution_id]
    eligible = city.people["is_eligible"]
    recomputed = person_scores(city, setup, source)[eligible].mean()
    assert recomputed == pytest.approx(published(setup, city)[source], abs=0.005)
    assert true_value(city, "source", source) == pytest.approx(recomputed, abs=1e-9)


@pytest.mark.parametrize("institution_id", FIVE)
def test_index_is_the_weighted_sum_minus_corrections(cities, setup, institution_id):
    city = cities[institution_id]
    # Weights of 2024 and the published arithmetic; the published index is itself rounded (tolerance of published.yaml).
    sources = {"internal": 0.3050, "external": 0.3280, "expert": 0.3670}
    inputs = setup.inputs[institution_id]
    corrections = inputs.correction_conduct + inputs.correction_facts + inputs.correction_other
    expected = sum(weight * true_value(city, "source", source) for source, weight in sources.items()) - corrections
    assert true_value(city, "index") == pytest.approx(expected, abs=1e-9)
    assert true_value(city, "index") == pytest.approx(published(setup, city)["index"], abs=setup.years.tolerance)


def test_expert_truth_is_the_mean_of_what_panels_are_drawn_from(setup):
    for institution_id in FIVE:
        city = make_city(setup, institution_id, seed=8, sizes={"internal": 60, "external": 60, "expert": 40_000})
        scores = person_scores(city, setup, "expert")
        # Of a list the truth is the mean of those on it: ten points apart, 40,000 of them miss by 0.2 at most.
        drawn = "expert" not in setup.round_for(institution_id).panels
        within = 4 * scores.std() / len(scores) ** 0.5 if drawn else 1e-9
        assert true_value(city, "source", "expert") == pytest.approx(published(setup, city)["expert"], abs=within)
        assert abs(scores.mean() - true_value(city, "source", "expert")) < 4 * scores.std() / len(scores) ** 0.5
        assert 8 < scores.std() < 12.5


@pytest.mark.parametrize("source", ["internal", "external"])
def test_spread_between_people_and_units_is_plausible(cities, setup, source):
    for city in cities.values():
        scores = person_scores(city, setup, source)[city.people["is_eligible"]]
        assert 12 < scores.std() < 18.5
        assert 0.02 < intraclass_correlation(scores, city.people["unit"]) < 0.16


def test_units_dimensions_and_rates_follow_from_the_answers(mojokerto, setup):
    eligible = mojokerto.people["is_eligible"]
    scores = person_scores(mojokerto, setup, "internal")[eligible]
    unit = "Dinas Kesehatan"
    mean = scores[mojokerto.people["unit"] == unit].mean()
    assert true_value(mojokerto, "unit", "internal", domain=unit) == pytest.approx(mean)
    dimensions = mojokerto.truth.query("measure == 'dimension' and source == 'internal'")["value"]
    assert dimensions.mean() == pytest.approx(true_value(mojokerto, "source", "internal"))

    users = mojokerto.answers[eligible & (mojokerto.people["source"] == "external")]
    met = users[users["ext_con_1"] == 1]
    rate = {"part": "ext_exp_1", "denominator": "respondents"}
    assert true_value(mojokerto, "rate", "external", **rate) == pytest.approx(100 * users["ext_exp_1"].mean())
    rate["denominator"] = "contacts"
    assert true_value(mojokerto, "rate", "external", **rate) == pytest.approx(100 * met["ext_exp_1"].mean())


def test_experiences_do_not_contradict_each_other(cities):
    for city in cities.values():
        users = city.answers[city.people["source"] == "external"]
        paid_or_asked = (users["ext_exp_1"] == 1) | (users["ext_exp_2"] == 1)
        assert (paid_or_asked == (users["ext_exp_3"] == 1)).all()
        assert (users.loc[users["ext_con_1"] == 0, ["ext_exp_1", "ext_exp_2", "ext_exp_3"]] == 0).all(axis=None)


def test_the_worse_the_score_the_more_was_seen(cities, setup):
    for city in cities.values():
        scores = person_scores(city, setup, "internal")
        saw = city.answers.loc[scores.index, "int_exp_1"] == 1
        assert scores[saw].mean() < scores[~saw].mean() - 2


def test_answers_are_codes_of_the_items_scale_and_of_the_own_source_only(mojokerto, setup):
    for source, questions in setup.instrument.questions.items():
        own = mojokerto.people["source"] == source
        for question in questions:
            scale = setup.instrument.scales[question.scale]
            codes = mojokerto.answers[question.code]
            assert codes[own].isin(range(scale.minimum, scale.maximum + 1)).all()
            assert codes[~own].isna().all()


def test_coached_units_are_near_identical_and_can_be_left_out(cities, setup):
    city = cities["kabupaten-probolinggo"]
    coached = city.people["is_coached"]
    assert 1 <= city.people.loc[coached, "unit"].nunique() <= 2
    items = [item.code for item in setup.instrument.items("internal")]
    answers, units = city.answers.loc[coached, items], city.people.loc[coached, "unit"]
    modal = answers.groupby(units).transform(lambda codes: codes.mode().iloc[0])
    assert (answers == modal).mean(axis=None) > 0.94
    assert person_scores(city, setup, "internal")[coached].mean() > 88

    plain = make_city(setup, "kabupaten-probolinggo", seed=3, coached=False)
    assert not plain.people["is_coached"].any()
    assert true_value(plain, "source", "internal") == pytest.approx(published(setup, plain)["internal"], abs=0.005)


def test_wrong_arguments_are_named(setup):
    with pytest.raises(InputError, match="depends_on_answer"):
        world_named("depends_on_answers")
    with pytest.raises(InputError, match="response rate"):
        make_city(setup, "kota-mojokerto", 1, response_rate=1.2)
    with pytest.raises(InputError, match="external"):
        make_city(setup, "kota-mojokerto", 1, sizes={"externl": 10})
    with pytest.raises(InputError, match="seed"):
        make_city(setup, "kota-mojokerto", -1)
    with pytest.raises(ParameterError, match="kota-mojokerto"):
        make_city(setup, "kota-mojokert", 1)


def intraclass_correlation(scores, unit):
    """ANOVA estimator for groups of unequal size."""
    groups = scores.groupby(unit[scores.index])
    size, k, n = groups.size(), groups.ngroups, len(scores)
    between = (size * (groups.mean() - scores.mean()) ** 2).sum() / (k - 1)
    within = ((scores - groups.transform("mean")) ** 2).sum() / (n - k)
    mean_size = (n - (size**2).sum() / n) / (k - 1)
    return (between - within) / (between + (mean_size - 1) * within)
