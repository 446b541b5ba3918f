"""What a training step of a net may ask of the device: device_budget.json has the number of calls
by name, and the bytes that copies move. As a script:

    python tests/helpers/device_budget.py             # what has changed
    python tests/helpers/device_budget.py --update    # write today's numbers
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import emulated_device
from device_counts import Counts, counts_of_step

TABLE = Path(__file__).with_suffix('.json')
UPDATE = 'python tests/helpers/device_budget.py --update'
NETS = ('lenet', 'fitnet4/relu', 'caffenet', 'vgg16', 'resnet50')
BATCH = 2  # images, on which only bytes depend


def found_for(net: str) -> Counts:
    """What a training step asks, without computing anything."""
    from goodinit.netlib.engines import make_engine

    return counts_of_step(net, BATCH, make_engine('cuda'))


def budget_of(net: str) -> Counts:
    return Counts(json.loads(TABLE.read_text(encoding='utf-8'))[net])


def grown(net: str, budget: Counts, found: Counts) -> Iterator[str]:
    """What is asked more often than the budget allows."""
    for name, count in sorted(found.items()):
        if count > budget[name]:
            yield f'{net}: {name}: {count} a step, at most {budget[name]}'


def lowered(net: str, budget: Counts, found: Counts) -> Iterator[str]:
    """What is asked less often."""
    for name, count in sorted(budget.items()):
        if found[name] < count:
            yield f'{net}: {name}: {found[name]} a step, fewer than {count}'


def main(arguments: list[str]) -> None:
    emulated_device.install()
    table = {net: found_for(net) for net in NETS}
    if arguments == ['--update']:
        ordered = {net: dict(sorted(found.items())) for net, found in table.items()}
        TABLE.write_text(json.dumps(ordered, indent=1) + '\n', encoding='utf-8')
        return
    for net, found in table.items():
        budget = budget_of(net)
        for line in (*grown(net, budget, found), *lowered(net, budget, found)):
            print(line)


if __name__ == '__main__':
    main(sys.argv[1:])
