"""The shop of the course: order and delivery, their configuration, database and load generator."""
