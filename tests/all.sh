#!/usr/bin/env bash
# Sets up a fresh environment with the three backends and runs every check on each: bash tests/all.sh [FOLDER]
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
for backend in tensorflow jax torch; do
    echo "== $backend =="
    # PyTorch compiles nothing, so it runs the slow checks too; `pytest -m slow` runs them anywhere.
    [ "$backend" = torch ] && which=(-m "slow or not slow") || which=(-m "not slow")
    KERAS_BACKEND=$backend "$environment/bin/python" -m pytest tests "${which[@]}"
done
