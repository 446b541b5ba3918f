"""The bundled models as Python: `python -m goodinit.zoo` writes them into models/.

A module for each family of nets has a function models(), which returns its Models. model.py puts
what they share around the body of a net, data.py has the databases they read, cost.py counts
parameters and multiplications from a prototxt alone.
"""
