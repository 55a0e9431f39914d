"""Image -> feature map."""

from keras_textrec.backbones.mobilenet_v3 import MobileNetV3
from keras_textrec.backbones.repsvtr import RepSVTRBackbone
from keras_textrec.backbones.resnet31 import ResNet31
from keras_textrec.backbones.resnet_vd import ResNetVD
from keras_textrec.backbones.svtrv2 import SVTRv2Backbone
from keras_textrec.backbones.vgg7 import VGG7

__all__ = ["VGG7", "MobileNetV3", "RepSVTRBackbone", "ResNet31", "ResNetVD", "SVTRv2Backbone"]
