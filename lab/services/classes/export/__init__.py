"""A class handed to something that works on many machines: the same plan, written in its words."""
