import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec import CTCTokenizer, RepSVTR, SVTRv2, TextRecognizer
from keras_textrec.commands import main
from keras_textrec.text import NRTRTokenizer
from keras_textrec.training import SequenceLoss
from keras_textrec.training.distillation import CTCDistillation, DecoupledDistillation, Distillation, SharedClasses
from keras_textrec.training.losses import targets_at_steps
from keras_textrec.training.train import train
from tests.models.test_rare_model import make_rare
from tests.models.test_svtrv2_model import make
from tests.tiny import RECIPE, WORDS, Columns, draw, make_crnn, write_lmdb

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def value(x):
    return ops.convert_to_numpy(x)


@pytest.fixture
def published(parts):
    """Published losses, and logits by name; the guide's labels, ids padded with -1."""
    json, arrays = parts
    logits = {
        name: arrays[f"loss.multi.{name}"] for name in ("teacher_ctc", "student_ctc", "teacher_gtc", "student_gtc")
    }
    characters = arrays["loss.multi.label_gtc"][:, 1:]
    inside = np.arange(characters.shape[1]) < arrays["loss.multi.length"][:, None]
    return json["loss"], logits, np.where(inside, characters, -1)


def test_losses_meet_paddleocr(published):
    losses, logits, labels = published
    ctc = CTCDistillation()(logits["teacher_ctc"], logits["student_ctc"])
    assert float(value(ctc)) == pytest.approx(losses["distill.DistillCTCLogits"]["ctc_logits_0"], rel=1e-6)

    targets = targets_at_steps(labels, 11, NRTRTokenizer.end_id, padding=True)
    dkd = DecoupledDistillation()((logits["teacher_gtc"], targets), logits["student_gtc"])
    assert float(value(dkd)) == pytest.approx(losses["distill.DistillationDKDLoss"]["dkd_0"], rel=1e-6)

    nrtr = SequenceLoss(NRTRTokenizer.end_id, padding=True)(labels, logits["student_gtc"])
    assert float(value(nrtr)) == pytest.approx(losses["distill.DistillationNRTRLoss"]["loss_nrtr_Student_0"], rel=1e-6)


@pytest.mark.one_backend
def test_the_whole_loss_meets_paddleocr(published):
    """The student's own losses and the teacher's part, of a model whose outputs are the published ones."""
    losses, logits, labels = published
    student = make(RepSVTR)
    student.compile(teacher=make(SVTRv2))
    y = {"ctc": np.where(labels >= 0, labels - 3, -1), "guide": labels}
    outputs = {"ctc": logits["student_ctc"], "guide": logits["student_gtc"]}
    answers = [ops.convert_to_tensor(logits[name]) for name in ("teacher_ctc", "teacher_gtc")]
    student.distillation.network = lambda x, training: answers
    x = {"image": np.zeros((3, 32, 64, 3), "float32"), "tokens": np.zeros((3, 11), "int32")}
    loss = student.compute_loss(x, y, outputs)
    assert float(value(loss)) == pytest.approx(losses["distill_total"]["loss"], rel=1e-6)
    student_alone = losses["distill_total"]["loss_ctc_Student_0"] + losses["distill_total"]["loss_nrtr_Student_0"]
    assert float(value(student.compute_loss(x, y, outputs, training=False))) == pytest.approx(student_alone, rel=1e-6)


def test_fit_teaches_the_student_alone():
    """By a teacher of another height, another order of channels and other characters."""
    teacher, student = Columns(LETTERS.upper() + "0123456789", 24, channel_order="BGR"), Columns(lowercase=True)
    student.recipe = RECIPE
    before = teacher.get_weights()
    data = [draw(word) for word in WORDS[:4]], WORDS[:4]

    def trained(**options):
        student.set_weights(Columns().get_weights())
        student.compile(keras.optimizers.SGD(0.01), weighted_metrics=None, **options)
        student.fit(*data, epochs=1, verbose=0)
        return student.get_weights()

    taught, untaught = trained(teacher=teacher), trained()
    assert not np.allclose(taught[4], untaught[4], atol=1e-4)
    assert all(np.array_equal(a, b) for a, b in zip(before, teacher.get_weights(), strict=True))
    assert len(taught) == len(student.variables) == 6


@pytest.mark.one_backend
def test_classes_go_by_character():
    classes = SharedClasses(CTCTokenizer("abAc"), CTCTokenizer("cAxb"), lowercase=False)
    assert classes.lacking == ["a"]
    theirs, ours = np.arange(5.0, dtype="float32")[None, None], np.arange(10.0, 15.0, dtype="float32")[None, None]
    shared = classes(ops.convert_to_tensor(theirs), ops.convert_to_tensor(ours))
    assert [value(logits)[0, 0].tolist() for logits in shared] == [[0, 4, 2, 1], [10, 12, 13, 14]]
    assert value(classes.places(ops.convert_to_tensor([0, 1, 2, 3, 4, -1]))).tolist() == [0, -1, 1, 2, 3, -1]

    classes = SharedClasses(CTCTokenizer("abAc"), CTCTokenizer("cAxb"), lowercase=True)
    assert classes.lacking == []
    shared = classes(ops.convert_to_tensor(theirs), ops.convert_to_tensor(ours), 0.5)
    together = 0.5 * np.logaddexp(11 / 0.5, 13 / 0.5)
    np.testing.assert_allclose(value(shared[1])[0, 0], [10, together, 12, 14], rtol=1e-6)
    np.testing.assert_allclose(value(shared[0])[0, 0], [0, 2, 4, 1], rtol=1e-6)

    guide = SharedClasses(NRTRTokenizer("ab"), NRTRTokenizer("xb"), lowercase=False)
    assert value(guide.tokens(ops.convert_to_tensor([[2, 4, 5, 3, 0]]))).tolist() == [[2, 1, 5, 3, 0]]


@pytest.mark.one_backend
def test_what_only_one_of_them_knows_is_not_compared():
    """The teacher's part is the same, whatever the student says of such a character."""
    lessons = Distillation(Columns(), Columns(LETTERS))
    x = np.random.default_rng(0).normal(size=(2, 32, 64, 3)).astype("float32")
    logits = np.random.default_rng(1).normal(size=(2, 64, 37)).astype("float32")
    loss = float(value(lessons(x, None, ops.convert_to_tensor(logits))))
    assert np.isfinite(loss) and loss > 0
    other = logits.copy()
    other[..., 1:11] = 5  # the digits
    assert float(value(lessons(x, None, ops.convert_to_tensor(other)))) == pytest.approx(loss)
    other[..., 11] = 5
    assert float(value(lessons(x, None, ops.convert_to_tensor(other)))) != pytest.approx(loss)
    weighted = value(lessons(x, None, ops.convert_to_tensor(logits), np.array([1, 0], "float32")))
    assert float(weighted) == pytest.approx(float(value(lessons(x[:1], None, ops.convert_to_tensor(logits[:1])))) / 2)


@pytest.mark.one_backend
def test_a_guide_that_only_one_of_them_has_is_left_out():
    for student, other in [(make(RepSVTR), make(SVTRv2, guided=False)), (Columns(), make(SVTRv2))]:
        student.compile(teacher=other)
        assert not student.distillation.guided
        x = np.zeros((1, 32, 64, 3), "float32")
        x = {"image": x, "tokens": np.zeros((1, 5), "int32")} if getattr(student, "guided", False) else x
        assert np.isfinite(value(student.distillation(x, None, student(x))))
    assert student.make_loss().name == "ctc"


@pytest.mark.one_backend
def test_the_teacher_sees_the_students_picture(monkeypatch):
    """In its own size and numbers, whatever the student's are."""
    image = draw("bird7")
    seen = []
    other = Columns(height=24, channel_order="BGR", mean=[0.4, 0.5, 0.6], std=0.25)
    student = Columns()
    lessons = Distillation(student, other)
    answer = lessons.network
    monkeypatch.setattr(lessons, "network", lambda x, training: seen.append(value(x)) or answer(x, training=training))
    x = student.converter.convert([image], 64)
    lessons(ops.convert_to_tensor(x), None, student(x))
    wanted = other.converter.convert([image], 48)
    assert seen[0].shape == wanted.shape
    ours, theirs = (other.converter.to_image(array[0]).astype(int) for array in (seen[0], wanted))
    assert np.abs(ours - theirs)[:, :40].mean() < 6  # resized twice


@pytest.mark.one_backend
def test_teachers_that_are_refused():
    student = Columns()
    with pytest.raises(ValueError, match="The teacher is the student itself"):
        student.compile(teacher=student)
    with pytest.raises(ValueError, match="of the student's 36 characters it does not know 26, which is more than half"):
        student.compile(teacher=Columns("0123456789"))


@pytest.mark.one_backend
def test_characters_that_the_teacher_lacks_are_told(caplog):
    with caplog.at_level("INFO"):
        Columns().compile(teacher=Columns("23456789" + LETTERS))
    assert "columns does not know 2 of the 36 characters; these are learnt from the labels alone: 01" in caplog.text
    assert "Taught by columns: CTC." in caplog.text


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with presets of a student and a teacher, and an LMDB."""
    place = tmp_path_factory.mktemp("distillation")
    make_crnn().save_to_preset(place / "student")
    make_crnn(hidden_size=8).save_to_preset(place / "teacher")
    write_lmdb(place / "words", WORDS[:4])
    return place


def command(place, output, *more):
    data = ["--train", place / "words", "--validation", place / "words", "--output", place / output, "--processes", 0]
    return main([str(argument) for argument in ("train", place / "student", *data, *more)])


@pytest.mark.one_backend
def test_a_resumed_run_is_the_unbroken_one(place, monkeypatch, capsys):
    """And it needs its teacher."""
    monkeypatch.setattr("keras_textrec.training.precision.has_bfloat16", lambda: False)
    teacher = ["--teacher", place / "teacher"]
    assert command(place, "straight", *teacher) == 0
    fit = keras.Model.fit
    monkeypatch.setattr(
        keras.Model, "fit", lambda self, *data, epochs, **options: fit(self, *data, epochs=1, **options)
    )
    assert command(place, "broken", *teacher) == 0
    monkeypatch.setattr(keras.Model, "fit", fit)
    assert command(place, "broken", "--resume") == 1
    assert "was trained by another description" in capsys.readouterr().err
    assert command(place, "broken", "--resume", *teacher) == 0
    states = [dict(np.load(place / run / "state.npz")) for run in ("straight", "broken")]
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[0])
    last = TextRecognizer.from_preset(place / "straight" / "last")
    assert last.about["trained_on"] == "4 records of words, taught by teacher."
    assert last.count_params() == make_crnn().count_params()


@pytest.mark.one_backend
def test_a_student_that_cannot_have_a_teacher(tmp_path):
    model = make_rare()
    with pytest.raises(ValueError, match="A RARE cannot have a teacher; only CTC networks can"):
        train(model, None, None, tmp_path / "run", teacher=Columns())
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="A RARE cannot teach; a teacher is a CTC network, as the student"):
        Columns().compile(teacher=model)
