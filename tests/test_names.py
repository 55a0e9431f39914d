"""The public names, and what importing the package costs."""

import ast
import importlib
import pathlib
import pkgutil
import subprocess
import sys
import types

import pytest

import keras_textrec

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("light_children")]


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


def test_type_checkers_see_the_names_that_there_are():
    stub = ast.parse(pathlib.Path(keras_textrec.__file__).with_suffix(".pyi").read_text("utf-8"))
    names = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == set(keras_textrec.__all__)
    for name in names:
        assert getattr(keras_textrec, name).__name__.endswith(name)
    with pytest.raises(AttributeError, match="no attribute 'CRN'"):
        keras_textrec.CRN  # noqa: B018


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_help_needs_no_keras():
    code = """
import sys
from keras_textrec.commands import main
try:
    main(["read", "--help"])
finally:
    assert not {"keras", "numpy", "cv2"} & set(sys.modules)
"""
    assert run(code).startswith("usage: keras-textrec read")


def test_keras_knows_our_classes_after_the_import():
    code = "import keras, keras_textrec; print(keras.saving.get_registered_object('keras_textrec>CRNN').__name__)"
    assert run(code) == "CRNN\n"


def test_a_preset_loads_whatever_was_imported():
    code = "from keras_textrec.zoo import load_preset; print(type(load_preset('crnn_small_en', False)).__name__)"
    assert run(code) == "CRNN\n"
