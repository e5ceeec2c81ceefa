"""Answers by an open link: kept apart, each once, and nothing of the number that somebody left is stored."""

import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.reporting.analyst.posters import poster, write_posters
from spi_analysis.tables.identity import answer_tokens
from spi_analysis.tables.importing.conversation import lines_of
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from spi_analysis.tables.invitations import open_links

CITY = "kota-mojokerto"
LINK = "https://survei.example/?t={token}"
HEADER = ["Token", "Mulai", "Selesai", "No HP", "ext_fai_1", "ext_fai_2"]
AT = ("2024-08-01 10:00", "2024-08-01 10:20")
DRAWN, STRANGER = "081200000011", "081200000099"


@pytest.fixture
def drawn(setup, store, vault, write_csv, draw_everyone):
    """The questionnaire's token of the one user who was drawn."""
    users = [["Nama", "Unit Layanan", "No HP"], ["Pengguna A", "Dinas Sosial", DRAWN]]
    import_frame([write_csv(f"{CITY}__eksternal.csv", users)], setup, store, vault)
    people = draw_everyone(CITY)["person_id"]
    return answer_tokens(people, "spi_2024", CITY, "external", vault.secret("link_token"))[0]


@pytest.fixture
def hung(setup, store, vault, drawn):
    """Tokens of two posters."""
    return open_links(setup, store, vault, CITY, "external", ["MPP", "Puskesmas"], LINK)["token"].tolist()


@pytest.fixture
def bring(setup, store, vault):
    return lambda *files, **options: import_responses(files, setup, store, vault, **options)


def test_answers_of_a_poster_are_kept_apart_each_once(bring, write_csv, store, drawn, hung):
    rows = [
        HEADER,
        [drawn, *AT, "", 4, 5],
        [hung[0], *AT, "", 1, 2],
        [hung[0], *AT, "", 1, 2],
        [hung[1], *AT, "", 6, 6],
    ]
    result = bring(write_csv("a.csv", rows))
    assert store.read("responses", CITY)["ext_fai_1"].tolist() == [4], "of the sample there is one answer"
    opened = store.read("open_responses", CITY)
    assert sorted(opened["ext_fai_1"]) == [1, 1, 6], "two people may answer alike"
    assert opened["response_id"].is_unique
    assert "person_id" not in opened
    assert result.summary["open"] == [{"institution_id": CITY, "source": "external", "answers": 3, "others": 0}]
    assert result.counts[["read", "accepted", "rejected"]].sum().tolist() == [4, 4, 0]
    bring(write_csv("b.csv", [*rows, [hung[1], *AT, "", 3, 3]]))
    assert sorted(store.read("open_responses", CITY)["ext_fai_1"]) == [1, 1, 3, 6], "a later file brings what is new"


def test_a_number_of_somebody_drawn_is_said_and_stored_nowhere(bring, write_csv, setup, store, vault, drawn, hung):
    rows = [HEADER, [hung[0], *AT, DRAWN, 4, 5], [hung[0], *AT, STRANGER, 1, 2], [hung[0], *AT, STRANGER, 2, 2],
            [hung[0], *AT, "", 6, 6]]  # fmt: skip
    result = bring(write_csv("a.csv", rows))
    said = result.problems.set_index("code").loc[["open_answer_of_sampled", "open_answer_twice"], "reason_en"]
    assert [text.split()[0] for text in said] == ["1", "2"]
    opened = store.read("open_responses", CITY).sort_values("ext_fai_1")
    assert opened["also_sampled"].tolist() == [False, False, True, pd.NA]
    later = bring(write_csv("b.csv", [HEADER, [hung[0], *AT, STRANGER, 3, 3]]))
    assert [row["others"] for row in later.summary["open"]] == [4]
    assert any("among the 4 of earlier imports" in line for line in lines_of(later.summary)), "no number was kept"
    assert not any("earlier imports" in line for line in lines_of(result.summary))
    for path in [*store.root.rglob("*"), *(setup.workspace.outputs).rglob("*")]:
        if path.is_file():
            assert DRAWN[1:].encode() not in path.read_bytes(), path
            assert STRANGER[1:].encode() not in path.read_bytes(), path


def test_a_file_without_tokens_is_open_only_if_somebody_says_so(bring, write_csv, store, drawn):
    path = write_csv("form.csv", [HEADER[1:], [*AT, "", 4, 5], [*AT, "", 2, 1]])
    (problem,) = bring(path).failed
    assert "required columns are missing" in problem.what
    with pytest.raises(InputError, match="--institution and --source"):
        bring(path, stream="open", institution=CITY)
    bring(path, stream="open", institution=CITY, source="external")
    assert len(store.read("open_responses", CITY)) == 2
    assert not store.has("responses", CITY)


def test_a_panel_has_no_open_link(setup, store, vault):
    with pytest.raises(InputError, match="sources that are drawn"):
        open_links(setup, store, vault, CITY, "expert", ["MPP"], LINK)


def test_a_poster_is_a_sheet_in_two_languages_with_the_address_of_its_place(setup, store, vault, drawn):
    links = open_links(setup, store, vault, CITY, "external", ["Loket <1>"], LINK)
    again = open_links(setup, store, vault, CITY, "external", ["Lobi", "Loket <1>"], LINK)
    assert again["link"].tolist()[1] == links["link"].item(), "a place keeps its link"
    written = write_posters(setup, CITY, links)
    assert sorted(path.suffixes[-2] for path in written[:2]) == [".en", ".id"]
    sheet = poster(setup, CITY, "Loket <1>", links["link"].item(), "id")
    assert "Pindai kode ini" in sheet
    assert "Loket &lt;1&gt;" in sheet
    assert sheet.count("<svg") == 1
    assert links["link"].item() in sheet
