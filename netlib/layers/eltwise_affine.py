from ...proto.caffe_pb2 import FillerParameter, ScaleParameter
from ..registry import register
from .scale import Scale


@register
class EltwiseAffine(Scale):
    """y = s_c x + b_c, with a learned slope and bias per channel c

    This is Scale with a bias, by another name.

    bottom  x  (N, C, ...)      may be in place
    params  s  (C,), filled with 1 unless `slope_filler` is given;  (), one, with channel_shared
            b  the shape of s, filled by `bias_filler`
    top     y  (N, C, ...)

    Source: BVLC Caffe's pull request 2996, used in Mishkin, Sergievskiy & Matas 2017.
    """

    bottoms = (1, 1)

    @property
    def settings(self) -> ScaleParameter:
        """The fields by Scale's names."""
        p = self.param.eltwise_affine_param
        slope = p.slope_filler if p.HasField('slope_filler') else FillerParameter(value=1)
        axes = 0 if p.channel_shared else 1
        return ScaleParameter(
            num_axes=axes, filler=slope, bias_filler=p.bias_filler, bias_term=True
        )
