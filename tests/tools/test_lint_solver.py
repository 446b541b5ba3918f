"""goodinit lint: what is wrong with a solver, at the lines of its fields, and with its nets."""

from planted_errors import FIVE, PLANTED
from toolkit import BODY, DEPLOY, IMAGES, LOSS, found, written

SOLVER = """net: "net.prototxt"
base_lr: 0.1
lr_policy: "stp"
type: "AdamW"
regularization_type: "L3"
iter_size: 0
average_loss: -1
test_iter: 5
snapshot_prefix: "no/such"
max_iter: 5
solver_mode: CPUU
"""
SOLVER_ERRORS = [
    "3: Unknown learning rate policy: stp; did you mean 'step'?",
    "4: Unknown solver type: AdamW; did you mean 'Adam'?",
    '5: Unknown regularization type: L3',
    '6: iter_size must be > 0',
    '7: average_loss must be > 0',
    '8: test_interval must be > 0',
    "9: Cannot write to snapshot prefix 'no/such'.",
    '11:14: Enum type ',
]


def test_a_solver_and_its_net(folder):
    written(folder, FIVE)
    findings = found(folder, SOLVER, 'solver.prototxt')
    expected = [f'solver.prototxt:{error}' for error in SOLVER_ERRORS] + PLANTED
    assert len(findings) == len(expected)
    assert all(line.startswith(start) for line, start in zip(findings, expected, strict=True)), (
        findings
    )


def test_what_follows_from_the_text_of_a_solver_is_not_said(folder):
    text = SOLVER.replace('"stp"', '"step').replace('net:', 'nets:').replace('"L3"', 'L3')
    lines = [line.split(':')[1] for line in found(folder, text, 'solver.prototxt')]
    assert lines == ['1', '1', '3', '4', '5', '6', '7', '9', '11']


def test_the_weights_of_a_solver(folder):
    text = (
        f'net_param {{ {DEPLOY} }}\nbase_lr: 1 lr_policy: "fixed" max_iter: 1\n'
        'weights: "a.caffemodel, b"'
    )
    findings = found(folder, text, 'solver.prototxt')
    assert [line.partition(' (looked')[0] for line in findings[-2:]] == [
        'solver.prototxt:11: File not found: a.caffemodel',
        'solver.prototxt:11: File not found: b',
    ]


def test_the_states_of_a_solver(folder):
    """Each net is checked in the state in which the solver runs it, and the test nets against the
    train net."""
    pool = (
        'layer { name: "odd" type: "Pooling" bottom: "conv" top: "odd" '
        'include { stage: "odd" } pooling_param { } }'
    )
    net = (
        f'{IMAGES}{BODY}\n{pool}\n'
        + 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }'
        + LOSS
    )
    solver = (
        'base_lr: 1 lr_policy: "fixed" max_iter: 1 test_interval: 1 test_iter: 1 '
        'test_state { stage: "odd" }\n'
        f'train_net_param {{\n{net}\n}}\n'
    )
    (finding,) = found(folder, f'{solver}test_net_param {{\n{net}\n}}', 'solver.prototxt')
    line = solver.count('\n') + 1 + net[: net.index('name: "odd"')].count('\n') + 1
    assert finding.startswith(
        f"solver.prototxt:{line}: layer 'odd' (Pooling): Filter size is kernel_size OR kernel_h"
    )
    other = net.replace('num_output: 5', 'num_output: 6').replace('stage: "odd"', 'stage: "none"')
    (finding,) = found(folder, f'{solver}test_net_param {{\n{other}\n}}', 'solver.prototxt')
    assert "Cannot share param weights from layer 'ip'; shape mismatch" in finding


def test_a_net_that_the_snapshots_cannot_hold(folder):
    net = DEPLOY.replace('name: "ip"', 'name: "a/ip"')
    solver = (
        f'net_param {{\n{net}\n}} base_lr: 1 lr_policy: "fixed" max_iter: 1 snapshot_format: HDF5'
    )
    (error,) = [line for line in found(folder, solver, 'solver.prototxt') if 'warning' not in line]
    assert error.startswith("solver.prototxt:8: layer 'a/ip' (InnerProduct): ")
