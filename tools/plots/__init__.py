"""Pictures that commands draw: curves, change rates, filters."""
