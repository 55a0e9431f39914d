import pickle
import struct

import keras
import pytest

import keras_textrec.data as data

pytestmark = pytest.mark.once


def varint(number):
    low = bytearray()
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*low, number])


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def example(**features):
    """A tf.train.Example; `__` stands for / in names; bytes are a bytes_list, other things an int64_list as encoded."""
    entries = b""
    for name, value in features.items():
        feature = field(1, field(1, value)) if isinstance(value, bytes) else field(3, field(1, varint(value)))
        entries += field(1, field(1, name.replace("__", "/").encode()) + field(2, feature))
    return field(1, entries)


def write_tfrecord(path, examples):
    path.write_bytes(b"".join(struct.pack("<QI", len(each), 0) + each + bytes(4) for each in examples))
    return path


@pytest.fixture
def examples(records):
    return [example(image__encoded=image, image__text=text.encode(), width=300) for image, text in records]


def test_round_trip(tmp_path, records, examples):
    source = data.tfrecord(write_tfrecord(tmp_path / "words.tfrecord", examples))
    assert list(source) == records
    assert [source.text(i) for i in (0, -1)] == [records[0][1], records[-1][1]]
    assert source.key(1) == f"{tmp_path / 'words.tfrecord'}: record 2"
    assert isinstance(source, data.Source)
    assert list(pickle.loads(pickle.dumps(source))) == records


def test_files_of_a_folder(tmp_path, records, examples):
    for number in range(3):
        write_tfrecord(tmp_path / f"words.tfrecord-0000{number}-of-00003", examples[number * 13 : number * 13 + 13])
    assert list(data.tfrecord(tmp_path)) == list(data.open_source(tmp_path)) == records
    assert list(data.open_source(tmp_path / "words.tfrecord-00000-of-00003")) == records[:13]
    assert len(data.find_sources(tmp_path)) == 1


def test_other_names(tmp_path):
    path = write_tfrecord(
        tmp_path / "a.tfrecords", [example(img=b"image", label="é".encode(), title=b"other", png=b"no")]
    )
    assert list(data.tfrecord(path)) == [(b"image", "é")]
    assert list(data.tfrecord(path, image="png", text="title")) == [(b"no", "other")]


def test_as_tensorflow_writes_them(tmp_path, records):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow is not in use")
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(tmp_path / "words.tfrecord")) as writer:
        for image, text in records:
            values = {"image/encoded": image, "image/text": text.encode()}
            lists = {key: tf.train.Feature(bytes_list={"value": [value]}) for key, value in values.items()}
            lists["size"] = tf.train.Feature(int64_list={"value": [300, 2]})
            lists["box"] = tf.train.Feature(float_list={"value": [0.5]})
            writer.write(tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString())
    assert list(data.open_source(tmp_path)) == records


# === Bad input ===


def test_damaged_files(tmp_path, examples):
    path = write_tfrecord(tmp_path / "words.tfrecord", examples)
    whole = path.read_bytes()
    for content, message in (
        (whole[:-5], "ends within record 37"),
        (whole + b"1234", "ends within record 38"),
        (b"\x1f\x8b" + whole, "compressed"),
        (b"no TFRecord at all", "is no TFRecord file"),
        (b"short", "is no TFRecord file"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            data.tfrecord(path)
    path.unlink()
    for missing in (path, tmp_path):
        with pytest.raises(FileNotFoundError, match="no TFRecord file"):
            data.tfrecord(missing)


@pytest.mark.parametrize(
    "features,message",
    [
        (
            {"png": b"image", "label": b"a"},
            r"no feature with an image \(image/encoded, .*\): it has \['png', 'label'\]",
        ),
        ({"image": b"image"}, "no feature with a text"),
    ],
)
def test_no_such_features(tmp_path, features, message):
    path = write_tfrecord(tmp_path / "words.tfrecord", [example(**features)])
    with pytest.raises(ValueError, match=message):
        data.tfrecord(path)


def test_a_bad_record_is_found_when_read(tmp_path):
    good = example(image=b"image", text=b"text")
    bad = [
        b"\xff\xff",
        b"",
        example(image=b"image"),
        example(image=b"image", text=3),
        example(image=b"image", text=b"\xe9"),
    ]
    source = data.tfrecord(write_tfrecord(tmp_path / "words.tfrecord", [good, *bad]))
    messages = ["no tf.train.Example", "no single value 'image'", "no single value 'text'", "numbers", "not UTF-8"]
    for index, message in enumerate(messages, 1):
        with pytest.raises(ValueError, match=message) as caught:
            source[index]
        assert f"record {index + 1}" in str(caught.value)
    assert source[0] == (b"image", "text")


def test_an_empty_file(tmp_path):
    assert len(data.tfrecord(write_tfrecord(tmp_path / "words.tfrecord", []))) == 0
