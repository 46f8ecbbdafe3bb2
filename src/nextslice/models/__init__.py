"""The network and its life, from fresh weights to a checkpoint.

Files, in the order in which they may import each other:

    types.py             shape names for tensors
    devices.py           which device, which precision, and why; generators, threads
    augmentation.py      draw, apply, invert: three functions
    unet.py              the paper's U-Net; what a network needs for features
    loss_prediction.py   the learning-loss module and its ranking loss
    losses.py            segmentation losses, one number per image
    initialisation.py    a fresh network from a template or a function
    schedule.py          TrainingSettings and the learning rate of each step
    folding.py           batch normalisation folded away for inference
    inference.py         SegmentationModel: a trained network on a device
    memory.py            memory that runs out, in words
    checks.py            what is found out before a training starts
    training.py          Trainer: fits a fresh network to labelled slices
    manifest.py          what a saved model says of itself, read strictly
    checkpoints.py       safetensors + manifest
"""
