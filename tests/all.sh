#!/usr/bin/env bash
# Sets up a fresh environment with the three backends and runs the checks on each: bash tests/all.sh [FOLDER]
# (the environment goes into FOLDER, .venv-tests by default).
set -euo pipefail
cd "$(dirname "$0")/.."
environment=${1:-.venv-tests}

python3 -m venv --clear "$environment"
# torch==2.13.0: on Linux a newer or open version may bring several GB of CUDA libraries.
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    ".[tensorflow-cpu,jax,dev]" "torch==2.13.0"
"$environment/bin/python" -m pip check

"$environment/bin/ruff" check .
"$environment/bin/ruff" format --check .

# The runs go side by side, much of each being a single thread; every log comes whole, and is kept in the folder.
# PyTorch compiles nothing, so it has everything: the slow checks too, in a run of their own, and those that need no run
# on each backend (`once`, `one_backend`).
# TensorFlow's operators are others with oneDNN and without, and which it takes depends on the processor: every network's
# `fit` (`builds`) runs without, where more has to be done in other ways; parity, losses and gradients run with it.
declare -A tests=(
    [tensorflow]="not slow and not once and not one_backend and not builds"
    [tensorflow-without-onednn]="builds and not slow"
    [jax]="not slow and not once and not one_backend"
    [torch]="not slow"
    [torch-slow]="slow"
)
# XLA compiles the same graphs for test after test, and for their child processes.
export JAX_COMPILATION_CACHE_DIR=$(realpath "$environment")/jax-cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
declare -A runs
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
for name in "${!tests[@]}"; do
    [ "$name" = tensorflow ] && onednn=1 || onednn=0
    TF_ENABLE_ONEDNN_OPTS=$onednn OMP_NUM_THREADS=1 KERAS_BACKEND=${name%%-*} \
        "$environment/bin/python" -m pytest tests -rs --durations=15 -m "${tests[$name]}" >"$environment/$name.log" 2>&1 &
    runs[$name]=$!
done
failed=
for name in "${!tests[@]}"; do
    wait "${runs[$name]}" || failed="$failed $name"
    echo "== $name =="
    cat "$environment/$name.log"
done
[ -z "$failed" ] || { echo "Tests failed on:$failed"; exit 1; }
