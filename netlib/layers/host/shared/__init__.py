"""What several layers on the host have in common."""
