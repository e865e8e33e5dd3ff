"""What order and delivery have in common: how they start, what they say of themselves, how they fail on request."""
