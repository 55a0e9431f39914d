"""Records that show the same picture: written again, resized, cut a little otherwise, brighter or darker."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from rich.progress import Progress

from keras_textrec.data.sources import Source, prefetch
from keras_textrec.doctor.duplicates import Groups, Looks, similar_groups
from keras_textrec.doctor.scan import Scan
from keras_textrec.images.load import decode

# The largest mean square error in a window, as a part of the image's variance. Of one picture at JPEG quality 50, at
# half the size, or cut otherwise it is below in 9 of 10; of words that differ in a letter ("mall", "mail"), over 0.6.
_SAME = 0.08
# Where the texts differ, or brightness and contrast do, as on two signs of one make.
_SURELY_SAME = 0.015
_CONTRAST, _BRIGHTNESS = 1.1, 16  # a factor, and grey levels, beyond which they differ

_HEIGHT, _LONGEST = 32, 256  # pixels in which images are compared
_WINDOW = 8  # pixels, a side: a stroke of a letter
_OVERLAP = 0.6  # the part of one image, at least, that the other shows too
_SLANT = 0.1  # a tangent; italics are not upright letters sheared
_FLAT = 1.0  # grey levels; an image of less deviation shows nothing
_BLACK, _WHITE = 5, 250  # grey levels that darker and brighter ones may have been cut to
_WHOLE = 0.1  # the part of the pixels between these from which contrast and brightness can be told
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)


def near_duplicates(scan: Scan, source: Source, chosen: np.ndarray, progress: Progress) -> Groups:
    """The records of those `chosen`, bool (N,), that show the same picture; images are read again to compare them."""
    task = progress.add_task("compare images", total=None)

    def same(one: int, other: int) -> bool:
        try:
            images = [decode(source[position][0]) for position in (one, other)]
        except (ValueError, OSError):  # no longer what was scanned
            return False
        return same_picture(*images, bool(scan.word_hash[one] == scan.word_hash[other]))

    def all_same(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
        prefetch(source, np.unique([ones, others]).tolist())
        progress.advance(task, len(ones))
        return np.fromiter(pool.map(same, ones.tolist(), others.tolist()), bool, len(ones))

    ratio = (scan.width.clip(1) / scan.height.clip(1)).astype(np.float32)
    looks = Looks(scan.look, scan.thumbnail, ratio, scan.word_hash)
    with ThreadPoolExecutor() as pool:
        groups = similar_groups(looks, chosen, all_same)
    progress.update(task, total=progress.tasks[task].completed)
    return groups


def same_picture(one: np.ndarray, other: np.ndarray, same_text: bool) -> bool:
    """Whether two images, uint8 (H, W, 3), show one picture, however it was written, resized, cut or brightened.

    The second is laid on the first (Evangelidis and Psarakis' ECC). What remains is compared in every window, because
    words of one letter's difference are alike as a whole. One contrast and one brightness count for all channels, so
    that other colours are another picture.
    """
    one, other = _alike_in_size(one, other)
    move = np.eye(2, 3, dtype=np.float32)
    grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (one, other))
    try:
        _, move = cv2.findTransformECC(*grey, move, cv2.MOTION_AFFINE, _STEPS, None, 1)
    except cv2.error:  # nothing fits
        return False
    how = {"dsize": one.shape[1::-1], "flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP}
    shown = cv2.warpAffine(np.ones(one.shape[:2], np.float32), move, **how) > 0.99
    if shown.mean() < _OVERLAP or abs(move[[0, 1], [1, 0]]).max() > _SLANT:
        return False
    x, y = one[shown], cv2.warpAffine(other, move, **how)[shown]
    # Contrast and brightness by all pixels, or by those that were not cut to black or white where many were.
    whole = (x > _BLACK) & (x < _WHITE) & (y > _BLACK) & (y < _WHITE)
    for fitted in (np.ones_like(whole), whole) if whole.mean() > _WHOLE else (np.ones_like(whole),):
        contrast = _deviation(y[fitted]) / _deviation(x[fitted])
        brightness = y[fitted].mean() - contrast * x[fitted].mean()
        error = contrast * x + brightness - y
        # What was cut to white may have been brighter, what was cut to black darker.
        error[(y >= _WHITE) | (x <= _BLACK)] = np.minimum(error, 0)[(y >= _WHITE) | (x <= _BLACK)]
        error[(y <= _BLACK) | (x >= _WHITE)] = np.maximum(error, 0)[(y <= _BLACK) | (x >= _WHITE)]
        squares = np.zeros(one.shape[:2], np.float32)
        squares[shown] = np.square(error / max(_deviation(y), contrast * _deviation(x))).mean(1)
        same_tone = 1 / _CONTRAST < contrast < _CONTRAST and abs(brightness) < _BRIGHTNESS
        if cv2.blur(squares, (_WINDOW, _WINDOW)).max() < (_SAME if same_text and same_tone else _SURELY_SAME):
            return True
    return False


def _alike_in_size(*images: np.ndarray) -> list[np.ndarray]:
    """The images in one size and sharpness, float32 (_HEIGHT, W, 3), W by their mean shape."""
    ratio = np.sqrt(np.prod([image.shape[1] / image.shape[0] for image in images]))
    width = int(np.clip(round(_HEIGHT * ratio), _HEIGHT // 2, _LONGEST))
    height, least = (min(limit, *(image.shape[side] for image in images)) for side, limit in ((0, _HEIGHT), (1, width)))
    images = [cv2.resize(image, (least, height), interpolation=cv2.INTER_AREA) for image in images]
    images = [cv2.resize(image, (width, _HEIGHT), interpolation=cv2.INTER_LINEAR) for image in images]
    return [cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1) for image in images]


def _deviation(pixels: np.ndarray) -> float:
    return max(float(pixels.std()), _FLAT)
