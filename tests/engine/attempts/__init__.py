"""Tries of a student: what the API server refuses, and what the course asks for and gets."""
