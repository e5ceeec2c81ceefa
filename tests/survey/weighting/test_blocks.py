import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.survey import groups
from spi_analysis.survey.groups import dot, product


@given(p=st.integers(0, 4), m=st.integers(0, 300), r=st.integers(0, 3), small=st.sampled_from([1, 300, 2**18]))
def test_products_in_pieces_are_those_of_the_whole(p: int, m: int, r: int, small: int) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(p, m)), rng.normal(size=(r, m)).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "SMALL", small)
        np.testing.assert_allclose(product(left, right), left @ right, atol=1e-12)


def test_dot_by_hand() -> None:
    assert dot(np.array([1.0, 2, 3]), np.broadcast_to(2.0, 3)) == 12
