"""`keras-textrec presets`: what there is."""

import argparse

from keras_textrec.system.terminal import print_table

HELP = "the table of presets; with a name, all that is known of that preset"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?")


def run(options: argparse.Namespace) -> int:
    import yaml

    from keras_textrec.presets import preset_names
    from keras_textrec.zoo import describe

    if options.name:
        print(yaml.safe_dump(describe(options.name), sort_keys=False, allow_unicode=True), end="")
        return 0
    cells = []
    for name in preset_names():
        description = describe(name)
        languages = [description["language"]] if isinstance(description["language"], str) else description["language"]
        language = " ".join(languages[:4]) + (" …" if len(languages) > 4 else "")
        weights = "Hub" if "hub" in description else description.get("source", {}).get("publisher", "embedded")
        cells.append((name, description["model"]["class"], language, weights))
    print_table(("preset", "model", "language", "weights"), cells)
    return 0
