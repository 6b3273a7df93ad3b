"""Trained networks judge whole photos, and ever smaller middles of larger ones.

    python -m benchmarks.center_crop PHOTOS RUN...

PHOTOS holds train/ and validation/ with class folders, RUN is a finished run directory
of the app. Weights stay as they are, and the network always sees as many pixels: the
smaller the middle, the larger the image it is cut from. Accuracy and loss are those
of all validation photos, mean and deviation over the runs.
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARES = (1.0, 0.95, 0.9, 0.85, 0.8)
BATCH = 100


def network_of(model):
    """Return the network itself, without the layer that cuts out the middle.

    Args:
        model: The model of a finished run.
    """
    names = [layer.name for layer in model.layers]
    return model.layers[-1] if "center_crop" in names else model


def judge(network, index, fraction):
    """Return loss and accuracy on the middle of the images.

    Args:
        network: Takes square images of one size.
        index: The files.
        fraction: Fraction of the image's side that is seen, above 0 to 1.
    """
    import numpy as np

    from kerasnorm.data import evaluation_batches, load_images

    seen = network.input_shape[1]
    side = round(seen / fraction)
    decoded = load_images(index, (side, side))
    batches = evaluation_batches(decoded, BATCH, center=(seen, seen))
    probabilities = network.predict(batches, verbose=0)
    chosen = probabilities[np.arange(len(decoded)), decoded.labels]
    right = probabilities.argmax(axis=-1) == decoded.labels
    return float(-np.log(chosen).mean()), float(right.mean())


def main():
    parser = argparse.ArgumentParser(description="Whole photos against their middles.")
    parser.add_argument("directory", help="folder with train/ and validation/")
    parser.add_argument("runs", nargs="+", help="finished run directories")
    arguments = parser.parse_args()

    from kerasnorm.data.sources import source
    from kerasnorm.training.commands import inference
    from kerasnorm.training.record import run_directory

    index = source.open_part(arguments.directory, "validation")[0]
    networks = [
        network_of(inference.load_model(run_directory.open_run(run)))
        for run in arguments.runs
    ]
    print("| fraction of the side | accuracy | points | loss |\n|---|---|---|---|")
    whole = None
    for fraction in SHARES:
        judged = [judge(network, index, fraction) for network in networks]
        losses, accuracies = zip(*judged, strict=True)
        whole = whole or accuracies
        gains = [
            100 * (accuracy - before)
            for accuracy, before in zip(accuracies, whole, strict=True)
        ]
        print(
            f"| {fraction:g} | {_spread(accuracies, '.3f')} | "
            f"{_spread(gains, '+.1f')} | {_spread(losses, '.3f')} |",
            flush=True,
        )


def _spread(values, form):
    mean = format(statistics.mean(values), form)
    if len(values) == 1:
        return mean
    return f"{mean} ± {format(statistics.stdev(values), form.lstrip('+'))}"


if __name__ == "__main__":
    main()
