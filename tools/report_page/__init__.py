"""The report: one page of HTML that shows what was measured of a net, in words, plots and numbers.

    numbers.py    what was measured, as the JSON that the page is made of and carries
    mending.py    the command that mends what is not good
    charts.py     plots as SVG: specifications of Vega-Lite (vega_lite/) with these numbers
    net_graph.py  the net as boxes and lines
    page.py       the page, from its templates (templates/)
    training.py   the page of a training, kept current; curves.py has its sentences and plots

The page is a function of the numbers and of pictures. It loads nothing: plots are SVG whose marks
say what they are, so that readers of screens have them too; a short script shows that text beside
the pointer, and sorts the table.
"""
