"""Losses and metrics."""

from keras_textrec.training.losses import CTCLoss, FreeRunningLoss, SequenceLoss
from keras_textrec.training.metrics import NormalizedEditSimilarity, WordAccuracy

__all__ = ["CTCLoss", "FreeRunningLoss", "NormalizedEditSimilarity", "SequenceLoss", "WordAccuracy"]
