"""What the commands share: arguments, the console, running, reporting."""
