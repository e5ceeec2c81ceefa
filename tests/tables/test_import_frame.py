"""Lists as they arrive: which files and sheets come in, whole or not at all, and what is said about them."""

import openpyxl
import pandas as pd
import pytest
import yaml

from spi_analysis.errors import InputError, ParameterError, StoreError
from spi_analysis.tables.importing import lines_of
from tests.tables.lists import CITY, by_tenure, codes, users


def test_a_clean_list_comes_in_whole(bring, write_xlsx, employees, store, vault):
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    assert not result.failed
    assert result.counts.iloc[0].to_dict() == {
        "institution_id": CITY,
        "source": "internal",
        "file": f"{CITY}__internal.xlsx",
        "read": 3,
        "accepted": 3,
        "rejected": 0,
        "eligible": 1,
        "ineligible": 2,
        "flagged": 0,
    }, "the head is excluded, one is under two years in the institution"
    frame = by_tenure(store, vault)
    assert frame.loc[14.5, "position_class"] == "top_official", "14 years 6 months before 29 July 2024"
    assert frame.loc[14.5, "frame_problem"] == "ineligible_position"
    assert frame.loc[13.5, "channels"] == "whatsapp"
    assert frame.loc[1.5, "frame_problem"] == "ineligible_tenure"
    assert frame.loc[[14.5, 13.5, 1.5], "tenure_band"].tolist() == ["10_to_20", "10_to_20", "1_to_2"]
    assert frame.loc[[14.5, 13.5, 1.5], "unit_tenure_band"].tolist() == ["2_to_5", "5_to_10", "1_to_2"]
    assert not [name for name in frame if "years" in name or "date" in name], "no exact span in the store"
    assert set(frame["age_group"]) == {"30-39"}
    assert sorted(frame["sex"]) == ["female", "male", "male"]
    contacts = vault.read_contacts("spi_2024", CITY, "internal")
    assert set(contacts["phone"].dropna()) == {"+6281200000001", "+6281200000002"}


def test_the_same_list_in_other_clothes_gives_the_same_frame(bring, write_xlsx, write_csv, employees, store):
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    plain = store.read("frame", CITY)
    mixed = [[row[i] for i in (6, 5, 1, 4, 3, 2, 10, 9, 8, 7)] for row in employees]
    mixed[0] = ["E-MAIL", "Nomor HP (aktif)", "NAMA LENGKAP", "PERANGKAT DAERAH", "Nama Jabatan", "N I P",
                "TMT di Unit", "TMT CPNS", "Tgl. Lahir", "Jenis Kelmain"]  # fmt: skip
    bring(write_csv(f"{CITY}__internal.csv", mixed, ",", "cp1252"))
    pd.testing.assert_frame_equal(store.read("frame", CITY), plain)
    bring(write_xlsx(f"{CITY}__internal.xlsx", [["DAFTAR PEGAWAI"], [], *employees], Petunjuk=[["Isilah daftar ini."]]))
    pd.testing.assert_frame_equal(store.read("frame", CITY), plain)


def test_the_same_files_give_the_same_bytes(bring, write_xlsx, employees):
    file = write_xlsx(f"{CITY}__internal.xlsx", employees)
    first = {path: path.read_bytes() for path in bring(file).written}
    assert {path: path.read_bytes() for path in bring(file).written} == first


def test_rows_that_are_not_people_are_not_counted(bring, write_xlsx, employees):
    header, *people = employees
    rows = [
        header,
        [i + 1 for i in range(len(header))],
        people[0],
        ["JUMLAH", None, 1],
        header,
        people[1],
        people[2],
        ["TOTAL", 3],
        [],
        [None, "Mengetahui,"],
        [None, "Kepala Dinas Sosial"],
        [None, "Drs. Agus Contoh"],
        [None, "NIP. 196805121994031005"],
    ]
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", rows))
    assert result.counts["read"].tolist() == [3]
    notes = result.problems[result.problems["code"].isin(["total_row", "header_row", "footer_row"])]
    assert dict(zip(notes["row"], notes["code"], strict=True)) == {
        2: "header_row",
        4: "total_row",
        5: "header_row",
        8: "total_row",
        10: "footer_row",
        11: "footer_row",
        12: "footer_row",
        13: "footer_row",
    }, "every row that is passed over is told with its row number"


def test_a_column_that_is_not_there_is_told_once(bring, write_xlsx, employees):
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", [row[:7] + row[8:] for row in employees]))
    found = result.problems[result.problems["code"] == "sex_unknown"]
    assert len(found) == 1
    assert "(3 baris)" in found["reason_id"].iloc[0]
    assert result.counts["flagged"].tolist() == [3]


def test_a_new_list_takes_the_place_of_the_old_one_of_its_source(bring, write_xlsx, write_csv, employees, store, vault):
    bring(
        write_xlsx(f"{CITY}__internal.xlsx", employees),
        write_csv(f"{CITY}__eksternal.csv", users(("A", "081200000011", None))),
    )
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees[:2]))
    assert store.read("frame", CITY)["source"].tolist() == ["internal", "external"]
    assert len(vault.read_contacts("spi_2024", CITY, "internal")) == 1


def test_after_the_draw_the_list_is_closed(bring, write_xlsx, employees, store, draw_everyone):
    file = write_xlsx(f"{CITY}__internal.xlsx", employees)
    bring(file)
    draw_everyone(CITY)
    before = store.path("frame", CITY).read_bytes()
    with pytest.raises(StoreError, match="sample was drawn"):
        bring(file)
    assert store.path("frame", CITY).read_bytes() == before


def test_one_bad_file_does_not_lose_the_others(bring, write_xlsx, write_csv, employees, tmp_path):
    (tmp_path / f"{CITY}__eksper.xlsx").write_bytes(b"no workbook")
    files = [
        write_xlsx(f"{CITY}__internal.xlsx", employees),
        tmp_path / f"{CITY}__eksper.xlsx",
        write_csv(f"{CITY}__eksternal.csv", [["Nama", "Alamat", "Layanan"], ["Budi", "Jalan", "KTP"]]),
        write_csv("kota-mojokreto__internal.csv", employees),
        write_csv("kota-bengkulu__internal.csv", [[*employees[0], "OPD"], [*employees[1], "x"]]),
    ]
    result = bring(*files)
    assert result.counts["file"].tolist() == [f"{CITY}__internal.xlsx"]
    assert {problem.file: problem.what for problem in result.failed} == {
        f"{CITY}__eksper.xlsx": "the file cannot be read",
        f"{CITY}__eksternal.csv": "required columns are missing",
        "kota-mojokreto__internal.csv": "the file's name names no institution of the roster",
        "kota-bengkulu__internal.csv": "several columns could be unit",
    }


def test_several_sheets_of_one_workbook(bring, write_xlsx, employees):
    other = [employees[0], [1, "Rina Lain", None, "Staf", "Dinas Sosial", "081200000077", None, "P", None, None, None]]
    summary = [["Unit Kerja", "Jabatan", "Jumlah"], ["Dinas Sosial", "Staf", 4]]
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", employees, Lanjutan=other, Rekap=summary))
    assert result.counts["read"].tolist() == [4]
    assert codes(result, sheet="Rekap") == ["sheet_skipped"]


def test_a_file_may_be_given_its_institution_and_source(bring, write_xlsx, employees, store):
    bring(write_xlsx("daftar.xlsx", employees), institution=CITY, source="internal")
    assert len(store.read("frame", CITY)) == 3
    with pytest.raises(ParameterError, match="did you mean 'kota-mojokerto'"):
        bring(write_xlsx("daftar.xlsx", employees), institution="kota-mojokreto", source="internal")
    with pytest.raises(InputError, match="unknown source"):
        bring(write_xlsx("daftar.xlsx", employees), institution=CITY, source="pegawai")


def test_other_headers_need_no_code(bring, write_xlsx, employees, tmp_path):
    employees[0][4] = "Rumpun"
    file = write_xlsx(f"{CITY}__internal.xlsx", employees)
    (missing,) = bring(file).failed
    assert "unit" in missing.expected
    mapping = tmp_path / "other.yaml"
    mapping.write_text(yaml.safe_dump({"fields": {"unit": ["rumpun"]}}), encoding="utf-8")
    assert bring(file, mapping=mapping).counts["accepted"].tolist() == [3]
    mapping.write_text("feilds: {}\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="unknown key"):
        bring(file, mapping=mapping)


def test_self_registered_users_are_a_stream_and_listed_ones_go_first(bring, write_csv, store):
    listed = write_csv(f"{CITY}__layanan.csv", users(("A", "081200000011", None)))
    scanned = write_csv(f"{CITY}__QR.csv", users(("A", "081200000011", None), ("B", "081200000012", None)))
    result = bring(scanned, listed)
    assert store.read("frame", CITY).groupby("stream").size().to_dict() == {"list": 1, "self_registered": 1}
    assert codes(result, severity="rejected", file=f"{CITY}__QR.csv") == ["duplicate_phone"]


def test_the_numbers_are_counted_per_file(bring, write_xlsx, employees):
    first = write_xlsx(f"{CITY}__internal_1.xlsx", employees)
    second = write_xlsx(f"{CITY}__internal_2.xlsx", employees)
    counts = bring(first, second).counts.set_index("file")
    assert counts["accepted"].tolist() == [3, 0]
    assert counts["rejected"].tolist() == [0, 3], "everyone stands in the first file already"


def test_what_goes_back_holds_no_contact_and_no_name(bring, write_xlsx, employees, setup):
    secret = ["Rahasia Sekali", "08129998887", "rahasia.sekali@contoh", "196805121994031005"]
    employees[2][1:3] = [secret[0], secret[3]]
    employees[2][5:7] = ["0812999888", secret[2]]
    employees.append([5, secret[0], secret[3], "Staf", secret[1], secret[1], None, "P", "x", "y", "z"])
    employees.append(
        [6, "Orang Lain", None, "tidak jelas", "Dinas Sosial", secret[1], secret[2], "?", None, None, None]
    )
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    path = setup.workspace.institution_outputs("spi_2024", CITY) / "frame_problems.xlsx"
    book = openpyxl.load_workbook(path)
    text = "\n".join(str(cell.value) for sheet in book for row in sheet for cell in row if cell.value is not None)
    assert "Baris" in text
    for word in [*secret, "Rahasia", "Orang Lain", "0812999888", "Budi Contoh", "81200000001"]:
        assert word not in text


def test_the_workbook_holds_all_sources_of_the_institution(bring, write_xlsx, write_csv, employees, setup):
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    bring(write_csv(f"{CITY}__eksternal.csv", users(("A", "081200000011", None))))
    path = setup.workspace.institution_outputs("spi_2024", CITY) / "frame_problems.xlsx"
    files = {row[0].value for row in openpyxl.load_workbook(path)["Masalah"].iter_rows(min_row=2)}
    assert files == {f"{CITY}__internal.xlsx", f"{CITY}__eksternal.csv"}


def test_progress_is_told(bring, write_xlsx, employees):
    told = []
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees), progress=lambda *step: told.append(step))
    assert told == [(1, 1, CITY)]


def test_a_list_with_nobody_to_keep_is_still_a_list(bring, write_csv, store):
    result = bring(write_csv(f"{CITY}__eksternal.csv", users(("A", None, None))))
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[1, 0, 1]]
    assert store.read("frame", CITY).empty


@pytest.mark.parametrize("below", [[], [["Jumlah", "3 orang"]]])
def test_an_empty_list_never_takes_the_place_of_an_earlier_one(bring, write_xlsx, write_csv, employees, store, below):
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    result = bring(write_csv(f"{CITY}__internal.csv", [employees[0], *below]))
    assert [problem.what for problem in result.failed] == ["the list holds no rows"]
    assert result.counts.empty
    assert len(store.read("frame", CITY)) == 3, "the earlier list stays"


def test_all_files_of_a_source_come_in_together_or_not_at_all(bring, write_xlsx, write_csv, employees, store, vault):
    header, one, two, three = employees
    first = write_xlsx(f"{CITY}__internal_1.xlsx", [header, one])
    second = write_xlsx(f"{CITY}__internal_2.xlsx", [header, two, three])
    bring(first, second)
    second.write_bytes(b"damaged")
    users_file = write_csv(f"{CITY}__eksternal.csv", users(("A", "081200000055", None)))
    result = bring(first, second, users_file)
    said = {problem.file: problem for problem in result.failed}
    assert set(said) == {first.name, second.name}
    assert second.name in said[first.name].got
    assert "what was imported before is kept" in said[first.name].hint
    frame = store.read("frame", CITY)
    assert frame["source"].value_counts().to_dict() == {"internal": 3, "external": 1}, "another source comes in"
    assert len(vault.read_contacts("spi_2024", CITY, "internal")) == 3


def test_a_file_that_does_not_say_its_source_holds_back_all_sources(bring, write_xlsx, employees, store):
    good, bad = write_xlsx(f"{CITY}__internal.xlsx", employees), write_xlsx(f"daftar {CITY}.xlsx", employees)
    result = bring(good, bad)
    assert {problem.file for problem in result.failed} == {good.name, bad.name}
    assert not store.has("frame", CITY), "the second file may be the other half"


def test_no_name_or_number_of_a_row_taken_for_the_header_is_printed(bring, write_xlsx, employees):
    person = ["Nama", "Budi Rahasia", "081234567890", "Jabatan", "rahasia@contoh.id"]
    result = bring(write_xlsx(f"{CITY}__internal.xlsx", [person, *employees[1:]]))
    said = " ".join(str(problem) for problem in result.failed) + result.problems.to_csv()
    assert not any(secret in said for secret in ("Budi", "Rahasia", "0812", "rahasia@"))
    assert "B (••••)" in said


def test_cells_beyond_the_header_are_noted(bring, write_csv, employees):
    employees[2][1] = "Siti"
    employees[2].append("left over")
    result = bring(write_csv(f"{CITY}__internal.csv", employees))
    assert codes(result, row=3) == ["cells_beyond_header"]


def test_files_of_one_name_in_two_folders_are_told_apart(bring, write_xlsx, tmp_path, employees):
    for folder, people in (("dinsos", employees[:2]), ("dinkes", [employees[0], employees[2]])):
        (tmp_path / folder).mkdir()
        write_xlsx(f"{folder}/pegawai.xlsx", people)
    result = bring(*tmp_path.glob("*/pegawai.xlsx"), institution=CITY, source="internal")
    assert result.counts[["file", "accepted"]].to_numpy().tolist() == [
        ["dinkes/pegawai.xlsx", 1],
        ["dinsos/pegawai.xlsx", 1],
    ]


def test_a_list_of_experts_says_who_named_them(bring, write_csv, store):
    rows = [["Nama", "Unsur", "Nomor HP", "Pengusul"], ["Ani", "BPKP", "081200000001", "Inspektorat"],
            ["Budi", "Jurnalis", "081200000002", "KPK"], ["Citra", "LSM", "081200000003", "entahlah"]]  # fmt: skip
    result = bring(write_csv(f"{CITY}__expert.csv", rows))
    assert sorted(store.read("frame", CITY)["nominator"].dropna()) == ["commission", "institution"]
    assert codes(result).count("nominator_unknown") == 1


def test_a_list_of_experts_without_nominators_is_refused_where_the_round_draws_by_them(bring, write_csv, store):
    """Kota Tebing Tinggi draws by who named whom: without the column everyone would be of one unknown nominator."""
    rows = [["Nama", "Unsur", "Nomor HP"], ["Ani", "BPKP", "081200000001"]]
    result = bring(write_csv("kota-tebing-tinggi__expert.csv", rows))
    (problem,) = result.failed
    assert problem.what == "the list does not say who put each name forward, and the round draws by it"
    assert (problem.file, problem.row) == ("kota-tebing-tinggi__expert.csv", 1)
    assert problem.got == "columns Nama, Unsur, Nomor HP"
    assert "Pengusul" in problem.expected
    assert "design.strata" in problem.hint
    assert not store.has("frame", "kota-tebing-tinggi")
    assert not bring(write_csv(f"{CITY}__expert.csv", rows)).failed, "here it is no question of the draw"


def test_a_list_that_takes_the_place_of_another_says_how_many_stand_in_both(bring, write_csv):
    """Ani and Budi are listed again, Citra is not, Dewi is new: 2 of 3, and now 3."""
    people = {"Ani": "081200000001", "Budi": "081200000002", "Citra": "081200000003", "Dewi": "081200000004"}
    lists = [["Ani", "Budi", "Citra"], ["Ani", "Budi", "Dewi"]]
    tables = [[["Nama", "Unsur", "Nomor HP"], *([name, "LSM", people[name]] for name in names)] for names in lists]
    first, second = (bring(write_csv(f"{CITY}__expert.csv", rows)) for rows in tables)
    assert first.summary["replaced"] == []
    (row,) = second.summary["replaced"]
    assert (row["institution_id"], row["source"], row["earlier"], row["again"], row["now"]) == (CITY, "expert", 3, 2, 3)
    (line,) = [line for line in lines_of(second.summary) if "takes the place" in line]
    assert "an earlier list of 3 people; 2 of them" in line
    assert "081200000001" not in line
