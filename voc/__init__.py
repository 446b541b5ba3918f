"""PASCAL VOC: its devkit, data layers, measures, and finding objects with Fast R-CNN."""
