"""Sources of labelled images and the pipeline that feeds them to a network."""

from keras_textrec.data.folder import FolderSource as FolderSource
from keras_textrec.data.folder import folder as folder

# `data.lmdb` and `data.folder` are modules first and these functions from here on; imports from the modules still work.
from keras_textrec.data.lmdb import LMDBSource as LMDBSource
from keras_textrec.data.lmdb import LMDBWriter as LMDBWriter
from keras_textrec.data.lmdb import lmdb as lmdb
from keras_textrec.data.opening import find_sources as find_sources
from keras_textrec.data.opening import open_source as open_source
from keras_textrec.data.opening import open_sources as open_sources
from keras_textrec.data.sources import ConcatSource as ConcatSource
from keras_textrec.data.sources import Source as Source
