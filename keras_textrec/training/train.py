"""Training a preset from data on disk: what `keras-textrec train` runs."""

import functools
import hashlib
import json
import logging
import math
import pathlib
from collections.abc import Sequence

import keras

from keras_textrec.data import Source
from keras_textrec.data.canvases import batch_sizes
from keras_textrec.data.mixing import with_replay
from keras_textrec.data.pipeline import errors_as_raised
from keras_textrec.training import run_folder
from keras_textrec.training.agreement import check_agreement, source_facts, together
from keras_textrec.training.callbacks import EarlyStop, FiniteLoss, Measurement, OldDomain
from keras_textrec.training.data_parallel import synchronize_batch_norm
from keras_textrec.training.distribution import process_index, replica_count
from keras_textrec.training.training_report import resolved_description

logger = logging.getLogger(__name__)


def train(
    model: keras.Model,
    training: Source,
    validation: Source,
    output: str | pathlib.Path,
    *,
    teacher: keras.Model | None = None,
    resume: bool = False,
    processes: int = 0,
    has_base: bool = False,
    replay: tuple[float, Source] | None = None,
    old_validation: Source | None = None,
    early_stop: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[float, int]:
    """Trains a recogniser or a detector by its recipe and keeps everything below `output`.

    `output` gets `best/` and `last/` (preset folders), `state.npz` (weights, optimizer and place in the data after the
    last whole epoch), and what there is to look at: `TrainingReport` says what.

    Of several processes that share the batches (`distribution.distributed`), the first alone writes; all read `output`
    when they resume. The number of devices may be another one then.

    Args:
        model: a `TextRecognizer` or `RepSVTRDetector`, with new weights or trained ones; `about["images_seen"]` goes on
            from what it was.
        training, validation: what `keras_textrec.data` opens: `open_sources` for recognisers, `open_region_sources` for
            detectors.
        teacher: a trained network that teaches the model beside the labels, as `CTCRecognizer.compile` takes it.
        resume: go on where `output` stands, as if the run had never stopped.
        processes: how many load images beside this one (0: its threads do).
        has_base: the weights are trained ones. They are measured first, as epoch 0 of the log, and stay in `best/`
            until an epoch is better.
        replay: a share of every batch, above 0 and below 1, and the source that it is drawn from: what the weights were
            trained on before and are not to forget. An epoch is one pass over `training` still.
        old_validation: more labelled images, of what the weights read before; the columns `old_accuracy` and
            `old_exact` of the log are what `evaluate` says of them after each epoch.
        early_stop: end after so many epochs without a better one.
        callbacks: others of Keras, beside those that keep the folder.

    Returns:
        The best value of what is watched on the validation set, and the epoch that it is of; `best/` is of that epoch.

    Raises:
        ValueError: `output` holds a run and `resume` is False, or holds none and it is True, or another description's;
            the teacher cannot teach the model; the loss became infinite, NaN, or more than 10 and ten times what it
            began with (the state of the epoch before is kept); the devices cannot share a batch alike, or a process has
            other data or another description than the first.
        OSError: the disk is full (the state of the epoch before is kept).
        Failure: another process of this training could not begin, or has ended (the state of the epoch before is kept).
        WorkersFailed: processes do not start, or are killed again and again (the state of the epoch before is kept).
    """
    output = pathlib.Path(output)
    description = resolved_description(model)
    if teacher is not None:
        if not hasattr(model, "distillation"):
            raise ValueError(f"A {type(model).__name__} cannot have a teacher; only CTC networks can.")
        description["teacher"] = teacher.origin or teacher.name  # who goes on has to have the same
    recipe = model.recipe

    epoch, best = 0, (-1.0, 0)
    steps = recipe.steps_per_epoch
    source = training
    if replay is not None:
        share, old = replay
        source = with_replay(training, old, share)
        at_random = recipe.canvas_choice == "random"
        sizes = batch_sizes(recipe.batch_size, recipe.canvases) if at_random else [recipe.batch_size]
        steps = steps or max(1, round(len(training) / (1 - share) * len(sizes) / sum(sizes)))
    load = functools.partial(model.training_data, source, steps_per_epoch=steps, processes=processes)
    with together():
        run_folder.check_output(output, description, resume)
        data, validation_data = load(), model.evaluation_data(validation)
        steps = len(data)
        model.compile(total_steps=recipe.epochs * steps, **({"teacher": teacher} if teacher is not None else {}))
        model.optimizer.build(model.trainable_variables)
        if replica_count(model) > 1:
            synchronize_batch_norm(model)
        if resume:
            epoch, best = run_folder.load_state(model, output / run_folder.STATE)
            data = load(epoch=epoch)
            logger.info("Resuming %s after epoch %d of %d.", output, epoch, recipe.epochs)
            if early_stop is not None and epoch - best[1] >= early_stop:
                logger.info("No epoch was better than epoch %d for %d epochs: this run has ended.", best[1], early_stop)
                return best
    check_agreement(
        {
            "description": hashlib.sha256(json.dumps(description).encode()).hexdigest()[:8],
            "state": f"{epoch} epochs of {output}",
            "training data": source_facts(source),
            "validation data": source_facts(validation),
        }
    )
    _tell(model, training, validation, steps)
    if not resume:
        model.tell_data(training, validation, replay and replay[1], has_base)
    report = None if process_index() else model.make_report(output, data, validation_data, description)
    keeper = run_folder.Keeper(output, best)
    own = model.watching(validation)
    if old_validation is not None:
        own.append(OldDomain(old_validation))
    stop = None if early_stop is None else EarlyStop(keeper, early_stop)
    watching = filter(None, [FiniteLoss(data), *own, report, keeper, stop])
    with run_folder.kept_told(output), errors_as_raised(data, validation_data):
        if has_base and not resume:
            logger.info("Reading the validation set before the first step.")
            measured = {f"val_{k}": v for k, v in model.evaluate(validation_data, verbose=0, return_dict=True).items()}
            for callback in own:
                if isinstance(callback, Measurement):
                    measured |= callback.measure(model)
            if report:
                report.tell_base(model, measured)
            keeper.keep_base(model, measured)
        model.fit(
            data,
            validation_data=validation_data,
            epochs=recipe.epochs,
            initial_epoch=epoch,
            verbose=0 if process_index() else "auto",
            callbacks=[*watching, *callbacks],
        )
    return keeper.best


def _tell(model: keras.Model, training: Source, validation: Source, steps: int) -> None:
    """Says in the log what is about to be done."""
    recipe, records = model.recipe, len(training)
    logger.info(
        "Training on %s records in %d epochs of %s steps of %d images; %s records to validate; %s",
        *(f"{records:,}", recipe.epochs, f"{steps:,}", recipe.batch_size, f"{len(validation):,}", model.facts()),
    )
    if recipe.freeze:
        trained = sum(math.prod(variable.shape) for variable in model.trainable_variables)
        logger.info(
            "Frozen: %s; %s of %s weights train.", ", ".join(recipe.freeze), f"{trained:,}", f"{model.count_params():,}"
        )
    if records < recipe.batch_size:
        logger.warning(
            "There are fewer records (%d) than images in a step (%d): each comes several times in it. Give a smaller "
            "batch_size.",
            *(records, recipe.batch_size),
        )
    warmup = recipe.warmup_for(recipe.epochs * steps)
    asked = recipe.warmup_steps or round(recipe.warmup_epochs * steps)
    if warmup < asked:
        logger.info("The warm-up takes %d steps, a tenth of this run, instead of %d.", warmup, asked)
