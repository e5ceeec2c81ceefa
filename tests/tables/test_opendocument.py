"""OpenDocument spreadsheets: cells, rows and what the file says of them; the same list gives the same frame."""

import datetime as dt
import zipfile
from xml.sax.saxutils import escape

import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.grids import Merged
from spi_analysis.tables.importing.readers import read_sheets
from tests.tables.lists import CITY

NAMES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in {"office": "office", "table": "table", "text": "text", "style": "style"}.items()
)
HIDING = (
    '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>'
    '<style:style style:name="ta1"><style:table-properties table:display="true"/></style:style>'
)
MANIFEST = '<m:manifest xmlns:m="urn:x"><m:file-entry>{}</m:file-entry></m:manifest>'


@pytest.fixture
def write_ods(tmp_path):
    def write(name, tables, manifest=""):
        content = f"<office:document-content {NAMES}><office:automatic-styles>{HIDING}</office:automatic-styles>"
        content += f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("META-INF/manifest.xml", MANIFEST.format(manifest))
            archive.writestr("content.xml", content + "</office:document-content>")
        return tmp_path / name

    return write


def table(*rows, name="Lembar1", style="ta1"):
    return f'<table:table table:name="{name}" table:style-name="{style}">{"".join(rows)}</table:table>'


def row(*cells, **attributes):
    said = "".join(f' table:{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f"<table:table-row{said}>{''.join(cells)}</table:table-row>"


def cell(content="", kind="string", **attributes):
    said = "".join(f' {key.replace("__", ":").replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<table:table-cell office:value-type="{kind}"{said}>{content}</table:table-cell>'


def text(words):
    return cell(f"<text:p>{escape(words)}</text:p>")


EMPTY = "<table:table-cell/>"


def test_cells_are_what_they_hold(write_ods):
    cells = [
        text("Nama & unit"),
        cell("<text:p>1,5</text:p>", "float", office__value="1.5"),
        cell("<text:p>081</text:p>", "float", office__value="81"),
        cell("<text:p>3 Feb</text:p>", "date", office__date_value="2011-02-03"),
        cell("<text:p>10:00</text:p>", "time", office__time_value="PT10H00M00S"),
        cell("<text:p>YA</text:p>", "boolean", office__boolean_value="true"),
        cell("<office:annotation><text:p>a remark</text:p></office:annotation><text:p>a<text:s text:c='2'/>b</text:p>"
             "<text:p>c<text:line-break/>d</text:p>"),
    ]  # fmt: skip
    (sheet,) = read_sheets(write_ods("a.ods", table(row(*cells))))
    held = ("Nama & unit", 1.5, 81, dt.date(2011, 2, 3), dt.timedelta(hours=10), True, "a  b\nc\nd")
    assert sheet.rows == [held]


def test_repeated_cells_and_rows_keep_the_numbers_of_the_spreadsheet(write_ods):
    rows = [
        row(text("a"), '<table:table-cell table:number-columns-repeated="2"/>', text("b"),
            '<table:table-cell table:number-columns-repeated="16380"/>'),
        row(EMPTY, number_rows_repeated=3),
        row(text("c"), number_rows_repeated=2),
        row(EMPTY, number_rows_repeated=1048570),
    ]  # fmt: skip
    (sheet,) = read_sheets(write_ods("a.ods", table(*rows)))
    assert sheet.rows == [("a", None, None, "b"), (), (), (), ("c",), ("c",)]


def test_what_is_hidden_merged_or_never_computed_is_told(write_ods):
    rows = [
        row(text("Nama"), text("Unit")),
        row(text("A"), cell("<text:p>Dinas</text:p>", table__number_rows_spanned="2"), visibility="filter"),
        row(text("B"), "<table:covered-table-cell/>"),
        row(text("C"), '<table:table-cell table:formula="of:=[.A2]"/>'),
    ]
    shown, hidden = read_sheets(write_ods("a.ods", table(*rows) + table(row(text("x")), name="lama", style="ta2")))
    assert shown.told.hidden_rows == {2}
    assert shown.told.merged == (Merged(2, 3, 1),)
    assert shown.unvalued == {1: {4}}
    assert (shown.told.hidden, hidden.told.hidden, hidden.name) == (False, True, "lama")


def test_tables_that_are_no_sheets_are_left_out(write_ods):
    inside = f"<table:tracked-changes><table:deletion>{row(text('gone'))}</table:deletion></table:tracked-changes>"
    linked = f"<table:dde-links><table:dde-link>{table(row(text('far')))}</table:dde-link></table:dde-links>"
    group = f"<table:table-row-group>{row(text('b'))}</table:table-row-group>"
    (sheet,) = read_sheets(write_ods("a.ods", inside + table(row(text("a")), group) + linked))
    assert sheet.rows == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("tables", "manifest", "said"),
    [
        (table(row(text("a"))), "<m:encryption-data/>", "a file with a password"),
        (table(row(text("a"), number_rows_repeated=9999999)), "", "cannot be read"),
        ("<table:table>", "", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_error(write_ods, tables, manifest, said):
    with pytest.raises(InputError, match=said) as caught:
        read_sheets(write_ods("a.ods", tables, manifest))
    assert "a.ods" in str(caught.value)


def test_a_list_gives_the_same_frame_as_the_workbook(bring, write_xlsx, write_ods, employees, store):
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    plain = store.read("frame", CITY)
    rows = [row(*(EMPTY if value is None else text(str(value)) for value in one)) for one in employees]
    result = bring(write_ods(f"{CITY}__internal.ods", table(*rows)))
    assert not result.failed
    assert result.counts["file"].tolist() == [f"{CITY}__internal.ods"]
    assert store.read("frame", CITY).equals(plain)
