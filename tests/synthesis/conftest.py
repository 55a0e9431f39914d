import pytest

from keras_textrec.synthesis import find_fonts


@pytest.fixture(scope="session")
def fonts():
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
