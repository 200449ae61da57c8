"""One pair of rank starters for all tests of this folder."""

import pytest
from trainings import Ranks


@pytest.fixture(scope="session")
def ranks() -> Ranks:
    """Starts stages on one or two ranks; the imports of torch are paid once."""
    return Ranks(2)
