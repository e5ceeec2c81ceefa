"""Telephones and people in the names of files and sheets, and in columns where they do not belong. All are made up."""

import time

import openpyxl
import pytest

from spi_analysis.errors import HIDDEN, Problem
from spi_analysis.tables.identity import answer_tokens
from spi_analysis.tables.importing.issues import hide_people, names_of
from spi_analysis.tables.importing.readers import in_order, read_sheets
from tests.demo import spi_here
from tests.tables.lists import CITY

MARKS = ("81200000002", "812-0000-0002", "Siti Contoh", "siti_contoh", "SITI CONTOH", "siti@contoh.id")
LIST = f"{CITY}__internal data Siti_Contoh 0812-0000-0002.xlsx"


@pytest.fixture
def command(workspace, vault, key):
    return lambda *arguments: spi_here(workspace, *arguments, SPI_VAULT_KEY=key.text, SPI_ROUND="spi_2024")


def said_anywhere(workspace, printed):
    """What was printed, and all that is kept outside the vault: records, and the workbooks for the institution."""
    texts = [printed, *(path.read_text() for path in (workspace.data / "spi_2024").rglob("*.json"))]
    for path in workspace.outputs.rglob("*.xlsx"):
        book = openpyxl.load_workbook(path)
        texts += [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell]
    return "\n".join(texts)


def test_a_list_named_after_a_person_is_spoken_of_without_the_person(command, workspace, write_xlsx, employees):
    """The sheet's name too; and a name that stands in the column of the units."""
    employees[3][4], employees[1][4] = "Siti Contoh", "SITI CONTOH."
    book = write_xlsx(LIST, employees, **{"Siti Contoh 081200000002": [["catatan"], ["siti@contoh.id"]]})
    for extra in ("--dry-run", "--json", None):
        done = command("import", "frame", str(book), *([extra] if extra else []))
        assert done.returncode == 0, done.stderr
        everything = said_anywhere(workspace, done.stdout + done.stderr)
        assert not [mark for mark in MARKS if mark in everything], extra
        assert f"{CITY}__internal data {HIDDEN} {HIDDEN}" in everything, "the file can still be told"
    printed = command("imports").stdout
    assert not [mark for mark in MARKS if mark in printed]


def test_answers_in_a_file_named_after_a_person(command, workspace, vault, bring, write_xlsx, write_csv, employees,
                                                draw_everyone):  # fmt: skip
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    people = draw_everyone(CITY)["person_id"]
    token = answer_tokens(people, "spi_2024", CITY, "internal", vault.secret("link_token"))[0]
    done = command(
        "import", "responses", str(write_csv("jawaban Siti Contoh.csv", [["token", "int_tra_1"], [token, 99]]))
    )
    everything = said_anywhere(workspace, done.stdout + done.stderr)
    assert f"jawaban {HIDDEN}.csv" in everything
    assert "Siti Contoh" not in everything


def test_a_file_that_cannot_be_read_is_named_without_its_numbers(command, tmp_path):
    path = tmp_path / f"{CITY}__internal 0812 0000 0002.xlsx"
    path.write_bytes(b"no workbook")
    done = command("import", "frame", str(path))
    assert done.returncode == 1
    assert "0812 0000 0002" not in done.stdout + done.stderr
    assert "0002" not in str(Problem("x", file=path.name, key="sheet 081200000002", hint="081200000002.xlsx"))


def test_files_and_sheets_that_are_alike_then_are_told_apart(tmp_path, write_csv, write_xlsx):
    paths = [write_csv(f"a 08120000000{i}.csv", [["x"]]) for i in (1, 2)]
    assert list(in_order(paths).values()) == [f"a {HIDDEN}.csv", f"a {HIDDEN}.csv (2)"]
    book = write_xlsx("b.xlsx", [["x"]], **{"081200000001": [["y"]], "081200000002": [["z"]]})
    assert [sheet.name for sheet in read_sheets(book)] == ["Sheet1", HIDDEN, f"{HIDDEN} (2)"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Data budi_CONTOH final.xlsx", f"Data {HIDDEN} final.xlsx"),
        ("Budi Contoh Wijaya", f"{HIDDEN}"),
        ("Budi Santoso.xlsx", "Budi Santoso.xlsx"),
        ("Contoh Budi.xlsx", "Contoh Budi.xlsx"),
        ("Sukarno.xlsx", "Sukarno.xlsx"),
        ("", ""),
    ],
)
def test_names_are_hidden_word_by_word(text, said):
    """The longest name first; one word alone may be a place."""
    assert hide_people(text, names_of(["Budi Contoh", "Budi Contoh Wijaya", "Sukarno", None])) == said


def test_a_dated_file_keeps_its_date():
    names = ("kejadian_2024-08-01.csv", "kejadian_20240801.csv", "data/spi_2024/frame/kota-mojokerto.parquet")
    assert [Problem("x", file=name).file for name in names] == list(names)


def test_a_later_import_of_the_same_people_is_as_quick_as_the_first():
    """Names that were read before are not compared one by one with those of now for every text that is looked at."""
    people, texts = [f"Siti {word}" for word in _words(20_000)], [f"berkas {word} 2024" for word in _words(300)]

    def seconds():
        names, start = names_of(people), time.process_time()
        assert [hide_people(text, names) for text in texts] == texts
        return time.process_time() - start

    first = seconds()
    assert min(seconds() for _ in range(3)) < 3 * first + 0.01


def _words(n):
    """Different words of letters alone."""
    return ["".join(chr(97 + int(digit)) for digit in f"{i:05}") for i in range(n)]
