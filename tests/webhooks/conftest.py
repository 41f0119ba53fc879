import pytest

from tests.webhooks.world import World


@pytest.fixture
def world(settings):
    return World(settings)
