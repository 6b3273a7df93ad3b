"""Convolutional networks whose normalization is an argument."""

from kerasnorm.models.backbone import backbone, list_backbones, unfreeze
from kerasnorm.models.convnet import convnet
from kerasnorm.models.efficientnet_lite import efficientnet_lite
from kerasnorm.models.multiply_adds import count_multiply_adds
from kerasnorm.models.nfnet import nf_resnet, nfnet
from kerasnorm.models.res2net import res2net
from kerasnorm.models.resnet import resnet
from kerasnorm.models.weights.transfer import take_weights

__all__ = [
    "backbone",
    "convnet",
    "count_multiply_adds",
    "efficientnet_lite",
    "list_backbones",
    "nf_resnet",
    "nfnet",
    "res2net",
    "resnet",
    "take_weights",
    "unfreeze",
]
