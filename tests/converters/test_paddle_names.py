"""Paddle's internal names of every published network, and what becomes of names that are none of its."""

import pytest

from keras_textrec.converters.paddle import is_dead, paddle_rules
from keras_textrec.converters.paddle_names import structured_names
from keras_textrec.presets import build
from keras_textrec.zoo import describe

# the network's name among the published numbers -> the preset of the same network, without what only training needs
NETWORKS = {
    "crnn_mv3": "crnn_mv3_en",
    "crnn_r34": "crnn_r34_en",
    "det_repsvtr_db": "repsvtr_det",
    "rare_mv3": "rare_mv3_en",
    "rare_r34": "rare_r34_en",
    "repsvtr": "repsvtr_ch",
    "robustscanner_r31": "robust_scanner_r31_en",
    "svtrv2": "svtrv2_ch",
}
# Names do not depend on the backend, and some backends take long to build these networks.
pytestmark = pytest.mark.slow


def published_names(name, model, rule) -> dict[str, str]:
    """Internal name -> structured name of all that the network's inference model holds."""
    wanted = {tensor for _, names, _ in paddle_rules(model) for tensor in names}
    return {
        tensor["paddle_name"]: tensor["name"]
        for tensor in rule.manifest(name)["params"]
        if tensor["name"] in wanted or (is_dead(tensor["name"]) and "gtc_head" not in tensor["name"])
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_every_published_network(name, rule):
    model = build(describe(NETWORKS[name]), initialize=False)
    published = published_names(name, model, rule)
    # The right names stand in for the arrays, in the order of an inference model.
    renamed = structured_names(model, {internal: published[internal] for internal in sorted(published)})
    assert {ours: theirs for ours, theirs in renamed.items() if ours != theirs} == {}
    assert len(renamed) == len(published)


def test_other_networks(rule):
    model = build(describe(NETWORKS["crnn_mv3"]), initialize=False)
    published = published_names("crnn_mv3", model, rule)
    # Only the order of the numbers counts.
    shifted = {name.replace("linear_0", "linear_57"): tensor for name, tensor in published.items()}
    assert all(ours == theirs for ours, theirs in structured_names(model, shifted).items())
    fewer = {name: tensor for name, tensor in published.items() if not name.startswith("conv2d_7.")}
    with pytest.raises(ValueError, match="The file holds 62 layers of the kind conv, and .* has 63."):
        structured_names(model, fewer)
    with pytest.raises(ValueError, match="The file has a tensor b_0 with 'backbone.conv1.conv.weight', which has no"):
        structured_names(model, published | {"conv2d_0.b_0": "more"})
    with pytest.raises(ValueError, match="The file holds 1 layers of the kind prelu, and .* has 0."):
        structured_names(model, published | {"prelu_0.w_0": "more"})
    with pytest.raises(
        ValueError, match="'eager_tmp' is no tensor of a known network; put the model's .pdiparams.info"
    ):
        structured_names(model, published | {"eager_tmp": "more"})
