"""What people look at: the evaluation report, a training's folder, parts of pages."""

from keras_textrec.reports.calibration import calibrate as calibrate
from keras_textrec.reports.evaluation import Evaluation as Evaluation
from keras_textrec.reports.evaluation import evaluate as evaluate
