"""Pixels to network input."""

from keras_textrec.images.converter import ImageConverter as ImageConverter
from keras_textrec.images.formats import image_suffixes as image_suffixes
from keras_textrec.images.load import decode as decode
from keras_textrec.images.load import load_image as load_image
from keras_textrec.images.photo_converter import PhotoConverter as PhotoConverter
