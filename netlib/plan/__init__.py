"""What lets a net take less memory and fewer passes. It works on a net's layers; they know nothing
of it."""
