"""Measuring a detector on labelled photographs: what `keras-textrec evaluate` runs for one."""

import logging
import time
from typing import Any

from keras_textrec.data.regions import RegionSource, check_regions
from keras_textrec.images.load import load_image
from keras_textrec.images.matching import Matches, match

logger = logging.getLogger(__name__)


def evaluate_regions(model: Any, source: RegionSource) -> dict[str, Any]:
    """Looks for words in every photograph of a source.

    Args:
        model: what has `detect`, as `RepSVTRDetector` does.

    Returns:
        samples: the photographs; unreadable: how many of them are left out: no images, or a polygon lies outside.
        words: those to be found.
        precision, recall, hmean: of the words, at an intersection over union above 0.5 (ICDAR 2015's protocol).
        images_per_second: decoding included.

    Raises:
        ValueError: the source has no records.
    """
    if not len(source):
        raise ValueError("There is nothing to evaluate: the source has no records.")
    total, unreadable, started = Matches(), 0, time.perf_counter()
    for index in range(len(source)):
        try:
            data, regions = source[index]
            photo = load_image(data)
            check_regions(regions, photo.shape)
        except (OSError, ValueError) as error:
            logger.warning("An unreadable photograph is left out, %s: %s", source.key(index), error)
            unreadable += 1
            continue
        found = [detection.polygon for detection in model.detect(photo)]
        total = total.plus(match(found, [r.polygon for r in regions], [r.ignored for r in regions]))
    speed = round(len(source) / (time.perf_counter() - started), 1)
    return {
        "samples": len(source),
        "unreadable": unreadable,
        "words": total.labelled,
        **total.scores(),
        "images_per_second": speed,
    }
