"""Speed of an exported network beside its publisher's, in one run.

    keras-textrec export crnn_mv3_en ours.onnx --input core
    python benchmarks/peers.py ours.onnx inference/ other.onnx --size 32 100 --batch 1 32 --threads 1 2

A peer is a folder with Paddle's inference model, run by Paddle Inference with oneDNN, or an ONNX file. All get the same
images as float32, channels last or first as each takes them. Every file has a process of its own, and all take turns;
the best round of each counts: that is what the machine can do when nobody else is at work. CPU time is of all threads.
"""

import argparse
import multiprocessing
import pathlib
import time
from collections.abc import Callable

import numpy as np

SECONDS = 0.3  # of one round


def onnx_runner(path: pathlib.Path, threads: int, images: np.ndarray) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image, *ratios = session.get_inputs()
    given = {image.name: images if image.shape[-1] == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))}
    given |= {ratio.name: np.ones(len(images), "float32") for ratio in ratios}
    return lambda: session.run(None, given)


def paddle_runner(folder: pathlib.Path, threads: int, images: np.ndarray) -> Callable[[], object]:
    from paddle import inference

    (program,) = [*folder.glob("*.json"), *folder.glob("*.pdmodel")]
    config = inference.Config(str(program), str(program.with_suffix(".pdiparams")))
    config.disable_gpu()
    config.disable_glog_info()
    config.enable_mkldnn()
    config.set_mkldnn_cache_capacity(10)
    config.set_cpu_math_library_num_threads(threads)
    predictor = inference.create_predictor(config)
    # RobustScanner takes the numbers of its places too.
    given = [images.transpose(0, 3, 1, 2), np.tile(np.arange(40), (len(images), 1))]
    inputs = [predictor.get_input_handle(name) for name in predictor.get_input_names()]
    output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run() -> object:
        for handle, values in zip(inputs, given):
            handle.copy_from_cpu(np.ascontiguousarray(values))
        predictor.run()
        return output.copy_to_cpu()

    return run


def serve(pipe, path: pathlib.Path, threads: int, images: np.ndarray) -> None:
    """Times a round whenever asked: (seconds, CPU seconds) of a call."""
    run = (onnx_runner if path.suffix == ".onnx" else paddle_runner)(path, threads, images)
    run()
    pipe.send(None)
    while pipe.recv():
        calls, start, cpu_start = 0, time.perf_counter(), time.process_time()
        while not calls or time.perf_counter() < start + SECONDS:
            run()
            calls += 1
        pipe.send(((time.perf_counter() - start) / calls, (time.process_time() - cpu_start) / calls))


def best_times(paths: list[pathlib.Path], threads: int, images: np.ndarray, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds and CPU milliseconds of a call, for each file."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for path in paths:
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there, path, threads, images), daemon=True)
        process.start()
        there.close()  # so that a file that cannot be run ends this process too
        here.recv()
        pipes.append(here)
        processes.append(process)
    times: list[list[tuple[float, float]]] = [[] for _ in paths]
    for number in range(rounds):
        turns = list(enumerate(pipes))
        for index, pipe in turns if number % 2 else reversed(turns):
            pipe.send(True)
            times[index].append(pipe.recv())
    for pipe, process in zip(pipes, processes):
        pipe.send(False)
        process.join()
    return [tuple(1000 * min(column) for column in zip(*rows)) for rows in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ours", type=pathlib.Path, help="an ONNX file of the network alone (--input core)")
    parser.add_argument("peers", type=pathlib.Path, nargs="+", help="a folder of Paddle's, or an ONNX file")
    parser.add_argument("--size", type=int, nargs=2, default=(32, 100), metavar=("H", "W"))
    parser.add_argument("--batch", type=int, nargs="+", default=(1, 32))
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()

    paths = [options.ours, *options.peers]
    print("| file | threads | batch | ms | CPU ms | slower than ours | by CPU time |\n" + "|---" * 7 + "|")
    for threads in options.threads:
        for batch in options.batch:
            images = np.random.default_rng(0).uniform(-1, 1, (batch, *options.size, 3)).astype("float32")
            times = best_times(paths, threads, images, options.rounds)
            for path, (wall, cpu) in zip(paths, times):
                cells = f"{wall:.1f} | {cpu:.1f} | {wall / times[0][0]:.2f} | {cpu / times[0][1]:.2f}"
                print(f"| {path} | {threads} | {batch} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
