"""Rendered images a second of CPU time on one core, and where the time goes.

    python benchmarks/synthesis.py [--images 2000] [-o KEY=VALUE ...]

Images are 32 pixels high and as wide as their words make them. Fonts are opened on first use; that is over before the
measurement. Several rounds run, and the best counts: that is what the core can do when nobody else is at work.
"""

import argparse
import time

import cv2

from keras_textrec.synthesis import WordRenderer, render
from keras_textrec.synthesis.config import parse_settings

STAGES = {"draw_text": "letters", "view": "view", "paint": "paint", "photograph": "camera", "jpeg": "JPEG"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", action="append", default=[], metavar="KEY=VALUE", help="change a key of the YAML")
    options = parser.parse_args()

    cv2.setNumThreads(1)
    renderer = WordRenderer(**{"view.height.limits": [32, 32], **parse_settings(options.o)})
    rounds(renderer, options.images, 1)
    print(f"{options.images / rounds(renderer, options.images, options.rounds):.0f} images a second of CPU time")
    spent = dict.fromkeys(STAGES, 0.0)
    for name in STAGES:
        setattr(render, name, timed(getattr(render, name), name, spent))
    for name in spent:
        spent[name] = 0.0
    whole = rounds(renderer, options.images, 1)
    for name, stage in STAGES.items():
        print(f"{stage:10} {100 * spent[name] / whole:5.1f} %")
    print(f"{'the rest':10} {100 * (1 - sum(spent.values()) / whole):5.1f} %  (text, font, neighbours, one warp)")


def rounds(renderer: WordRenderer, images: int, count: int) -> float:
    """Seconds of CPU time that the images took, at best."""
    times = []
    for _ in range(count):
        started = time.process_time()
        for index in range(images):
            renderer.render_jpeg(index)
        times.append(time.process_time() - started)
    return min(times)


def timed(function, name: str, spent: dict[str, float]):
    def measured(*arguments, **options):
        started = time.process_time()
        result = function(*arguments, **options)
        spent[name] += time.process_time() - started
        return result

    return measured


if __name__ == "__main__":
    main()
