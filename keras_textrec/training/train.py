"""Training a preset's recogniser from data on disk: what `keras-textrec train` runs."""

import functools
import logging
import pathlib

import keras

from keras_textrec.data import Source
from keras_textrec.data.pipeline import errors_as_raised
from keras_textrec.training import run_folder

logger = logging.getLogger(__name__)


def train(
    model: keras.Model,
    training: Source,
    validation: Source,
    output: str | pathlib.Path,
    *,
    resume: bool = False,
    processes: int = 0,
) -> tuple[float, int]:
    """Trains a recogniser by its recipe and keeps everything below `output`.

    `output` gets `best/` and `last/` (preset folders), `log.csv` (a row an epoch), `description.yaml` and `state.npz`
    (weights, optimizer and place in the data after the last whole epoch).

    Args:
        model: a `TextRecognizer`, with new weights or trained ones; `about["images_seen"]` goes on from what it was.
        training, validation: what `keras_textrec.data` opens.
        resume: go on where `output` stands, as if the run had never stopped.
        processes: how many load images beside this one (0: its threads do).

    Returns:
        The best value of what is watched on the validation set, and the epoch that it is of; `best/` is of that epoch.

    Raises:
        ValueError: `output` holds a run and `resume` is False, or holds none and it is True, or another description's;
            the loss became infinite, NaN or ten times what it began with (the state of the epoch before is kept).
        WorkersFailed: processes do not start, or are killed again and again (the state of the epoch before is kept).
    """
    output = pathlib.Path(output)
    description = model.describe()
    # What "auto" was: the run keeps it, wherever it goes on.
    description["training"] = {**description["training"], "dtype": model.dtype_policy.name}
    run_folder.check_output(output, description, resume)
    recipe = model.recipe

    epoch, best = 0, (-1.0, 0)
    load = functools.partial(model.training_data, training, steps_per_epoch=recipe.steps_per_epoch, processes=processes)
    data, validation_data = load(), model.evaluation_data(validation)
    steps = len(data)
    model.compile(total_steps=recipe.epochs * steps)
    model.optimizer.build(model.trainable_variables)
    if resume:
        epoch, best = run_folder.resume_from(output, model)
        data = load(epoch=epoch)
        logger.info("Resuming %s after epoch %d of %d.", output, epoch, recipe.epochs)
    else:
        run_folder.begin(output, description)
    _tell(model, training, validation, steps)
    keeper = run_folder.Keeper(output, best, steps * recipe.batch_size, model.about.get("images_seen", 0))
    with run_folder.kept_told(output), errors_as_raised(data, validation_data):
        model.fit(
            data,
            validation_data=validation_data,
            epochs=recipe.epochs,
            initial_epoch=epoch,
            shuffle=False,  # Keras would warn that it does not shuffle a `tf.data.Dataset`
            callbacks=[keeper, keras.callbacks.TerminateOnNaN()],
        )
    return keeper.best


def _tell(model: keras.Model, training: Source, validation: Source, steps: int) -> None:
    """Says in the log what is about to be done."""
    recipe, records, charset = model.recipe, len(training), model.tokenizer.charset
    shown = "".join(charset.characters[:40]) + ("…" if len(charset) > 40 else "")
    logger.info(
        "Training on %s records in %d epochs of %s steps of %d images; %s records to validate; %d characters: %s",
        *(f"{records:,}", recipe.epochs, f"{steps:,}", recipe.batch_size, f"{len(validation):,}", len(charset), shown),
    )
    if records < recipe.batch_size:
        logger.warning(
            "There are fewer records (%d) than images in a step (%d): each comes several times in it. Give a smaller "
            "batch_size.",
            *(records, recipe.batch_size),
        )
    warmup = recipe.warmup_for(recipe.epochs * steps)
    if warmup < recipe.warmup_steps:
        logger.info("The warm-up takes %d steps, a tenth of this run, instead of %d.", warmup, recipe.warmup_steps)
