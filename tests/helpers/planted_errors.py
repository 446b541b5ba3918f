"""A net with five errors, and what lint says of them."""

from toolkit import IMAGES

FIVE = (
    f'name: "Five"\n{IMAGES}'
    + """
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_outptu: 4 kernel_size: 3 } }
layer { name: "conv2" type: "Convolution" bottom: "data" top: "conv2"
  convolution_param { num_output: 4 kernel_size: 3 group: 2 } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: MAXX kernel_size: 2 } }
layer { name: "relu" type: "Relu" bottom: "data" top: "relu" }
layer { name: "ip" type: "InnerProduct" bottom: "dta" top: "ip"
  inner_product_param { num_output: 5 } }
"""
)
PLANTED = [
    'net.prototxt:4:23: Message type "caffe.ConvolutionParameter" has no field named '
    "\"num_outptu\", in layer 'conv1' > convolution_param; did you mean 'num_output'?",
    "net.prototxt:5: layer 'conv2' (Convolution): group: 2 must divide the 3 channels of bottom "
    "'data'",
    'net.prototxt:8:25: Enum type "caffe.PoolingParameter.PoolMethod" has no value named MAXX, '
    "in layer 'pool' > pooling_param; it has MAX, AVE, STOCHASTIC; did you mean 'MAX'?",
    "net.prototxt:9: layer 'relu' (Relu): Unknown layer type: Relu; did you mean 'ReLU'? "
    '(known types: ',
    "net.prototxt:10: layer 'ip' (InnerProduct): Unknown bottom blob 'dta' "
    "(layer 'ip', bottom index 0); did you mean 'data'?",
]
