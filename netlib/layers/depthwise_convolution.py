from ..registry import register
from .base import Blobs
from .convolution import Convolution


@register
class DepthwiseConvolution(Convolution):
    """Convolution in which each channel has its own filters

    The same as Convolution with one group per channel. `group` may be omitted; saved files include
    it.

    bottom  x  (N, C, ...)
    params  W  (num_output, 1, *kernel)             num_output is a multiple of C
            b  (num_output,)
    top     y  (N, num_output, ...)

    Source: yonghenglh6/DepthwiseConvolution.
    """

    sees_patches = False  # one channel each: too few numbers for directions in patches

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p, x = self.param.convolution_param, bottom[0]
        channels = x.shape[self.axis(p.axis, x)]
        if p.HasField('group') and p.group != channels:
            raise self.error(
                f"group: {p.group} must be the {channels} channels of '{x.name}' {x.shape_text}, "
                'or be omitted'
            )
        p.group = channels
        super().setup(bottom, top)


@register
class ConvolutionDepthwise(DepthwiseConvolution):
    """DepthwiseConvolution under the name used in ShuffleNet's prototxts."""
