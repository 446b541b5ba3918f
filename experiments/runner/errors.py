"""What can be wrong with an experiment's name, its data or its kept cells."""

from goodinit.proto.errors import GoodinitError


class ExperimentError(GoodinitError):
    """An experiment is unknown, its data are missing, or a kept cell does not fit."""
