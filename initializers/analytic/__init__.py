"""Mean and variance of every blob, computed from weights and shapes without running the net.

spread.py is mean and variance by channel, rules.py and the files beside it say what each layer type
makes of them, forecast.py goes through a net.
"""
