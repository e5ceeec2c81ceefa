"""Employee numbers that went through a figure, numbers of several people, and names that mean nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.cells.text import lost_in_column
from tests.tables.lists import CITY, codes

HEADER = ["Nama", "NIP", "Jabatan", "Unit Kerja", "No HP"]
CHANCE = 0.0001


def listed(*people):
    return [HEADER, *([name, number, "Staf", "Dinas Sosial", phone] for name, number, phone in people)]


def stored(store, vault):
    """Name -> employee number of everyone in the frame."""
    people = vault.read_contacts("spi_2024", CITY, "internal")
    assert set(people["person_id"]) == set(store.read("frame", CITY)["person_id"])
    assert people["person_id"].is_unique
    numbers = [number if isinstance(number, str) else None for number in people["employee_number"]]
    return dict(zip(people["name"], numbers, strict=True))


THREE = ["198503152010011011", "198604202011012002", "199001012015011003"]


def test_three_numbers_that_all_fit_a_figure_are_enough_and_two_are_not():
    """A figure keeps 18 digits to the nearest 32: 32**-2 = 1/1024 is above one in 10,000, 32**-3 = 1/32768 is below."""
    through = [str(int(float(number))) for number in THREE]
    assert lost_in_column(through, CHANCE) == set(through)
    assert lost_in_column(through[:2], CHANCE) == set()
    assert lost_in_column(THREE, CHANCE) == set()


def test_true_numbers_of_which_one_in_32_fits_are_left_alone():
    numbers = [str(198503152010011000 + i) for i in range(1, 641)]
    fitting = [number for number in numbers if int(number) % 32 == 0]
    assert len(fitting) == 20
    assert lost_in_column(numbers, CHANCE) == set()
    assert lost_in_column([*numbers[:30], *fitting], CHANCE) >= set(fitting[1:]), "20 of 50 are no chance"


@given(st.lists(st.integers(10**17, 3 * 10**17 - 1).map(str), min_size=4, max_size=30, unique=True))
def test_a_column_that_went_through_a_figure_is_always_found(numbers):
    through = {str(int(float(number))) for number in numbers}
    if len(through) >= 4:
        assert lost_in_column(through, CHANCE) == through


@pytest.mark.parametrize("numbers", [[], ["x"], ["9" * 400] * 5, ["12345678"] * 5, ["3576011503850001"] * 5])
def test_other_numbers_are_none_of_its_business(numbers):
    assert lost_in_column(numbers, CHANCE) == set()


def test_a_column_of_damaged_numbers_is_said_once_and_nobody_is_known_by_them(bring, write_csv, store, vault):
    people = [(f"Orang {i}", str(int(float(number))), f"08120000000{i}") for i, number in enumerate(THREE, 1)]
    result = bring(write_csv(f"{CITY}__internal.csv", listed(*people)))
    assert stored(store, vault) == {"Orang 1": None, "Orang 2": None, "Orang 3": None}
    said = result.problems.query("code == 'employee_numbers_rounded'")
    assert said[["row", "column"]].to_numpy().tolist() == [[2, "NIP"]]
    assert "3 rows" in said["reason_en"].iloc[0]
    assert store.read("frame", CITY)["frame_problem"].str.contains("employee_numbers_rounded").all()


NUMBER = "198503152010011001"


def test_a_number_that_stands_at_people_with_other_names_and_phones_is_nobodys(bring, write_csv, store, vault):
    people = [("Andi Contoh", NUMBER, "081200000001"), ("Bunga Contoh", NUMBER, "081200000002"),
              ("Citra Contoh", "199001012015011003", "081200000003")]  # fmt: skip
    result = bring(write_csv(f"{CITY}__internal.csv", listed(*people)))
    assert stored(store, vault) == {"Andi Contoh": None, "Bunga Contoh": None, "Citra Contoh": "199001012015011003"}
    assert result.counts[["accepted", "rejected"]].to_numpy().tolist() == [[3, 0]]
    said = result.problems.query("code == 'shared_employee_number'")
    assert said["row"].tolist() == [2, 3]
    assert ["row 3" in said["reason_en"].iloc[0], "row 2" in said["reason_en"].iloc[1]] == [True, True]
    assert store.read("frame", CITY)["n_listings"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("again", "code"),
    [
        (("Andi Contoh, S.Sos", NUMBER, "081200000009"), "duplicate_employee_number"),
        (("A. Contoh", NUMBER, "081200000009"), "duplicate_employee_number"),
        (("Bunga Lain", NUMBER, "081200000001"), "duplicate_employee_number"),
    ],
    ids=["a degree more", "an initial", "another name, the same phone"],
)
def test_one_person_listed_twice_is_still_one(bring, write_csv, store, vault, again, code):
    result = bring(write_csv(f"{CITY}__internal.csv", listed(("Andi Contoh", NUMBER, "081200000001"), again)))
    assert stored(store, vault) == {"Andi Contoh": NUMBER}
    assert codes(result, severity="rejected") == [code]
    assert store.read("frame", CITY)["n_listings"].tolist() == [2]


def test_two_listings_of_one_person_beside_another_with_the_same_number(bring, write_csv, store, vault):
    """Without the number, the phone still tells that the first and the third row are one."""
    people = [("Andi Contoh", NUMBER, "081200000001"), ("Bunga Lain", NUMBER, "081200000002"),
              ("Andi Contoh", NUMBER, "081200000001")]  # fmt: skip
    result = bring(write_csv(f"{CITY}__internal.csv", listed(*people)))
    assert stored(store, vault) == {"Andi Contoh": None, "Bunga Lain": None}
    assert codes(result, severity="rejected") == ["duplicate_phone"]


def test_people_whose_names_are_words_for_nothing_are_people_if_they_have_a_number(bring, write_csv, store, vault):
    names = ["Nan", "Na", "Null", "Nihil", "None", "X", "Tidak ada", "-"]
    people = [(name, f"198503152010011{i:03d}", f"08120000001{i}") for i, name in enumerate(names, 1)]
    result = bring(write_csv(f"{CITY}__internal.csv", listed(*people)))
    assert sorted(stored(store, vault)) == ["Na", "Nan", "Nihil", "None", "Null"]
    assert result.problems.query("code == 'name_perhaps_nothing'")["row"].tolist() == [2, 3, 4, 5, 6]
    assert result.problems.query("code == 'missing_name'")["row"].tolist() == [7, 8, 9]


def test_a_placeholder_without_a_number_is_nobody(bring, write_csv, store, vault):
    people = [("Andi Contoh", NUMBER, "081200000001"), ("Nihil", None, None)]
    result = bring(write_csv(f"{CITY}__internal.csv", listed(*people)))
    assert list(stored(store, vault)) == ["Andi Contoh"]
    assert codes(result, row=3) == ["missing_name", "no_contact"]
