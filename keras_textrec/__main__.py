"""`python -m keras_textrec` is the command `keras-textrec`."""

import sys

from keras_textrec.commands import main

sys.exit(main())
