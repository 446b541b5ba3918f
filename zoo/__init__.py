"""The bundled models as Python: each function here returns a Model, which make_models.py writes
into models/.

small.py     MNIST and CIFAR-10: LeNet, cifar10_quick, Network in Network, ALL-CNN-C
fitnet.py    the FitNets of Mishkin & Matas with every nonlinearity
imagenet.py  AlexNet, CaffeNet, VGG-16, SqueezeNet, ResNet-50
googlenet.py GoogLeNet with and without its auxiliary classifiers
unet.py      U-Net with zero and with reflection padding
"""
