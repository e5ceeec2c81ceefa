import pandas as pd
import pyreadstat
import pytest

from spi_analysis.errors import InputError
from spi_analysis.synthetic import clean_frame, simulate_fieldwork, vendor_files
from spi_analysis.synthetic.vendor import CHANNEL_WORDS, EVENT_WORDS


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
