"""Code shared by several layer types; none of it is a layer that a prototxt can name."""
