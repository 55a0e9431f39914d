"""Settings of the command line, KEY=VALUE."""

from typing import Any

import yaml


def setting_value(setting: str) -> Any:
    """What stands behind the first "=", as in YAML. ValueError: it is no YAML."""
    value = setting.partition("=")[2]
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"{setting!r}: {value!r} is not a value in YAML.") from error
