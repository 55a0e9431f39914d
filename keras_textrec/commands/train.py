"""`keras-textrec train`: trains a preset's architecture by its recipe."""

import argparse
import importlib.util
import json
import logging
import os
from collections.abc import Callable
from typing import Any

from keras_textrec.system.numbers import at_least
from keras_textrec.system.paths import check_file, check_folder
from keras_textrec.system.terminal import print_table

logger = logging.getLogger(__name__)

HELP = "train a preset's architecture by its recipe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a name, a folder or hf://USER/REPO")
    parser.add_argument(
        "--train", nargs="+", required=True, metavar="SOURCE", help="LMDB, TFRecord, label file, folder, YAML"
    )
    parser.add_argument("--ratios", nargs="+", type=float, metavar="R", help="draw --train's sources in these ratios")
    parser.add_argument("--validation", nargs="+", required=True, metavar="SOURCE")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--output", metavar="DIR", help="checkpoints, log and state go here")
    what.add_argument(
        "--check",
        action="store_true",
        help="only learn 64 words by heart, in two minutes: whether this can learn",
    )
    what.add_argument(
        "--find-lr",
        nargs="?",
        const="",
        metavar="PLOT.png",
        help="only try learning rates from 1e-6 to 1, and suggest one; the plot needs Matplotlib",
    )
    parser.add_argument(
        "--pretrained", action="store_true", help="start from the preset's weights, by the recipe for fine-tuning"
    )
    parser.add_argument(
        "--teacher",
        metavar="PRESET",
        help="a trained CTC network that teaches this one beside the labels: a name, a folder or hf://USER/REPO",
    )
    parser.add_argument(
        "--freeze", nargs="+", metavar="PART", help="parts that stay as they are: backbone, or of layers' names"
    )
    parser.add_argument(
        "--mix",
        metavar="SHARE:SOURCE",
        help="what is not to be forgotten, in this share of every batch: 0.3:words.yaml",
    )
    parser.add_argument(
        "--old-validation", nargs="+", metavar="SOURCE", help="labelled images of before: two more columns of the log"
    )
    parser.add_argument("--early-stop", type=at_least(1), metavar="N", help="end after N epochs without a better one")
    parser.add_argument("--resume", action="store_true", help="go on where --output stands")
    parser.add_argument(
        "--processes",
        type=at_least(0),
        metavar="N",
        help="how many load images beside this one; 0: its threads do (default: one for each core)",
    )
    parser.add_argument(
        "--distribute",
        choices=("auto", "data", "none"),
        default="auto",
        help="data: several devices share each batch (PyTorch: under torchrun); auto: if there are several",
    )
    parser.add_argument(
        "--charset", help="other characters than the preset's: these, a file of one a line, or a list's name"
    )
    parser.add_argument("--epochs", type=at_least(1), metavar="N", help="short for -o training.epochs=N")
    parser.add_argument("--batch-size", type=at_least(1), metavar="N", help="short for -o training.batch_size=N")
    parser.add_argument("--tensorboard", action="store_true", help="write for TensorBoard, too, below DIR/tensorboard")
    parser.add_argument("-o", action="append", default=[], metavar="KEY=VALUE", help="override a key of the YAML")


def run(options: argparse.Namespace) -> int:
    from keras_textrec.training.distribution import distributed

    with distributed(options.distribute):
        return _train(options)


def _train(options: argparse.Namespace) -> int:
    import keras

    from keras_textrec.models import TextRecognizer
    from keras_textrec.presets import override
    from keras_textrec.presets.description import converter_of, model_class
    from keras_textrec.reports.curves import can_draw
    from keras_textrec.text.charset import Charset, config_with_charset, typed_characters
    from keras_textrec.training.agreement import together
    from keras_textrec.training.distribution import is_relaunch, local_process_count, process_index
    from keras_textrec.training.recipes import Recipe
    from keras_textrec.training.run_folder import has_run
    from keras_textrec.training.train import train
    from keras_textrec.zoo import describe, load_preset

    with together():
        if options.output:
            check_folder(options.output)
        if options.find_lr:
            check_file(options.find_lr)
            if not can_draw():
                raise ModuleNotFoundError(
                    'The plot of --find-lr needs Matplotlib: pip install "keras-textrec[reports]". Without a file, the '
                    "rates are printed alone."
                )
        callbacks = []
        if options.tensorboard and options.output and not process_index():
            if missing := [name for name in ("tensorflow", "tensorboard") if importlib.util.find_spec(name) is None]:
                raise ModuleNotFoundError(
                    f"--tensorboard needs what is not installed: pip install {' '.join(missing)}."
                )
            callbacks.append(keras.callbacks.TensorBoard(os.path.join(options.output, "tensorboard")))
        resume = options.resume or (is_relaunch() and has_run(options.output or ""))
        settings = [*options.o]
        if options.freeze:
            settings.append(f"training.freeze={json.dumps(options.freeze)}")
        for key in ("epochs", "batch_size"):
            if getattr(options, key) is not None:
                settings.append(f"training.{key}={getattr(options, key)}")
        description = describe(options.preset)
        if options.pretrained and "training" in description:
            converter = converter_of(override(description, settings))
            description["training"] = Recipe.from_dict(description["training"]).for_fine_tuning(converter).to_dict()
        description = override(description, settings)
        if options.charset is not None and "tokenizer" in description["model"]:
            charset = Charset(typed_characters(options.charset))
            description["model"]["tokenizer"] = config_with_charset(description["model"]["tokenizer"], charset)
        kind = model_class(description)
        open_sources = kind.open_sources
        if not issubclass(kind, TextRecognizer):
            for name in ("charset", "check", "old_validation"):
                if getattr(options, name):
                    raise ValueError(f"--{name.replace('_', '-')} is for recognisers; {options.preset} is none.")
        replay = None if options.mix is None else _replay(options.mix, open_sources)
        training, validation = open_sources(options.train, options.ratios), open_sources(options.validation)
        old_validation = open_sources(options.old_validation) if options.old_validation else None
        model = model_to_train(
            description,
            load_preset(options.preset) if options.pretrained else None,
            resumed=options.output if resume else None,
        )
        teacher = load_preset(options.teacher, dtype=model.dtype_policy.name) if options.teacher else None
    if options.check:
        return _check(model, training)
    if options.find_lr is not None:
        return _find_lr(model, training, options.find_lr)
    cores = (os.cpu_count() or 1) // local_process_count() or 1
    best, epoch = train(
        model,
        training,
        validation,
        options.output,
        teacher=teacher,
        resume=resume,
        processes=cores if options.processes is None else options.processes,
        has_base=options.pretrained,
        replay=replay,
        old_validation=old_validation,
        early_stop=options.early_stop,
        callbacks=callbacks,
    )
    if process_index():
        return 0
    kept = os.path.join(options.output, "best")
    if epoch:
        of = f"in epoch {epoch} of {description['training'].get('epochs', 1)}: {kept}"
    else:
        of = f"before the first step; no epoch was better than {options.preset}, which stays in {kept}"
    print(
        f"Best on the validation set: {100 * best:.1f} % {model.goal}, {of}. The last epoch: "
        f"{os.path.join(options.output, 'last')}."
    )
    return 0


def _replay(text: str, open_sources: Callable[[list[str]], Any]) -> tuple[float, Any]:
    """The share and the source of `--mix SHARE:SOURCE`."""
    number, _, path = text.partition(":")
    try:
        share = float(number)
    except ValueError:
        share = None
    if share is None or not path:
        raise ValueError(f"--mix takes SHARE:SOURCE, as 0.3:words.yaml, not {text!r}.")
    return share, open_sources([path])


def _check(model, training) -> int:
    from keras_textrec.training.trials import can_learn

    result = can_learn(model, training)
    print(result)
    return 0 if result.learnt else 1


def _find_lr(model, training, plot: str) -> int:
    from keras_textrec.training.trials import find_learning_rate

    found = find_learning_rate(model, training)
    rows = list(zip(found.rates, found.losses, found.smoothed))[:: max(1, len(found.rates) // 25)]
    print_table(("learning rate", "loss", "smoothed"), [[f"{rate:.2g}", f"{a:.4g}", f"{b:.4g}"] for rate, a, b in rows])
    if found.clear:
        print(f"Suggested: -o training.learning_rate={found.suggested:.2g}, a tenth of the rate with the lowest loss.")
    else:
        print(
            "None suggested: no rate lowered the loss by half, as where the weights read these words already. Keep the "
            f"recipe's {model.recipe.learning_rate:.2g}."
        )
    if plot:
        found.draw(plot)
    return 0


def model_to_train(description: dict[str, Any], initial=None, resumed=None):
    """The model of a description, in its recipe's dtype, with new weights by its seed or with those of `initial`.

    Args:
        resumed: the folder of the run that is to go on; its dtype stays, whatever "auto" would be on this machine.

    Raises:
        ValueError: it differs from `initial` by more than the charset.
    """
    import keras

    from keras_textrec.models.charset_surgery import copy_weights
    from keras_textrec.presets import build
    from keras_textrec.presets.description import with_guide
    from keras_textrec.presets.history import ABOUT_WEIGHTS, untrained, without
    from keras_textrec.training.precision import resolve_dtype
    from keras_textrec.training.recipes import Recipe
    from keras_textrec.training.run_folder import dtype_of_run

    keras.utils.set_random_seed(description["training"].get("seed", 0))
    dtype = Recipe.from_dict(description["training"]).dtype
    if dtype == "auto" and resumed is not None:
        dtype = dtype_of_run(resumed)
    if initial is None:
        description = with_guide(description)
    dtype, reason = resolve_dtype(dtype)
    logger.info("Training in %s: %s.", dtype, reason)
    model = build(description, dtype)
    model.about = untrained(model.about) if initial is None else without(model.about, ABOUT_WEIGHTS)
    if initial is not None:
        copy_weights(initial, model)
    return model
