"""The error of a layer that is about its data, and not about its fields or shapes."""

from ....errors import DataError
from ...base import Layer


def data_error(layer: Layer, message: str) -> DataError:
    """A DataError that names the layer, as Layer.error does."""
    return DataError(str(layer.error(message)))
