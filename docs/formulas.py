"""The formulas of initializers and fillers, as TeX, for make_initializers.py."""

# W is the weight matrix of a layer, (outputs, inputs); z = W x + b its output; n the fan-in, or
# what variance_norm says.
FORMULAS = {
    'analytic': r'W \leftarrow W / \sqrt{\operatorname{var}_{\text{predicted}}(W x)}, \quad b = 0',
    'bilinear': r'w_{yx} = t(y)\, t(x), \quad t(i) = 1 - \left| \frac{i}{f} - c \right|',
    'constant': r'w = \text{value}',
    'delta_orthogonal': r'W_{\text{centre}} = Q, \quad Q^T Q = I, \quad W_{\text{elsewhere}} = 0',
    'exact': r'\min_s \sum_k (\rho_k - \bar\rho)^2, \quad W_{kj} \leftarrow e^{d_{kj}} W_{kj}',
    'gaussian': r'w \sim N(0, 0.01^2)',
    'gradinit': r'\min_m L\left(S^{\prime};\, w - \text{rate} \cdot g\right), '
    r'\quad |g| \leq \text{bound}',
    'identity': r'W_{ij} = 1 \text{ if } j = i \bmod \text{inputs, else } 0',
    'kmeans': r'W = \text{centres of clusters of whitened patches}',
    'lecun': r'w \sim N\left(0, \frac{1}{n}\right)',
    'lsuv': r'W \leftarrow W / \sqrt{\operatorname{var}(z) / \text{target}}',
    'msra': r'w \sim N\left(0, \frac{2}{n}\right)',
    'orthonormal': r'W W^T = I, \text{ or } W^T W = I \text{ for more outputs than inputs}',
    'paper': r'r_k = \left( \frac{C_k}{C} \right)^{\alpha / 2}, \quad W_k \leftarrow r_k W_k',
    'pca': r'W_i = \frac{u_i}{\sqrt{\lambda_i}}, \quad \operatorname{cov}(x)\, u_i = \lambda_i u_i',
    'positive_unitball': r'w \sim U(0, 1), \quad \sum_j W_{ij} = 1',
    'rand': r'W = \text{whitened patches, chosen at random}',
    'scale': r'W \leftarrow \frac{W}{\sqrt{\operatorname{mean}(z^2) + 10^{-5}}}, \quad b = 0',
    'scale_bias': r'b_i \leftarrow -\operatorname{mean}(z_i), \text{ then as } scale',
    'uniform': r'w \sim U(\text{min}, \text{max})',
    'unit_gaussian': r'w \sim N(0, 1)',
    'within': r'W_i \leftarrow \frac{W_i}{\operatorname{std}(z_i)}, \quad '
    r'b_i = \beta - \frac{\operatorname{mean}(z_i)}{\operatorname{std}(z_i)}',
    'xavier': r'w \sim U\left(-\sqrt{\frac{3}{n}}, \sqrt{\frac{3}{n}}\right)',
    'zca': r'W = \text{the first rows of } C^{-1/2}, \quad C = \operatorname{cov}(x)',
    'zero': r'W_{\text{centre}} = I, \text{ or a part of } 2^{-m/2} H_{2^m} \text{ where it grows}',
}
