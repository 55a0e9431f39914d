"""CPU time that reading takes beside the network: free, and within what is known of the texts.

    OMP_NUM_THREADS=1 python benchmarks/reading.py data_lmdb_release/validation/SVT_train --words /usr/share/dict/words

The network reads all images once, and what it gave is then given again from memory. So all of `model.read` is measured
but the network, and nothing of the network: resizing, batches, decoding, readings, and of images that are read alone,
each by a call of its own, all that a call prepares. The images are decoded before, and the lexica of 50 and of 90,000
words are prepared, but for those that each image has to itself. All rows run in turn, several times; of each image the
least time counts.
"""

import argparse
import functools
import itertools
import pathlib
import time

import numpy as np

from keras_textrec import Lexicon, TextRecognizer, data
from keras_textrec.images import load_image


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="an LMDB of words, with the words that each may be beside it: lexicons.txt")
    parser.add_argument("--words", required=True, type=pathlib.Path, help="90,000 words or more, one a line, UTF-8")
    parser.add_argument("--preset", default="crnn_small_en")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    source = data.lmdb(options.folder)
    images = [load_image(source[i][0]) for i in range(len(source))]
    own = [line.split("\t") for line in (pathlib.Path(options.folder) / "lexicons.txt").read_text("utf-8").splitlines()]
    words = options.words.read_text("utf-8").split()
    many = [words[i * len(words) // 90_000] for i in range(90_000)]
    rows = {
        "free": {},
        "allow 0-9A-Za-z": {"allow": "0-9A-Za-z"},
        r"pattern [A-Z]{2}-\d{4}, 8 states": {"pattern": r"[A-Z]{2}-\d{4}"},
        r"pattern \w{0,19}, 20 states": {"pattern": r"\w{0,19}"},
        r"pattern [A-Z]{4}(-\d{4}){3}, 20 states": {"pattern": r"[A-Z]{4}(-\d{4}){3}"},
        "lexicon of 50 words": {"lexicon": Lexicon(own[0])},
        "lexica of 50 words, each image's own": {"lexicon": own},
        "lexicon of 90,000 words, case ignored": {"lexicon": Lexicon(many, True, True)},
        "... and others": {"lexicon": Lexicon(many, True, True, unlisted=0.001)},
        "lexicon of 90,000 words": {"lexicon": Lexicon(many)},
        "alternatives=5": {"alternatives": 5},
    }
    model = TextRecognizer.from_preset(options.preset)
    network = model.probabilities
    ways = {
        "in batches": functools.partial(model.read_stream, images),
        "alone": functools.partial(alone, model, images),
    }
    least = {}
    for name, way in ways.items():
        answers = []
        model.probabilities = functools.partial(asked, network, answers)
        seconds(way())
        model.probabilities = functools.partial(answered, itertools.cycle(answers))
        for _, (row, known) in itertools.product(range(options.rounds), rows.items()):
            least[row, name] = np.minimum(seconds(way(**known)), least.get((row, name), np.inf))
    for row in rows:
        print(f"{row:42}", *(f"{least[row, name].mean() * 1000:6.2f} ms {name}" for name in ways))


def asked(network, answers, *batch):
    """What the network says, which is kept."""
    answers.append(network(*batch))
    return answers[-1]


def answered(answers, *batch):
    return next(answers)


def alone(model, images, lexicon=None, **known):
    """The readings of images, by a call for each."""
    each = lexicon if isinstance(lexicon, list) else itertools.repeat(lexicon)
    return (model.read(image, lexicon=words, **known) for image, words in zip(images, each))


def seconds(readings):
    """CPU seconds until each reading is there: float (N,)."""
    return np.diff([time.process_time(), *(time.process_time() for _ in readings)])


if __name__ == "__main__":
    main()
