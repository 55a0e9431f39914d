"""What a preset tells about itself once its weights are trained further, or are new."""

from collections.abc import Mapping, Sequence
from typing import Any

# What is told of the very weights, and of how they came to be.
ABOUT_WEIGHTS = ("results", "results_note", "results_source", "calibration", "source", "hub", "teacher")
ABOUT_TRAINING = ("trained_on", "images_seen")


def trained_further(about: Mapping[str, Any], data: str, origin: str | None) -> dict[str, Any]:
    """`about` of weights that are trained on.

    Args:
        data: what they are trained on now.
        origin: the preset that the weights are of, where it was loaded and not trained since.
    """
    about = without(about, ABOUT_WEIGHTS)
    before = about.get("trained_on", "")
    if f"{data}." in before or f"{data}, from the weights of " in before:
        return about  # it goes on
    if origin:
        about["trained_on"] = f"{data}, from the weights of {origin}."
        if before:
            about["trained_on"] += f" Those were trained on: {before}"
        if "description" in about:
            about["description"] = f"{origin}, trained further. That one: {about['description']}"
    else:
        about["trained_on"] = f"{data}. Before that: {before}" if before else f"{data}."
    return about


def untrained(about: Mapping[str, Any]) -> dict[str, Any]:
    """`about` of the same network with new weights."""
    new = without(about, (*ABOUT_WEIGHTS, *ABOUT_TRAINING))
    if "trained_on" in about and "description" in about:  # which may tell of the training, too
        new["description"] = f"The architecture of a preset, with other weights. That one: {about['description']}"
    return new


def without(about: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """What is told, but for some keys."""
    return {key: value for key, value in about.items() if key not in keys}
