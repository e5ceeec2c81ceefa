from pathlib import Path

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import Workspace, find_workspace


def test_the_nearest_folder_above_is_found(workspace: Workspace) -> None:
    deep = workspace.root / "notebooks" / "x"
    deep.mkdir(parents=True)
    assert find_workspace(deep) == workspace


def test_outside_of_any_workspace(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="not inside a workspace") as caught:
        find_workspace(tmp_path)
    assert "--workspace" in str(caught.value)
    assert str(tmp_path.parent) not in str(caught.value), "never a machine's full path"
