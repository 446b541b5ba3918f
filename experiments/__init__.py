"""The papers' tables and figures: a folder for each paper, with a file for each experiment."""
