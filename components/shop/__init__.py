"""The shop of the course: order and delivery, their configuration, their database, and what makes load."""
