"""Losses and metrics."""

from keras_textrec.training.losses import AttentionLoss, CTCLoss, NRTRLoss, SARLoss
from keras_textrec.training.metrics import NormalizedEditSimilarity, WordAccuracy

__all__ = ["AttentionLoss", "CTCLoss", "NRTRLoss", "NormalizedEditSimilarity", "SARLoss", "WordAccuracy"]
