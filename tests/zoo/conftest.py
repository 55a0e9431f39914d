"""The small preset and the Hub of tests/presets."""

from tests.presets.conftest import add_preset as add_preset
from tests.presets.conftest import folder as folder
from tests.presets.conftest import hub as hub
from tests.presets.conftest import tiny as tiny
