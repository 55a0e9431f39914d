"""What a model card says of exported files: how to run each, without this package."""

import pathlib
from collections.abc import Sequence

_PYTHON = """\
import json
import numpy, onnxruntime  # pip install onnxruntime pillow
from PIL import Image

session = onnxruntime.InferenceSession("{file}")
charset = json.loads(session.get_modelmeta().custom_metadata_map["charset"])
image = numpy.asarray(Image.open("word.png").convert("RGB"))[None]  # uint8 (1, height, width, 3), any size
characters, confidence = session.run(["characters", "confidence"], {{"image": image}})
print("".join(charset[place] for place in characters[0] if place >= 0), confidence[0])
"""

_JAVASCRIPT = """\
import { Recognizer, openImage, pixelsOf } from "./textrec.js"; // of keras_textrec's examples/web; onnxruntime-web

const bytes = new Uint8Array(await (await fetch("%s")).arrayBuffer());
const recognizer = await Recognizer.load(bytes, "%s");
const picture = await (await fetch("word.png")).blob();
const { text, confidence } = await recognizer.read(pixelsOf(await openImage(picture)));
console.log(text, confidence);
"""

_CPP = """\
// pixels: uint8 RGB, height * width * 3 of them. keras_textrec's examples/cpp has the whole program.
Ort::Env environment;
Ort::Session session(environment, "%s", Ort::SessionOptions());
Ort::AllocatorWithDefaultOptions allocator;
auto list = session.GetModelMetadata().LookupCustomMetadataMapAllocated("charset", allocator);
auto charset = nlohmann::json::parse(list.get()).get<std::vector<std::string>>();
auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
const int64_t shape[] = {1, height, width, 3};
auto image = Ort::Value::CreateTensor<uint8_t>(memory, pixels, height * width * 3, shape, 4);
const char *inputs[] = {"image"}, *outputs[] = {"characters", "confidence"};
auto results = session.Run(Ort::RunOptions(), inputs, &image, 1, outputs, 2);
const int64_t* characters = results[0].GetTensorData<int64_t>();
for (size_t i = 0; i < results[0].GetTensorTypeAndShapeInfo().GetElementCount(); ++i)
  if (characters[i] >= 0) std::cout << charset[characters[i]];
"""


def detector_exports_section(files: Sequence[str]) -> str:
    """The section of a detector's card, in Markdown. `files`: names, FILE.onnx."""
    rows = "\n".join(f'- `{file}`: `textrec.load_exported("{file}").detect("photo.jpg")`' for file in files)
    return f"Files that take uint8 pixels and give a map of where text is; the metadata have what boxes need.\n\n{rows}"


def exports_section(files: Sequence[str], right_to_left: bool = False) -> str:
    """The section of a recogniser's card, in Markdown.

    Args:
        files: the names of its files with pixels as input, FILE.onnx or FILE.tflite.
        right_to_left: texts come as a picture shows them from left to right, and are turned by the reader.
    """
    rows = "\n".join(f'- `{file}`: `textrec.load_exported("{file}").read("word.png")`' for file in files)
    parts = [
        "Files that take uint8 pixels and give characters: preprocessing, decoding, charset and a self-test are inside."
        f"\n\n{rows}"
    ]
    onnx = [file for file in files if pathlib.PurePath(file).suffix == ".onnx"][:1]
    for file in onnx:
        parts.append(f"In Python, without keras_textrec:\n\n```python\n{_PYTHON.format(file=file)}```")
        parts.append(f"In the browser:\n\n```js\n{_JAVASCRIPT % (file, file)}```")
        parts.append(f"In C++, with ONNX Runtime:\n\n```cpp\n{_CPP % file}```")
        if right_to_left:
            parts.append("Characters come as the picture shows them; `load_exported` and textrec.js turn the text.")
    if len(onnx) < len(files):
        parts.append(
            "LiteRT files take an image of one size; keras_textrec's examples/android has the reader in Kotlin."
        )
    return "\n\n".join(parts)
