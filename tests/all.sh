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

# The three runs go side by side, much of each being a single thread; every log comes whole, and is kept in the folder.
# PyTorch compiles nothing, so its run has everything: the slow checks too, and those that reach no backend (`once`).
backends=(tensorflow jax torch)
runs=()
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
for backend in "${backends[@]}"; do
    [ "$backend" = torch ] && which="" || which="not slow and not once"
    OMP_NUM_THREADS=1 KERAS_BACKEND=$backend "$environment/bin/python" -m pytest tests -m "$which" \
        >"$environment/$backend.log" 2>&1 &
    runs+=($!)
done
failed=
for i in "${!backends[@]}"; do
    wait "${runs[i]}" || failed="$failed ${backends[i]}"
    echo "== ${backends[i]} =="
    cat "$environment/${backends[i]}.log"
done
[ -z "$failed" ] || { echo "Tests failed on:$failed"; exit 1; }
