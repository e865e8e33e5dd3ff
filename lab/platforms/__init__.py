"""The platforms that a lab runs on."""
