"""Pixels to network input."""

import keras_textrec.system.opencv  # noqa: F401 (first: it says what to do where OpenCV is missing)

# isort: split
from keras_textrec.images.converter import ImageConverter as ImageConverter
from keras_textrec.images.formats import image_suffixes as image_suffixes
from keras_textrec.images.load import decode as decode
from keras_textrec.images.load import load_image as load_image
from keras_textrec.images.photo_converter import PhotoConverter as PhotoConverter
from keras_textrec.images.two_lines import in_one_line as in_one_line
