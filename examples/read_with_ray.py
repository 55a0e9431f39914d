"""Reads millions of images on all cores or GPUs of one machine or many, and goes on where a killed run ended.

    pip install "ray[data]"                      # brings pyarrow
    python examples/read_with_ray.py IMAGES OUTPUT --model crnn_small_en --actors 8

IMAGES is an LMDB; a folder of image files, with the folders in it; Parquet, a file or a folder of files, of which a
column has image files' bytes (Hugging Face's `image`, with `bytes` inside, does); or a label file or TFRecord file, as
`keras_textrec.data.open_source` takes it. OUTPUT is a folder that all machines see.

The images are cut into parts of 1,000 in their order. Ray Data loads the parts, and an actor for each core (or GPU:
--gpus 1) holds the model, reads them and writes each as one Parquet file, whole or not at all. So the same command,
given again, reads only the parts that have no file yet, and each image has one row:

    image       the record's key, the file's path, or the Parquet file and row
    text        what was read; null where the image could not be
    confidence  0 to 1, or null
    error       why the image could not be read, or null

Those that could not be read are counted at the end, and the first of them told; the exit status is then 1. `ray start`
and RAY_ADDRESS make it run on many machines.
"""

import argparse
import bisect
import json
import os
import pathlib
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from keras_textrec.data import Source, open_source
from keras_textrec.images import image_suffixes
from keras_textrec.system.whole_files import whole_file

LISTED = 20  # images that could not be read, of which the end tells why


class ImageFiles:
    """The image files of a folder and the folders in it, sorted by path: bytes by position, as other sources."""

    def __init__(self, folder: pathlib.Path):
        suffixes = image_suffixes()
        inside = (os.path.join(path, name) for path, _, names in os.walk(folder) for name in names)
        self.paths = sorted(path for path in inside if os.path.splitext(path)[1].lower() in suffixes)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        return pathlib.Path(self.paths[index]).read_bytes(), ""

    def key(self, index: int) -> str:
        return self.paths[index]


class ParquetImages:
    """The images in Parquet files, by position. A row group is read at once, and kept until another is asked for."""

    def __init__(self, path: pathlib.Path, column: str):
        import pyarrow.parquet as parquet

        self.files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        self.column = column
        self._groups: list[tuple[int, int]] = []  # of each row group its file and its place in there
        self._starts: list[int] = []  # the positions of their first rows
        self._first_rows: list[int] = []  # those of the files' first rows
        rows = 0
        for file, name in enumerate(self.files):
            metadata = parquet.read_metadata(name)
            if column not in metadata.schema.to_arrow_schema().names:
                raise ValueError(f"{name} has no column {column}; --column names the one with the images.")
            self._first_rows.append(rows)
            for group in range(metadata.num_row_groups):
                self._groups.append((file, group))
                self._starts.append(rows)
                rows += metadata.row_group(group).num_rows
        self._rows = rows
        self._at_hand: tuple[int, list[Any]] = (-1, [])

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        import pyarrow.parquet as parquet

        which = bisect.bisect_right(self._starts, index) - 1
        if self._at_hand[0] != which:
            file, group = self._groups[which]
            table = parquet.ParquetFile(self.files[file]).read_row_group(group, columns=[self.column])
            self._at_hand = which, table.column(self.column).to_pylist()
        value = self._at_hand[1][index - self._starts[which]]
        data = value["bytes"] if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise ValueError(f"{self.key(index)} holds no bytes of an image, but {type(data).__name__}.")
        return data, ""

    def key(self, index: int) -> str:
        file = bisect.bisect_right(self._first_rows, index) - 1
        return f"{self.files[file]}:{index - self._first_rows[file]}"


def open_images(path: pathlib.Path, column: str = "image") -> Source | ImageFiles | ParquetImages:
    """What lies at a path. FileNotFoundError, ValueError: nothing that holds images."""
    if path.suffix == ".parquet" or any(path.glob("*.parquet")):
        return ParquetImages(path, column)
    if path.is_file() or (path / "data.mdb").exists():
        return open_source(path)
    files = ImageFiles(path)
    if not len(files):
        raise FileNotFoundError(f"There is no image file, no .parquet file and no data.mdb in {path}.")
    return files


def part_file(output: pathlib.Path, part: int) -> pathlib.Path:
    return output / f"part-{part:06d}.parquet"


def begin(output: pathlib.Path, run: dict[str, Any]) -> None:
    """Makes the output folder and notes what is read there; ValueError where something else is."""
    output.mkdir(parents=True, exist_ok=True)
    note = output / "_run.json"  # which readers of Parquet folders pass over
    if note.exists():
        before = json.loads(note.read_text("utf-8"))
        other = [f"{key} {before.get(key)!r}, not {value!r}" for key, value in run.items() if before.get(key) != value]
        if other:
            raise ValueError(f"{output} holds the readings of {'; '.join(other)}: give another folder.")
    with whole_file(note) as file:
        file.write(json.dumps(run, indent=2).encode())


def parts_to_read(output: pathlib.Path, images: int, size: int) -> list[dict[str, int]]:
    """The parts that have no file yet: their number, and the positions of their first image and of the one behind."""
    starts = range(0, images, size)
    parts = ({"part": k, "start": start, "stop": min(start + size, images)} for k, start in enumerate(starts))
    return [part for part in parts if not part_file(output, part["part"]).exists()]


def load(part: dict[str, int], source: Source) -> dict[str, Any]:
    """The bytes of a part's images; of one that cannot be had, the reason, and no bytes."""
    keys, data, errors = [], [], []
    for position in range(part["start"], part["stop"]):
        keys.append(source.key(position))
        try:
            content, error = source[position][0], ""
        except (OSError, ValueError) as reason:
            content, error = b"", str(reason)
        data.append(content)
        errors.append(error)
    return {"part": part["part"], "keys": keys, "data": data, "errors": errors}


def read(model: Any, keys: Iterable[str], data: Iterable[bytes], errors: Iterable[str]) -> dict[str, list[Any]]:
    """The columns of a part's file. `model`: what has `read_stream`, as a preset and an exported file."""
    keys = list(keys)
    images = (ValueError(error) if error else bytes(content) for content, error in zip(data, errors))
    texts, confidences, reasons = ([None] * len(keys) for _ in range(3))
    for position, outcome in model.read_stream(images):
        if isinstance(outcome, OSError | ValueError):
            reasons[position] = str(outcome)
        else:
            texts[position], confidences[position] = outcome.text, outcome.confidence
    return {"image": keys, "text": texts, "confidence": confidences, "error": reasons}


class Reader:
    """What an actor is: it holds the model, reads parts and writes their files."""

    def __init__(self, model: str, output: pathlib.Path):
        # As many threads as the actor has cores, or one: Ray sets the first, which PyTorch and ONNX Runtime go by.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["OMP_NUM_THREADS"])
        if pathlib.Path(model).suffix in (".onnx", ".tflite"):
            from keras_textrec import load_exported

            self.model = load_exported(model)
        else:
            from keras_textrec import TextRecognizer

            self.model = TextRecognizer.from_preset(model)
        self.output = output

    def __call__(self, part: dict[str, Any]) -> dict[str, Any]:
        import pyarrow
        import pyarrow.parquet as parquet

        cpu = time.process_time()
        rows = read(self.model, part["keys"], part["data"], part["errors"])
        schema = {"image": "string", "text": "string", "confidence": "float64", "error": "string"}
        with whole_file(part_file(self.output, part["part"])) as file:
            parquet.write_table(pyarrow.table(rows, schema=pyarrow.schema(schema)), file)
        bad = len(rows["error"]) - rows["error"].count(None)
        return {"images": len(rows["image"]), "bad": bad, "cpu": time.process_time() - cpu}


def tell_what_was_bad(output: pathlib.Path) -> int:
    """How many images of the whole folder could not be read; the first are told."""
    import pyarrow.dataset as dataset

    rows = dataset.dataset(output, format="parquet")
    bad = dataset.field("error").is_valid()
    for row in rows.head(LISTED, columns=["image", "error"], filter=bad).to_pylist():
        print(row["error"] if row["image"] in row["error"] else f"{row['image']}: {row['error']}", file=sys.stderr)
    return rows.count_rows(filter=bad)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--model", default="crnn_small_en", help="a preset, or its exported file (.onnx, .tflite)")
    parser.add_argument("--actors", type=int, default=1, help="one for each core, or for each GPU")
    parser.add_argument("--gpus", type=float, default=0, help="of each actor: 1, or 0.5 for two that share one")
    parser.add_argument("--part", type=int, default=1000, help="images in a file of the output")
    parser.add_argument("--column", default="image", help="of Parquet files")
    options = parser.parse_args(arguments)

    import ray

    source, output = open_images(options.images.absolute(), options.column), options.output.absolute()
    model = str(pathlib.Path(options.model).absolute()) if pathlib.Path(options.model).exists() else options.model
    run = {"images": str(options.images.absolute()), "count": len(source), "part": options.part, "model": model}
    begin(output, run)
    parts = parts_to_read(output, len(source), options.part)
    left = sum(part["stop"] - part["start"] for part in parts)
    print(f"{len(source):,} images, {len(source) - left:,} of them read before.")
    if parts:
        ray.data.DataContext.get_current().enable_progress_bars = False
        data = ray.data.from_items(parts, override_num_blocks=len(parts))
        data = data.map(load, fn_kwargs={"source": source}, num_cpus=0)  # it waits for disks
        data = data.map(
            Reader,
            fn_constructor_args=(model, output),
            compute=ray.data.ActorPoolStrategy(size=options.actors),
            num_cpus=1,
            num_gpus=options.gpus,
        )
        images, cpu, start = 0, 0.0, time.perf_counter()
        for answer in data.iter_rows():
            images, cpu = images + answer["images"], cpu + answer["cpu"]
            seconds = time.perf_counter() - start
            print(f"{images:,} of {left:,} images, {images / seconds:.0f}/s, {1000 * cpu / images:.1f} ms CPU each")
    bad = tell_what_was_bad(output)
    print(f"{len(source):,} images in {output}, of which {bad:,} could not be read.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
