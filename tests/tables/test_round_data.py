import subprocess
import sys

import pytest

import spi_analysis
from spi_analysis.errors import ParameterError, StoreError
from spi_analysis.tables.importing.frame import import_frame

CITY, ROUND = "kota-mojokerto", "spi_2024"


@pytest.fixture
def data(setup, store, vault, workspace, write_xlsx, employees, draw_everyone):
    import_frame([write_xlsx(f"{CITY}__internal.xlsx", employees)], setup, store, vault)
    draw_everyone(CITY)
    return spi_analysis.load_round(ROUND, CITY, workspace)


def test_everything_about_one_institution(data, store, workspace):
    assert data.frame.equals(store.read("frame", CITY))
    assert len(data.sample) == 3
    assert data.institution.name == "Pemerintah Kota Mojokerto"
    assert data.round.round_id == ROUND
    assert spi_analysis.load_round(ROUND, CITY, workspace.root).frame.equals(data.frame), "a path will do"


def test_a_table_that_is_not_there_yet_says_what_writes_it(data):
    assert data.has("sample")
    assert not data.has("weights")
    with pytest.raises(StoreError, match="run: spi run --notebook 30"):
        data.weights  # noqa: B018


def test_its_face_says_what_is_there(data):
    assert "sample: 3 rows, 9 columns" in repr(data)
    assert "weights: not there yet" in repr(data)


def test_an_unknown_institution_is_told_with_the_nearest(workspace):
    with pytest.raises(ParameterError, match="did you mean 'kota-mojokerto'"):
        spi_analysis.load_round(ROUND, "kota-mojokreto", workspace)


def test_outside_a_workspace_the_hint_speaks_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="workspace=") as caught:
        spi_analysis.load_round(ROUND, CITY)
    assert "--workspace" not in str(caught.value)


def test_importing_the_package_alone_is_light():
    look = "print('pandas' in sys.modules)"
    code = f"import spi_analysis, sys; {look}; spi_analysis.load_round; {look}"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "True"]
    with pytest.raises(AttributeError):
        spi_analysis.load_rounds  # noqa: B018
