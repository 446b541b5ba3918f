"""The report in a browser: no error, no request, and that sorting and hovering work. Skipped
without Chromium."""

import json
import re
import shutil
import subprocess

import pytest
from goodinit.tools.init_net import main as init
from toolkit import DEPLOY, IMAGES, samples, written

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(not BROWSER, reason='needs Chromium')
for name in ('jinja2', 'vl_convert', 'fast_sugiyama', 'matplotlib'):
    pytest.importorskip(name)

# What a reader does, and what then is on the page.
SCRIPT = """
<pre id="seen"></pre>
<script>
{
const layers = () => Array.from(document.querySelectorAll('tbody th'), (th) => th.textContent);
const heading = (text) => Array.from(document.querySelectorAll('thead button')).find(
  (button) => button.textContent === text);
const seen = {requests: performance.getEntriesByType('resource').length, orders: {}, sorts: {}};
for (const text of ['layer', 'W std, after', 'dead, after']) {
  for (const times of [1, 2]) {
    heading(text).click();
    seen.orders[`${text} ${times}`] = layers();
    seen.sorts[`${text} ${times}`] = heading(text).closest('th').getAttribute('aria-sort');
  }
}
const mark = document.querySelector('.output_std [role="graphics-symbol"][aria-label^="conv, "]');
const box = mark.getBoundingClientRect();
const at = {bubbles: true, clientX: box.x, clientY: box.y};
mark.dispatchEvent(new PointerEvent('pointermove', at));
const tip = document.getElementById('tip');
seen.tip = [tip.hidden, tip.textContent];
document.body.dispatchEvent(new PointerEvent('pointermove', at));
seen.after = tip.hidden;
const frame = document.querySelector('.graph .plot');
const input = frame.querySelector('[role="graphics-symbol"][aria-label]').getBoundingClientRect();
const edges = frame.getBoundingClientRect();
seen.input = [input.left - edges.left, edges.right - input.right];
seen.scrolled = frame.scrollLeft;
seen.width = [document.documentElement.scrollWidth, window.innerWidth];
document.getElementById('seen').textContent = JSON.stringify(seen);
}
</script>
</body>
"""


def report(folder, net):
    arguments = ['--proto', written(folder, net), '--data', samples(folder), '--quiet']
    assert init([*arguments, '--dry-run', '--report', str(folder / 'r.html')]) == 0
    return folder / 'r.html'


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    return report(tmp_path_factory.mktemp('browser'), DEPLOY)


def browsed(page, width, *options):
    """What SCRIPT saw on the page, and what the browser complained of."""
    probed = page.with_name('probed.html')
    probed.write_text(page.read_text().replace('</body>', SCRIPT))
    command = [BROWSER, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-extensions']
    command += [
        '--enable-logging=stderr',
        f'--window-size={width},900',
        '--virtual-time-budget=2000',
    ]
    command += [f'--user-data-dir={page.parent / "profile"}', *options]
    done = subprocess.run(
        [*command, '--dump-dom', probed.as_uri()], capture_output=True, text=True, timeout=120
    )
    complaints = [line for line in done.stderr.splitlines() if 'CONSOLE' in line]
    found = re.search('<pre id="seen">(.*?)</pre>', done.stdout)
    assert found and found[1], done.stderr
    return json.loads(found[1].replace('&quot;', '"')), complaints


def test_a_reader_sorts_and_hovers(page):
    seen, complaints = browsed(page, 1400)
    assert complaints == [] and seen['requests'] == 0
    assert seen['orders']['layer 1'] == ['conv', 'ip'] == seen['orders']['layer 2'][::-1]
    by_weights = seen['orders']['W std, after 1']
    assert by_weights == seen['orders']['W std, after 2'][::-1]
    assert seen['orders']['dead, after 1'] == seen['orders']['dead, after 2'] == ['conv', 'ip']
    assert seen['sorts']['layer 1'] == 'ascending' and seen['sorts']['layer 2'] == 'descending'
    hidden, text = seen['tip']
    assert not hidden and re.fullmatch(r'conv, (before|after): standard deviation .* [\d.]+', text)
    assert seen['after']


def test_a_phone_scrolls_down_only(page):
    seen, complaints = browsed(page, 400)
    width, window = seen['width']
    assert complaints == [] and width <= window


def branch(name):
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "data" top: "{name}" '
        'convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "xavier" } } }\n'
    )


def test_a_wide_net_is_shown_from_its_input(tmp_path):
    names = ['conv', 'b', 'c', 'd', 'e', 'f']
    net = IMAGES + ''.join(map(branch, names))
    bottoms = ' '.join(f'bottom: "{name}"' for name in names)
    net += f'layer {{ name: "all" type: "Concat" {bottoms} top: "all" }}'
    net += 'layer { name: "relu" type: "ReLU" bottom: "conv" top: "relu" }'
    seen, complaints = browsed(report(tmp_path, net), 400)
    assert complaints == [] and seen['scrolled'] > 0 and min(seen['input']) > 0


def test_a_request_would_be_refused(page):
    """The page's own policy, which a browser enforces."""
    asking = page.with_name('asking.html')
    asking.write_text(
        page.read_text().replace('<main>', '<main><img src="http://localhost:9/x.png">')
    )
    _, complaints = browsed(asking, 1400)
    assert 'violates the following Content Security Policy' in ' '.join(complaints)
