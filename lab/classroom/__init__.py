"""The rights of students, until they move to the components."""
