"""A map of probabilities, cut into boxes around words.

Published code: PaddleOCR `ppocr/postprocess/db_postprocess.py`; for the smallest boxes `tools/infer/predict_det.py`.
"""

import dataclasses

import cv2
import numpy as np

# Regions looked at in one map at most; shortest side of a region, in cells of the map, and of a box, in pixels.
MAX_REGIONS, SHORTEST_SIDE = 1000, 3


@dataclasses.dataclass(frozen=True, eq=False)
class Detection:
    """Where a word stands: `polygon` float32 (4, 2), the corners (x, y) in pixels, clockwise from the top left.

    `confidence` is the mean probability of text in it, 0 to 1.
    """

    polygon: np.ndarray
    confidence: float


def find_boxes(
    probabilities: np.ndarray,
    shape: tuple[int, ...],
    threshold: float = 0.3,
    box_threshold: float = 0.6,
    unclip_ratio: float = 1.5,
) -> list[Detection]:
    """Cuts a map of probabilities into boxes: each region above the threshold gives the smallest rectangle around it.

    Args:
        probabilities: float32 (h, w).
        shape: of the photograph, (H, W, ...); the boxes are in its pixels.
        threshold, box_threshold, unclip_ratio: as `keras_textrec.RepSVTRDetector` has them.
    """
    scale = np.array([shape[1] / probabilities.shape[1], shape[0] / probabilities.shape[0]], "float32")
    regions, _ = cv2.findContours((probabilities > threshold).astype("uint8"), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    detections = []
    for region in regions[:MAX_REGIONS]:
        center, (width, height), angle = cv2.minAreaRect(region)
        if min(width, height) < SHORTEST_SIDE:
            continue
        confidence = _mean_inside(probabilities, cv2.boxPoints((center, (width, height), angle)))
        if confidence < box_threshold:
            continue
        # The published code grows the rectangle as a polygon with round corners, and takes the smallest rectangle
        # around that: this one, but for its rounding to whole cells.
        growth = width * height * unclip_ratio / (width + height)  # twice area * ratio / perimeter: both ends grow
        grown = cv2.boxPoints((center, (width + growth, height + growth), angle))
        polygon = clockwise(np.clip(grown * scale, 0, [shape[1], shape[0]]).astype("float32"))
        if min(np.linalg.norm(polygon[1] - polygon[0]), np.linalg.norm(polygon[3] - polygon[0])) > SHORTEST_SIDE:
            detections.append(Detection(polygon, confidence))
    return detections


def clockwise(corners: np.ndarray) -> np.ndarray:
    """The corners (4, 2) of a rectangle, however they come, clockwise on the screen from the top left."""
    corners = corners[np.argsort(corners[:, 0], kind="stable")]
    (top_left, bottom_left), (top_right, bottom_right) = (
        pair[np.argsort(pair[:, 1], kind="stable")] for pair in (corners[:2], corners[2:])
    )
    return np.stack([top_left, top_right, bottom_right, bottom_left])


def _mean_inside(probabilities: np.ndarray, corners: np.ndarray) -> float:
    """The mean of a map (h, w) over the cells inside a rectangle (4, 2)."""
    height, width = probabilities.shape
    left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, [width - 1, height - 1])
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int), 0, [width - 1, height - 1])
    inside = np.zeros((bottom - top + 1, right - left + 1), "uint8")
    cv2.fillPoly(inside, [(corners - [left, top]).astype("int32")], 1)
    return cv2.mean(probabilities[top : bottom + 1, left : right + 1], inside)[0]
