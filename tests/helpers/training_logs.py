"""Logs of trainings, as BVLC Caffe of several years writes them."""

NEW = """\
I1120 12:00:00.500000 25210 solver.cpp:289] Solving LeNet
I1120 12:00:00.500000 25210 solver.cpp:347] Iteration 0, Testing net (#0)
I1120 12:00:01.500000 25210 solver.cpp:414]     Test net output #0: accuracy = 0.1
I1120 12:00:01.600000 25210 solver.cpp:414]     Test net output #1: loss = 2.5 (* 0.5 = 1.25 loss)
I1120 12:00:02.500000 25210 solver.cpp:239] Iteration 0 (2.5 iter/s, 40s/100 iters), loss = 2.25
I1120 12:00:02.600000 25210 solver.cpp:258]     Train net output #0: loss = 2.5 (* 1 = 2.5 loss)
I1120 12:00:02.700000 25210 sgd_solver.cpp:112] Iteration 0, lr = 0.01
"""
OLD = NEW.replace(' (2.5 iter/s, 40s/100 iters)', '')
OLDEST = ''.join(
    line for line in OLD.splitlines(True) if 'net output' not in line and 'Testing' not in line
)


def line(time, text, day='1120'):
    """A line of a log."""
    return f'I{day} {time} 7 solver.cpp:1] {text}\n'
