"""The model card of a preset, of its description alone: the text and the metadata that the Hugging Face Hub shows."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from keras_textrec.images.converter import GROWING
from keras_textrec.presets.description import charset_of
from keras_textrec.presets.exports_card import detector_exports_section, exports_section
from keras_textrec.presets.papers import PAPERS
from keras_textrec.text.direction import has_right_to_left

EXTRAS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}

# A column of results: the Hub's name of the metric (None: it knows none), and the heading.
METRICS = {
    "accuracy": ("accuracy", "accuracy, %"),
    "exact": ("exact_match", "exact, %"),
    "ned": (None, "1-NED, %"),
    "end_to_end": ("accuracy", "end to end, %"),
}

RESIZING = {
    "stretch": "Every one is stretched to {height} x {width} pixels.",
    "pad": "Each is scaled to {height} rows, its ratio kept, and padded to {width} columns; a longer one is squeezed.",
    "widen": "Each is scaled to {height} rows, its ratio kept, and padded to {width} columns; longer ones stay longer.",
    "fit": "Each is scaled to {height} rows, its ratio kept, and widened to {minimum_width} columns at least.",
}


def make_card(description: dict[str, Any], name: str, exports: Sequence[str] = ()) -> str:
    """The card of a preset, in Markdown with its metadata on top.

    Args:
        description: what `keras_textrec.describe` gives.
        name: what `from_preset` is called with: the preset's name, or hf://user/repo.
        exports: the names of exported files that lie beside the card.
    """
    title = name.rpartition("/")[2]
    results = list(_eval_results(description)) or None
    metadata = ModelCardData(
        language=_languages(description) or None,
        license=description["license"].lower() if "license" in description else None,
        library_name="keras",
        pipeline_tag="image-to-text",
        tags=_tags(description),
        datasets=description.get("datasets"),
        metrics=results and sorted({result.metric_type for result in results}),
        model_name=results and title,
        eval_results=results,
    )
    sections = {
        "Usage": _usage(description, name),
        "Exported files": exports and _exports(description, exports),
        "Characters": _characters(description, name),
        "Images": _images(description),
        "Limits": _limits(description),
        "Training data": description.get("trained_on"),
        "Results": _results(description),
        "Confidence": _confidence(description),
        "How to reproduce": _reproduction(description, name),
        "Weights": _weights(description, name),
        "Citation": _citation(description),
    }
    text = [f"# {title}", description.get("description", "").strip()]
    text += [f"## {heading}\n\n{section.strip()}" for heading, section in sections.items() if section]
    return str(ModelCard(f"---\n{metadata.to_yaml()}\n---\n\n" + "\n\n".join(filter(None, text)) + "\n"))


# === Metadata ===


def _languages(description: dict[str, Any]) -> list[str]:
    languages = description.get("language") or []
    return [languages] if isinstance(languages, str) else languages


def _reads(description: dict[str, Any]) -> bool:
    """Whether it is a recogniser; else it is a detector."""
    return "tokenizer" in description["model"]


def _tags(description: dict[str, Any]) -> list[str]:
    kind = "text-recognition" if _reads(description) else "text-detection"
    return ["keras-textrec", "ocr", "scene-text", kind, description["model"]["class"].lower()]


def _eval_results(description: dict[str, Any]) -> Iterator[EvalResult]:
    source = description.get("results_source")
    for name, row in description.get("results", {}).items():
        for key, value in row.items():
            metric, label = METRICS.get(key, (None, None))
            if metric:
                yield EvalResult(
                    task_type="image-to-text",
                    dataset_type=re.sub(r"\W+", "-", name.lower()),
                    dataset_name=name,
                    metric_type=metric,
                    metric_name=label,
                    metric_value=value,
                    source_name=description.get("source", {}).get("publisher") if source else None,
                    source_url=source,
                )


# === Text ===


def _usage(description: dict[str, Any], name: str) -> str:
    extras = "\n".join(f'pip install "keras-textrec[{extra}]"  # {title}' for extra, title in EXTRAS.items())
    if _reads(description):
        code = f"""
            model = textrec.TextRecognizer.from_preset("{name}")
            reading = model.read("word.png")  # a path, bytes, array or PIL image; or a list of them
            print(reading.text, reading.confidence)"""
    else:
        code = f"""
            detector = textrec.RepSVTRDetector.from_preset("{name}")
            print(detector.detect("photo.jpg"))  # boxes, in pixels
            recognizer = textrec.TextRecognizer.from_preset("crnn_small_en")  # or another
            print(textrec.TextSpotter(detector, recognizer).read("photo.jpg").text)"""
    backends = '" or "'.join(EXTRAS)
    intro = "With keras_textrec, on any of Keras' three backends:"
    start = (
        f'import os\n\nos.environ["KERAS_BACKEND"] = "tensorflow"  # "{backends}"\n\nimport keras_textrec as textrec\n'
    )
    return f"{intro}\n\n```bash\n{extras}\n```\n\n```python\n{start}{textwrap.dedent(code)}\n```"


def _exports(description: dict[str, Any], files: Sequence[str]) -> str:
    if not _reads(description):
        return detector_exports_section(files)
    return exports_section(files, has_right_to_left("".join(charset_of(description))))


def _characters(description: dict[str, Any], name: str) -> str | None:
    if not _reads(description):
        return None
    charset = charset_of(description)
    given = description["model"]["tokenizer"]["charset"]
    change = description.get("charset_change")
    shown = "".join(charset.characters[:100]) + ("…" if len(charset) > 100 else "")
    origin = f", the list `{given['named']}`" if isinstance(given, dict) and "named" in given else ""
    return textwrap.dedent("""\
        {count:,} characters{origin}{first}:

        ```text
        {shown}
        ```
        {change}
        For other characters, keep what the network knows of those in common, and train the rest:
        `textrec.TextRecognizer.from_preset("{name}", charset="…")`.
    """).format(
        count=len(charset),
        origin=origin,
        first="; the first" if len(charset) > 100 else "",
        shown=shown,
        change=f"\n{_charset_change(change)}\n" if change else "",
        name=name,
    )


def _charset_change(change: dict[str, Any]) -> str:
    """What became of the characters of the network that this one was made of."""
    new, dropped = change["new"], change["dropped"]
    dropped = dropped if isinstance(dropped, int) else len(dropped)  # older presets list them
    shown = f": {' '.join(new[:40])}{' …' if len(new) > 40 else ''}" if new else ""
    return (
        f"Of the network that it was made of, {change['kept']:,} characters are kept and {dropped:,} dropped; "
        f"{len(new):,} are new{shown}."
    )


def _images(description: dict[str, Any]) -> str | None:
    converter = description["model"].get("converter")
    if not converter:
        return None
    if "longest_side" in converter:
        return f"Whole photographs, in colour. A longer side than {converter['longest_side']} pixels is scaled to that."
    text = "Cut-out words or lines, in colour. " + RESIZING[converter.get("resize", "pad")].format(**converter)
    if turned := converter.get("turn_above"):
        text += f" One that is more than {turned:g} times as high as wide is turned first, counterclockwise."
    if description.get("orientations") == "tall":
        text += " One that is higher than wide is read upwards and downwards, too, and the best reading is kept."
    return text


def _limits(description: dict[str, Any]) -> str:
    model, limits = description["model"], []
    if not _reads(description):
        return "- It finds lines of text and does not read them."
    limits.append("It reads one line of text; find the lines of a photograph first (`textrec.TextSpotter`).")
    if model["tokenizer"].get("lowercase"):
        limits.append("It writes lower case for upper case.")
    limits.append("Other characters than those of its list are left out, or read as one of them.")
    if model["converter"].get("resize", "pad") not in GROWING:
        limits.append(f"What is longer than {model['converter']['width']} columns is squeezed, and read less well.")
    if "steps" in model:
        limits.append(f"It writes {model['steps'] - 1} characters at most.")
    if length := description["training"].get("max_length"):
        limits.append(f"It was trained on texts of up to {length} characters.")
    if not description.get("results"):
        limits.append("How well it reads is not published.")
    return "\n".join(f"- {limit}" for limit in limits)


def _results(description: dict[str, Any]) -> str | None:
    rows = description.get("results")
    if not rows:
        return None
    columns = [key for key in ("samples", *METRICS) if any(key in row for row in rows.values())]
    titles = [METRICS[key][1] if key in METRICS else key for key in columns]
    lines = [["set", *titles], ["---"] * (1 + len(columns))]
    lines += [[name, *(str(row.get(key, "")) for key in columns)] for name, row in rows.items()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    source = description.get("results_source")
    origin = f"Published at {source}; not measured again." if source else None
    return "\n\n".join(filter(None, [table, description.get("results_note"), origin]))


def _confidence(description: dict[str, Any]) -> str | None:
    if not (kept := description.get("calibration")):
        return None
    return (
        "`Reading.confidence` is the probability that the whole text is right, calibrated on "
        f"{kept['fitted']:,} words of {', '.join(kept['sets'])}. On {kept['judged']:,} others of them, the expected "
        f"calibration error is {kept['error']:.1%}; without the calibration, {kept['error_before']:.1%}."
    )


def _reproduction(description: dict[str, Any], name: str) -> str:
    recipe = yaml.safe_dump(description["training"], sort_keys=False).strip()
    whose = "publisher's recipe" if "source" in description else "recipe"
    lines = [f"The {whose}:\n\n```yaml\n{recipe}\n```"]
    if _reads(description):
        lines.append(
            f"```bash\nkeras-textrec train {name} --train DATA --validation DATA --output DIR\n"
            "keras-textrec evaluate DIR/best BENCHMARKS\n```"
        )
    return "\n\n".join(lines)


def _weights(description: dict[str, Any], name: str) -> str | None:
    source = description.get("source")
    if not source:
        return None
    facts = {
        "Publisher": source.get("publisher"),
        "File": source.get("url"),
        "Part of it": source.get("part"),
        "Configuration": source.get("config"),
        "SHA-256": source.get("sha256"),
        "SHA-256 begins with": source.get("sha256_prefix"),
    }
    lines = [f"- {fact}: {value}" for fact, value in facts.items() if value]
    if not source.keys() & {"sha256", "sha256_prefix"}:
        lines.append("- SHA-256: not published")
    return (
        "The publisher's, converted to Keras and otherwise unchanged (`keras-textrec convert FILE DIR --preset "
        f"{name}`).\n\n" + "\n".join(lines)
    )


def _citation(description: dict[str, Any]) -> str | None:
    papers = PAPERS.get(description["model"]["class"])
    return papers and "```bibtex\n" + "\n\n".join(paper.to_bibtex() for paper in papers) + "\n```"
