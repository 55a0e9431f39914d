"""The publishers' configurations (YAML) as descriptions: what a checkpoint is of, when no preset says it.

PaddleOCR writes a `config.yml` beside a checkpoint; MindOCR's and OpenOCR's stand in their `configs/rec`. Read from
them are the network, its characters and the shape of its images. The rest of a description is as in the preset of the
same network.
"""

import pathlib
from typing import Any

from keras_textrec.converters.sections import Section, read_sections
from keras_textrec.presets import describe_name
from keras_textrec.text.charset import list_names

# Transform, backbone, neck and head -> the preset whose model it is, but for what the configuration says.
PADDLEOCR = {
    ("", "ResNet", "SequenceEncoder", "CTCHead"): "crnn_r34_en",
    ("", "MobileNetV3", "SequenceEncoder", "CTCHead"): "crnn_mv3_en",
    ("", "ResNet", "SequenceEncoder", "AttentionHead"): "rare_r34_en",
    ("", "MobileNetV3", "SequenceEncoder", "AttentionHead"): "rare_mv3_en",
    ("TPS", "ResNet", "SequenceEncoder", "AttentionHead"): "rare_r34_en",
    ("TPS", "MobileNetV3", "SequenceEncoder", "AttentionHead"): "rare_mv3_en",
    ("", "ResNet31", "", "RobustScannerHead"): "robust_scanner_r31_en",
    ("", "SVTRv2", "", "MultiHead"): "svtrv2_ch",
    ("", "RepSVTR", "", "MultiHead"): "repsvtr_ch",
    ("", "RepSVTR_det", "RSEFPN", "DBHead"): "repsvtr_det",
}
MINDOCR = {
    ("", "rec_resnet34", "RNNEncoder", "CTCHead"): "crnn_r34_mindocr_en",
    ("", "rec_vgg7", "RNNEncoder", "CTCHead"): "crnn_vgg7_en",
    ("", "rec_resnet34", "RNNEncoder", "AttentionHead"): "rare_r34_notps_en",
    ("", "rec_resnet31", "", "RobustScannerHead"): "robust_scanner_r31_mindocr_en",
}
OPENOCR = {
    ("", "SVTRv2LNConvTwo33", "CTCDecoder"): "svtrv2_ch",
    ("", "RepSVTREncoder", "CTCDecoder"): "repsvtr_ch",
}
SCALES = (0.35, 0.5, 0.75, 1.0, 1.25)  # of PaddleOCR's MobileNetV3
# Published lists of characters that have another name here; the others are found by the name of their file.
OTHER_NAMES = {
    "ppocr/utils/dict/en_dict.txt": "en_dict_63",
    "mindocr/utils/dict/en_dict.txt": "mindocr_en_dict",
    "mindocr/utils/dict/en_dict90.txt": "dict90",
    "mindocr/utils/dict/ch_dict.txt": "ppocr_keys_v1",
}


def describe_config(content: bytes, path: pathlib.Path, charset: pathlib.Path | None = None) -> dict[str, Any]:
    """The description (see `presets.description`) of the network that a publisher's configuration is of.

    Args:
        content: the configuration, YAML.
        path: where it is from: its name is for messages, and a list of characters may stand beside it.
        charset: a list of characters, one a line, instead of the one that the configuration names.

    Raises:
        ValueError: it is damaged, lacks something, or is of a network that this package does not have.
        FileNotFoundError: the list of characters is neither published nor beside it.
    """
    config = read_sections(content, str(path))
    try:
        if "Architecture" in config.values:
            is_openocr = "Encoder" in config.section("Architecture").values
            description = _openocr(config) if is_openocr else _paddleocr(config)
        elif "model" in config.values:
            description = _mindocr(config)
        else:
            raise ValueError("it has no Architecture, as PaddleOCR's have, and no model, as MindOCR's.")
    except ValueError as error:
        raise ValueError(f"The configuration {path} cannot be used: {error}") from error
    publisher, network = description["source"]["publisher"], description["model"]["class"]
    description["description"] = f"{network}, converted from {publisher}'s {path.name}."
    if "tokenizer" in description["model"]:
        tokenizer = description["model"]["tokenizer"]
        name = tokenizer["charset"].pop("list")
        if name or charset:
            tokenizer["charset"] |= _find_list(name, path, charset)
        else:
            tokenizer["charset"] |= {"named": "alphanumeric"}
            if publisher != "MindOCR":  # the others add the space to lists only
                tokenizer["charset"].pop("space", None)
        tokenizer["lowercase"] &= not charset
    return description


def _find_list(name: str, path: pathlib.Path, charset: pathlib.Path | None) -> dict[str, str]:
    file = pathlib.PureWindowsPath(name).name  # of a path with either kind of slash
    beside = charset or path.parent / file
    if charset or (file and beside.is_file()):
        return {"file": str(beside)}
    published = pathlib.PureWindowsPath(name).as_posix()
    known = next((ours for theirs, ours in OTHER_NAMES.items() if f"/{published}".endswith(f"/{theirs}")), None)
    known = known or file.removesuffix(".txt")
    if known in list_names():
        return {"named": known}
    raise FileNotFoundError(
        f"{path} names the list of characters {name!r}, which is neither one that this package has nor beside it; give "
        "its file (--charset)."
    )


def _like_preset(networks: dict, net: Section, parts: tuple[str, ...]) -> tuple[dict[str, Any], list[Section | None]]:
    """The description of the preset with the same network, and the sections of the configuration's parts."""
    sections = [net.optional(part) for part in parts]
    names = tuple(section.text("name") if section else "" for section in sections)
    if names not in networks:
        known = "; ".join(" + ".join(filter(None, network)) for network in networks)
        given = " + ".join(filter(None, names)) or "none"
        raise ValueError(f"its network is {given}; of this publisher's, this package has {known}.")
    preset = describe_name(networks[names])
    source = {"publisher": preset["source"]["publisher"]}
    return {"model": preset["model"], "training": preset["training"], "source": source}, sections


# === PaddleOCR ===


def _paddleocr(config: Section) -> dict[str, Any]:
    """The description; its charset is {list: what the configuration calls it, space: whether it is added, if told}."""
    net = config.section("Architecture")
    models = net.optional("Models")  # trained together; the student is what is published
    net = models.section("Student") if models else net
    description, sections = _like_preset(PADDLEOCR, net, ("Transform", "Backbone", "Neck", "Head"))
    transform, backbone, neck, head = sections
    model, head_name = description["model"], head.text("name")
    if models:
        description["source"]["part"] = "Student"
    _set_backbone(model, backbone)
    if head_name == "DBHead":
        model["neck_channels"] = neck.number("out_channels")
        return description
    if neck:
        model["hidden_size"] = neck.number("hidden_size")
    if head_name == "AttentionHead":
        model["rectify"] = transform.text("model_name") if transform else None
        if not transform:
            description["training"].pop("learning_rates", None)  # of the rectifier
        model["decoder_size"] = head.number("hidden_size")
    elif head_name == "RobustScannerHead":
        model["hidden_size"] = head.number("enc_outchannles")  # sic
        model["steps"] = head.number("max_text_length")
    facts = config.section("Global")
    description["training"]["max_length"] = facts.number("max_text_length", 25)
    # As evaluation has it: training may have several.
    steps = [*config.steps("Eval", "dataset", "transforms"), *config.steps("Train", "dataset", "transforms")]
    _set_shape(model["converter"], steps, is_ctc=head_name not in ("AttentionHead", "RobustScannerHead"))
    model["tokenizer"]["charset"] = _characters(facts)
    model["tokenizer"]["lowercase"] = not model["tokenizer"]["charset"]["list"]
    return description


def _characters(facts: Section) -> dict[str, Any]:
    told = {"space": facts.flag("use_space_char")} if "use_space_char" in facts.values else {}
    return {"list": facts.text("character_dict_path"), **told}


def _set_backbone(model: dict[str, Any], backbone: Section) -> None:
    name = backbone.text("name")
    if name == "ResNet" and backbone.number("layers") != 34:
        raise ValueError("of PaddleOCR's recognising ResNets, this package has the one of 34 layers.")
    if name == "MobileNetV3":
        size, scale = backbone.text("model_name") or "small", backbone.values.get("scale", 0.5)
        if scale not in SCALES:
            raise ValueError(f"Backbone.scale must be one of {SCALES}.")
        default = [1, 2, 2, 2] if size == "large" else [2, 2, 2, 2]
        strides = backbone.numbers(f"{size}_stride", 4, default, largest=2)
        model["backbone"] = {"class": name, "size": size, "width_multiplier": scale, "strides": strides}
    if name in ("SVTRv2", "SVTRv2LNConvTwo33"):
        mixers = backbone.values.get("mixer")
        if not isinstance(mixers, list) or not all(isinstance(row, list) and len(row) <= 16 for row in mixers):
            raise ValueError("Backbone.mixer must be a list of lists of 'Conv' and 'Global'.")
        model["backbone"] = {
            "class": "SVTRv2Backbone",
            "widths": backbone.numbers("dims", 3),
            "depths": backbone.numbers("depths", 3, largest=16),
            "conv_depths": [row.count("Conv") for row in mixers],
        }


def _set_shape(converter: dict[str, Any], steps: list[tuple[str, Section]], is_ctc: bool = False) -> None:
    for name, options in steps:
        if name == "RobustScannerRecResizeImg":
            _, height, minimum, width = options.numbers("image_shape", 4)
            converter |= {"height": height, "width": width, "minimum_width": minimum}
            return
        if name == "RecResizeImg":
            _, height, width = options.numbers("image_shape", 3)
            # Networks for words are evaluated on squeezed words. Those for lines read lines of any length.
            converter |= {"height": height, "width": width, "resize": "pad"}
            if is_ctc and width >= 6 * height:
                converter |= {"resize": "widen", "width_multiple": 8}
            return
        if name == "RecDynamicResize":
            height, width = options.numbers("image_shape", 2)
            converter |= {"height": height, "width": width, "resize": "widen", "width_multiple": 8}
            return
        if name == "RecResizeNormForInfer":
            converter |= {"height": options.number("target_height"), "width": options.number("target_width")}
            if options.flag("keep_ratio"):
                converter |= {"resize": "pad", "pad_value": -1.0}
            return
    raise ValueError("its transforms do not tell the shape of the images.")


# === OpenOCR ===


def _openocr(config: Section) -> dict[str, Any]:
    """As `_paddleocr`. What would be seen in the names and shapes of the weights is not checked here."""
    net = config.section("Architecture")
    description, (_, encoder, decoder) = _like_preset(OPENOCR, net, ("Transform", "Encoder", "Decoder"))
    description["source"] = {"publisher": "OpenOCR"}
    model = description["model"]
    _set_backbone(model, encoder)
    if "widths" in model["backbone"]:
        heads = [width // 32 for width in model["backbone"]["widths"]]
        if encoder.values.get("num_heads") != heads or encoder.values.get("sub_k") != [[2, 1], [2, 1], [-1, -1]]:
            raise ValueError(f"Encoder.num_heads must be {heads}, and Encoder.sub_k [[2, 1], [2, 1], [-1, -1]].")
    model["hidden_size"] = decoder.section("svtr_encoder").number("dims")
    for key in ("canvases", "canvas_choice", "guided"):  # PaddleOCR's
        description["training"].pop(key, None)
    facts = config.section("Global")
    description["training"]["max_length"] = facts.number("max_text_length", 25)
    _set_shape(model["converter"], list(config.steps("Eval", "dataset", "transforms")))
    model["tokenizer"] |= {"charset": _characters(facts), "lowercase": False}
    return description


# === MindOCR ===


def _mindocr(config: Section) -> dict[str, Any]:
    """As `_paddleocr`."""
    net = config.section("model")
    description, (_, _, neck, head) = _like_preset(MINDOCR, net, ("transform", "backbone", "neck", "head"))
    model, head_name = description["model"], head.text("name")
    if neck:
        model["hidden_size"] = neck.number("hidden_size")
    if head_name == "AttentionHead":
        model["decoder_size"] = head.number("hidden_size")
        model["steps"] = head.number("batch_max_length") + 1
    elif head_name == "RobustScannerHead":
        model["hidden_size"] = head.number("enc_outchannles")  # sic
        model["steps"] = head.number("max_text_len")
    facts = config.section("common")
    description["training"]["max_length"] = facts.number("max_text_len")
    steps = list(config.steps("eval", "dataset", "transform_pipeline"))
    _set_shape(model["converter"], steps)
    tokenizer = model["tokenizer"]
    tokenizer["charset"] = _characters(facts)
    tokenizer["lowercase"] = any(options.flag("lower") for _, options in steps)
    for name, options in steps:
        if name == "Rotate90IfVertical":
            threshold = options.values.get("threshold", 2.0)
            if threshold != 2.0:
                raise ValueError("Rotate90IfVertical.threshold must be 2.0, as published.")
            model["converter"]["turn_above"] = threshold
    return description
