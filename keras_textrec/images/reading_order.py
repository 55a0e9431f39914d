"""The words of a photograph in lines, and the lines in the order in which a person reads them."""

import itertools
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from keras_textrec.images.crops import word_corners

# In heights of a word: how wide the clear strip between two columns is at least, and up to which width lines may be
# entries of a table, as prices beside dishes are (seven letters or so).
GUTTER, ENTRY = 1.0, 3.0

# Words by their positions, from the left.
Line = list[int]
# From where to where something reaches.
Span = tuple[float, float]


def text_lines(polygons: Sequence[np.ndarray], right_to_left: bool = False) -> list[Line]:
    """The polygons' positions line by line in reading order, those of a line from left to right.

    A word continues a line when the middle of its left side is less than half a letter's height above or below the
    middle of the right side of the line's last word, so that a line may climb or fall. Lines follow each other from the
    top, column by column: where a clear strip runs down between two lines or more on either side, all lines of one side
    come before those of the other. What crosses the strip, as a headline does, stands before the columns or after them.
    A narrow side whose lines stand beside lines of the other is no column, but their ends or beginnings, as prices are.

    Args:
        polygons: float32 (N, 2) each, corners in pixels; `word_corners` says which is which.
        right_to_left: columns follow each other from the right, as in Arabic.
    """
    if not polygons:
        return []
    boxes = _Boxes(_level(np.stack([word_corners(polygon) for polygon in polygons])))
    return _by_columns(boxes, range(len(polygons)), right_to_left)


def _level(corners: np.ndarray) -> np.ndarray:
    """The corners (N, 4, 2), turned so that the words stand level in the median."""
    along = (corners[:, 1:3] - corners[:, [0, 3]]).sum(1)
    down = (corners[:, 2:] - corners[:, [1, 0]]).sum(1)
    lying = np.linalg.norm(along, axis=1) > np.linalg.norm(down, axis=1)
    if not lying.any():
        return corners
    angle = float(np.degrees(np.median(np.arctan2(along[lying, 1], along[lying, 0]))))
    return cv2.transform(corners, cv2.getRotationMatrix2D((0.0, 0.0), angle, 1.0))


class _Boxes:
    """Of words' corners (N, 4, 2), lists of N numbers; the middles of the sides by their y."""

    def __init__(self, corners: np.ndarray):
        self.left, self.top = corners.min(1).T.tolist()
        self.right, self.bottom = corners.max(1).T.tolist()
        self.start_y, self.end_y = corners[:, [0, 3], 1].mean(1).tolist(), corners[:, 1:3, 1].mean(1).tolist()
        self.height = np.linalg.norm(corners[:, 2:] - corners[:, [1, 0]], axis=2).mean(1).tolist()


def _by_columns(boxes: _Boxes, words: Sequence[int], right_to_left: bool) -> list[Line]:
    """The lines of some of the words, in reading order."""
    rows = _rows(boxes, words)
    pieces = [_pieces(boxes, row) for row in rows]
    height = float(np.median([boxes.height[i] for i in words]))
    lines = []
    first = 0
    while first < len(rows):
        end, edge = _columns(boxes, pieces[first:], height)
        if edge is None:
            lines.append(rows[first])
        else:
            sides = _sides(boxes, pieces[first : first + end], edge)
            for side in reversed(sides) if right_to_left else sides:
                lines += _by_columns(boxes, [i for row in side for piece in row for i in piece], right_to_left)
        first += end
    return lines


def _rows(boxes: _Boxes, words: Iterable[int]) -> list[Line]:
    """Words that follow each other from left to right, whatever columns there are; the rows from the top."""
    rows: list[Line] = []
    for i in sorted(words, key=lambda i: boxes.left[i]):
        jump, row = min(((_jump(boxes, row[-1], i), row) for row in rows), default=(1.0, []))
        if jump < 0.5:
            row.append(i)
        else:
            rows.append([i])
    return sorted(rows, key=lambda row: sum(boxes.top[i] + boxes.bottom[i] for i in row) / len(row))


def _jump(boxes: _Boxes, word: int, following: int) -> float:
    """How far up or down the line between two words jumps, in heights of the smaller one."""
    height = min(boxes.height[word], boxes.height[following])
    return abs(boxes.end_y[word] - boxes.start_y[following]) / height


def _pieces(boxes: _Boxes, row: Line) -> list[Line]:
    """A row, cut where there is room for a strip between columns."""
    pieces = [row[:1]]
    for i in row[1:]:
        last = pieces[-1][-1]
        if boxes.left[i] - boxes.right[last] < GUTTER * max(boxes.height[i], boxes.height[last]):
            pieces[-1].append(i)
        else:
            pieces.append([i])
    return pieces


def _columns(boxes: _Boxes, rows: list[list[Line]], height: float) -> tuple[int, float | None]:
    """How many of the rows (of pieces), from the first on, are in columns, the most that are, and an x between two
    columns; 1 and None where there are none.

    Args:
        height: of the words, the median.
    """
    whole = _joined(_span(boxes, piece) for row in rows for piece in row)
    covered: list[Span] = []
    strips: list[list[Span]] = []  # between what the rows cover, by the number of rows
    for row in rows:
        covered = _joined([*covered, *(_span(boxes, piece) for piece in row)])
        strips.append([(a[1], b[0]) for a, b in itertools.pairwise(covered) if b[0] - a[1] >= GUTTER * height])
        if covered == whole and not strips[-1]:
            break
    longer: list[Span] = []
    for count, here in reversed(list(enumerate(strips, 1))):
        for left, right in here:
            # A strip that goes on below was looked at there.
            if not any(left < end and start < right for start, end in longer):
                edge = (left + right) / 2
                if _are_columns(boxes, _sides(boxes, rows[:count], edge), height):
                    return count, edge
        longer = here
    return 1, None


def _span(boxes: _Boxes, piece: Line) -> Span:
    return min(boxes.left[i] for i in piece), max(boxes.right[i] for i in piece)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The union of spans, as spans that do not touch, from the left."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _sides(boxes: _Boxes, rows: list[list[Line]], edge: float) -> list[list[list[Line]]]:
    """The pieces of each row to the left of an x, and those to the right of it."""
    return [[[p for p in row if (boxes.left[p[0]] > edge) == right] for row in rows] for right in (False, True)]


def _are_columns(boxes: _Boxes, sides: list[list[list[Line]]], height: float) -> bool:
    """Whether what stands on two sides, the pieces of the same rows, are columns."""
    counts = [sum(map(bool, side)) for side in sides]
    if min(counts) < 2:
        return False
    words = [[i for row in side for piece in row for i in piece] for side in sides]
    tops = [min(boxes.top[i] for i in side) for side in words]
    bottoms = [max(boxes.bottom[i] for i in side) for side in words]
    if min(bottoms) - max(tops) < 0.5 * min(bottoms[0] - tops[0], bottoms[1] - tops[1]):
        return False  # one is below the other
    spans = [[_span(boxes, piece) for row in side for piece in row] for side in sides]
    width = min(float(np.median([end - start for start, end in side])) for side in spans)
    paired = sum(bool(left and right) for left, right in zip(*sides, strict=True))
    return width >= ENTRY * height or 2 * paired < min(counts)
