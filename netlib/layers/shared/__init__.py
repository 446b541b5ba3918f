"""What several layer types have in common; nothing in here is a layer that a prototxt can name."""
