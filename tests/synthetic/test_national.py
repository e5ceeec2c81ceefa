"""A national round of examples: as many of each type as there are, sizes and means of the published rounds."""

from collections import Counter

import numpy as np
import pytest

from spi_analysis.scores import has_acted
from spi_analysis.stages import load_tracker
from spi_analysis.synthetic import make_city
from spi_analysis.synthetic.country import (
    SHAPES,
    example_inputs,
    example_institutions,
    example_scores,
    example_size,
    generated_peers,
    generated_tracker,
    is_example,
    scaled,
)
from spi_analysis.synthetic.profiles import profile_of

WEIGHTS = {"internal": 0.3050, "external": 0.3280, "expert": 0.3670}


@pytest.fixture(scope="module")
def all_640(setup):
    five = [setup.roster[code] for code in setup.institution_ids]
    return [*five, *example_institutions(five, 640)]


def test_types_are_those_of_2024(all_640):
    """DOMAIN: 35 kementerian, 61 lembaga, 36 provinsi, 93 kota, 415 kabupaten, 2 bumn are 642; two fewer here."""
    counts = Counter(institution.type for institution in all_640)
    assert sum(counts.values()) == 640
    published = {"kementerian": 35, "lembaga": 61, "provinsi": 36, "kota": 93, "kabupaten": 415, "bumn": 2}
    assert all(abs(counts[kind] - count) <= 2 for kind, count in published.items()), counts
    assert {kind: shape.count for kind, shape in SHAPES.items()} == published


def test_whoever_asks_for_more_gets_the_same_ones_first(setup, all_640):
    five = all_640[:5]
    twelve = [*five, *example_institutions(five, 12)]
    assert twelve == all_640[:12]
    assert [*twelve, *example_institutions(twelve, 640)] == all_640, "also where the first are in the roster already"
    assert example_institutions(all_640, 600) == []


def test_names_and_codes_are_unique_and_marked_as_examples(all_640):
    made = all_640[5:]
    assert len({one.institution_id for one in made}) == len({one.name for one in made}) == 635
    assert all("Contoh" in one.name and is_example(one.institution_id) for one in made)
    assert not any(is_example(one.institution_id) for one in all_640[:5])


def test_sizes_add_up_to_the_published_population(all_640):
    """DOMAIN: a population of 7,777,891 in 2022; lists repeat 1.5 % of the people."""
    sizes = np.array([example_size(one.institution_id) for one in all_640[5:]])
    assert 7.2e6 < sizes.sum() * 1.015 < 8.4e6
    by_type = {kind: sizes[[one.type == kind for one in all_640[5:]]].sum(axis=1) for kind in SHAPES}
    assert by_type["kementerian"].mean() > 3 * by_type["kabupaten"].mean(), "ministries are large"
    assert by_type["kabupaten"].max() > 3 * by_type["kabupaten"].min(), "and no two alike"


def test_mean_index_by_type_is_the_published_one(all_640):
    """DOMAIN: means by type of 2024. With 36 to 413 institutions a type's mean lies within 3 standard errors."""
    index = {}
    for one in all_640[5:]:
        scores, inputs = example_scores(one.institution_id), example_inputs(one.institution_id)
        corrections = inputs.correction_conduct + inputs.correction_facts
        index.setdefault(one.type, []).append(sum(WEIGHTS[s] * scores[s] for s in WEIGHTS) - corrections)
    for kind in ("kementerian", "lembaga", "provinsi", "kota", "kabupaten"):
        values = np.array(index[kind])
        error = values.std(ddof=1) / np.sqrt(values.size)
        # NEUTRAL is rounded: a quarter of a point is left open.
        assert abs(values.mean() - SHAPES[kind].index) < 3 * error + 0.6, (kind, values.mean())


def test_scaled_lists_keep_the_panel_and_a_least_size():
    assert scaled({"internal": 6000, "external": 4000, "expert": 12}, 0.1) == {
        "internal": 600,
        "external": 400,
        "expert": 12,
    }
    assert scaled({"internal": 6000, "external": 4000, "expert": 12}, 0.001)["internal"] == 60


def test_a_generated_ministry_has_the_true_scores_of_its_code(setup, all_640):
    from dataclasses import replace

    ministry = next(one for one in all_640 if one.type == "kementerian")
    code = ministry.institution_id
    roster = setup.roster.model_copy(update={"institutions": {**setup.roster.institutions, code: ministry}})
    grown = replace(setup, roster=roster, inputs={**setup.inputs, code: example_inputs(code)})
    city = make_city(grown, code, 5, sizes={"internal": 900, "external": 600, "expert": 12})
    truth = city.truth[city.truth["measure"] == "source"].set_index("source")["value"]
    for source, score in example_scores(code).items():
        assert truth[source] == pytest.approx(score, abs=0.02)
    assert profile_of(ministry).internal[0] == example_size(code)[0]
    heads = city.people[city.people["position_class"] == "top_official"]
    assert not heads["is_eligible"].any()


def test_generated_follow_up_is_a_tracker_in_which_some_acted_and_some_did_not(setup, tmp_path):
    """Read like a real one: counts and statuses that contradict each other would be refused."""
    generated_tracker(setup, 2024).to_csv(tmp_path / "tracker.csv", index=False)
    table = load_tracker(tmp_path / "tracker.csv", setup.institution_ids)
    acted = has_acted(table, setup.years.effect).groupby(table["institution_id"]).any()
    assert len(acted) == 5
    assert acted.any()
    assert (table.groupby(["institution_id", "year"])["done"].sum() == 0).any()
    assert generated_tracker(setup, 2024).equals(generated_tracker(setup, 2024))


def test_a_source_of_one_dimension_has_the_same_peers_as_that_dimension(setup):
    """Experts are asked for one dimension: one figure, one yardstick."""
    peers = generated_peers(setup, 2024)
    keys = ["institution_id", "source"]
    both = peers[peers["measure"] == "source_score"].merge(peers[peers["measure"] == "dimension_score"], on=keys)
    expert = both[both["source"] == "expert"]
    assert len(expert) == 60
    assert (expert["value_x"] == expert["value_y"]).all()
    assert (both[both["source"] == "external"]["value_x"] != both[both["source"] == "external"]["value_y"]).any()
