"""From images to readings: one loop, whatever network reads, here or in an exported file."""

from keras_textrec.reading.stream import in_order as in_order
from keras_textrec.reading.stream import read_all as read_all
from keras_textrec.reading.stream import read_records as read_records
from keras_textrec.reading.stream import read_stream as read_stream
