"""Where the lab stands. `base` says what every platform gives; each other module is one place."""
