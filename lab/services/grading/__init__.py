"""Grade lessons by live evidence."""
