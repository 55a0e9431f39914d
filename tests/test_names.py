import importlib
import pkgutil
import sys
import types

import pytest

import keras_textrec

pytestmark = pytest.mark.once


def test_no_public_name_hides_a_module():
    """Otherwise `import keras_textrec.data.lmdb as m` gives a function."""
    for module in pkgutil.walk_packages(keras_textrec.__path__, "keras_textrec."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    modules = [name for name in sys.modules if name.startswith("keras_textrec.")]
    assert len(modules) > 50
    hidden = []
    for name in modules:
        package, _, own = name.rpartition(".")
        if not isinstance(getattr(sys.modules[package], own), types.ModuleType):
            hidden.append(name)
    assert not hidden
