"""What `goodinit lint` looks for."""
