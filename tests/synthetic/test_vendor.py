from dataclasses import replace

import pandas as pd
import pyreadstat
import pytest

from spi_analysis.errors import InputError
from spi_analysis.synthetic import clean_frame, simulate_fieldwork, vendor_files
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.synthetic.vendor import CHANNEL_WORDS, EVENT_WORDS, with_interviews


@pytest.fixture(scope="module")
def invited(mojokerto, setup):
    """Everyone eligible by the lists, with a token."""
    frame = clean_frame(mojokerto, setup)
    people = mojokerto.people.assign(person_id=mojokerto.person_ids)[frame["is_eligible"].to_numpy()]
    return people.assign(token=[f"tok{number:05d}" for number in range(len(people))])


@pytest.fixture(scope="module")
def written(mojokerto, setup, invited, tmp_path_factory):
    """Invitation files per source (as the workbench would write them), and what came back."""
    folder = tmp_path_factory.mktemp("vendor")
    files = []
    for source, group in invited.groupby("source"):
        files.append(folder / f"undangan_{source}.csv")
        group[["token", "source", "name", "phone", "email"]].to_csv(files[-1], index=False, encoding="utf-8-sig")
    return files, vendor_files(mojokerto, files, folder / "back", setup, 31)


def read_answers(path):
    if path.suffix == ".sav":
        return pyreadstat.read_sav(str(path))[0]
    if path.suffix == ".xlsx":
        return pd.read_excel(path)
    return pd.read_csv(path, sep=";", parse_dates=["started_at", "completed_at"])


def test_files_are_named_for_source_and_institution(written):
    names = [path.name for path in written[1]]
    assert names == [
        "kejadian_kota-mojokerto.csv",
        "jawaban_internal_kota-mojokerto.csv",
        "jawaban_eksternal_kota-mojokerto.sav",
        "jawaban_eksper_kota-mojokerto.xlsx",
    ]


def test_vendor_repeats_the_fieldwork_in_memory(mojokerto, setup, invited, written):
    """Everything the vendor delivers, put back from tokens to persons, is simulate_fieldwork with the same seed."""
    events, responses = simulate_fieldwork(mojokerto, invited[["person_id", "source"]], setup, seed=31)
    person = invited.set_index("token")["person_id"]
    delivered = pd.read_csv(written[1][0], sep=";")
    back = pd.DataFrame(
        {
            "person_id": delivered["token"].map(person),
            "event": delivered["kejadian"].map({word: event for event, word in EVENT_WORDS.items()}),
            "at": pd.to_datetime(delivered["waktu"]).astype("datetime64[ns]"),
            "channel": delivered["saluran"].map({word: channel for channel, word in CHANNEL_WORDS.items()}),
        }
    )
    order = ["person_id", "at", "event", "channel"]
    expected = events[["person_id", "event", "at", "channel"]].sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(back.sort_values(order, ignore_index=True), expected, check_dtype=False)

    for source, path in zip(("internal", "external", "expert"), written[1][1:], strict=True):
        table = read_answers(path)
        table["person_id"] = table.pop("token").map(person)
        own = responses[responses["source"] == source]
        assert list(table)[2:-1] == setup.instrument.codes(source)
        columns = ["person_id", "started_at", "completed_at", *setup.instrument.codes(source)]
        table = table.astype(dict.fromkeys(("started_at", "completed_at"), "datetime64[ns]"))
        pair = [data[columns].sort_values("person_id", ignore_index=True) for data in (table, own)]
        pd.testing.assert_frame_equal(*pair, check_dtype=False)


def test_no_person_id_or_contact_is_delivered(mojokerto, written):
    content = b"".join(path.read_bytes() for path in written[1])
    for person_id, phone, email in zip(
        mojokerto.person_ids[:300], mojokerto.people["phone"][:300], mojokerto.people["email"][:300], strict=True
    ):
        assert person_id.encode() not in content
        assert phone[3:].encode() not in content
        assert email.encode() not in content


def test_sav_has_value_labels(written, setup):
    _, meta = pyreadstat.read_sav(str(written[1][2]), metadataonly=True)
    assert meta.variable_value_labels["ext_fai_1"][1.0] == "Sangat tidak setuju"
    assert meta.variable_value_labels["ext_exp_1"] == {
        0.0: "Tidak",
        1.0: "Ya",
        8.0: "Tidak tahu",
        9.0: "Tidak bersedia menjawab",
    }


def test_same_seed_same_bytes(mojokerto, setup, written, tmp_path):
    again = vendor_files(mojokerto, written[0], tmp_path / "again", setup, 31)
    other = vendor_files(mojokerto, written[0], tmp_path / "other", setup, 32)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written[1]]
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(again, other, strict=True))
    # The header of a .sav carries the day and time of writing in the 17 bytes from 92 on (SPSS system file format).
    assert again[2].read_bytes()[92:109] == b"01 Jan 2400:00:00"


def test_people_are_found_by_any_contact_and_strangers_are_wrong_numbers(mojokerto, setup, invited, tmp_path):
    group = invited[invited["source"] == "internal"].head(400).reset_index(drop=True)
    group.loc[:99, "phone"] = ""
    group.loc[100:199, "email"] = ""
    group.loc[200:299, "phone"] = "0" + group.loc[200:299, "phone"].str[3:]
    stranger = {"token": "stranger", "name": "Nobody", "phone": "+628990000001", "email": ""}
    file = tmp_path / "undangan_internal_kota-mojokerto.csv"
    named_once = ~invited.loc[invited["source"] == "internal", "name"].duplicated(keep=False).to_numpy()[: len(group)]
    by_name = group[named_once].iloc[-1:].index[0]
    group.loc[by_name, ["phone", "email"]] = "+628990000003", "someone@example.com"
    invitations = pd.concat([group[list(stranger)], pd.DataFrame([stranger])])
    invitations.to_csv(file, index=False)
    events = pd.read_csv(vendor_files(mojokerto, [file], tmp_path / "back", setup, 31)[0], sep=";")
    assert set(events.loc[events["token"] == "stranger", "kejadian"]) == {"terkirim", "nomor salah"}

    by_email_only = events[events["token"].isin(group.loc[:99, "token"])]
    assert "WhatsApp" not in set(by_email_only["saluran"])
    assert "nomor salah" not in set(by_email_only["kejadian"])
    by_phone_only = events[events["token"].isin(group.loc[100:199, "token"])]
    assert "surel" not in set(by_phone_only["saluran"])
    assert set(events["token"]) == set(invitations["token"])
    assert (events["kejadian"] == "selesai").sum() > 50


def test_a_file_that_is_no_invitation_is_refused(mojokerto, setup, tmp_path):
    file = tmp_path / "undangan.csv"
    file.write_text("token,name,phone,email\na,b,c,d\n", encoding="utf-8")
    with pytest.raises(InputError, match="source"):
        vendor_files(mojokerto, [file], tmp_path, setup, 1)
    file.write_text("token,source,name\na,internal,b\n", encoding="utf-8")
    with pytest.raises(InputError, match="phone, email"):
        vendor_files(mojokerto, [file], tmp_path, setup, 1)


@pytest.mark.parametrize(("city", "interviewed"), [("kota-tebing-tinggi", True), ("kota-mojokerto", False)])
def test_interviewers_ask_late_in_one_city_and_change_nobodys_answer(mojokerto, setup, city, interviewed):
    """From the day of the last reminder, nine weeks after the start, interviewers ask; panels answer alone."""
    last = pd.Timestamp(setup.round.fieldwork.start) + pd.Timedelta(weeks=9)
    started = [last - pd.Timedelta(minutes=1)] * 200 + [last] * 200
    sources = ["internal", "expert"] * 200
    answers = pd.DataFrame({"row": range(400), "source": sources, "started_at": started, "int_tra_1": 4})
    made = with_interviews(answers, replace(mojokerto, institution_id=city), setup, Streams(city, (1, 2)))
    if not interviewed:
        assert made is answers
        return
    assert made.drop(columns="mode").equals(answers)
    asked = made["mode"] != "daring"
    assert asked.tolist() == [i >= 200 and i % 2 == 0 for i in range(400)]
    assert 0.55 < (made.loc[asked, "mode"] == "telepon").mean() < 0.85
    assert set(made["mode"]) == {"daring", "telepon", "tatap muka"}


def test_arms_add_answers_to_modules_and_change_no_others(mojokerto, setup, written, tmp_path):
    """Those with an arm answer its question and those on reporting; everything else is byte for byte what it was."""
    files = []
    for path in written[0]:
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
        if "external" in path.name:
            table["arm"] = [("list_short", "list_long", "crosswise")[number % 3] for number in range(len(table))]
        files.append(tmp_path / path.name)
        table.to_csv(files[-1], index=False, encoding="utf-8-sig")
    back = vendor_files(mojokerto, files, tmp_path / "back", setup, 31)
    for before, after in zip(written[1], back, strict=True):
        if after.suffix != ".sav":
            assert after.read_bytes() == before.read_bytes()
    plain, asked = (read_answers(next(p for p in paths if p.suffix == ".sav")) for paths in (written[1], back))
    codes = setup.instrument.module_codes("external")
    pd.testing.assert_frame_equal(asked.drop(columns=codes), plain)
    invited = pd.concat(pd.read_csv(path, dtype=str, encoding="utf-8-sig") for path in files).set_index("token")["arm"]
    answered = asked[codes].notna().groupby(asked["token"].map(invited)).sum()
    assert (answered.loc["list_short", ["ext_lst_long", "ext_cross"]] == 0).all()
    assert (answered.loc["list_long", ["ext_lst_short", "ext_cross"]] == 0).all()
    assert (answered.loc["crosswise", ["ext_lst_short", "ext_lst_long"]] == 0).all()
    assert (answered["ext_clm_fear"] > 0).all()
    assert asked["ext_lst_long"].max() in (4, 9)
