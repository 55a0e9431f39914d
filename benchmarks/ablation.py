"""What each effect of the renderer is worth: the same network, trained on as many images without it.

    python benchmarks/ablation.py OUTPUT --validation VALIDATION... [--config FILE] [--pretrained] [--images N]
                                  [--only NAME ...] [-o KEY=VALUE ...]

One network learns its letters from clean short words, or is the preset with its weights (`--pretrained`). Every row of
`LEFT_OUT` goes on from there with words rendered on the way, each seen once, with the same steps, seeds, fonts and
words; then it reads the validation sets, the last of which follows the training too. What OUTPUT holds is not trained
again, and an interrupted training goes on: run the command until it prints the table.
"""

import argparse
import json
import pathlib

from keras_textrec import describe, load_preset
from keras_textrec.commands.train import model_to_train
from keras_textrec.data import open_source
from keras_textrec.presets import override
from keras_textrec.synthesis import RenderedSource
from keras_textrec.training.train import train


def off(*effects: str) -> dict[str, float]:
    return {f"{effect}.p": 0.0 for effect in effects}


LEFT_OUT = {
    "nothing": {},
    "nothing, another seed": {"seed": 1},
    "all effects and long words (difficulty 0)": {"difficulty": 0.0},
    "the words (random letters instead)": {"text.kinds": {"word": 0, "letters": 74}},
    "fonts but three families": {"fonts.weights": {"DejaVu*": 1, "Liberation*": 1, "Lato*": 1, "*": 0}},
    "odd fonts": {"fonts.odd": -0.3},
    "bold, spacing, jitter, capitals": off("layout.bold", "layout.spacing", "layout.jitter", "layout.small_capitals"),
    "arcs and waves": off("layout.arc", "layout.wave"),
    "letters out of shape": off("layout.elastic"),
    "borders, shadows, extrusions": off("layout.rim"),
    "relief, and sides of letters": off("colour.relief", "colour.sides"),
    "poles before letters, worn letters": off("colour.occlusion"),
    "neighbouring words": off("layout.neighbours"),
    "faint text": off("colour.low"),
    "textures, shading, things": off("colour.texture", "colour.shading", "colour.things", "colour.textured_text"),
    "blending and opacity": off("colour.blend", "colour.opacity"),
    "view": {
        **off("view.turn", "view.far_turn", "view.slant", "view.climb", "view.perspective"),
        "view.aspect.deviation": 0.0,
    },
    "signs from the side": off("view.foreshortening"),
    "far turns": off("view.far_turn"),
    "both, and the ends of signs": off("view.foreshortening", "view.far_turn", "colour.board"),
    "ends of signs": off("colour.board"),
    "enlarged photos": off("camera.enlarged"),
    "enlarged photos, blur, soft lenses": {
        **off("camera.enlarged", "camera.blur"),
        "camera.lens.kinds": {"soft": 0, "sharpened": 0},
    },
    "words up, down, stacked": {"layout.directions": {"up": 0, "down": 0, "stacked": 0, "turned": 0}},
    "loose and cutting crops": {"view.rim.kinds": {"tight": 1, "usual": 0, "wide": 0}, "view.rim.cut": 0.0},
    "light": off("camera.light", "camera.vignette", "camera.glare", "camera.exposure"),
    "blur": {**off("camera.blur"), "camera.lens.kinds": {"soft": 0, "sharpened": 0}},
    "noise and JPEG": {**off("camera.noise", "camera.jpeg"), "camera.quality": [95, 95]},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--validation", nargs="+", required=True, metavar="SOURCE")
    parser.add_argument("--config", metavar="FILE", help="of the words; default: the defaults")
    parser.add_argument("--preset", default="crnn_small_en")
    parser.add_argument("--pretrained", action="store_true", help="start from the preset's weights")
    parser.add_argument("--images", type=int, default=38_400, help="that each row's network sees")
    parser.add_argument("--clean-images", type=int, default=51_200, help="that the network sees before")
    parser.add_argument("--epochs", type=int, default=1, help="of each training; a state is kept after each")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--only", nargs="+", choices=LEFT_OUT, default=list(LEFT_OUT), metavar="NAME")
    parser.add_argument("-o", action="append", default=[], metavar="KEY=VALUE", help="override a key of the preset")
    options = parser.parse_args()

    validation = open_source(options.validation[-1])

    def trained(folder, images, initial=None, **words):
        steps = images // options.epochs // options.batch_size
        size = {"epochs": options.epochs, "steps_per_epoch": steps, "batch_size": options.batch_size}
        settings = [f"training.{key}={value}" for key, value in size.items()]
        model = model_to_train(override(describe(options.preset), [*settings, *options.o]), initial)
        train(model, RenderedSource(count=images, **words), validation, folder, resume=(folder / "state.npz").exists())
        return load_preset(folder / "last")

    if options.pretrained:
        start = load_preset(options.preset)
    else:
        start = trained(options.output / "start", options.clean_images, difficulty=0.0, seed=100)
    for name in options.only:
        folder = options.output / name.replace(" ", "_")
        if not (folder / "results.json").exists():
            model = trained(folder, options.images, start, config=options.config, **LEFT_OUT[name])
            results = model.evaluate_benchmarks(options.validation)
            (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print_table(options.output, options.only)


def print_table(output: pathlib.Path, names: list[str]) -> None:
    """A Markdown table of the accuracies, and of how much leaving out an effect costs on average."""
    results = {name: json.loads((output / name.replace(" ", "_") / "results.json").read_text()) for name in names}
    sets = [row["name"] for row in results[names[0]]["sets"]]
    whole = results[names[0]]["mean"]["accuracy"]
    print(f"| left out | {' | '.join(sets)} | mean | change |\n|---|{'---|' * (len(sets) + 2)}")
    for name, result in results.items():
        cells = [row["accuracy"] for row in result["sets"]] + [result["mean"]["accuracy"]]
        change = result["mean"]["accuracy"] - whole
        print(f"| {name} | {' | '.join(f'{100 * cell:.1f}' for cell in cells)} | {100 * change:+.1f} |")


if __name__ == "__main__":
    main()
