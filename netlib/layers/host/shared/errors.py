"""The error for a layer's data, rather than its fields or shapes."""

from ....errors import DataError
from ...base import Layer


def data_error(layer: Layer, message: str) -> DataError:
    """A DataError that names the layer, as Layer.error does."""
    return DataError(str(layer.error(message)))
