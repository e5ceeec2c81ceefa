"""Rows of lists: who is kept, turned away or flagged, and how a cell is read."""

import random

import pandas as pd
import pyreadstat
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tables.lists import CITY, by_tenure, codes, users


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        (1, None, "missing_name"),
        (1, "-", "missing_name"),
        (4, "tidak ada", "missing_unit"),
        (3, "", "missing_position"),
        (5, "-", "no_contact"),
        (5, "0321-322123", "no_contact"),
    ],
)
def test_a_row_without_a_required_cell_is_turned_away(bring, write_xlsx, employees, store, vault, column, cell, code):
    employees[2][column] = cell
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    rejected = result.problems[result.problems["severity"] == "rejected"]
    assert rejected[["row", "code"]].to_numpy().tolist() == [[3, code]]
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[3, 2, 1]]
    kept = vault.read_rejected("spi_2024", CITY, "internal")
    assert kept["employee_number"].tolist() == ["198604202011012002"], "the row is kept aside, in the vault"
    assert code in kept["codes"][0]


def test_a_bad_number_is_told_but_an_address_is_enough(bring, write_xlsx, employees, store):
    employees[3][5] = "(0321) 322123"
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    assert codes(result, severity="flagged") == ["phone_not_mobile"]
    assert result.problems.loc[result.problems["code"] == "phone_not_mobile", "value"].tolist() == ["0321••••123"]
    assert result.counts["accepted"].tolist() == [3]
    assert set(store.read("frame", CITY)["channels"]) == {"whatsapp+email", "whatsapp", "email"}


def test_unknown_sex_age_and_tenure_are_kept_and_flagged(bring, write_xlsx, employees, store):
    for column in (7, 8, 9, 10):
        employees[2][column] = None
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    expected = ["age_unknown", "sex_unknown", "tenure_unknown", "unit_tenure_unknown"]
    assert codes(result, severity="flagged") == expected
    person = store.read("frame", CITY).query("channels == 'whatsapp'").iloc[0]
    assert person["sex"] == person["age_group"] == "unknown"
    assert person["frame_status"] == "flagged"
    assert person["frame_problem"] == ";".join(expected)
    assert person["is_eligible"], "what is not known breaks no rule"


def test_what_is_out_of_reason_counts_as_unknown(bring, write_xlsx, employees, store):
    employees[2][8], employees[2][9], employees[2][10] = "01/01/1850", "01/01/2040", 99
    employees[0][10] = "Masa Kerja di Unit"
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    assert {"age_implausible", "tenure_implausible", "unit_tenure_implausible"} <= set(codes(result, row=3))


def test_the_second_row_of_a_person_is_turned_away_and_counted(bring, write_xlsx, employees, store, vault):
    header, one, two, three = employees
    again = [4, "Budi C.", one[2], "Staf", "Dinas Sosial", "081200000009", None, "L", None, None, None]
    same_phone = [
        5,
        "SITI CONTOH, S.Sos",
        None,
        "Staf",
        "Dinas Sosial",
        "+62 812-0000-0002",
        None,
        "P",
        None,
        None,
        None,
    ]
    other = [6, "Rina Berbeda", None, "Staf", "Dinas Sosial", "0812 0000 0002", "rina@contoh.id", "P", None, None, None]
    same_mail = [7, "Agus Contoh", None, "Staf", "Dinas Sosial", None, "AGUS@contoh.id ", "L", None, None, None]
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", [header, one, two, three, again, same_phone, other, same_mail]))
    rejected = result.problems[result.problems["severity"] == "rejected"].set_index("row")
    assert rejected["code"].to_dict() == {
        5: "duplicate_employee_number",
        6: "duplicate_phone",
        7: "shared_phone",
        8: "duplicate_email",
    }
    assert "baris 3 " in rejected.loc[6, "reason_id"], "the first row is named"
    assert "row 3 " in rejected.loc[6, "reason_en"]
    listings = by_tenure(store, vault)["n_listings"].to_dict()
    assert listings == {14.5: 2, 13.5: 2, 1.5: 2}, "another person with the same phone is no listing of the first"


def test_a_word_in_the_place_of_a_number_makes_nobody_a_duplicate(bring, write_xlsx, employees):
    for row in employees[1:]:
        row[2] = "Non ASN"
    assert bring(write_xlsx(f"{CITY}__internal.xlsx", employees)).counts["rejected"].tolist() == [0]


def test_users_are_eligible_for_twelve_months(bring, write_csv, store):
    listed = users(
        ("A", "081200000011", "29/07/2023"),
        ("B", "081200000012", "28/07/2023"),
        ("C", "081200000013", None),
        ("D", "081200000014", "01/08/2024"),
    )
    result = bring(write_csv(f"{CITY}__eksternal.csv", listed))
    assert codes(result) == ["ineligible_service_date", "service_date_implausible", "service_date_unknown"]
    assert result.counts[["eligible", "ineligible", "flagged"]].to_numpy().tolist() == [[3, 1, 2]]


def test_a_list_without_service_dates_is_taken_at_its_word(bring, write_csv):
    listed = [row[:7] for row in users(("A", "081200000011", None))]
    result = bring(write_csv(f"{CITY}__eksternal.csv", listed))
    assert codes(result) == ["rule_not_checked"]
    assert result.counts["flagged"].tolist() == [0]


def test_someone_on_two_lists_is_kept_in_both(bring, write_xlsx, write_csv, employees, store):
    lists = [
        write_xlsx(f"{CITY}__internal.xlsx", employees),
        write_csv(f"{CITY}__eksternal.csv", users(("A", "62-812-0000-0002", "01/06/2024"))),
    ]
    together = bring(*lists)
    assert codes(together, code="also_listed", source="internal") == ["also_listed"]
    frame = store.read("frame", CITY)
    assert frame["also_listed_as"].dropna().tolist() == ["external", "internal"]
    for file in reversed(lists):
        bring(file)
    pd.testing.assert_frame_equal(store.read("frame", CITY), frame, obj="brought one by one, in the other order")


DIRT = [
    None,
    "",
    "-",
    "0812",
    "081200000001",
    "budi@contoh,id",
    "JUMLAH",
    "Dinas Sosial",
    5,
    45000.5,
    True,
    "2019-02-30",
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_whatever_is_in_the_cells_the_counts_add_up(bring, write_xlsx, employees, store, vault, seed):
    dice = random.Random(seed)
    for _ in range(25):
        row = [dice.choice([cell, dice.choice(DIRT)]) for cell in employees[dice.randint(1, 3)]]
        employees.append(row)
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    del employees[4:]
    counts = result.counts.iloc[0]
    assert counts["read"] == counts["accepted"] + counts["rejected"]
    assert counts["accepted"] == counts["eligible"] + counts["ineligible"] == len(store.read("frame", CITY))
    assert counts["rejected"] == len(vault.read_rejected("spi_2024", CITY, "internal"))
    assert counts["read"] + len(codes(result, code="total_row") + codes(result, code="footer_row")) <= 28


def test_a_contact_in_the_unit_never_reaches_the_frame(bring, write_xlsx, employees, store, vault):
    employees[2][4] = "Dinas Sosial 081234567890 Rina Contoh"
    employees[3][3] = "Staf (0812/3456/7891)"
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    frame = store.read("frame", CITY)
    assert set(frame["unit"]) == {"Dinas Sosial"}
    assert set(frame["position_class"]) == {"top_official", "staff"}
    assert (frame["frame_status"] == "flagged").sum() == 2
    assert result.counts["accepted"].tolist() == [3], "the person is kept"
    values = result.problems.loc[result.problems["code"] == "contact_in_text", "value"].tolist()
    assert values == ["Dinas Sosial ••••", "Staf ••••"]
    kept = vault.read_rejected("spi_2024", CITY, "internal_as_written")
    assert "Rina Contoh" in kept["unit"].iloc[0], "what was written stays in the vault"


def test_dates_that_a_calendar_of_the_store_cannot_hold(bring, write_csv):
    header = ["Nama", "Unit Layanan", "No HP", "Tanggal Layanan", "JK", "Umur"]
    rows = [
        [f"Orang {i}", "Dinas Sosial", f"08120000000{i}", day, "L", age]
        for i, (day, age) in enumerate([("12/03/0024", 40), ("12/03/1600", -3), ("12/03/9999", "9" * 24)], start=1)
    ]
    result = bring(write_csv(f"{CITY}__eksternal.csv", [header, *rows]))
    assert result.counts[["read", "accepted"]].to_numpy().tolist() == [[3, 3]]
    assert codes(result).count("service_date_unknown") == 3


def test_errors_of_formulas_are_nothing(bring, write_csv, employees):
    employees[2][4] = "#REF!"
    assert codes(bring(write_csv(f"{CITY}__internal.csv", employees)), severity="rejected") == ["missing_unit"]


def test_units_are_brought_to_one_spelling_and_told(bring, write_xlsx, employees, store):
    employees[2][4] = "Dinsos"
    employees[3][4] = "DINAS  SOSIAL"
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    assert set(store.read("frame", CITY)["unit"]) == {"DINAS SOSIAL"}, (
        "of three equally frequent, the first by alphabet"
    )
    told = result.problems[result.problems["code"] == "unit_read_as"]
    assert told["row"].tolist() == [3]
    assert '"Dinsos" (1 baris) dibaca sebagai "DINAS SOSIAL"' in told["reason_id"].iloc[0]


def test_a_position_nobody_knows_is_classed_and_flagged(bring, write_xlsx, employees, store):
    employees[2][3] = "Penjaga Gerbang"
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    assert codes(result, severity="flagged") == ["position_unknown"]
    assert store.read("frame", CITY)["position_class"].value_counts().to_dict() == {"staff": 2, "top_official": 1}


def test_who_is_no_civil_servant_is_marked(bring, write_xlsx, employees, store, vault):
    employees[0].append("Status Kepegawaian")
    for row, status in zip(employees[1:], ("PNS", "Honorer", "entah"), strict=True):
        row.append(status)
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    assert codes(result, severity="flagged") == ["employment_unknown"]
    frame = by_tenure(store, vault)
    assert frame["is_asn"].astype(object).where(frame["is_asn"].notna(), "?").to_dict() == {
        14.5: True,
        13.5: False,
        1.5: "?",
    }
    assert frame.loc[13.5, "position_class"] == "non_asn"


def test_overrides_of_an_institution_decide(bring, write_xlsx, employees, workspace, store):
    folder = workspace.params / "overrides"
    folder.mkdir(exist_ok=True)
    rules = {"min_tenure_years": 1, "excluded_positions": []}
    content = {
        "source": "test",
        "as_of": "2024-07-01",
        "rounds": {"spi_2024": {"sources": {"internal": {"eligibility": rules}}}},
    }
    (folder / f"{CITY}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert bring(write_xlsx(f"{CITY}__internal.xlsx", employees)).counts["eligible"].tolist() == [3]


def test_two_columns_for_phones_and_two_numbers_in_a_cell(bring, write_xlsx, employees, vault):
    employees[0].append("Nomor WhatsApp")
    employees[1].append("0813 0000 0001")
    employees[2].append(None)
    employees[3].append("081300000003 / 081300000004 / 081300000005")
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    contacts = vault.read_contacts("spi_2024", CITY, "internal").set_index("name")
    assert contacts.loc["Budi Contoh", ["phone", "phone_2"]].tolist() == ["+6281300000001", "+6281200000001"]
    assert contacts.loc["Siti Contoh", "phone"] == "+6281200000002"
    assert contacts.loc["Agus Contoh", ["phone", "phone_2"]].tolist() == ["+6281300000003", "+6281300000004"]
    assert codes(result, code="contact_left_out") == ["contact_left_out"], "the third number is told, not dropped"


def test_an_spss_list_says_itself_what_its_values_mean(bring, store, tmp_path):
    """Sex is coded, and 99 is declared missing: it would be a plausible age."""
    data = pd.DataFrame(
        {
            "Nama": ["Orang A", "Orang B"],
            "Jabatan": ["Staf", "Staf"],
            "Unit_Kerja": ["Dinas Sosial", "Dinas Sosial"],
            "No_HP": ["081200000001", "081200000002"],
            "JK": [2.0, 1.0],
            "Umur": [99.0, 40.0],
        }
    )
    path = tmp_path / f"{CITY}__internal.sav"
    labels = {"JK": {1.0: "Laki-laki", 2.0: "Perempuan"}}
    pyreadstat.write_sav(data, str(path), variable_value_labels=labels, missing_ranges={"Umur": [99]})
    result = bring(path)
    frame = store.read("frame", CITY)
    assert sorted(zip(frame["sex"], frame["age_group"], strict=True)) == [("female", "unknown"), ("male", "40-49")]
    assert "age_unknown" in codes(result)
    assert "sex_unknown" not in codes(result)
