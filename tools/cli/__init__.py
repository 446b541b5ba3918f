"""What the commands share: options and their values, the console, reports, engines, signals."""
