import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting.inputs import INELIGIBLE, NONRESPONDENT, RESPONDENT, UNKNOWN, classify


def test_aapor_codes_and_plain_words() -> None:
    status = pd.Series(["I", "P", "R", "NC", "O", "UH", "UO", "NE", "respondent", "unknown"])
    expected = [RESPONDENT] * 2 + [NONRESPONDENT] * 3 + [UNKNOWN] * 2 + [INELIGIBLE, RESPONDENT, UNKNOWN]
    assert classify(status).tolist() == expected


@pytest.mark.parametrize("status", [[True, False], [1, 0], [1.0, 0.0]])
def test_flags(status: list) -> None:
    assert classify(pd.Series(status)).tolist() == [RESPONDENT, NONRESPONDENT]


@pytest.mark.parametrize(
    ("status", "parts"),
    [
        (["I", "Refused"], ["Refused", "not known", "column status"]),
        (["I", "nonrespondant"], ["did you mean 'nonrespondent'?"]),
        (["I", None], ["not known"]),
        ([1, 2], ["row 2", "got: 2", "1 (respondent) or 0"]),
        ([1, np.nan], ["row 2", "got: nan"]),
    ],
)
def test_whatever_else_is_no_silent_nonrespondent(status: list, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        classify(pd.Series(status, name="status"))
    assert all(part in str(caught.value) for part in parts), str(caught.value)
