"""Losses, metrics, and what a training is watched, told and tried with."""

from keras_textrec.training.callbacks import BlankPlateau, EarlyStop, FiniteLoss, FoundRegions, OldDomain
from keras_textrec.training.losses import CTCLoss, DBLoss, FreeRunningLoss, SequenceLoss
from keras_textrec.training.metrics import NormalizedEditSimilarity, WordAccuracy
from keras_textrec.training.parts import freeze
from keras_textrec.training.training_report import TrainingReport
from keras_textrec.training.trials import can_learn, find_learning_rate

__all__ = [
    "BlankPlateau",
    "CTCLoss",
    "DBLoss",
    "EarlyStop",
    "FiniteLoss",
    "FoundRegions",
    "FreeRunningLoss",
    "NormalizedEditSimilarity",
    "OldDomain",
    "SequenceLoss",
    "TrainingReport",
    "WordAccuracy",
    "can_learn",
    "find_learning_rate",
    "freeze",
]
