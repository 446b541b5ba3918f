def inner_product_backward(x, W, dy, dW, db):
    dW += dy.T @ x
    db += dy.sum(0)
    return dy @ W
