"""Published checkpoints of every format give their tensors; what is damaged or foreign gives one clear error."""

import gzip
import io
import pickle
import tarfile

import numpy as np
import pytest

from keras_textrec.converters.checkpoint import read_checkpoint
from tests.converters import files

pytestmark = pytest.mark.once

TENSORS = files.tensors()
FORMATS = {
    "pdparams": files.pdparams(TENSORS),
    "pdparams of protocol 2": files.pdparams(TENSORS, 2),
    "ckpt": files.ckpt(TENSORS),
    "ckpt in parts, with a checksum": files.ckpt(TENSORS, 16, checksum=True),
    "pth": files.pth(TENSORS),
    "pth of before PyTorch 1.6": files.pth(TENSORS, old=True),
}


def tar(members, mode="w", format=tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=format) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), 1.5  # a fraction has POSIX' format write a record
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def read(tmp_path, content: bytes, name="checkpoint"):
    (tmp_path / name).write_bytes(content)
    return read_checkpoint(tmp_path / name)


def write_folder(tmp_path, members):
    for name, content in members.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def assert_all(checkpoint, expected=TENSORS, names=None):
    assert checkpoint.tensors.keys() == set((names or dict(zip(expected, expected))).values())
    for name, array in expected.items():
        ours = checkpoint.tensors[(names or {}).get(name, name)]
        assert ours.dtype == array.dtype
        assert ours.flags.c_contiguous
        np.testing.assert_array_equal(ours, array)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_every_tensor(name, tmp_path):
    checkpoint = read(tmp_path, FORMATS[name])
    assert checkpoint.framework == {"pd": "paddle", "ck": "mindspore", "pt": "torch"}[name[:2]]
    assert checkpoint.names_known
    assert_all(checkpoint)


def test_genuine_checkpoints(shared):
    checkpoint = read_checkpoint(shared / "checkpoints/french_mobile_crnn/best_accuracy.pdparams")
    assert checkpoint.tensors["head.fc.weight"].shape == (96, 137)
    assert len(checkpoint.tensors) == 229  # 245 arrays, 16 of them copies of the LSTM's
    assert {array.dtype for array in checkpoint.tensors.values()} == {np.dtype("float32")}
    path = next((shared / "checkpoints/imagenet_mobilenet_v3").glob("*.pdparams"))
    genuine = pickle.loads(path.read_bytes())
    genuine.pop("StructuredToParameterName@@")
    assert_all(read_checkpoint(path), genuine)


@pytest.mark.parametrize("old", [False, True])
def test_what_torch_writes(old, tmp_path):
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.LSTM(4, 5, 2))
    whole = torch.randn(6, 8, generator=generator)
    state = network.state_dict()
    state |= {"transposed": whole.t(), "a part": whole[2:4, 1:5], "parameter": torch.nn.Parameter(whole[0])}
    state |= {"half": whole.half(), "bfloat16": whole.bfloat16(), "double": whole.double()}
    state["channels last"] = torch.randn(2, 3, 4, 5, generator=generator).to(memory_format=torch.channels_last)
    content = {"state_dict": state, "optimizer": torch.optim.Adam(network.parameters()).state_dict(), "epoch": 3}
    content["metrics"] = {"acc": np.float64(0.5), "config": [1, (2, None), {"x": True}], "loss": float("nan")}
    torch.save(content, tmp_path / "best.pth", _use_new_zipfile_serialization=not old)
    short = {"half", "bfloat16"}
    expected = {key: (value.float() if key in short else value).detach().numpy() for key, value in state.items()}
    assert_all(read_checkpoint(tmp_path / "best.pth"), expected)
    # And it reads what the tests write.
    (tmp_path / "ours.pth").write_bytes(files.pth(TENSORS, old))
    theirs = torch.load(tmp_path / "ours.pth", weights_only=True)["state_dict"]
    assert_all(read_checkpoint(tmp_path / "ours.pth"), {name: array.numpy() for name, array in theirs.items()})


def test_other_types_of_numbers(tmp_path):
    arrays = {"whole": np.arange(6).reshape(2, 3), "scalar": np.array(3.5, "f4"), "half": np.ones((2, 2), "f2")}
    expected = arrays | {"half": np.ones((2, 2), "f4")}
    assert_all(read(tmp_path, files.pdparams(arrays)), expected)
    assert_all(read(tmp_path, files.ckpt(arrays)), expected)
    columns = np.asfortranarray(arrays["whole"])
    assert_all(read(tmp_path, files.pdparams({"columns": columns})), {"columns": columns})
    # bfloat16 is the upper half of a float32.
    upper = TENSORS["head.fc.weight"].view("<u4") >> 16
    tensor = files.field(1, 2) + files.field(1, 5) + files.field(2, "BFloat16")
    tensor += files.field(3, upper.astype("<u2").tobytes())
    content = files.field(1, files.field(1, "x") + files.field(2, tensor))
    rounded = {"x": (upper << 16).view("f4")}
    assert_all(read(tmp_path, content), rounded)
    paddle = {"x": upper.astype("u2")}  # so Paddle keeps it in arrays; its inference models have a number for the type
    assert_all(read(tmp_path, files.pdparams(paddle)), rounded)
    assert_all(read_checkpoint(write_folder(tmp_path, files.inference_model(paddle))), rounded)
    assert_all(
        read_checkpoint(write_folder(tmp_path, files.inference_model({"x": np.ones(3, "f2")}))), {"x": np.ones(3, "f4")}
    )


# --- Paddle ---


@pytest.mark.parametrize("new", [False, True])
def test_inference_models_from_any_of_their_files(new, tmp_path):
    members = files.inference_model(TENSORS, new)
    folder = write_folder(tmp_path, members)
    (folder / "train.log").write_text("not of the model")
    for path in [folder, *(folder / name for name in members)]:
        checkpoint = read_checkpoint(path)
        assert checkpoint.names_known
        assert_all(checkpoint)
    archive = tar({f"rec_infer/{name}": content for name, content in members.items()})
    assert_all(read(tmp_path, archive, "rec_infer.tar"))


@pytest.mark.parametrize("new", [False, True])
def test_inference_models_without_their_names(new, tmp_path):
    folder = write_folder(tmp_path, files.inference_model(TENSORS, new, info=False))
    checkpoint = read_checkpoint(folder)
    assert not checkpoint.names_known
    assert_all(checkpoint, names=files.internal_names(TENSORS))


def test_lstm_copies_are_one_tensor(tmp_path):
    weight, copy = "neck.encoder.lstm.weight_ih_l0_reverse", "neck.encoder.lstm.0.cell_bw.weight_ih"
    array = TENSORS[weight]
    assert_all(read(tmp_path, files.pdparams({**TENSORS, copy: array.copy()})))
    # An inference model has the copy's name only.
    others = {name: value for name, value in TENSORS.items() if name != weight}
    assert_all(read_checkpoint(write_folder(tmp_path, files.inference_model({**others, copy: array}))))
    with pytest.raises(ValueError, match="is not equal to 'neck.encoder.lstm.weight_ih_l0_reverse', whose copy it is"):
        read(tmp_path, files.pdparams({**TENSORS, copy: array + 1}))


def test_large_arrays_that_paddle_cut(tmp_path):
    flat = TENSORS["head.fc.weight"].ravel()
    parts = {f"head.fc.weight@@.{i}": flat[start : start + 4] for i, start in enumerate((0, 4, 8))}
    others = {name: array for name, array in TENSORS.items() if name != "head.fc.weight"}
    cut = {"head.fc.weight": {"OriginShape": (2, 5), "slices": list(parts)}}
    assert_all(read(tmp_path, files.pdparams({**others, **parts}, 2, **{"UnpackBigParamInfor@@": cut})))
    cut["head.fc.weight"]["OriginShape"] = (2, 2**40)
    with pytest.raises(ValueError, match="do not make up its shape"):
        read(tmp_path, files.pdparams({**others, **parts}, 2, **{"UnpackBigParamInfor@@": cut}))


def test_parts_of_a_distillation(tmp_path):
    both = {f"{part}.{name}": array for part in ("Teacher", "Student") for name, array in TENSORS.items()}
    checkpoint = read(tmp_path, files.pdparams(both))
    assert_all(checkpoint, both)
    student = checkpoint.part("Student")
    assert_all(student)
    assert student.framework == "paddle"
    with pytest.raises(
        ValueError, match=r"checkpoint has no part 'student'; its tensors begin with: Student, Teacher\."
    ):
        checkpoint.part("student")


# --- Archives ---


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_published_archives(mode, format, tmp_path):
    other = files.pdparams({"other": np.zeros(3, "f4")})
    members = {
        "./net/train.log": b"epoch 1\n" * 500,
        f"net/{'deep/' * 18}._best_accuracy.pdparams": b"macOS",
        "net/latest.pdparams": other,
        f"net/{'deep/' * 18}best_accuracy.pdparams": FORMATS["pdparams"],
    }
    assert_all(read(tmp_path, tar(members, mode, format)))


def test_the_file_that_counts(tmp_path):
    only = {"net/iter_epoch_3.pdparams": FORMATS["pdparams"], "net/iter_epoch_3.pdopt": b"of the optimizer"}
    assert_all(read(tmp_path, tar(only)))
    with pytest.raises(ValueError, match=r"holds 2 that may be meant \('net/a.pdparams', 'net/b.pdparams'\)"):
        read(tmp_path, tar({f"net/{name}.pdparams": FORMATS["pdparams"] for name in "ab"}))
    with pytest.raises(ValueError, match="it holds no .pdparams and no .pdiparams"):
        read(tmp_path, tar({"readme": b"nothing"}))


# --- What is no checkpoint ---


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file .*nothing.pdparams; give a published checkpoint."):
        read_checkpoint(tmp_path / "nothing.pdparams")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "its content is of no known format"),
        (b"GIF89a", "its content is of no known format"),
        (b"PK\x03\x04 and nothing", "its table of contents cannot be read"),
        (gzip.compress(b"no archive" * 100), "it is damaged, or no tar archive: a number"),
        (FORMATS["pdparams"][:-300], "it is cut short"),
        (FORMATS["pdparams"] + b"more", "there is more behind its end"),
        (pickle.dumps([1, 2]), "it holds no named arrays"),
        (pickle.dumps({}), "it holds no tensor"),
        (pickle.dumps({"epoch": 3}), "its entry 'epoch' is no array"),
        (files.pdparams({"x": np.array(["text"])}), "it holds arrays of 'U4'"),
        (files.pdparams({"x": np.array([{}], object)}), "it holds arrays of 'O8'"),
        (files.pdparams({"x": np.ones(3, ">f4")}), "an array that is not of little-endian numbers"),
        (files.pdparams({"x": np.ones((3, 0), "f4")}), "an array has an impossible shape"),
        (files.pdparams(TENSORS, 5), "it is a pickle of protocol 5; 2 to 4 are read"),
        (files.ckpt(TENSORS)[:-10], "it is damaged or cut short"),
        (files.ckpt(TENSORS, checksum=True).replace(b"head", b"heap"), "its checksum is another"),
        (files.ckpt({"x": np.ones(3, "f4")}) * 2, "12 bytes|24 bytes"),
        (files.ckpt({"x": np.ones(3, "complex64")}), "'x' holds 'Complex64', which are no numbers"),
        (files.pth(TENSORS)[:-30], "its table of contents cannot be read"),
        (files.pth(TENSORS, old=True)[:-1], "a storage has another size than its tensors"),
        (files.pth({}, state_dict=3), "it holds no state dict"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_clear_errors(content, reason, tmp_path):
    with pytest.raises(ValueError, match=reason) as error:
        read(tmp_path, content, "some.file")
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'some.file'} cannot be read: ")
    assert message.endswith(". Download it again, or give another checkpoint.")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("inference.pdiparams", None, "one is missing"),
        ("inference.pdmodel", None, "one is missing"),
        ("inference.pdmodel", b"\x0a\x02\x08\x00", "its weights hold more than the 0 tensors that its program names"),
        ("inference.pdiparams", files.pdiparams(TENSORS)[:-1], "bytes are no f4 array|cut short"),
        ("inference.pdiparams", files.pdiparams({"a": np.ones(3, "f4")}), "names 4 tensors, and its weights hold 1"),
        ("inference.pdiparams.info", pickle.dumps({}), "does not tell the names of all tensors"),
    ],
)
def test_inference_models_that_are_none(name, content, reason, tmp_path):
    members = files.inference_model(TENSORS) | {name: content}
    folder = write_folder(tmp_path, {key: value for key, value in members.items() if value is not None})
    path = folder / ("inference.pdmodel" if name == "inference.pdiparams" else "inference.pdiparams")
    with pytest.raises(ValueError, match=reason):
        read_checkpoint(path)
