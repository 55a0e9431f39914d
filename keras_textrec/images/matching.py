"""Found polygons against labelled ones, by the protocol of ICDAR 2015's challenge 4.4.

Karatzas et al., "ICDAR 2015 Competition on Robust Reading" (2015), task "text localization".
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

_OVERLAP = 0.5  # least intersection over union of a match; and most of a found polygon within an ignored one


class Matches(NamedTuple):
    """How many polygons are right, found and labelled, those left out that ignored ones take."""

    right: int = 0
    found: int = 0
    labelled: int = 0

    def plus(self, other: "Matches") -> "Matches":
        return Matches(*(mine + others for mine, others in zip(self, other)))

    def scores(self) -> dict[str, float]:
        """`precision`, `recall` and `hmean`, their harmonic mean, 0 to 1; 0 where there is nothing to divide by."""
        return {
            "precision": self.right / max(self.found, 1),
            "recall": self.right / max(self.labelled, 1),
            "hmean": 2 * self.right / max(self.found + self.labelled, 1),
        }


def match(found: Sequence[np.ndarray], labelled: Sequence[np.ndarray], ignored: Sequence[bool]) -> Matches:
    """Matches the polygons of one photograph, each with one other at most, in their order.

    A found polygon of which more than half lies in an ignored one is neither right nor wrong.

    Args:
        found, labelled: float32 (N, 2) each, corners (x, y); of one that is not convex, its hull.
        ignored: of each labelled one, whether it need not be found.
    """
    found, labelled = ([_hull(polygon) for polygon in some] for some in (found, labelled))
    areas = [cv2.contourArea(polygon) for polygon in found]
    skipped = [polygon for polygon, skip in zip(labelled, ignored, strict=True) if skip]
    wanted = [polygon for polygon, skip in zip(labelled, ignored, strict=True) if not skip]
    left = {
        number: (polygon, area)
        for number, (polygon, area) in enumerate(zip(found, areas))
        if not any(_common(polygon, other) > _OVERLAP * area for other in skipped)
    }
    counted, right = len(left), 0
    for polygon in wanted:
        for number, (other, area) in left.items():
            common = _common(polygon, other)
            if common > _OVERLAP * (cv2.contourArea(polygon) + area - common):
                right += 1
                del left[number]
                break
    return Matches(right, counted, len(wanted))


def _hull(polygon: np.ndarray) -> np.ndarray:
    return cv2.convexHull(np.asarray(polygon, "float32"))[:, 0]


def _common(one: np.ndarray, other: np.ndarray) -> float:
    """The area of the intersection of two convex polygons."""
    if (one.max(0) <= other.min(0)).any() or (other.max(0) <= one.min(0)).any():
        return 0.0
    return cv2.intersectConvexConvex(one, other)[0]
