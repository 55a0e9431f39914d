import pickle
import string

import pytest

from keras_textrec.text import Charset
from keras_textrec.text.charset import LISTS, typed_characters

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name, size", [("alphanumeric", 36), ("ascii", 94), ("dict90", 90)])
def test_named(name, size):
    charset = Charset.named(name)
    assert len(charset) == size
    assert charset.characters[:3] == ("0", "1", "2")
    assert Charset.named(name, space=True).characters == (*charset.characters, " ")


def test_the_94_are_all_printable_ascii():
    assert set(Charset.named("ascii")) == {chr(code) for code in range(33, 127)}
    assert "".join(Charset.named("ascii")).endswith(string.punctuation)


def test_dict90_is_the_published_one(parts):
    assert "".join(Charset.named("dict90")) == parts[0]["dict90"]


def test_alphanumeric_is_the_published_one(parts):
    encoder = parts[0]["label_encode"]["ctc_none25"]
    characters = list(Charset.named("alphanumeric"))
    assert ["blank", *characters][:6] == encoder["first"]
    assert characters[-6:] == encoder["last"]


def test_unknown_name_suggests_near_ones():
    with pytest.raises(ValueError, match="no charset named 'alfanumeric'; did you mean alphanumeric"):
        Charset.named("alfanumeric")


@pytest.mark.parametrize(
    "characters, message",
    [
        ("", "at least one"),
        ("abca", r"more than once.*\['a'\]"),
        ([], "at least one"),
        (["", ""], "at least one"),
        ([1], "a string"),
    ],
)
def test_refused(characters, message):
    with pytest.raises(ValueError, match=message):
        Charset(characters)


def test_lookup_equality_and_pickle():
    charset = Charset(["a", "ffi", "b"])
    assert charset.index("ffi") == 1
    assert "b" in charset and "c" not in charset
    assert charset == pickle.loads(pickle.dumps(charset)) == Charset(("a", "ffi", "b"))
    assert charset != Charset("ab") and charset != "ab"
    assert len({charset, Charset(["a", "ffi", "b"])}) == 1
    with pytest.raises(ValueError, match="does not hold 'c'"):
        charset.index("c")


def test_from_file(tmp_path):
    path = tmp_path / "dict.txt"
    path.write_bytes("\ufeffa\r\né\r\n \r\n\u3000\r\n\u2028\r\n".encode())
    assert Charset.from_file(path).characters == ("a", "é", " ", "\u3000", "\u2028")
    assert Charset.from_file(path, space=True) == Charset.from_file(path)
    path.write_text("a\nb", encoding="utf-8")
    assert Charset.from_file(str(path), space=True).characters == ("a", "b", " ")


def test_a_line_is_a_class(tmp_path, caplog):
    """An empty line, a character that stands twice and a character with a space keep their places, and are named."""
    path = tmp_path / "dict.txt"
    path.write_bytes(b"a\r\n\r\nb\r\na\r\nc \r\n \r\n\r\n")
    charset = Charset.from_file(path)
    assert charset.characters == ("a", "", "b", "a", "c ", " ", "")
    assert (charset.index("a"), charset.index("b"), charset.index(" ")) == (3, 2, 5)
    assert "" not in charset and "c" not in charset
    (record,) = caplog.records
    assert f"lines of the charset file {path}: 1 ('a', again on line 4), 2 (empty), 5 ('c '," in record.getMessage()
    assert Charset(charset.get_config()) == charset


def test_no_warning_of_an_ordinary_list(tmp_path, caplog):
    (tmp_path / "dict.txt").write_text("a\n \n\u3000\n")
    Charset.from_file(tmp_path / "dict.txt", space=True)
    Charset.named("ru_dict")  # as it was published, with "ы "
    assert not caplog.records


@pytest.mark.parametrize("entries, config", [("ab ", "ab "), (["a", "fi"], ["a", "fi"]), (["ab", ""], ["ab", ""])])
def test_plain_values(entries, config):
    assert Charset(entries).get_config() == config
    assert Charset(["a", "b", "a"]).get_config() == ["a", "b", "a"]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty; it needs"),
        (b"\n\r\n", "is empty; it needs"),
        (b"a\n\xff\xfe\n", "not UTF-8"),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "dict.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        Charset.from_file(path)
    assert str(path) in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no charset file"):
        Charset.from_file(tmp_path / "none.txt")


@pytest.mark.parametrize(
    "name, size, first", [("french_dict", 136, "f"), ("ppocr_keys_v1", 6623, "'疗"), ("rs_dict", 91, "r")]
)
def test_published_lists(name, size, first):
    """PaddleOCR's dictionaries in the order of their files; the space is added if the list lacks it."""
    charset = Charset.named(name)
    assert len(charset) == size and "".join(charset).startswith(first)
    assert len(Charset.named(name, space=True)) == size + (" " not in charset)


def test_the_genuine_french_list(shared):
    folder = shared / "checkpoints" / "french_mobile_crnn"
    assert Charset.named("french_dict") == Charset.from_file(folder / "french_dict.txt")


def test_every_published_list_is_a_charset():
    names = [path.stem for path in LISTS.glob("*.txt")]
    assert len(names) == 47
    for name in names:
        assert len(Charset.named(name)) >= 36
    assert Charset.named("ic15_dict") == Charset.named("alphanumeric")


@pytest.mark.parametrize("name", ["french", "../charset", "README", "", "french_dict.txt"])
def test_no_list(name):
    with pytest.raises(ValueError, match="There is no charset named"):
        Charset.named(name)


def test_composed_and_decomposed_are_one_charset():
    assert Charset("abe\u0301") == Charset("abé") == Charset(["a", "b", "e\u0301"])
    assert Charset("\u1112\u1161\u11ab") == Charset("한")
    with pytest.raises(ValueError, match=r"more than once: \['é'\]"):
        Charset("ée\u0301")


def test_published_classes_stay_as_they_are():
    """Also where a list holds an accent after a letter that it sits on, or characters that NFC would replace."""
    for name in ("devanagari_dict", "korean_dict", "hebrew_dict", "arabic_dict", "ppocrv4_doc_dict"):
        charset = Charset.named(name)
        lines = (LISTS / f"{name}.txt").read_text("utf-8").removesuffix("\n").split("\n")
        assert list(charset) == lines
        assert Charset(charset.get_config()) == charset
    assert Charset(["e", "\u0301"]).characters == ("e", "\u0301")
    assert Charset(["e", "\u0301"]).get_config() == ["e", "\u0301"]


@pytest.mark.parametrize("name", ["dict90", "alphanumeric", "ascii", "ar_dict"])
def test_the_name_of_a_list_is_no_charset(name):
    with pytest.raises(ValueError, match=rf"'{name}' would be these very letters; give Charset.named\('{name}'\)"):
        Charset(name)
    assert tuple(typed_characters(name)) == Charset.named(name).characters


def test_the_name_of_a_file_is_no_charset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my_list.dict"
    path.write_text("x\ny\n", "utf-8")
    for name in (str(path), "my_list.dict", "chars.txt"):
        with pytest.raises(ValueError, match=r"would be these very letters; give Charset.from_file\("):
            Charset(name)
    assert tuple(typed_characters("my_list.dict")) == ("x", "y")
    with pytest.raises(FileNotFoundError, match="There is no charset file 'chars.txt'"):
        typed_characters("chars.txt")
    with pytest.raises(ValueError, match=r"There is no file 'lists/my_chars'"):
        Charset(typed_characters("lists/my_chars"))
    assert typed_characters("0123456789/.") == "0123456789/."
    assert len(Charset("0123456789/.")) == 12


def test_a_charset_called_as_a_list_survives_its_configuration():
    charset = Charset(list("dict90"))
    assert Charset(charset.get_config()) == charset
