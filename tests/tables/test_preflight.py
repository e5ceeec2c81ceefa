import pandas as pd
import pytest

from spi_analysis.tables.demo_marks import mark_demo
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.preflight import check_round
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import VaultKey

CITY, ROUND = "kota-mojokerto", "spi_2024"


def spoil(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def listed(setup, store, vault, write_xlsx, write_csv, employees):
    users = [["Nama", "Unit Layanan", "No HP"], ["Pengguna A", "Dinas Sosial", "081200000011"]]
    experts = [["Nama", "No HP", "Unsur"], ["Narasumber A", "081200000021", "LSM"]]
    files = [
        write_xlsx(f"{CITY}__internal.xlsx", employees),
        write_csv(f"{CITY}__eksternal.csv", users),
        write_csv(f"{CITY}__eksper.csv", experts),
    ]
    import_frame(files, setup, store, vault)


def stages(preflight, institution=CITY):
    row = preflight.stages.set_index("institution_id").loc[institution]
    return [stage for stage, state in row.items() if state == "ready"]


def test_a_new_round_waits_for_vault_and_lists(workspace, key):
    found = check_round(workspace, ROUND, key)
    assert found.errors == 0
    assert set(found.issues["severity"]) == {"missing"}
    assert stages(found) == [], "nothing can be imported without a vault"


def test_the_demonstrations_public_value_holds_up_a_real_draw(workspace, key, listed, store):
    found = check_round(workspace, ROUND, key)
    row = found.issues[found.issues["where"].str.contains("public_value")].iloc[0]
    assert (row["severity"], row["blocks"]) == ("missing", "draw")
    assert row["got"].startswith("0000")
    assert stages(found) == ["import"]
    store.write_record("draw", CITY, {"sources": {"internal": {"public_value": "0000", "public_value_name": "x"}}})
    warned = check_round(workspace, ROUND, key).issues.query("severity == 'warning'")
    assert warned["what"].tolist() == ["the sample was drawn with the demonstration value"]


def test_in_a_demo_the_placeholder_is_what_it_should_be(workspace, key, listed, store):
    store.mark_synthetic(1)
    mark_demo(workspace, 1)
    found = check_round(workspace, ROUND, key)
    assert not found.issues["where"].str.contains("public_value").any()


def name_a_public_value(workspace):
    path = workspace.params / "rounds" / "spi_2024.yaml"
    spoil(path, 'public_value: "0000"', 'public_value: "4711"')
    spoil(path, "demonstration value, not a real public draw; ", "")


def test_a_round_moves_on_step_by_step(workspace, key, listed, draw_everyone):
    name_a_public_value(workspace)
    found = check_round(workspace, ROUND, key)
    assert stages(found) == ["import"]
    (row,) = found.issues[found.issues["what"] == "the draw is not announced yet"].to_dict("records")
    assert (row["severity"], row["blocks"]) == ("missing", "draw")
    Store(workspace.data / ROUND).write_record("announcements", CITY, {"institution_id": CITY, "entries": []})
    found = check_round(workspace, ROUND, key)
    assert stages(found) == ["import", "draw"]
    assert stages(found, "kota-bengkulu") == ["import"]
    draw_everyone(CITY)
    assert stages(check_round(workspace, ROUND, key)) == ["import", "draw", "fieldwork"]


def test_every_broken_parameter_file_is_told_at_once(workspace, key):
    spoil(workspace.params / "rounds" / "spi_2024.yaml", "level: 0.95", "level: 95")
    spoil(workspace.params / "rounds" / "spi_2024.institutions.csv", "kota-bengkulu", "kota-bengkulo")
    spoil(workspace.params / "instruments" / "spi_2024.yaml", "scale: agree", "scale: agreed")
    spoil(workspace.params / "recommendations.yaml", "kind: score_below", "kind: low_score")
    spoil(workspace.params / "published.yaml", "tolerance: 0.03", "tolerance: 3")
    spoil(workspace.params / "mappings" / "frame.yaml", "min_age: 15", "min_age: fifteen")
    spoil(workspace.params / "mappings" / "events.yaml", "Asia/Jakarta", "Asia/Jakata")
    (workspace.params / "overrides").mkdir(exist_ok=True)
    (workspace.params / "overrides" / "kota-bengkulo.yaml").write_text("rounds: {}\n", encoding="utf-8")
    found = check_round(workspace, ROUND, key)
    places = "\n".join(found.issues["where"])
    for file in (
        "rounds/spi_2024.yaml",
        "rounds/spi_2024.institutions.csv",
        "instruments/spi_2024.yaml",
        "recommendations.yaml",
        "published.yaml",
        "mappings/frame.yaml",
        "mappings/events.yaml",
        "overrides/kota-bengkulo.yaml",
    ):
        assert file in places
    assert set(found.stages[["import", "reports"]].to_numpy().ravel()) == {"blocked"}


def test_checks_across_files_do_not_hide_the_tables(workspace, key, listed):
    spoil(workspace.params / "recommendations.yaml", "measure: ", "measure: not_")
    found = check_round(workspace, ROUND, key)
    assert "the rule looks at something the instrument does not have" in found.issues["what"].tolist()
    assert "the table sample is not there yet" in found.issues["what"].tolist()


def test_an_institution_without_inputs_is_told(workspace, key):
    spoil(
        workspace.params / "rounds" / "spi_2024.institutions.csv",
        "kota-bengkulu,3.09,0,published,,KPK (SPI 2024)\n",
        "",
    )
    found = check_round(workspace, ROUND, key)
    row = found.issues.query("severity == 'warning'").iloc[0]
    assert row["institution_id"] == "kota-bengkulu"
    assert "kota-bengkulu" not in found.stages["institution_id"].tolist()


def test_a_source_without_a_list_or_without_anyone_to_draw(workspace, key, store, listed):
    frame = store.read("frame", CITY)
    frame["is_eligible"] = False
    store.write("frame", CITY, frame[frame["source"] != "expert"])
    found = check_round(workspace, ROUND, key).issues.query(f"institution_id == '{CITY}'")
    assert "there is no list of source expert" in found["what"].tolist()
    assert (found["what"].str.startswith("nobody on the list")).sum() == 2, "internal and external"


def test_a_table_that_breaks_its_contract(workspace, key, store, listed):
    frame = store.read("frame", CITY).assign(sex="L").drop(columns="unit")
    write_parquet(store.path("frame", CITY), frame)
    (store.root / "sample").mkdir()
    store.path("sample", CITY).write_bytes(b"no parquet")
    found = check_round(workspace, ROUND, key).issues.query("severity == 'error'")
    assert {"sex", "unit"} <= {place.rpartition("column ")[2] for place in found["where"]}
    damaged = "the table sample of kota-mojokerto cannot be read: it was cut short, damaged or changed by hand"
    assert damaged in found["what"].tolist()


def test_institutions_that_are_not_on_the_roster(workspace, key, store, listed):
    store.path("frame", CITY).rename(store.path("frame", "kota-mojokreto"))
    row = check_round(workspace, ROUND, key).issues.query("institution_id == 'kota-mojokreto'").iloc[0]
    assert row["hint"] == "did you mean 'kota-mojokerto'?"


def test_answers_that_do_not_fit_the_instrument(workspace, key, store, setup, listed):
    people = store.read("frame", CITY)[["institution_id", "person_id", "source"]]
    codes = [code for source in ("internal", "external", "expert") for code in setup.instrument.codes(source)]
    answers = people.assign(started_at=pd.NaT, completed_at=pd.NaT, **dict.fromkeys(codes, 4.0))
    store.write(
        "responses", CITY, answers.drop(columns="int_tra_1").assign(int_trx_1=1.0, int_tra_2=7.0, int_con_1=1.0)
    )
    found = check_round(workspace, ROUND, key).issues
    named = found[found["where"].str.contains("responses/kota-mojokerto")]
    by_what = named.groupby("what")["where"].apply(list)
    assert by_what["a column is no item of the instrument"][0].endswith("int_trx_1")
    assert by_what["an item of the instrument has no column"][0].endswith("int_tra_1")
    assert any(place.endswith("int_tra_2") for place in by_what["answers lie outside the scale"]), "7 on a scale to 6"


def test_a_vault_that_cannot_be_used(workspace, key, vault, listed, store, monkeypatch):
    monkeypatch.delenv("SPI_VAULT_KEY", raising=False)
    monkeypatch.delenv("SPI_VAULT_KEY_FILE", raising=False)
    assert "there is no key for the contact vault" in check_round(workspace, ROUND).issues["what"].tolist()
    wrong = check_round(workspace, ROUND, VaultKey(b"w" * 32))
    assert "this is not the key of this vault" in wrong.issues["what"].tolist()
    assert "fieldwork" not in stages(wrong)
    monkeypatch.setenv("SPI_VAULT_KEY", key.text)
    assert check_round(workspace, ROUND).errors == 0


def test_people_without_contacts(workspace, key, vault, listed, draw_everyone):
    draw_everyone(CITY)
    contacts = vault.read_contacts(ROUND, CITY, "internal")
    vault.write_contacts(ROUND, CITY, "internal", contacts.iloc[1:])
    (vault.root / ROUND / "contacts" / f"{CITY}__expert.bin").unlink()
    found = check_round(workspace, ROUND, key)
    rows = found.issues.query("severity == 'error'")
    assert sorted(rows["got"]) == ["", "1 of 3 without contacts"]
    assert "fieldwork" not in stages(found)


def test_a_round_that_does_not_exist(workspace):
    found = check_round(workspace, "spi_2042")
    assert found.errors > 0
    assert "the file does not exist" in found.issues["what"].tolist()
