import re

import numpy as np
import pandas as pd
import pytest

from spi_analysis.synthetic import WORLDS, make_city

RESERVED = {"example.com", "example.org", "example.net"}


def test_sizes_follow_city_and_seed_and_can_be_given(cities, setup):
    for city in cities.values():
        size = city.people["source"].value_counts()
        assert 1500 <= size["internal"] <= 6000
        assert 800 <= size["external"] <= 5000
        fewest, most = (8, 20) if "expert" in setup.round_for(city.institution_id).panels else (20, 300)
        assert fewest <= size["expert"] <= most
    assert len(cities["kabupaten-probolinggo"].people) > 2 * len(cities["kota-mojokerto"].people)
    given = make_city(setup, "kota-mojokerto", 1, sizes={"internal": 321, "expert": 9})
    assert given.people["source"].value_counts()[["internal", "expert"]].tolist() == [321, 9]


def test_contacts_are_unique_within_source_and_reach_nobody(cities):
    for city in cities.values():
        assert not city.people.duplicated(["source", "phone"]).any()
        assert not city.people.duplicated(["source", "email"]).any()
        assert city.people["phone"].str.fullmatch(r"\+628\d{10}").all()
        assert set(city.people["email"].str.partition("@")[2]) == RESERVED
        assert city.people["email"].str.fullmatch(r"[a-z]+\.[a-z]+\d+@[a-z.]+").all()


def test_names_have_two_or_three_words(mojokerto):
    assert set(mojokerto.people["name"].str.split().str.len()) == {2, 3}


def test_employee_numbers_are_built_like_nips(cities):
    for city in cities.values():
        staff = city.people[city.people["source"] == "internal"]
        numbers = staff["employee_number"].dropna()
        assert numbers.is_unique
        assert numbers.str.fullmatch(r"\d{18}").all()
        assert (staff["employee_number"].notna() == staff["is_asn"]).all()
        born = staff.loc[numbers.index, "birth_date"].dt.strftime("%Y%m%d")
        assert (numbers.str[:8] == born).all()
        assert 0.6 < staff["is_asn"].mean() < 0.95
        assert city.people.loc[city.people["source"] != "internal", "employee_number"].isna().all()


def test_units_are_many_skewed_and_have_one_top_official_each(cities):
    for city in cities.values():
        staff = city.people[city.people["source"] == "internal"]
        users = city.people[city.people["source"] == "external"]
        size = staff["unit"].value_counts()
        assert 18 <= len(size) <= 35
        assert 6 <= users["unit"].nunique() <= 15
        assert size.max() > 4 * size.median()
        assert (staff[staff["position_class"] == "top_official"]["unit"].value_counts() == 1).all()
        assert set(staff.loc[staff["position_class"] == "top_official", "unit"]) == set(size.index)
        assert users["service"].notna().all()
    assert "Mal Pelayanan Publik" in set(cities["kota-bengkulu"].people["unit"])


def test_eligibility_is_the_rounds_rules(cities, setup):
    for city in cities.values():
        people, at = city.people, pd.Timestamp(city.reference_date)
        years = {c: (at - people[c]).dt.days / 365.25 for c in ("start_date", "unit_start_date", "service_date")}
        staff = (
            (years["start_date"] >= 2)
            & (years["unit_start_date"] >= 1)
            & people["main_work"].fillna(False).astype(bool)
            & (people["position_class"] != "top_official")
        )
        by_rule = np.where(people["source"] == "internal", staff, people["source"] == "expert")
        by_rule = np.where(people["source"] == "external", years["service_date"] <= 1, by_rule)
        hidden = people["hidden_ineligible"]
        assert ((people["is_eligible"] | hidden) == by_rule).all()
        assert not (people["is_eligible"] & hidden).any()
        # A panel is named one by one; whoever makes a list does not know everything of everybody on it.
        listed = ~people["source"].isin(setup.round_for(city.institution_id).panels)
        assert 0.015 < hidden[listed & by_rule].mean() < 0.035
        assert not hidden[~listed].any()
        for source, low, high in (("internal", 0.78, 0.90), ("external", 0.88, 0.96)):
            assert low < people.loc[people["source"] == source, "is_eligible"].mean() < high


def test_a_few_users_are_employees_too(cities):
    for city in cities.values():
        people = city.people
        twice = people[people.duplicated("uid", keep=False)]
        users = (people["source"] == "external").sum()
        assert 0.005 < twice["uid"].nunique() / users < 0.015
        assert (twice.groupby("uid")[["name", "phone", "email", "birth_date", "sex"]].nunique() == 1).all(axis=None)
        assert (twice.groupby("uid")["source"].nunique() == 2).all()


@pytest.mark.parametrize(("column", "limit"), [("start_date", 730), ("unit_start_date", 365), ("service_date", 365)])
def test_nobody_stands_on_a_limit_that_rounding_could_cross(cities, column, limit):
    for city in cities.values():
        days = (pd.Timestamp(city.reference_date) - city.people[column].dropna()).dt.days
        assert (days > 0).all()
        long_enough = city.people.loc[days.index, "start_date"].isna() | (
            city.people.loc[days.index, "start_date"] < pd.Timestamp(city.reference_date) - pd.Timedelta(days=740)
        )
        # Where the tenure in the institution is too short already, the unit's no longer matters.
        assert not days[long_enough | (column == "start_date")].between(limit - 12, limit + 12).any()


def test_same_seed_same_city_other_seed_another(setup, mojokerto):
    again, other = (make_city(setup, "kota-mojokerto", seed) for seed in (3, 4))
    for name in ("people", "answers", "truth"):
        pd.testing.assert_frame_equal(getattr(mojokerto, name), getattr(again, name))
    pd.testing.assert_series_equal(mojokerto.propensity, again.propensity)
    assert len(other.people) != len(mojokerto.people) or not other.people["phone"].equals(mojokerto.people["phone"])


def test_one_purpose_does_not_shift_another(setup):
    sizes = {"internal": 400, "external": 300, "expert": 10}
    base = make_city(setup, "kota-mojokerto", 5, sizes=sizes)
    biased = make_city(setup, "kota-mojokerto", 5, sizes=sizes, world=WORLDS["depends_on_answer"], response_rate=0.2)
    pd.testing.assert_frame_equal(base.people, biased.people)
    pd.testing.assert_frame_equal(base.answers, biased.answers)
    more_users = make_city(setup, "kota-mojokerto", 5, sizes={**sizes, "external": 350})
    staff = base.people.index[base.people["source"] == "internal"]
    kept = ["unit", "position_class", "start_date", "main_work"]
    pd.testing.assert_frame_equal(base.people.loc[staff, kept], more_users.people.loc[staff, kept])


def test_head_titles_read_naturally():
    from spi_analysis.synthetic.profiles import head_title

    assert head_title("Dinas Kesehatan") == "Kepala Dinas Kesehatan"
    assert head_title("Kecamatan Magersari") == "Camat Magersari"
    assert head_title("Sekretariat Daerah") == "Sekretaris Daerah"
    assert head_title("RSUD Waluyo Jati") == "Direktur RSUD Waluyo Jati"
    assert head_title("Inspektorat") == "Inspektur"
    assert not re.search(r"\s$", head_title("Inspektorat"))


def test_an_institution_without_a_profile_gets_one_from_its_code():
    from spi_analysis.params import Institution
    from spi_analysis.synthetic.data_entry import STYLES, patterns_of
    from spi_analysis.synthetic.profiles import offices_of, profile_of, service_units_of

    institution = Institution(
        institution_id="kota-contoh", name="Pemerintah Kota Contoh", type="kota", size_class="besar"
    )
    profile = profile_of(institution)
    assert profile == profile_of(institution)
    assert profile.internal == (4000, 6000)
    assert 0.18 <= profile.response_rate < 0.39
    assert patterns_of("kota-contoh") in STYLES
    assert 18 <= len(offices_of("kota-contoh")) <= 35
    assert 6 <= len(service_units_of("kota-contoh")) <= 15


def test_a_tiny_city_goes_all_the_way(setup, tmp_path):
    from spi_analysis.synthetic import clean_frame, received_lists, simulate_fieldwork

    city = make_city(setup, "kabupaten-probolinggo", 2, sizes={"internal": 20, "external": 5, "expert": 1})
    events, _ = simulate_fieldwork(city, clean_frame(city, setup), setup, seed=1)
    assert not events.empty
    assert len(received_lists(city, tmp_path, 1)) == 3
