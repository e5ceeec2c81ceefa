"""The page of columns says what the code says, and the code has words for every column of every table."""

from pathlib import Path

from spi_analysis.columns import LABELS
from spi_analysis.tables.codebook import column_page
from spi_analysis.tables.contracts import CONTRACTS

PAGE = Path(__file__).parents[2] / "docs" / "output_columns.md"


def test_the_page_is_up_to_date():
    written = PAGE.read_text(encoding="utf-8")
    assert written == column_page(), "write it anew: python -m spi_analysis.tables.codebook > docs/output_columns.md"


def test_every_column_of_every_table_has_words_in_both_languages():
    columns = {column for schema in CONTRACTS.values() for column in schema.columns}
    assert columns - set(LABELS) == set()
    assert all(label.id.strip() and label.en.strip() for label in LABELS.values())


def test_every_column_of_every_file_beside_a_page_has_words(demo):
    # Those for programs; `name.en.csv` has the headings of the page.
    files = sorted(path for path in demo.workspace.outputs.rglob("tables/*.csv") if "." not in path.stem)
    assert len(files) > 40
    for file in files:
        header = file.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
        assert set(header) - set(LABELS) == set(), file.name
