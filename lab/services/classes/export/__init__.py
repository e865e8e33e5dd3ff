"""Exports of a class to what runs it on other machines."""
