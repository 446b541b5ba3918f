"""The exercises, one file a page of docs/learn."""
