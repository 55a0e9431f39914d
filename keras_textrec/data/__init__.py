"""Sources of labelled images and the pipeline that feeds them to a network."""

import keras_textrec.system.opencv  # noqa: F401 (first: it says what to do where OpenCV is missing)

# isort: split
from keras_textrec.data.create import create_lmdb as create_lmdb
from keras_textrec.data.folder_source import FolderSource as FolderSource
from keras_textrec.data.folder_source import folder as folder
from keras_textrec.data.lmdb_source import LMDBSource as LMDBSource
from keras_textrec.data.lmdb_source import lmdb as lmdb
from keras_textrec.data.lmdb_writer import LMDBWriter as LMDBWriter
from keras_textrec.data.memory_source import MemorySource as MemorySource
from keras_textrec.data.memory_source import from_arrays as from_arrays
from keras_textrec.data.mixing import MixedSource as MixedSource
from keras_textrec.data.mixing import Subset as Subset
from keras_textrec.data.mixing import filter as filter
from keras_textrec.data.mixing import mix as mix
from keras_textrec.data.mixing import shard as shard
from keras_textrec.data.opening import find_sources as find_sources
from keras_textrec.data.opening import open_source as open_source
from keras_textrec.data.opening import open_sources as open_sources
from keras_textrec.data.region_opening import open_region_source as open_region_source
from keras_textrec.data.region_opening import open_region_sources as open_region_sources
from keras_textrec.data.regions import RegionSource as RegionSource
from keras_textrec.data.regions import TextRegion as TextRegion
from keras_textrec.data.sources import ConcatSource as ConcatSource
from keras_textrec.data.sources import Source as Source
from keras_textrec.data.sources import text_of as text_of
from keras_textrec.data.tfrecord_source import TFRecordSource as TFRecordSource
from keras_textrec.data.tfrecord_source import tfrecord as tfrecord
