"""What `goodinit lint` looks for.

What Caffe refuses is not written down here a second time. lint runs the code that runs a net: it
parses the text, builds the net, sets up the layers, fills their parameters. Where that raises an
error, lint takes out what is at fault, as little as possible, and goes on with the rest:

    parse.py, mend.py, tokens.py      the text: each error is mended and the text is read again
    draft.py                          the net: a layer that cannot be built is left out
    net_lint.py, solver_lint.py       a file: its text, then its nets in every phase and state
    net_warnings.py, solver_warnings.py   what Caffe accepts, though it is surely a mistake
"""
