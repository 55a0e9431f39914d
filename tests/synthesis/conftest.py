import pytest

from keras_textrec.synthesis import WordRenderer, find_fonts, font_cache


@pytest.fixture(scope="session", autouse=True)
def own_font_cache(tmp_path_factory):
    """No test reads or leaves anything in the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(font_cache, "folder", lambda: folder)
        yield


@pytest.fixture(scope="session")
def fonts(own_font_cache):
    """A few of the system's fonts: the checks of thousands would take longer than the tests."""
    from keras_textrec.synthesis.fonts import font_folders

    for folder in font_folders():
        for name in ("dejavu", "liberation", "lato"):
            for found in sorted(folder.rglob(name)) if folder.is_dir() else ():
                try:
                    return find_fonts(found)
                except FileNotFoundError:
                    continue
    pytest.skip("this machine has none of the fonts DejaVu, Liberation or Lato")


@pytest.fixture(scope="session")
def config(fonts):
    """The default configuration's sections."""
    return WordRenderer(fonts, ["word"]).config
