"""Admission policies of students' namespaces: what the API server refuses there, and the message it gives."""
