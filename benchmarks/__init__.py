"""Benchmarks of the lab: against the commands of the course, of its applications, its data plane and a class."""
